//! `corpus stats`: what a corpus is like, and what its size can decide.

use std::path::Path;

use serde::Serialize;

use super::super::args::{Format, Global};
use super::super::exit::Exit;
use crate::console::{Align, Console};
use crate::corpus::Corpus;
use crate::corpus::stats::{self, CorpusStats};
use crate::plan::tokens;
use crate::record::{Message, Request};
use crate::units::Tokens;

/// From this ratio of the largest task's prompts to the smallest's on, the corpus is called unbalanced.
const UNBALANCED: u64 = 10;

/// The figures and the tokens, which a layer above the corpus estimates.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    corpus: CorpusStats,
    /// Estimated tokens of the prompts alone, a line a task with prompts: mean and most.
    tokens: Vec<PromptTokens>,
    /// Prompts of the largest task for each prompt of the smallest.
    imbalance: Option<f64>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct PromptTokens {
    mean: f64,
    max: u64,
}

pub(super) fn run(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
    let (config, corpus) = super::open(global, path)?;
    let described = stats::describe(&corpus, &config)?;
    let most = described.tasks.iter().map(|task| task.prompts).max();
    let least = described.tasks.iter().map(|task| task.prompts).min().filter(|least| *least > 0);
    let imbalance = most.zip(least).map(|(most, least)| most as f64 / least as f64);
    let report = Report { tokens: prompt_tokens(&corpus)?, corpus: described, imbalance };
    if global.format == Format::Json {
        console.out(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
        return Ok(Exit::Fine);
    }
    let rows = report.corpus.tasks.iter().zip(&report.tokens).map(|(task, tokens)| {
        vec![
            task.task.to_string(),
            task.prompts.to_string(),
            format!("{:.1} %", task.share * 100.0),
            format!("{:.0}", task.n_eff),
            format!("{:.0} / {}", tokens.mean, tokens.max),
            format!("{} / {}", task.duplicates, task.near_duplicates),
            format!("{:.0} %", task.adversarial as f64 * 100.0 / task.prompts.max(1) as f64),
            task.with_expected.to_string(),
            match (task.least_rate, task.smallest_n) {
                (Some(rate), _) => format!("{:.1} %", rate * 100.0),
                (None, Some(n)) => format!("no: n < {n}"),
                (None, None) => "no".to_owned(),
            },
        ]
    });
    let headers = ["task", "prompts", "share", "n eff", "tokens", "twins", "advers.", "expected", "decides"];
    let mut align = [Align::Right; 9];
    align[0] = Align::Left;
    console.out(&console.table(&headers, &rows.collect::<Vec<_>>(), &align))?;
    console.note(
        "tokens: mean / most, estimated; twins: the same / alike; decides: the pass rate that would clear the floor",
    );
    if let (Some(most), Some(least)) = (most, least)
        && most >= least.saturating_mul(UNBALANCED)
    {
        console.note(&format!("unbalanced: the largest task has {most} prompts, the smallest {least}"));
    }
    for task in &report.corpus.without_prompts {
        console.note(&format!("task {task} has no prompt in this corpus"));
    }
    Ok(Exit::Fine)
}

/// Tokens of each task's prompts, for the tasks that have any, in the order of the settings.
fn prompt_tokens(corpus: &Corpus) -> anyhow::Result<Vec<PromptTokens>> {
    let mut sums: std::collections::BTreeMap<u16, (u64, u64, u64)> = Default::default();
    for (at, entry) in corpus.entries().iter().enumerate() {
        let message = Message::text("user", &corpus.load(at)?.content.plain());
        let request =
            Request { messages: vec![message], params: Default::default(), max_output_tokens: Tokens(0) };
        let tokens = tokens::estimate(&request).0;
        let (n, sum, max) = sums.entry(entry.task).or_default();
        (*n, *sum, *max) = (*n + 1, *sum + tokens, (*max).max(tokens));
    }
    let means =
        sums.into_values().map(|(n, sum, max)| PromptTokens { mean: sum as f64 / n.max(1) as f64, max });
    Ok(means.collect())
}
