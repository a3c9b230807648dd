//! `oracle check` and `oracle list`.

use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::diag::{UsageError, escape};
use crate::engine::{GateAccuracy, OracleCheckOutput, OracleCheckRequest};
use crate::units::count;

pub(super) fn check(
    global: &Global,
    console: &Console,
    locked: bool,
    run: Option<&str>,
) -> anyhow::Result<Exit> {
    let request = OracleCheckRequest { locked, run: run.map(str::to_owned) };
    let checked = session::engine(console).check_oracles(global.config.as_deref(), &request)?;
    match global.format {
        Format::Json => outputs::json(console, &checked)?,
        Format::Human => console.out(&text(console, &checked))?,
    }
    if !checked.report.failures.is_empty() {
        return Ok(Exit::Failed);
    }
    if !checked.unlocked.is_empty() {
        return Err(UsageError::with_help(
            format!("oracles.lock has no entry for {}", checked.unlocked.join(", ")),
            "run `route-prof oracle check` and commit oracles.lock",
        ));
    }
    if checked.lock_written {
        console.note("wrote oracles.lock; commit it");
    }
    // A run may use a draft, because its verdicts never lead to more than `monitor`; the check fails, because a draft is
    // not a tested criterion yet.
    Ok(if checked.report.drafts.is_empty() { Exit::Fine } else { Exit::Failed })
}

fn text(console: &Console, checked: &OracleCheckOutput) -> String {
    let report = &checked.report;
    let mut text = String::new();
    for failure in &report.failures {
        text.push_str(&format!("{}\n", escape(&failure.to_string())));
    }
    text.push_str(&format!(
        "{}, {}, {} failed\n",
        count(report.oracles as u64, "oracle"),
        count(report.examples as u64, "example"),
        report.failures.len()
    ));
    if report.not_run > 0 {
        text.push_str(&format!(
            "not run: {}; a judge is needed, and `oracle check` calls no model\n",
            count(report.not_run as u64, "example")
        ));
    }
    for draft in &report.drafts {
        text.push_str(&format!("{}\n", escape(&draft.to_string())));
    }
    if checked.gates.iter().any(|gate| gate.n > 0) {
        text.push_str(&gate_table(console, &checked.gates));
    }
    text
}

fn gate_table(console: &Console, gates: &[GateAccuracy]) -> String {
    let share = |count: u64, of: u64| match GateAccuracy::bounds(count, of) {
        Some((low, high)) => format!(
            "{:.1} % ({:.1}–{:.1} %), {count} of {of}",
            count as f64 / of.max(1) as f64 * 100.0,
            low * 100.0,
            high * 100.0
        ),
        None => "–".to_owned(),
    };
    let rows: Vec<Vec<String>> = gates
        .iter()
        .map(|gate| {
            vec![
                gate.oracle.clone(),
                gate.on.clone(),
                gate.n.to_string(),
                share(gate.false_accepts, gate.fails),
                share(gate.false_rejects, gate.passes),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right];
    console.table(
        &["gate of", "tested on", "n", "false accept rate (95 % CI)", "false reject rate (95 % CI)"],
        &rows,
        &align,
    )
}

pub(super) fn list(global: &Global, console: &Console) -> anyhow::Result<Exit> {
    let listed = session::engine(console).oracles(global.config.as_deref())?;
    if global.format == Format::Json {
        outputs::json(console, &listed)?;
        return Ok(Exit::Fine);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|oracle| {
            vec![
                oracle.id.to_string(),
                oracle.kind.clone(),
                if oracle.has_gate { "yes" } else { "no" }.to_owned(),
                oracle.examples.to_string(),
                oracle.digest.short(),
                escape(&oracle.description).into_owned(),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Left, Align::Left];
    console.out(&console.table(
        &["oracle", "kind", "gate", "examples", "digest", "description"],
        &rows,
        &align,
    ))?;
    Ok(Exit::Fine)
}
