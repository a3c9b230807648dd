//! The calls of a run, each built when it is sent, with its price; and the lanes that they go through.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::Context;

use super::stopping::Stopping;
use crate::config::{Config, Tier, TierRole};
use crate::corpus::Corpus;
use crate::diag::Faults;
use crate::dispatch::{Call, Concurrency, Lane, Settings, Source};
use crate::engine::event::Stage;
use crate::engine::run::project::Project;
use crate::ident::{ProviderName, TrialKey};
use crate::journal::Index;
use crate::plan::tokens::{self, Fit};
use crate::plan::{Plan, TrialSpec};
use crate::price::ModelPrice;
use crate::provider::{self, Endpoint};
use crate::record::{Attempt, Clocks, ErrorKind, Failure, Outcome, Usage, Via};
use crate::units::Usd;

/// Builds the calls of a run.
pub(crate) struct Calls {
    config: Config,
    prices: Vec<ModelPrice>,
    pub(crate) corpus: Arc<Corpus>,
    pub(crate) plan: Arc<Plan>,
    /// Whether each target must be answered by exactly the requested model.
    exact_model: Vec<bool>,
    /// Attempts at trials without an answer, in earlier executions of the same command.
    attempts: HashMap<TrialKey, u32>,
    /// Early stopping of cells; `None` without `--stop-early`.
    pub(crate) stopping: Option<Stopping>,
}

impl Calls {
    pub(crate) fn new(
        project: &Project,
        corpus: Arc<Corpus>,
        plan: Arc<Plan>,
        index: &Index,
        stopping: Option<Stopping>,
    ) -> Self {
        let attempts = (0..plan.len())
            .filter_map(|at| {
                let key = plan.key(at);
                let stored = index.get(&key).filter(|stored| !stored.answered)?;
                Some((key, stored.attempts))
            })
            .collect();
        let exact = |tier: &Tier| {
            let provider = project.config.providers.get(&tier.model.provider);
            tier.role != TierRole::Router && provider.is_none_or(provider::insists_on_model)
        };
        let exact_model = project.config.tiers.iter().map(exact).collect();
        Self {
            config: project.config.clone(),
            exact_model,
            prices: project.calling_prices(),
            corpus,
            plan,
            attempts,
            stopping,
        }
    }

    fn spec(&self, trial: u32) -> TrialSpec {
        self.plan.spec(trial as usize)
    }
}

impl Source for Calls {
    fn load(&self, trial: u32) -> anyhow::Result<Call> {
        let spec = self.spec(trial);
        let (prompt, request) = self.plan.request(&self.config, &self.corpus, spec)?;
        let target = self.plan.targets().get(usize::from(spec.target)).context("a trial of another plan")?;
        let key = self.plan.key(trial as usize);
        // The bound, not the estimate: a tokenizer's error must not break the cost limit.
        let bound = tokens::bound(&request);
        let reserve = target
            .price
            .ceiling(bound, request.max_output_tokens)
            .context("a price too large to count with")?;
        Ok(Call {
            key,
            prompt: prompt.id,
            tier: spec.target,
            model: target.model.clone(),
            repeat: spec.repeat,
            exact_model: self.exact_model.get(usize::from(spec.target)).copied().unwrap_or(true),
            // A quarter of the bound is accurate enough for a rate limit, and needs no tokenizer.
            tokens: bound.0 / 4 + request.max_output_tokens.0,
            reserve,
            attempts_before: self.attempts.get(&key).copied().unwrap_or_default(),
            request,
        })
    }

    fn price(&self, tier: u16, attempt: &Attempt) -> Option<Usd> {
        self.prices.get(usize::from(tier))?.cost(&attempt.usage).map(|cost| cost.billed)
    }

    fn tier(&self, trial: u32) -> u16 {
        self.spec(trial).target
    }

    fn wanted(&self, trial: u32) -> bool {
        self.stopping.as_ref().is_none_or(|stopping| stopping.wanted(trial))
    }
}

/// Separates the trials that do not fit their model's context window. They are recorded as overflow without a call.
pub(crate) fn split_overflow(calls: &Calls, order: Vec<u32>) -> anyhow::Result<(Vec<u32>, Vec<Attempt>)> {
    let guard = calls.config.policy.context_guard;
    let smallest = calls.plan.targets().iter().filter_map(|target| target.context_window).min();
    let (mut fits, mut overflow) = (Vec::with_capacity(order.len()), Vec::new());
    for trial in order {
        let spec = calls.spec(trial);
        let target = calls.plan.targets().get(usize::from(spec.target)).context("a trial of another plan")?;
        let (Some(window), Some(_)) = (target.context_window, smallest) else {
            fits.push(trial);
            continue;
        };
        let (prompt, request) = calls.plan.request(&calls.config, &calls.corpus, spec)?;
        // The tokenizer is needed only if the byte count does not settle the question.
        let bound = tokens::bound(&request);
        if tokens::fit(bound, request.max_output_tokens, Some(window), guard) == Fit::Fits {
            fits.push(trial);
            continue;
        }
        let message = match tokens::fit(
            tokens::estimate(&request),
            request.max_output_tokens,
            Some(window),
            guard,
        ) {
            Fit::Fits => {
                fits.push(trial);
                continue;
            }
            Fit::AboveGuard { input, guard } => {
                format!("about {input} input tokens, above the guard of {guard}; not sent")
            }
            Fit::AboveWindow { input, window } => {
                format!(
                    "about {input} input tokens and the output cap are above the window of {window}; not sent"
                )
            }
        };
        overflow.push(Attempt {
            key: calls.plan.key(trial as usize),
            prompt: prompt.id,
            model: target.model.clone(),
            repeat: spec.repeat,
            attempt: 0,
            outcome: Outcome::Overflow,
            text: String::new(),
            tool_calls: serde_json::Value::Null,
            finish: None,
            served_model: None,
            usage: Usage::default(),
            clocks: Clocks::default(),
            streamed: false,
            batch: false,
            status: None,
            failure: Some(Failure { kind: ErrorKind::BadRequest, message }),
            headers: BTreeMap::new(),
            billed: None,
            at: None,
            via: if target.api == "scripted" { Via::Script } else { Via::Live },
        });
    }
    Ok((fits, overflow))
}

/// The dispatch settings of a run, as configured.
pub(crate) fn settings(project: &Project) -> Settings {
    let run = &project.config.run;
    let seconds = |count: u32| std::time::Duration::from_secs(count.into());
    Settings {
        max_attempts: run.max_attempts,
        seed: run.seed,
        max_elapsed: seconds(run.max_trial_s),
        retry_share: run.retry_budget.get(),
        max_park: seconds(run.max_park_s),
        clock: Arc::clone(&project.world.clock),
        concurrency: if run.pin_concurrency { Concurrency::Pinned } else { Concurrency::Adaptive },
    }
}

/// The lanes of a run: its trials by provider.
pub(crate) fn lanes(project: &Project, calls: &Calls, order: Vec<u32>) -> anyhow::Result<Vec<Lane>> {
    let mut trials: BTreeMap<ProviderName, Vec<u32>> = BTreeMap::new();
    for trial in order {
        let target =
            calls.plan.targets().get(usize::from(calls.tier(trial))).context("a trial of another plan")?;
        trials.entry(target.model.provider.clone()).or_default().push(trial);
    }
    lanes_of(project, trials)
}

/// One lane per provider, with its endpoint. Missing API keys are reported before the first call.
pub(crate) fn lanes_of(
    project: &Project,
    trials: BTreeMap<ProviderName, Vec<u32>>,
) -> anyhow::Result<Vec<Lane>> {
    let mut faults = Faults::default();
    let mut lanes = Vec::new();
    for (name, trials) in trials {
        let provider = project.config.providers.get(&name).context("a provider that is not defined")?;
        match Endpoint::connect(&project.world, provider, &project.config.run) {
            Ok(endpoint) => {
                lanes.push(Lane { endpoint: Arc::new(endpoint), limits: provider.limits, trials })
            }
            Err(found) => faults.0.extend(found.0),
        }
    }
    Ok(faults.into_result(lanes)?)
}

/// The stages of progress: one per tier.
pub(crate) fn stages(project: &Project, calls: &Calls, order: &[u32]) -> Vec<Stage> {
    let tiers = &project.config.tiers;
    let mut left = vec![0_u64; tiers.len()];
    for trial in order {
        if let Some(count) = left.get_mut(usize::from(calls.tier(*trial))) {
            *count += 1;
        }
    }
    let total = (calls.plan.len() / tiers.len().max(1)) as u64;
    let stage = |(tier, left): (&Tier, u64)| Stage {
        name: tier.name.to_string(),
        total,
        done: total.saturating_sub(left),
    };
    tiers.iter().zip(left).map(stage).collect()
}
