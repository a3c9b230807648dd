//! The `corpus` commands. This file has check, stats and sample.

mod import;
mod synth;

use std::path::Path;

use serde_json::json;

use super::args::corpus::{CorpusCommand, SampleArgs};
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::diag::escape;
use crate::engine::{CorpusSampleRequest, CorpusStatsOutput};
use crate::units::{count, effective_n};

pub(super) fn run(global: &Global, console: &Console, command: &CorpusCommand) -> anyhow::Result<Exit> {
    match command {
        CorpusCommand::Check { corpus } => check(global, console, corpus),
        CorpusCommand::Stats { corpus } => stats(global, console, corpus),
        CorpusCommand::Import(args) => import::run(global, console, args),
        CorpusCommand::Synth(args) => synth::run(global, console, args),
        CorpusCommand::Sample(args) => sample(global, console, args),
    }
}

fn check(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
    let checked = session::engine(console).check_corpus(global.config.as_deref(), path)?;
    match global.format {
        Format::Json => outputs::json(console, &checked)?,
        Format::Human => {
            let distinct = match checked.distinct_prompts {
                all if all == checked.prompts => String::new(),
                distinct => format!(" ({distinct} distinct)"),
            };
            console.out(&format!(
                "{}: {}{distinct} of {}, no faults\n",
                escape(&checked.corpus),
                count(checked.prompts, "prompt"),
                count(checked.tasks, "task")
            ))?;
            for task in &checked.too_few {
                let needed = task.needed.map_or_else(
                    || "no number of prompts could".to_owned(),
                    |n| format!("it takes {n}, if all of them pass"),
                );
                console.note(&format!(
                    "task {}: {} (effective n {}) cannot prove a tier at the {} route floor with P ≥ {}; {needed}",
                    task.task,
                    count(task.distinct_prompts, "distinct prompt"),
                    effective_n(task.n_eff),
                    task.route_floor,
                    task.confidence
                ));
            }
        }
    }
    Ok(Exit::Fine)
}

fn stats(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
    let described = session::engine(console).describe_corpus(global.config.as_deref(), path)?;
    match global.format {
        Format::Json => outputs::json(console, &described)?,
        Format::Human => show_stats(console, &described)?,
    }
    Ok(Exit::Fine)
}

fn show_stats(console: &Console, report: &CorpusStatsOutput) -> anyhow::Result<()> {
    let rows = report.corpus.tasks.iter().zip(&report.tokens).map(|(task, tokens)| {
        vec![
            task.task.to_string(),
            counted(task.prompts, task.distinct_prompts),
            format!("{:.1} %", task.share * 100.0),
            effective_n(task.n_eff),
            format!("{:.0} / {}", tokens.mean, tokens.max),
            format!("{:.0} %", task.adversarial as f64 * 100.0 / task.prompts.max(1) as f64),
            task.with_expected.to_string(),
            match (task.least_rate, task.smallest_n) {
                (Some(rate), _) => format!("from {:.1} %", rate * 100.0),
                (None, Some(n)) => format!("needs n ≥ {n}"),
                (None, None) => "no".to_owned(),
            },
        ]
    });
    let headers =
        ["task", "prompts", "share", "effective n", "tokens", "adversarial", "expected", "meets floor"];
    let mut align = [Align::Right; 8];
    align[0] = Align::Left;
    console.out(&console.table(&headers, &rows.collect::<Vec<_>>(), &align))?;
    console.note("tokens: estimated, mean / maximum; expected: prompts with a reference answer");
    console.note(
        "meets floor: the lowest pass rate that would meet the route floor with these prompts, or the effective n that it takes",
    );
    let duplicates = report.corpus.tasks.iter().filter(|task| task.duplicates + task.near_duplicates > 0);
    for task in duplicates {
        console.note(&format!(
            "task {} has {} duplicates and {} near-duplicates",
            task.task, task.duplicates, task.near_duplicates
        ));
    }
    if let Some((most, least)) = report.unbalanced {
        console.note(&format!("unbalanced: the largest task has {most} prompts, the smallest has {least}"));
    }
    for task in &report.corpus.without_prompts {
        console.note(&format!("task {task} has no prompts in this corpus"));
    }
    Ok(())
}

/// `60 (4 distinct)`.
fn counted(prompts: u64, distinct: u64) -> String {
    if distinct == prompts { prompts.to_string() } else { format!("{prompts} ({distinct} distinct)") }
}

fn sample(global: &Global, console: &Console, args: &SampleArgs) -> anyhow::Result<Exit> {
    let request = CorpusSampleRequest {
        corpus: args.corpus.clone(),
        n: args.n,
        seed: args.seed,
        out: args.out.clone(),
    };
    let sampled = session::engine(console).sample_corpus(global.config.as_deref(), &request)?;
    let Some(out) = &args.out else {
        console.out(&sampled.text)?;
        return Ok(Exit::Fine);
    };
    let report = json!({ "corpus": out, "prompts": sampled.prompts, "of": sampled.of, "seed": args.seed });
    match global.format {
        Format::Json => console.out(&format!("{report:#}\n"))?,
        Format::Human => console.out(&format!(
            "wrote {}: {} of {}, stratified by task and length (seed {}); weights keep each task's total\n",
            escape(&out.display().to_string()),
            sampled.prompts,
            count(sampled.of, "prompt"),
            args.seed
        ))?,
    }
    Ok(Exit::Fine)
}
