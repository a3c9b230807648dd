//! The trials of a run: corpus x tiers x repeats, in a seeded order. Makes no network call.

pub mod bands;
pub mod estimate;
pub mod tokens;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::config::{Config, Task, Tier};
use crate::corpus::{Content, Corpus, CorpusError, Prompt};
use crate::ident::{ModelRef, TierName, TrialKey};
use crate::price::ModelPrice;
use crate::record::{Message, Request, trial_key};
use crate::units::Tokens;

/// A model to measure, with what its requests and their cost depend on.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// The tier.
    pub tier: TierName,
    /// The model.
    pub model: ModelRef,
    /// The wire protocol.
    pub api: String,
    /// The base URL.
    pub base_url: String,
    /// The price.
    pub price: ModelPrice,
    /// The context window, where known.
    pub context_window: Option<Tokens>,
}

/// A trial by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialSpec {
    /// Index of the prompt in the corpus.
    pub prompt: u32,
    /// Index of the target, which is that of its tier among all that are measured.
    pub target: u16,
    /// The repeat, from 0.
    pub repeat: u32,
}

/// How the repeats of a prompt are placed in the order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Anywhere: drift over time shows as a difference between repeats.
    Spread,
    /// One after the other: a prompt is finished early.
    Together,
}

/// Why a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The corpus cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The template does not take the prompt's variables.
    #[error("prompt `{prompt}`: the template of task `{task}` fails: {why}")]
    Template {
        /// The prompt.
        prompt: String,
        /// The task.
        task: String,
        /// The error of the template engine.
        why: String,
    },
    /// More than the program can count.
    #[error("{0} trials are too many")]
    TooMany(u128),
}

/// All trials of a run in canonical order (prompt, tier, repeat), with their keys.
#[derive(Debug)]
pub struct Plan {
    targets: Vec<TargetSpec>,
    repeats: u32,
    keys: Vec<TrialKey>,
}

impl Plan {
    /// Plans every prompt of a corpus for every target.
    ///
    /// # Errors
    /// If a prompt cannot be read or put into its template.
    pub fn new(config: &Config, corpus: &Corpus, targets: Vec<TargetSpec>) -> Result<Self, PlanError> {
        let repeats = config.run.repeats.max(1);
        let all = corpus.len() as u128 * targets.len() as u128 * u128::from(repeats);
        let count = u32::try_from(all).map_err(|_| PlanError::TooMany(all))? as usize;
        let mut keys = Vec::with_capacity(count);
        for (index, entry) in corpus.entries().iter().enumerate() {
            let prompt = corpus.load(index)?;
            let Some(task) = config.tasks.get(usize::from(entry.task)) else { continue };
            let mut request = Request {
                messages: conversation(&prompt, task)?,
                params: Default::default(),
                max_output_tokens: Tokens(0),
            };
            for (target, tier) in targets.iter().zip(&config.tiers) {
                request.params = params(&prompt, task, tier);
                request.max_output_tokens = cap(&prompt, task, tier, config);
                for repeat in 0..repeats {
                    keys.push(trial_key(
                        &target.api,
                        &target.base_url,
                        &target.model.model,
                        &request,
                        repeat,
                    ));
                }
            }
        }
        Ok(Self { targets, repeats, keys })
    }

    /// How many trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The targets, in the order of the ladder.
    #[must_use]
    pub fn targets(&self) -> &[TargetSpec] {
        &self.targets
    }

    /// The trial at an index below [`Plan::len`].
    #[must_use]
    pub fn spec(&self, index: usize) -> TrialSpec {
        let repeats = self.repeats as usize;
        let targets = self.targets.len().max(1);
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        TrialSpec {
            prompt: narrow(index / (targets * repeats)),
            target: u16::try_from(index / repeats % targets).unwrap_or(u16::MAX),
            repeat: narrow(index % repeats),
        }
    }

    /// The key of the trial at an index; of an index out of range, a key that no trial has.
    #[must_use]
    pub fn key(&self, index: usize) -> TrialKey {
        let none = || TrialKey::from_digest(&crate::ident::Digest::of(b"no trial"));
        self.keys.get(index).copied().unwrap_or_else(none)
    }

    /// The request of a trial.
    ///
    /// # Errors
    /// If the prompt cannot be read or put into its template.
    pub fn request(
        &self,
        config: &Config,
        corpus: &Corpus,
        spec: TrialSpec,
    ) -> Result<(Prompt, Request), PlanError> {
        let prompt = corpus.load(spec.prompt as usize)?;
        let task = config.task(prompt.task.as_str());
        let tier = config.tiers.get(usize::from(spec.target));
        let (Some(task), Some(tier)) = (task, tier) else {
            return Err(CorpusError::Changed { path: corpus.shown().to_owned(), line: 0 }.into());
        };
        let request = Request {
            messages: conversation(&prompt, task)?,
            params: params(&prompt, task, tier),
            max_output_tokens: cap(&prompt, task, tier, config),
        };
        Ok((prompt, request))
    }

    /// The prompts in the order in which they are sent.
    #[must_use]
    pub fn prompt_order(&self, seed: u64) -> Vec<u32> {
        self.blocks(seed, Repeats::Together).0
    }

    /// The shuffled blocks of trials that go out one after the other, and the random numbers that follow.
    fn blocks(&self, seed: u64, repeats: Repeats) -> (Vec<u32>, ChaCha8Rng) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let prompts = self.keys.len() / (self.targets.len().max(1) * self.repeats as usize);
        let count = match repeats {
            Repeats::Spread => prompts * self.repeats as usize,
            Repeats::Together => prompts,
        };
        let mut blocks: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        shuffle(&mut blocks, &mut random);
        (blocks, random)
    }

    /// The indices of the trials that `is_done` does not know, in the order in which they are to be sent: prompts are
    /// shuffled, and every stretch of as many trials as there are tiers holds each tier once, so that a provider that drifts
    /// hurts all tiers alike. The same seed gives the same order everywhere. A key that stands twice is sent once.
    #[must_use]
    pub fn remaining(&self, seed: u64, repeats: Repeats, is_done: impl Fn(&TrialKey) -> bool) -> Vec<u32> {
        let (blocks, mut random) = self.blocks(seed, repeats);
        let (targets, each) = (self.targets.len().max(1), self.repeats as usize);
        let mut ladder: Vec<usize> = (0..targets).collect();
        let mut order = Vec::new();
        let mut taken = std::collections::HashSet::new();
        for block in blocks {
            let trials = match repeats {
                Repeats::Spread => block as usize..block as usize + 1,
                Repeats::Together => block as usize * each..(block as usize + 1) * each,
            };
            for trial in trials {
                let (prompt, repeat) = (trial / each, trial % each);
                shuffle(&mut ladder, &mut random);
                for target in &ladder {
                    let index = (prompt * targets + target) * each + repeat;
                    let Some(key) = self.keys.get(index) else { continue };
                    if !is_done(key) && taken.insert(*key) {
                        order.push(u32::try_from(index).unwrap_or(u32::MAX));
                    }
                }
            }
        }
        order
    }
}

/// Fisher and Yates' shuffle, here because the order of a run must not change with a library's version.
fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for at in (1..items.len()).rev() {
        // Lemire's multiply-shift; the bias of 2^-32 does not matter to an order.
        let pick = (u64::from(random.next_u32()) * (at as u64 + 1)) >> 32;
        items.swap(at, usize::try_from(pick).unwrap_or_default());
    }
}

/// The whole conversation that production would send: system text, shots, prompt.
fn conversation(prompt: &Prompt, task: &Task) -> Result<Vec<Message>, PlanError> {
    let mut messages = Vec::new();
    let system: Option<&str> = prompt.system.as_deref().or(task.system.as_deref());
    match &prompt.content {
        Content::Messages(own) => {
            // A conversation with a system turn of its own is passed through as it is.
            if let Some(system) =
                system.filter(|_| !own.iter().any(|m| m.role == "system" || m.role == "developer"))
            {
                messages.push(Message::text("system", system));
            }
            messages.extend(own.iter().cloned());
            return Ok(messages);
        }
        Content::Text(_) | Content::Vars(_) => {}
    }
    messages.extend(system.map(|system| Message::text("system", system)));
    messages.extend(task.shots.iter().cloned());
    let text = match &prompt.content {
        Content::Text(text) => match &task.template {
            // A template may also be put around a plain prompt, which it calls `prompt`.
            Some(template) => render(template, minijinja::context! { prompt => text }, prompt, task)?,
            None => text.clone(),
        },
        Content::Vars(vars) => {
            let template: Arc<str> = task.template.clone().unwrap_or_else(|| Arc::from(""));
            render(&template, minijinja::Value::from(minijinja::value::Serde(vars)), prompt, task)?
        }
        Content::Messages(_) => String::new(),
    };
    messages.push(Message::text("user", &text));
    Ok(messages)
}

fn render(template: &str, vars: minijinja::Value, prompt: &Prompt, task: &Task) -> Result<String, PlanError> {
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    engine.render_str(template, vars).map_err(|error| PlanError::Template {
        prompt: prompt.id.to_string(),
        task: task.name.to_string(),
        why: error.to_string(),
    })
}

/// Request parameters: the tier's, under the task's, under the prompt's.
fn params(
    prompt: &Prompt,
    task: &Task,
    tier: &Tier,
) -> std::collections::BTreeMap<String, serde_json::Value> {
    let mut all = tier.params.clone();
    for layer in [&task.params, &prompt.params] {
        all.extend(layer.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    all
}

/// The cap on output tokens: the prompt's, else the task's, else the tier's, else the run's.
fn cap(prompt: &Prompt, task: &Task, tier: &Tier, config: &Config) -> Tokens {
    prompt
        .max_output_tokens
        .or(task.max_output_tokens)
        .or(tier.max_output_tokens)
        .unwrap_or(config.run.max_output_tokens)
}
