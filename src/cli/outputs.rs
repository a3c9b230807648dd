//! The pages of a run and the tables on stdout: rendered elsewhere, handed on here.

use std::path::Path;

use serde::Serialize;

use super::args::global::{Format, Global};
use crate::console::Console;
use crate::diag::shown;
use crate::engine::{Engine, RouterWritten, Summary};
use crate::render;

/// Writes the pages of a run into its folder.
pub(super) fn pages(engine: &Engine, summary: &Summary, folder: &Path) -> anyhow::Result<()> {
    for file in render::pages(summary)? {
        engine.write(&folder.join(file.name), &file.bytes)?;
    }
    Ok(())
}

/// Says on stdout what came out.
pub(super) fn show(global: &Global, console: &Console, summary: &Summary) -> anyhow::Result<()> {
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&summary.to_json()?))?,
        Format::Human => console.out(&render::terminal::render(summary, console.width(), console.paint()))?,
    }
    Ok(())
}

/// Says on stderr where the files are.
pub(super) fn tell_files(console: &Console, folder: &Path, router: &RouterWritten) {
    let report = shown(&folder.join("report.html"));
    match router {
        RouterWritten::Here(path) => {
            console.note(&format!("wrote {} (commit it) and {report}", shown(path)));
        }
        RouterWritten::Withheld => {
            console.note(&format!("wrote {report}; router.toml is left as it was"));
        }
    }
}

/// Puts one JSON document on stdout.
pub(super) fn json(console: &Console, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(console.out(&format!("{}\n", serde_json::to_string_pretty(value)?))?)
}
