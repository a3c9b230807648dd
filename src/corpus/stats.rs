//! What a corpus is like, task by task: for `corpus stats`. Describes only; what it can decide is `plan`'s to say.

use std::collections::HashMap;

use serde::Serialize;

use super::{Corpus, CorpusError};
use crate::config::Config;
use crate::ident::{Digest, TaskName};

/// A corpus in figures.
#[derive(Clone, Debug, Serialize)]
pub struct CorpusStats {
    /// Prompts.
    pub prompts: u64,
    /// The digest of all of them.
    pub digest: Digest,
    /// A line a task, in the order of the settings.
    pub tasks: Vec<TaskStats>,
    /// Tasks of the settings that have no prompt.
    pub without_prompts: Vec<TaskName>,
}

/// The prompts of a task in figures.
#[derive(Clone, Debug, Serialize)]
pub struct TaskStats {
    /// The task.
    pub task: TaskName,
    /// Prompts.
    pub prompts: u64,
    /// Their share of the corpus by weight, 0 to 1.
    pub share: f64,
    /// (sum w)^2 / sum w^2: as many equally weighted prompts would say as much.
    pub n_eff: f64,
    /// Characters: least, median, most.
    pub characters: [u64; 3],
    /// Prompts whose text, white space folded, stood before in the same task.
    pub duplicates: u64,
    /// Prompts that carry the tag `adversarial`.
    pub adversarial: u64,
    /// Prompts with a reference answer.
    pub with_expected: u64,
}

/// Describes a corpus; reads every prompt once.
///
/// # Errors
/// When the corpus cannot be read again.
pub fn describe(corpus: &Corpus, config: &Config) -> Result<CorpusStats, CorpusError> {
    struct Sums {
        weight: f64,
        squares: f64,
        lengths: Vec<u64>,
        duplicates: u64,
        adversarial: u64,
        with_expected: u64,
        texts: HashMap<[u8; 16], ()>,
    }
    let mut sums: Vec<Sums> = config
        .tasks
        .iter()
        .map(|_| Sums {
            weight: 0.0,
            squares: 0.0,
            lengths: Vec::new(),
            duplicates: 0,
            adversarial: 0,
            with_expected: 0,
            texts: HashMap::new(),
        })
        .collect();
    for (index, entry) in corpus.entries().iter().enumerate() {
        let prompt = corpus.load(index)?;
        let Some(sum) = sums.get_mut(usize::from(entry.task)) else { continue };
        let text = prompt.content.plain();
        sum.weight += entry.weight.get();
        sum.squares += entry.weight.get().powi(2);
        sum.lengths.push(text.chars().count() as u64);
        sum.adversarial += u64::from(entry.adversarial);
        sum.with_expected += u64::from(prompt.expected.is_some());
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let mut key = [0; 16];
        key.copy_from_slice(&Digest::of(folded.as_bytes()).bytes()[..16]);
        sum.duplicates += u64::from(sum.texts.insert(key, ()).is_some());
    }
    let all: f64 = sums.iter().map(|sum| sum.weight).sum();
    let mut stats = CorpusStats {
        prompts: corpus.len() as u64,
        digest: corpus.digest(),
        tasks: Vec::new(),
        without_prompts: Vec::new(),
    };
    for (task, mut sum) in config.tasks.iter().zip(sums) {
        if sum.lengths.is_empty() {
            stats.without_prompts.push(task.name.clone());
            continue;
        }
        sum.lengths.sort_unstable();
        let at = |index: usize| sum.lengths.get(index).copied().unwrap_or_default();
        stats.tasks.push(TaskStats {
            task: task.name.clone(),
            prompts: sum.lengths.len() as u64,
            share: if all > 0.0 { sum.weight / all } else { 0.0 },
            n_eff: if sum.squares > 0.0 { sum.weight.powi(2) / sum.squares } else { 0.0 },
            characters: [at(0), at(sum.lengths.len() / 2), at(sum.lengths.len() - 1)],
            duplicates: sum.duplicates,
            adversarial: sum.adversarial,
            with_expected: sum.with_expected,
        });
    }
    Ok(stats)
}
