//! Describes a corpus, and what its size can decide.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::check::open;
use crate::corpus::Corpus;
use crate::corpus::stats::{self, CorpusStats};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::plan::tokens;
use crate::record::{Message, Request};
use crate::units::Tokens;

/// The ratio of prompts, largest task to smallest, from which a corpus counts as unbalanced.
const UNBALANCED: u64 = 10;

/// A description of a corpus.
#[derive(Debug, Serialize)]
pub struct CorpusStatsOutput {
    /// The figures of the corpus itself.
    #[serde(flatten)]
    pub corpus: CorpusStats,
    /// Estimated tokens of the prompts alone, one entry per task with prompts.
    pub tokens: Vec<PromptTokens>,
    /// Prompts of the largest task divided by those of the smallest.
    pub imbalance: Option<f64>,
    /// Prompts of the largest and of the smallest task, if the corpus is unbalanced.
    #[serde(skip)]
    pub unbalanced: Option<(u64, u64)>,
}

/// Estimated tokens of a task's prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PromptTokens {
    /// The mean.
    pub mean: f64,
    /// The maximum.
    pub max: u64,
}

impl Engine {
    /// Describes a corpus: shares, tokens, duplicates, adversarial share, imbalance, and what its size can decide.
    ///
    /// # Errors
    /// If the corpus has faults.
    ///
    /// ```
    /// use route_prof::engine::Engine;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let described = Engine::new().describe_corpus(None, "corpora/quickstart.jsonl".as_ref())?;
    /// assert_eq!(described.tokens.len(), described.corpus.tasks.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn describe_corpus(&self, config: Option<&Path>, corpus: &Path) -> Result<CorpusStatsOutput, Error> {
        Ok(describe(&self.world().disk, config, corpus)?)
    }
}

fn describe(disk: &Disk, config: Option<&Path>, path: &Path) -> anyhow::Result<CorpusStatsOutput> {
    let (config, corpus) = open(disk, config, path)?;
    let described = stats::describe(&corpus, &config)?;
    let most = described.tasks.iter().map(|task| task.prompts).max();
    let least = described.tasks.iter().map(|task| task.prompts).min().filter(|least| *least > 0);
    let both = most.zip(least);
    Ok(CorpusStatsOutput {
        tokens: prompt_tokens(&corpus)?,
        corpus: described,
        imbalance: both.map(|(most, least)| most as f64 / least as f64),
        unbalanced: both.filter(|(most, least)| *most >= least.saturating_mul(UNBALANCED)),
    })
}

/// Tokens of each task's prompts, for the tasks that have any, in the order of the configuration.
fn prompt_tokens(corpus: &Corpus) -> anyhow::Result<Vec<PromptTokens>> {
    let mut sums: BTreeMap<u16, (u64, u64, u64)> = Default::default();
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
