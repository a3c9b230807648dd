//! `check`: is `router.toml` what today's inputs give, and does it still hold? A gate for CI.

use super::args::decide::CheckArgs;
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::Console;
use crate::diag::escape;
use crate::engine::{CheckRequest, Checked};

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

fn text(report: &Checked) -> String {
    let router = &report.router;
    let against = report
        .against
        .as_deref()
        .map(|name| format!(" (computed from {})", escape(name)))
        .unwrap_or_default();
    let errors: String = report.errors.iter().map(|error| format!("error: {}\n", escape(error))).collect();
    if report.fresh {
        return format!("{router} is what today's inputs give{against}\n{errors}");
    }
    let mut text =
        errors + &format!("{router} is not what today's inputs give{against}\n{}", report.diff.to_text());
    if report.missing > 0 {
        text.push_str(&format!(
            "{} trials of today's inputs have no answer: measure them with `route-prof run`\n",
            report.missing
        ));
    } else if report.programs_missing > 0 {
        text.push_str(&format!(
            "{} questions to programs have no stored answer, because they never ran or have changed since: {}\n",
            report.programs_missing, report.programs_remedy
        ));
    } else {
        text.push_str("write it anew with `route-prof run` or `route-prof report latest`, look at the change, and commit it\n");
    }
    text
}
