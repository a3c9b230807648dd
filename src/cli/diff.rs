//! `diff A B`: what got better, worse, costlier or slower between two runs, and whether that is noise.

use super::args::decide::{DiffArgs, RegressionArg};
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::diag::{UsageError, escape};
use crate::engine::{Diff, DiffChange, DiffRequest, DiffRow, Regression};
use crate::units::count;

pub(super) fn run(global: &Global, console: &Console, args: &DiffArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = DiffRequest {
        before: args.before.clone(),
        after: args.after.clone(),
        tiers: args.tier.iter().map(|pair| renamed(pair)).collect::<anyhow::Result<_>>()?,
        alpha: args.alpha,
        samples: args.samples,
    };
    let diff = engine.diff(&engine.open(global.config.as_deref())?, &request)?;
    match (global.format, args.markdown) {
        (Format::Json, _) => outputs::json(console, &diff)?,
        (Format::Human, true) => console.out(&markdown(&diff))?,
        (Format::Human, false) => console.out(&text(console, &diff))?,
    }
    let fail_on: Vec<Regression> = args.fail_on.iter().copied().map(RegressionArg::to_engine).collect();
    Ok(if diff.has_regression(&fail_on) { Exit::Gate } else { Exit::Fine })
}

/// `BEFORE=AFTER`.
fn renamed(pair: &str) -> anyhow::Result<(String, String)> {
    match pair.split_once('=') {
        Some((before, after)) => Ok((before.to_owned(), after.to_owned())),
        None => Err(UsageError::with_help(
            format!("`{}` is not a pair of tiers", escape(pair)),
            "write --tier BEFORE=AFTER",
        )),
    }
}

fn quality_cell(row: &DiffRow) -> String {
    row.quality.map_or_else(
        || "no prompts in common".to_owned(),
        |quality| {
            let interval = quality
                .interval
                .map(|(low, high)| format!(" ({:+.1} to {:+.1})", low * 100.0, high * 100.0))
                .unwrap_or_default();
            format!(
                "{:.1} → {:.1} %, {:+.1}{interval}, {} (p = {:.3})",
                quality.before * 100.0,
                quality.after * 100.0,
                quality.difference * 100.0,
                quality.significance.name(),
                quality.p_holm
            )
        },
    )
}

fn change_cell(change: Option<DiffChange>) -> String {
    change.map_or_else(
        || "–".to_owned(),
        |change| match change.ratio {
            Some(ratio) => format!("{:+.1} %, {}", (ratio - 1.0) * 100.0, change.significance.name()),
            None => "–".to_owned(),
        },
    )
}

/// The finding of a row.
fn finding(row: &DiffRow) -> String {
    let findings = [
        (row.is_better(), "better"),
        (row.is_worse(), "worse"),
        (row.costs_more(), "costlier"),
        (row.is_slower(), "slower"),
    ];
    let found: Vec<&str> = findings.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name).collect();
    if found.is_empty() { "no change beyond noise".to_owned() } else { found.join(", ") }
}

fn table_rows(diff: &Diff) -> Vec<Vec<String>> {
    let row = |row: &DiffRow| {
        vec![
            row.task.clone(),
            row.tier.clone(),
            row.n.to_string(),
            quality_cell(row),
            change_cell(row.cost),
            change_cell(row.latency),
            finding(row),
        ]
    };
    diff.rows.iter().map(row).collect()
}

const HEADERS: [&str; 7] =
    ["task", "tier", "n", "pass rate (change in points, 95 % CI)", "cost", "latency", "result"];

fn text(console: &Console, diff: &Diff) -> String {
    let mut text = format!("{} → {}, on the prompts graded in both runs\n", diff.before, diff.after);
    let align = [Align::Left, Align::Left, Align::Right, Align::Left, Align::Left, Align::Left, Align::Left];
    text.push_str(&console.table(&HEADERS, &table_rows(diff), &align));
    for row in diff.rows.iter().filter(|row| row.n < row.n_before.max(row.n_after)) {
        text.push_str(&format!(
            "{} on {}: {} graded before, {} after, {} in both\n",
            row.task,
            row.tier,
            count(row.n_before, "prompt"),
            row.n_after,
            row.n
        ));
    }
    for change in &diff.decisions {
        text.push_str(&format!("{}: {} → {}\n", change.task, change.before, change.after));
    }
    if !diff.unmatched.is_empty() {
        text.push_str(&format!(
            "not compared, because only one of the runs has them: {}\n",
            diff.unmatched.join(", ")
        ));
    }
    for sample in &diff.samples {
        let reply: String = sample.reply.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!(
            "\n{} on {} passed before and does not now. The reply now:\n  {}\n",
            escape(&sample.prompt),
            sample.tier,
            escape(&reply)
        ));
    }
    text
}

fn markdown(diff: &Diff) -> String {
    let safe = |cell: &str| escape(cell).replace('|', "\\|").replace(['\n', '<', '>'], " ");
    let mut md =
        format!("**{} → {}**, on the prompts graded in both runs\n\n", safe(&diff.before), safe(&diff.after));
    md.push_str(&format!("| {} |\n|---|---|--:|---|---|---|---|\n", HEADERS.join(" | ")));
    for row in table_rows(diff) {
        let cells: Vec<String> = row.iter().map(|cell| safe(cell)).collect();
        md.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for change in &diff.decisions {
        md.push_str(&format!(
            "\n- **{}**: {} → {}",
            safe(&change.task),
            safe(&change.before),
            safe(&change.after)
        ));
    }
    md.push('\n');
    md
}
