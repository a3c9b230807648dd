//! Estimates a run: trials, tokens, cost, time, and what does not fit. Makes no network call.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::bands::Division;
use super::tokens::{self, Fit};
use super::{Plan, PlanError};
use crate::config::Config;
use crate::corpus::Corpus;
use crate::ident::{ModelRef, ProviderName, TaskName, TierName, TrialKey};
use crate::units::{Tokens, Usd};

/// The assumed seconds per reply.
pub const ASSUMED_LATENCY_S: f64 = 3.0;
/// The share of the output cap that a reply is assumed to use at least.
const LOW_OUTPUT: f64 = 0.1;

/// The estimate of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// All trials.
    pub trials: u64,
    /// Trials that already have an answer, or will get it from another prompt of the same text.
    pub answered: u64,
    /// Trials that would be sent.
    pub to_send: u64,
    /// One entry per task and tier.
    pub cells: Vec<CellEstimate>,
    /// Total cost in USD, with every output at a tenth of its cap.
    pub low: Usd,
    /// Total cost in USD, with every output at its cap: an upper bound, retries aside.
    pub high: Usd,
    /// Seconds of wall-clock time at the configured limits; `None` if nothing would be sent.
    pub seconds: Option<f64>,
    /// The latency per reply that the time assumes.
    pub assumed_latency_s: f64,
}

/// The estimate of a task on a tier.
#[derive(Clone, Debug, Serialize)]
pub struct CellEstimate {
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The model.
    pub model: ModelRef,
    /// All trials.
    pub trials: u64,
    /// Trials that would be sent.
    pub to_send: u64,
    /// Mean input tokens of a trial, estimated.
    pub input_mean: f64,
    /// The largest input, estimated.
    pub input_max: Tokens,
    /// The largest output cap.
    pub output_cap: Tokens,
    /// Trials that do not fit the context window or its guard: they are not sent.
    pub overflow: u64,
    /// USD for what would be sent, at a tenth of the output caps.
    pub low: Usd,
    /// USD for what would be sent, at the output caps.
    pub high: Usd,
}

#[derive(Default)]
struct Load {
    requests: u64,
    tokens: u64,
}

/// Estimates a run, by task or band of one; `is_done` knows the trials that have an answer.
///
/// # Errors
/// If a prompt cannot be read or put into its template.
pub fn estimate(
    config: &Config,
    corpus: &Corpus,
    plan: &Plan,
    division: &Division,
    is_done: impl Fn(&TrialKey) -> bool,
) -> Result<Estimate, PlanError> {
    let mut cells: BTreeMap<(u16, u16), CellEstimate> = BTreeMap::new();
    let mut loads: BTreeMap<&ProviderName, Load> = BTreeMap::new();
    let mut result = Estimate {
        trials: plan.len() as u64,
        answered: 0,
        to_send: 0,
        cells: Vec::new(),
        low: Usd::ZERO,
        high: Usd::ZERO,
        seconds: None,
        assumed_latency_s: ASSUMED_LATENCY_S,
    };
    let mut shared = HashSet::new();
    let mut counted: Option<(u32, Tokens)> = None;
    for index in 0..plan.len() {
        let spec = plan.spec(index);
        let (_, request) = plan.request(config, corpus, spec)?;
        // The tiers get the same messages; counting is the dear part.
        let input = match counted {
            Some((same, input)) if same == spec.prompt => input,
            Some(_) | None => tokens::estimate(&request),
        };
        counted = Some((spec.prompt, input));
        let part = division.of(spec.prompt as usize);
        let (Some(target), Some(decided)) =
            (plan.targets().get(usize::from(spec.target)), division.parts.get(usize::from(part)))
        else {
            continue;
        };
        let cell = cells.entry((part, spec.target)).or_insert_with(|| CellEstimate {
            task: decided.task.name.clone(),
            tier: target.tier.clone(),
            model: target.model.clone(),
            trials: 0,
            to_send: 0,
            input_mean: 0.0,
            input_max: Tokens(0),
            output_cap: Tokens(0),
            overflow: 0,
            low: Usd::ZERO,
            high: Usd::ZERO,
        });
        cell.trials += 1;
        cell.input_mean += input.0 as f64;
        cell.input_max = cell.input_max.max(input);
        cell.output_cap = cell.output_cap.max(request.max_output_tokens);
        // Prompts of the same text share their trial: it is sent once.
        if is_done(&plan.key(index)) || !shared.insert(plan.key(index)) {
            result.answered += 1;
            continue;
        }
        if tokens::fit(input, request.max_output_tokens, target.context_window, config.policy.context_guard)
            != Fit::Fits
        {
            cell.overflow += 1;
            continue;
        }
        cell.to_send += 1;
        result.to_send += 1;
        let cap = request.max_output_tokens;
        let least = Tokens((cap.0 as f64 * LOW_OUTPUT).ceil() as u64);
        cell.low += target.price.ceiling(input, least).unwrap_or_default();
        cell.high += target.price.ceiling(input, cap).unwrap_or_default();
        let load = loads.entry(&target.model.provider).or_default();
        load.requests += 1;
        load.tokens += input.0 + cap.0;
    }
    for mut cell in cells.into_values() {
        cell.input_mean = (cell.input_mean / cell.trials.max(1) as f64 * 10.0).round() / 10.0;
        result.low += cell.low;
        result.high += cell.high;
        result.cells.push(cell);
    }
    // Providers work side by side, each at the slowest of its limits.
    result.seconds = loads
        .iter()
        .filter_map(|(name, load)| {
            let limits = config.providers.get(*name)?.limits;
            let by_latency = load.requests as f64 * ASSUMED_LATENCY_S / limits.concurrency as f64;
            let by_requests =
                limits.requests_per_minute.map_or(0.0, |rpm| load.requests as f64 / f64::from(rpm) * 60.0);
            let by_tokens =
                limits.tokens_per_minute.map_or(0.0, |tpm| load.tokens as f64 / tpm as f64 * 60.0);
            Some(by_latency.max(by_requests).max(by_tokens))
        })
        .reduce(f64::max)
        .map(|seconds| seconds.round());
    Ok(result)
}
