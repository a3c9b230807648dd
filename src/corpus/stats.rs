//! What a corpus is like, task by task, and what its size can decide: for `corpus stats`.

use std::collections::HashMap;

use serde::Serialize;

use super::{Corpus, CorpusError, near};
use crate::config::{Config, IntervalMethod, Task};
use crate::ident::{Digest, TaskName};
use crate::stats::{floor, power};

/// A corpus in figures.
#[derive(Clone, Debug, Serialize)]
pub struct CorpusStats {
    /// Prompts.
    pub prompts: u64,
    /// The digest of all of them.
    pub digest: Digest,
    /// A line a task, in the order of the configuration.
    pub tasks: Vec<TaskStats>,
    /// Tasks of the configuration that have no prompt.
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
    /// Prompts that differ: near-duplicates, and prompts with the same `cluster`, count once.
    pub distinct_prompts: u64,
    /// The effective sample size of those, (sum w)^2 / sum w^2.
    pub n_eff: f64,
    /// Characters: least, median, most.
    pub characters: [u64; 3],
    /// Prompts whose text, white space folded, stood before in the same task.
    pub duplicates: u64,
    /// Prompts that are alike to an earlier one of the task (nine tenths of their shingles), duplicates included.
    pub near_duplicates: u64,
    /// Prompts that carry the tag `adversarial`.
    pub adversarial: u64,
    /// Prompts with a reference answer.
    pub with_expected: u64,
    /// The floor that a tier must clear.
    pub route_floor: f64,
    /// The confidence that the task's consequence asks for.
    pub confidence: f64,
    /// The fewest prompts of equal weight that could clear the floor, were all of them to pass; `None`: no number could.
    pub smallest_n: Option<u64>,
    /// The lowest pass rate that would clear the floor on these prompts; `None`: not even 1.
    pub least_rate: Option<f64>,
}

/// Describes a corpus; reads every prompt once.
///
/// # Errors
/// If the corpus cannot be read again.
pub fn describe(corpus: &Corpus, config: &Config) -> Result<CorpusStats, CorpusError> {
    struct Sums {
        weight: f64,
        lengths: Vec<u64>,
        duplicates: u64,
        adversarial: u64,
        with_expected: u64,
        texts: HashMap<[u8; 16], ()>,
        plain: Vec<String>,
    }
    let mut sums: Vec<Sums> = config
        .tasks
        .iter()
        .map(|_| Sums {
            weight: 0.0,
            lengths: Vec::new(),
            duplicates: 0,
            adversarial: 0,
            with_expected: 0,
            texts: HashMap::new(),
            plain: Vec::new(),
        })
        .collect();
    for (index, entry) in corpus.entries().iter().enumerate() {
        let prompt = corpus.load(index)?;
        let Some(sum) = sums.get_mut(usize::from(entry.task)) else { continue };
        let text = prompt.content.plain();
        sum.weight += entry.weight.get();
        sum.lengths.push(text.chars().count() as u64);
        sum.adversarial += u64::from(entry.adversarial);
        sum.with_expected += u64::from(prompt.expected.is_some());
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let mut key = [0; 16];
        key.copy_from_slice(&Digest::of(folded.as_bytes()).bytes()[..16]);
        sum.duplicates += u64::from(sum.texts.insert(key, ()).is_some());
        sum.plain.push(folded);
    }
    let all: f64 = sums.iter().map(|sum| sum.weight).sum();
    let mut stats = CorpusStats {
        prompts: corpus.len() as u64,
        digest: corpus.digest(),
        tasks: Vec::new(),
        without_prompts: Vec::new(),
    };
    for ((index, task), mut sum) in (0_u16..).zip(&config.tasks).zip(sums) {
        if sum.lengths.is_empty() {
            stats.without_prompts.push(task.name.clone());
            continue;
        }
        sum.lengths.sort_unstable();
        let at = |index: usize| sum.lengths.get(index).copied().unwrap_or_default();
        let (_, clusters) = corpus.cluster_weights(index);
        let provable = Provable::of(config, task, sum.lengths.len() as u64, &clusters);
        let near = near::representatives(&sum.plain, near::NEAR_DUPLICATE).into_iter().enumerate();
        stats.tasks.push(TaskStats {
            task: task.name.clone(),
            prompts: sum.lengths.len() as u64,
            share: if all > 0.0 { sum.weight / all } else { 0.0 },
            distinct_prompts: clusters.len() as u64,
            n_eff: provable.n_eff,
            characters: [at(0), at(sum.lengths.len() / 2), at(sum.lengths.len() - 1)],
            duplicates: sum.duplicates,
            near_duplicates: near.filter(|(at, other)| at != other).count() as u64,
            adversarial: sum.adversarial,
            with_expected: sum.with_expected,
            route_floor: provable.route_floor,
            confidence: provable.confidence,
            smallest_n: provable.smallest_n,
            least_rate: provable.least_rate,
        });
    }
    Ok(stats)
}

/// What the prompts of a task can prove about a tier, were all of them to pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Provable {
    /// The effective sample size: Kish's over the clusters.
    pub n_eff: f64,
    /// The floor that a tier must clear.
    pub route_floor: f64,
    /// The confidence that the task's consequence asks for.
    pub confidence: f64,
    /// The fewest distinct prompts of equal weight that could clear the floor; `None`: no number could.
    pub smallest_n: Option<u64>,
    /// The lowest pass rate that would clear the floor on these prompts; `None`: not even 1.
    pub least_rate: Option<f64>,
}

impl Provable {
    /// Of a task with `prompts` prompts whose clusters have these weights.
    #[must_use]
    pub fn of(config: &Config, task: &Task, prompts: u64, clusters: &[f64]) -> Self {
        let n_eff = floor::kish(clusters).unwrap_or_default();
        let route_floor = task.route_floor.unwrap_or(config.policy.route_floor).get();
        let confidence = config.policy.confidence(task.consequence).get();
        // Prompts that all differ and weigh the same have the interval that is asked for, unless they are repeated.
        let even =
            config.run.repeats == 1 && clusters.len() as u64 == prompts && n_eff >= prompts as f64 - 1e-6;
        let method = if even { config.policy.interval } else { IntervalMethod::Wilson };
        let posterior = |mean, n| method.posterior(mean, n);
        Self {
            n_eff,
            route_floor,
            confidence,
            smallest_n: power::smallest_n(route_floor, confidence, posterior)
                .map(|n| n.max(u64::from(config.policy.min_prompts))),
            least_rate: floor::least_rate(n_eff, route_floor, confidence, posterior),
        }
    }

    /// Whether these prompts could clear the floor at all.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.smallest_n.is_some_and(|n| self.n_eff + 1e-6 >= n as f64)
    }
}
