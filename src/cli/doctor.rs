//! `doctor`: one tiny call per tier, to find and fix problems before a run.

use std::collections::BTreeMap;

use super::args::global::{Format, Global};
use super::args::run::DoctorArgs;
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console, table};
use crate::diag::escape;
use crate::engine::{DoctorFinding, DoctorRequest};
use crate::units::Usd;

pub(super) fn run(global: &Global, console: &Console, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request =
        DoctorRequest { tiers: args.tier.clone(), fallbacks: args.fallbacks, dry_run: args.dry_run };
    let findings = engine.doctor(&engine.open(global.config.as_deref())?, &request)?;
    if args.dry_run {
        return Ok(Exit::Fine);
    }
    match global.format {
        Format::Json => outputs::json(console, &findings)?,
        Format::Human => console.out(&text(&findings, console.width()))?,
    }
    Ok(if findings.iter().all(|finding| finding.ok) { Exit::Fine } else { Exit::Failed })
}

fn text(findings: &[DoctorFinding], width: usize) -> String {
    let dash = || "–".to_owned();
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            vec![
                finding.tier.clone(),
                finding.model.clone(),
                if finding.ok { "ok" } else { "failed" }.to_owned(),
                finding.served_model.clone().map_or_else(dash, |model| escape(&model).into_owned()),
                finding.window_served.or(finding.window).map_or_else(dash, |window| window.to_string()),
                finding.latency_ms.map_or_else(dash, |latency| latency.to_string()),
                finding.cost.map_or_else(|| "unknown".to_owned(), Usd::human),
            ]
        })
        .collect();
    let headers = ["tier", "model", "status", "served model", "window", "latency", "cost"];
    let align =
        [Align::Left, Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right];
    let mut text = table(width, &headers, &rows, &align);
    // Tiers of one provider often share a problem: it is printed once.
    let mut problems: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for finding in findings {
        for problem in &finding.problems {
            problems.entry((&problem.what, &problem.fix)).or_default().push(&finding.tier);
        }
    }
    for ((what, fix), tiers) in problems {
        text.push_str(&format!("{}: {}\n", tiers.join(", "), escape(what)));
        if !fix.is_empty() {
            text.push_str(&format!("  {}\n", escape(fix)));
        }
    }
    text
}
