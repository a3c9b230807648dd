//! `check`: does `router.toml` match today's inputs? A gate for CI.

use super::args::decide::CheckArgs;
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::Console;
use crate::diag::escape;
use crate::engine::{CheckOutput, CheckRequest};
use crate::units::{count, have};

pub(super) fn run(global: &Global, console: &Console, args: &CheckArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = CheckRequest {
        against: args.against.clone(),
        corpus: args.corpus.clone(),
        router: args.router.clone(),
    };
    let checked = engine.check(&engine.open(global.config.as_deref())?, &request)?;
    match global.format {
        Format::Json => outputs::json(console, &checked)?,
        Format::Human => console.out(&text(&checked))?,
    }
    Ok(if checked.fresh && checked.errors.is_empty() { Exit::Fine } else { Exit::Gate })
}

fn text(report: &CheckOutput) -> String {
    let router = &report.router;
    let against = report
        .against
        .as_deref()
        .map(|name| format!(" (recomputed from {})", escape(name)))
        .unwrap_or_default();
    let errors: String = report.errors.iter().map(|error| format!("error: {}\n", escape(error))).collect();
    if report.fresh {
        return format!("{router} is up to date{against}\n{errors}");
    }
    let mut text = errors + &format!("{router} is out of date{against}\n{}", report.diff.to_text());
    if report.missing > 0 {
        text.push_str(&format!(
            "{} {} no stored answer: measure them with `route-prof run`\n",
            count(report.missing, "trial"),
            have(report.missing)
        ));
    } else if report.programs_missing > 0 {
        text.push_str(&format!(
            "{} verdicts of oracle programs are not stored (the programs never ran, or have changed): {}\n",
            report.programs_missing, report.programs_remedy
        ));
    } else {
        text.push_str("update it with `route-prof run` or `route-prof report latest`, review the change, and commit it\n");
    }
    text
}
