//! `doctor`: one tiny call a tier, to know before a run what is wrong.

use std::collections::BTreeMap;

use super::args::global::{Format, Global};
use super::args::run::DoctorArgs;
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console, table};
use crate::diag::escape;
use crate::engine::{DoctorRequest, Finding};
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
    Ok(if findings.iter().all(|finding| finding.well) { Exit::Fine } else { Exit::Failed })
}

fn text(findings: &[Finding], width: usize) -> String {
    let dash = || "–".to_owned();
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            vec![
                finding.tier.clone(),
                finding.model.clone(),
                if finding.well { "well" } else { "not well" }.to_owned(),
                finding.served_model.clone().map_or_else(dash, |model| escape(&model).into_owned()),
                finding.window_served.or(finding.window).map_or_else(dash, |window| window.to_string()),
                finding.latency_ms.map_or_else(dash, |latency| latency.to_string()),
                finding.cost.map_or_else(|| "unknown".to_owned(), Usd::human),
            ]
        })
        .collect();
    let headers = ["tier", "model", "is", "served by", "window", "took", "cost"];
    let align =
        [Align::Left, Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right];
    let mut text = table(width, &headers, &rows, &align);
    // Tiers of one provider often have one trouble: it is said once.
    let mut said: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for finding in findings {
        for problem in &finding.problems {
            said.entry((&problem.what, &problem.mend)).or_default().push(&finding.tier);
        }
    }
    for ((what, mend), tiers) in said {
        text.push_str(&format!("{}: {}\n", tiers.join(", "), escape(what)));
        if !mend.is_empty() {
            text.push_str(&format!("  {}\n", escape(mend)));
        }
    }
    text
}
