//! By what a corpus is decided: its tasks, and of a task with a `split` its bands of length.

use std::collections::BTreeMap;

use super::{PlanError, conversation, tokens};
use crate::config::{Config, LengthBand, Range, Task, length_bands};
use crate::corpus::{Corpus, Prompt};
use crate::record::Request;
use crate::stats::floor;
use crate::units::{Tokens, count, effective_n, have};

/// The parts of a corpus that are decided by themselves, and the part of each prompt.
#[derive(Clone, Debug, Default)]
pub struct Division {
    /// The parts that have prompts, in the order of the configuration, short requests before long ones.
    pub parts: Vec<Part>,
    /// What became of bands with too few prompts, one sentence a task.
    pub merged: Vec<String>,
    /// By prompt: the index of its part.
    of_prompt: Vec<u16>,
}

/// A task, or a band of it, with its prompts.
#[derive(Clone, Debug)]
pub struct Part {
    /// The index of the task in the configuration.
    pub index: u16,
    /// The task; of a band, with its own name and its share of the traffic by weight.
    pub task: Task,
    /// The number of this part among those of its task, from 0.
    pub number: u16,
    /// Its prompts.
    pub prompts: u64,
    /// Those with the tag `adversarial`.
    pub adversarial: u64,
    /// The weights of its clusters: the prompts that differ.
    pub clusters: Vec<f64>,
}

/// A band while neighbours are still being merged.
struct Growing {
    band: LengthBand,
    prompts: Vec<usize>,
}

impl Division {
    /// Divides a corpus. Only the prompts of tasks with a `split` are read.
    ///
    /// # Errors
    /// If a prompt cannot be read or put into its template.
    pub fn new(config: &Config, corpus: &Corpus) -> Result<Self, PlanError> {
        let mut division = Self { of_prompt: vec![0; corpus.len()], ..Self::default() };
        let mut prompts: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (at, entry) in corpus.entries().iter().enumerate() {
            prompts.entry(entry.task).or_default().push(at);
        }
        for (index, prompts) in prompts {
            let Some(task) = config.tasks.get(usize::from(index)) else { continue };
            let bands = if task.split.is_empty() {
                Vec::new()
            } else {
                let (bands, merged) = bands(config, corpus, task, &prompts)?;
                division.merged.extend(merged);
                bands
            };
            match bands.as_slice() {
                [] | [_] => division.add(corpus, index, task.clone(), 0, &prompts),
                bands => {
                    let whole = weight(corpus, &prompts);
                    for (number, band) in (0_u16..).zip(bands) {
                        let share = |requests: f64| requests * weight(corpus, &band.prompts) / whole;
                        let task = of_band(task, &band.band, &share);
                        division.add(corpus, index, task, number, &band.prompts);
                    }
                }
            }
        }
        Ok(division)
    }

    fn add(&mut self, corpus: &Corpus, index: u16, task: Task, number: u16, prompts: &[usize]) {
        let part = u16::try_from(self.parts.len()).unwrap_or(u16::MAX);
        let mut adversarial = 0;
        for at in prompts {
            if let Some(slot) = self.of_prompt.get_mut(*at) {
                *slot = part;
            }
            adversarial += corpus.entries().get(*at).map_or(0, |entry| u64::from(entry.adversarial));
        }
        let clusters = clusters(corpus, prompts);
        self.parts.push(Part { index, task, number, prompts: prompts.len() as u64, adversarial, clusters });
    }

    /// The index of a prompt's part.
    #[must_use]
    pub fn of(&self, prompt: usize) -> u16 {
        self.of_prompt.get(prompt).copied().unwrap_or_default()
    }
}

/// The task as a band of it is decided.
fn of_band(task: &Task, band: &LengthBand, share: &impl Fn(f64) -> f64) -> Task {
    let words = format!("{} input tokens (estimated)", band.words());
    Task {
        // Names were checked with the settings.
        name: band.name().unwrap_or_else(|_| task.name.clone()),
        description: Some(match &task.description {
            Some(description) => format!("{description}: {words}"),
            None => words,
        }),
        requests_per_day: task.requests_per_day.map(share),
        traffic_range: task.traffic_range.map(|range| Range {
            low: share(range.low),
            likely: share(range.likely),
            high: share(range.high),
        }),
        // It is that of the task as a whole: long requests may well be answered at another length.
        expected_output_tokens: None,
        band: Some(band.clone()),
        ..task.clone()
    }
}

/// The bands of a task that can stand alone, and what was merged to that end: the smallest band that is too small joins the smaller
/// one of its neighbours, until none is too small or only one is left.
fn bands(
    config: &Config,
    corpus: &Corpus,
    task: &Task,
    prompts: &[usize],
) -> Result<(Vec<Growing>, Option<String>), PlanError> {
    let mut bands: Vec<Growing> = length_bands(&task.name, &task.split)
        .into_iter()
        .map(|band| Growing { band, prompts: Vec::new() })
        .collect();
    for at in prompts {
        let input = input_tokens(&corpus.load(*at)?, task)?;
        let band = bands.iter_mut().find(|growing| growing.band.contains(input));
        band.into_iter().for_each(|growing| growing.prompts.push(*at));
    }
    let n_eff = |band: &Growing| floor::kish(&clusters(corpus, &band.prompts)).unwrap_or_default();
    let least = f64::from(config.policy.min_prompts);
    let is_small = |n: f64| n <= 0.0 || !floor::is_enough(n, least);
    let small: Vec<String> =
        bands.iter().filter(|band| is_small(n_eff(band))).map(|band| few(corpus, band)).collect();
    loop {
        let sizes: Vec<f64> = bands.iter().map(n_eff).collect();
        let too_small = sizes.iter().enumerate().filter(|(_, n)| is_small(**n));
        let Some((at, _)) = too_small.min_by(|a, b| a.1.total_cmp(b.1)).filter(|_| bands.len() > 1) else {
            break;
        };
        let size = |at: Option<usize>| at.and_then(|at| sizes.get(at)).copied().unwrap_or(f64::INFINITY);
        let (below, above) = (at.checked_sub(1), at + 1);
        // The lower one of the pair that becomes one.
        let lower = if size(below) <= size(Some(above)) { below.unwrap_or_default() } else { at };
        let upper = bands.remove(lower + 1);
        if let Some(into) = bands.get_mut(lower) {
            into.band.input_tokens_up_to = upper.band.input_tokens_up_to;
            into.prompts.extend(upper.prompts);
            into.prompts.sort_unstable();
        }
    }
    let merged = (!small.is_empty()).then(|| sentence(task, &small, config.policy.min_prompts, &bands));
    Ok((bands, merged))
}

/// How many prompts a band has, in words.
fn few(corpus: &Corpus, band: &Growing) -> String {
    let clusters = clusters(corpus, &band.prompts);
    let distinct = clusters.len() as u64;
    let n_eff = floor::kish(&clusters).unwrap_or_default();
    // Uneven weights may leave less than the count.
    let effective = if n_eff + 0.05 < distinct as f64 {
        format!(" (effective n {})", effective_n(n_eff))
    } else {
        String::new()
    };
    format!("{}{effective} {} {}", count(distinct, "distinct prompt"), have(distinct), band.band.words())
}

fn sentence(task: &Task, small: &[String], least: u32, bands: &[Growing]) -> String {
    let how = if bands.len() > 1 {
        let words: Vec<String> = bands.iter().map(|band| band.band.words()).collect();
        format!("in the bands {}", words.join(", "))
    } else {
        "as a whole".to_owned()
    };
    format!(
        "{} is not split as configured, but decided {how}: {} estimated input tokens, and a band needs {least} (min_prompts). \
         Add prompts of that length, or take the bound out of `split`.",
        task.name,
        small.join(", "),
    )
}

/// The estimated input tokens by which a request is of a band: of the whole request, whatever tier will serve it, so without what a
/// tier's own parameters add.
fn input_tokens(prompt: &Prompt, task: &Task) -> Result<Tokens, PlanError> {
    let mut params = task.params.clone();
    params.extend(prompt.params.iter().map(|(name, value)| (name.clone(), value.clone())));
    let request = Request { messages: conversation(prompt, task)?, params, max_output_tokens: Tokens(0) };
    Ok(tokens::estimate(&request))
}

fn weight(corpus: &Corpus, prompts: &[usize]) -> f64 {
    prompts.iter().filter_map(|at| corpus.entries().get(*at)).map(|entry| entry.weight.get()).sum()
}

fn clusters(corpus: &Corpus, prompts: &[usize]) -> Vec<f64> {
    let mut weights: BTreeMap<u32, f64> = BTreeMap::new();
    for entry in prompts.iter().filter_map(|at| corpus.entries().get(*at)) {
        *weights.entry(entry.cluster).or_default() += entry.weight.get();
    }
    weights.into_values().collect()
}
