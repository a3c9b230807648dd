//! Writes the pages of a run, and prints its tables on stdout. Rendering is done elsewhere.

use std::path::Path;

use serde::Serialize;

use super::args::global::{Format, Global};
use crate::console::Console;
use crate::diag::shown;
use crate::engine::{Engine, RouterUpdate, Summary};
use crate::render;

/// Writes the pages of a run into its folder.
pub(super) fn pages(engine: &Engine, summary: &Summary, folder: &Path) -> anyhow::Result<()> {
    for file in render::pages(summary)? {
        engine.write(&folder.join(file.name), &file.bytes)?;
    }
    Ok(())
}

/// Prints the result on stdout.
pub(super) fn show(global: &Global, console: &Console, summary: &Summary) -> anyhow::Result<()> {
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&summary.to_json()?))?,
        Format::Human => console.out(&render::terminal::render(summary, console.width(), console.paint()))?,
    }
    Ok(())
}

/// Reports on stderr which files were written.
pub(super) fn report_files(console: &Console, folder: &Path, router: &RouterUpdate) {
    let report = shown(&folder.join("report.html"));
    match router {
        RouterUpdate::Written(path) => {
            console.note(&format!("wrote {} (commit it) and {report}", shown(path)));
        }
        RouterUpdate::Withheld => {
            console
                .note(&format!("wrote {report}; router.toml was not updated, because answers are missing"));
        }
    }
}

/// Prints one JSON document on stdout.
pub(super) fn json(console: &Console, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(console.out(&format!("{}\n", serde_json::to_string_pretty(value)?))?)
}
