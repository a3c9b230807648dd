//! `diff A B`: what got better, worse, dearer or slower between two runs, and whether that is noise. No calls.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::args::{Ailment, DiffArgs, Format, Global};
use super::exit::{Exit, UsageError};
use super::project::Project;
use crate::compare::{self, CellKey, Change, Row, Seen, Settings, Side};
use crate::console::{Align, Console, escape};
use crate::disk;
use crate::summary::Summary;

/// What the comparison found.
#[derive(Serialize)]
struct Diff {
    before: String,
    after: String,
    rows: Vec<Row>,
    /// Tasks of which the decision is another.
    decisions: Vec<DecisionChange>,
    /// Tiers of one run that the other does not have.
    unmatched: Vec<String>,
    samples: Vec<Sample>,
}

#[derive(Serialize)]
struct DecisionChange {
    task: String,
    before: String,
    after: String,
}

/// A prompt that passed before and does not now.
#[derive(Serialize)]
struct Sample {
    task: String,
    tier: String,
    prompt: String,
    reply: String,
}

/// A run's folder, read.
struct Read {
    name: String,
    summary: Summary,
    side: Side,
    /// The beginning of each reply, by cell and prompt.
    replies: BTreeMap<(CellKey, String), String>,
}

pub(crate) fn run(global: &Global, console: &Console, args: &DiffArgs) -> anyhow::Result<Exit> {
    let project = Project::load(global)?;
    let before = read(&project, &args.before)?;
    let after = read(&project, &args.after)?;
    let mut tiers = BTreeMap::new();
    for pair in &args.tier {
        let Some((one, two)) = pair.split_once('=') else {
            return Err(UsageError::with_help(
                format!("`{}` is no pair of tiers", escape(pair)),
                "write --tier BEFORE=AFTER",
            ));
        };
        tiers.insert(one.to_owned(), two.to_owned());
    }
    let settings = Settings {
        alpha: args.alpha,
        resamples: project.config.policy.bootstrap_resamples,
        seed: project.config.run.seed,
    };
    let rows = compare::compare(&before.side, &after.side, &tiers, &settings);
    if rows.is_empty() {
        return Err(UsageError::with_help(
            format!("{} and {} have no task and tier in common", before.name, after.name),
            "name tiers that are called otherwise now: --tier BEFORE=AFTER",
        ));
    }
    let known =
        |side: &Side| side.keys().map(|(_, tier)| tier.clone()).collect::<std::collections::BTreeSet<_>>();
    let (old, new) = (known(&before.side), known(&after.side));
    let mut unmatched: Vec<String> =
        old.iter().filter(|tier| !new.contains(tiers.get(*tier).unwrap_or(tier))).cloned().collect();
    let reached = |tier: &String| old.iter().any(|one| tiers.get(one).unwrap_or(one) == tier);
    unmatched.extend(new.iter().filter(|tier| !reached(tier)).cloned());
    let diff = Diff {
        samples: samples(&rows, &after, &tiers, args.samples),
        decisions: decisions(&before.summary, &after.summary),
        before: before.name,
        after: after.name,
        rows,
        unmatched,
    };
    let failed = diff.rows.iter().any(|row| args.fail_on.iter().any(|ailment| has(row, *ailment)));
    match (global.format, args.markdown) {
        (Format::Json, _) => console.out(&format!("{}\n", serde_json::to_string_pretty(&diff)?))?,
        (Format::Human, true) => console.out(&markdown(&diff))?,
        (Format::Human, false) => console.out(&text(console, &diff))?,
    }
    Ok(if failed { Exit::Gate } else { Exit::Fine })
}

fn has(row: &Row, ailment: Ailment) -> bool {
    match ailment {
        Ailment::Worse => row.is_worse(),
        Ailment::Dearer => row.is_dearer(),
        Ailment::Slower => row.is_slower(),
    }
}

/// Reads a run's summary and results: verdicts and costs as they were then.
fn read(project: &Project, name: &str) -> anyhow::Result<Read> {
    let folder = project.find_run(name)?;
    let summary = disk::read(&folder.join("summary.json"))?;
    let summary: Summary = serde_json::from_slice(&summary).with_context(|| {
        format!(
            "{} cannot be read; render the run again with `route-prof report`",
            folder.join("summary.json").display()
        )
    })?;
    let (side, replies) = results(&folder.join("results.csv"))?;
    Ok(Read { name: summary.run.id.to_string(), summary, side, replies })
}

type Results = (Side, BTreeMap<(CellKey, String), String>);

fn results(path: &Path) -> anyhow::Result<Results> {
    #[derive(Default)]
    struct Sum {
        weight: f64,
        scores: (f64, u32),
        costs: (f64, u32),
        latencies: (f64, u32),
    }
    let mut sums: BTreeMap<CellKey, BTreeMap<String, Sum>> = BTreeMap::new();
    let mut replies = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(std::io::BufReader::new(disk::open(path)?));
    for record in reader.deserialize::<BTreeMap<String, String>>() {
        let record = record.with_context(|| format!("{} is no table of results", path.display()))?;
        let cell = |name: &str| record.get(name).map_or("", String::as_str);
        let key = (cell("task").to_owned(), cell("tier").to_owned());
        let prompt = cell("prompt").to_owned();
        let sum = sums.entry(key.clone()).or_default().entry(prompt.clone()).or_default();
        sum.weight = cell("weight").parse().unwrap_or(1.0);
        let score = match (cell("verdict"), cell("outcome")) {
            ("pass", _) => Some(1.0),
            ("fail", _) | (_, "refused" | "truncated") => Some(0.0),
            _ => None,
        };
        let figure = |name: &str| cell(name).parse::<f64>().ok();
        for (into, value) in [
            (&mut sum.scores, score),
            (&mut sum.costs, figure("cost_usd")),
            (&mut sum.latencies, figure("latency_ms")),
        ] {
            if let Some(value) = value {
                *into = (into.0 + value, into.1 + 1);
            }
        }
        replies.insert((key, prompt), cell("output").to_owned());
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    let side = sums.into_iter().map(|(key, prompts)| {
        let prompts = prompts.into_iter().map(|(prompt, sum)| {
            let (score, cost, latency) = (mean(sum.scores), mean(sum.costs), mean(sum.latencies));
            (prompt, Seen { weight: sum.weight, score, cost, latency })
        });
        (key, prompts.collect())
    });
    Ok((side.collect(), replies))
}

fn samples(rows: &[Row], after: &Read, tiers: &BTreeMap<String, String>, most: usize) -> Vec<Sample> {
    let all = rows.iter().flat_map(|row| row.regressions.iter().map(move |prompt| (row, prompt)));
    all.take(most)
        .filter_map(|(row, prompt)| {
            let tier = tiers.get(&row.tier).unwrap_or(&row.tier);
            let reply = after.replies.get(&((row.task.clone(), tier.clone()), prompt.clone()))?;
            Some(Sample {
                task: row.task.clone(),
                tier: row.tier.clone(),
                prompt: prompt.clone(),
                reply: reply.chars().take(300).collect(),
            })
        })
        .collect()
}

fn decisions(before: &Summary, after: &Summary) -> Vec<DecisionChange> {
    let said = |summary: &Summary, task: &str| {
        let task = summary.tasks.iter().find(|other| other.name.as_str() == task)?;
        Some(format!("{} on {}", task.route.decision.name(), task.route.tier))
    };
    let mut changes = Vec::new();
    for task in &before.tasks {
        let name = task.name.as_str();
        let (was, is) = (said(before, name), said(after, name));
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            changes.push(DecisionChange { task: name.to_owned(), before: was, after: is });
        }
    }
    changes
}

fn quality_cell(row: &Row) -> String {
    row.quality.map_or_else(
        || "nothing in common".to_owned(),
        |quality| {
            let span = quality
                .interval
                .map(|(low, high)| format!(" ({:+.1} to {:+.1})", low * 100.0, high * 100.0))
                .unwrap_or_default();
            format!(
                "{:.1} → {:.1} %, {:+.1}{span}, {} (p {:.3})",
                quality.before * 100.0,
                quality.after * 100.0,
                quality.difference * 100.0,
                quality.word.name(),
                quality.p_holm
            )
        },
    )
}

fn change_cell(change: Option<Change>) -> String {
    change.map_or_else(
        || "–".to_owned(),
        |change| match change.ratio {
            Some(ratio) => format!("{:+.1} %, {}", (ratio - 1.0) * 100.0, change.word.name()),
            None => "–".to_owned(),
        },
    )
}

/// What a row comes to, in a word or two.
fn word(row: &Row) -> String {
    let better =
        row.quality.is_some_and(|quality| quality.difference > 0.0 && quality.word == compare::Word::Signal);
    let words = [
        (better, "better"),
        (row.is_worse(), "worse"),
        (row.is_dearer(), "dearer"),
        (row.is_slower(), "slower"),
    ];
    let said: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if said.is_empty() { "no change beyond noise".to_owned() } else { said.join(", ") }
}

fn table_rows(diff: &Diff) -> Vec<Vec<String>> {
    let row = |row: &Row| {
        vec![
            row.task.clone(),
            row.tier.clone(),
            row.n.to_string(),
            quality_cell(row),
            change_cell(row.cost),
            change_cell(row.latency),
            word(row),
        ]
    };
    diff.rows.iter().map(row).collect()
}

const HEADERS: [&str; 7] = ["task", "tier", "n", "pass rate", "cost", "latency", "is"];

fn text(console: &Console, diff: &Diff) -> String {
    let mut text = format!("{} → {}, on the prompts that both graded\n", diff.before, diff.after);
    let align = [Align::Left, Align::Left, Align::Right, Align::Left, Align::Left, Align::Left, Align::Left];
    text.push_str(&console.table(&HEADERS, &table_rows(diff), &align));
    for row in diff.rows.iter().filter(|row| row.n < row.n_before.max(row.n_after)) {
        text.push_str(&format!(
            "{} on {}: {} prompts were graded before, {} now, {} in both\n",
            row.task, row.tier, row.n_before, row.n_after, row.n
        ));
    }
    for change in &diff.decisions {
        text.push_str(&format!("{}: {} → {}\n", change.task, change.before, change.after));
    }
    if !diff.unmatched.is_empty() {
        text.push_str(&format!("not compared, for want of a counterpart: {}\n", diff.unmatched.join(", ")));
    }
    for sample in &diff.samples {
        let reply: String = sample.reply.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!(
            "\n{} at {} passed before, and now it says\n  {}\n",
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
        format!("**{} → {}**, on the prompts that both graded\n\n", safe(&diff.before), safe(&diff.after));
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
