//! The one frozen, versioned result of a run. Everything that people or machines read is rendered from it, so a
//! field is never renamed or given another meaning without a new [`VERSION`].
//!
//! Figures are rounded when the summary is built (shares to 6 places, times to microseconds, money to ten significant
//! digits), so that the same inputs give the same bytes on every machine.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Consequence, DataNeed, is_default};
use crate::ident::{Digest, ModelRef, OracleRef, RunId, TaskName, TierName};
use crate::units::{Millis, Tokens, Usd};

pub mod asked;
pub mod beside;
pub mod build;
mod json;
mod judge;
mod lints;
mod method;
mod notices;
pub mod robust;
mod rounding;
pub mod strategies;
#[cfg(test)]
mod tests;

// Each of these is defined by the module that computes it; to readers they are all parts of the summary.
pub use crate::measure::{Counts, Latency, Money, PassPower, Rate, ReasonCount, Repeats, TokenStats};
pub use crate::policy::{Band, Decision, EffectiveCost, Escalation, Infeasible, QualityGate, Route};
pub use crate::project::{Baseline, Horizon, Interval, Projection, TaskProjection};
pub use beside::{Beside, BesideCell, Role};
pub use build::{Inputs, MeasuredTask, build};
pub use judge::{Calibration, Corrected, TierCalibration};
pub use method::{Method, Versus};
pub use strategies::{Strategies, StrategyKind, StrategyLine};

/// The version of the format of `summary.json`.
pub const VERSION: u32 = 1;

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// [`VERSION`].
    pub version: u32,
    /// The program, such as `route-prof 0.1.0`.
    pub tool: String,
    /// What was run.
    pub run: RunFacts,
    /// Digests of everything that the result depends on.
    pub evidence: Evidence,
    /// How the routes were decided, where that is not as usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: Method,
    /// What a reader must know before believing a figure.
    pub notices: Vec<Notice>,
    /// The ladder, cheapest first.
    pub tiers: Vec<TierSummary>,
    /// The tasks with their cells and routes, in the order of `route-prof.toml`.
    pub tasks: Vec<TaskSummary>,
    /// What was measured beside the ladder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
    /// Routing strategies on the same answers; `None` where there is nothing to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategies: Option<Strategies>,
    /// Where a request of an unlisted task goes.
    pub default_tier: TierName,
    /// What the routes will cost.
    pub projection: Projection,
    /// What the measurement took.
    pub spend: Spend,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// The folder's name.
    pub id: RunId,
    /// The corpus, as the user named it (relative to the project where it lies within).
    pub corpus: String,
    /// What the answers are.
    pub source: Source,
    /// Prompts in the corpus.
    pub prompts: u64,
    /// Trials that the plan asks for.
    pub trials: u64,
    /// Trials that have an answer.
    pub answered: u64,
    /// Trials whose last attempt was an infrastructure error.
    pub errors: u64,
    /// Trials without any attempt.
    pub missing: u64,
    /// Repeats of each prompt.
    pub repeats: u32,
    /// The seed of orders and bootstraps.
    pub seed: u64,
    /// What was not asked because it was settled; `None` without `--stop-early`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_early: Option<StopEarly>,
}

/// What `--stop-early` has spared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopEarly {
    /// The chance of settling a cell wrongly that was allowed for.
    pub alpha: f64,
    /// Cells of the ladder.
    pub cells: u64,
    /// Those of them that were settled before all of their prompts were answered.
    pub settled: u64,
    /// Trials that were not asked for, and are not missing.
    pub calls: u64,
    /// What they would have cost, by the mean of their cells, in USD; `None` where a cell's cost is unknown.
    pub cost: Option<Usd>,
    /// The tasks that were measured whole, because their oracle asks a model or a program once all replies are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<TaskName>,
}

/// When a cell was settled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettledEarly {
    /// Prompts, in the drawn order, after which the cell was settled. Answers that were on their way then count, too.
    pub prompts: u64,
    /// The chance of being wrong that was allowed for: the bounds of the pass rate are those of a confidence sequence.
    pub alpha: f64,
}

/// What the answers of a run are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Calls to models.
    Live,
    /// A replay of a recording of real models: the tape's name.
    Recording(String),
    /// A script: no model at all.
    Script,
    /// Several of these.
    Mixed,
}

impl Source {
    /// What the answers are, where they are not plain calls: for the top of every page.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Live => None,
            Self::Recording(tape) => Some(format!(
                "Replay of a recording ({tape}): the answers are real, were recorded before, and no model was called now."
            )),
            Self::Script => Some(
                "Scripted answers: no model was asked. Nothing here says anything about a model.".to_owned(),
            ),
            Self::Mixed => {
                Some("Answers of several kinds (calls, recordings, scripts) are mixed here.".to_owned())
            }
        }
    }
}

/// Digests of everything that the result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The corpus: ids, tasks, messages, references, weights.
    pub corpus: Digest,
    /// The tiers: models, endpoints, parameters, and what is sent around each prompt.
    pub tiers: Digest,
    /// The tasks: consequence, latency, traffic, oracle names.
    pub tasks: Digest,
    /// The policy.
    pub policy: Digest,
    /// The prices of the models used.
    pub prices: Digest,
    /// Where the prices come from, such as `built-in catalogue of 2026-11-22`.
    pub price_source: String,
    /// A remark on the prices, such as that they are stand-ins.
    pub price_note: Option<String>,
    /// Each oracle version that graded, with its digest.
    pub oracles: BTreeMap<OracleRef, Digest>,
    /// The labels by people that judges were calibrated with, where there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<OracleRef, Digest>,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Note,
    /// Changes how far the figures can be believed.
    Warning,
    /// Must be mended before the routes serve anybody: `check` fails on it.
    Error,
}

/// What a reader must know before believing a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// A short stable name, such as `replay` or `dominated-tier`.
    pub code: String,
    /// One or two sentences.
    pub text: String,
}

/// A tier over all tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierSummary {
    /// Its name.
    pub name: TierName,
    /// The model that was measured.
    pub model: ModelRef,
    /// Fallbacks of the same class, as configured.
    pub same_class: Vec<ModelRef>,
    /// The context window, where known.
    pub context_window: Option<Tokens>,
    /// The input size above which the tier is bypassed.
    pub guard_input_tokens: Option<Tokens>,
    /// USD per million tokens: input, output, cache read, cache write.
    pub price: PriceLine,
    /// Pass rate over all tasks, weighted by traffic where all of it is known, else by the corpus.
    pub pass_rate: Option<Rate>,
    /// Latency over all tasks.
    pub latency: Option<Latency>,
    /// Mean cost of a request over all tasks.
    pub cost_per_request: Option<Usd>,
    /// The tier that is no dearer and no worse, if one is: this tier buys nothing.
    pub dominated_by: Option<TierName>,
}

/// USD per million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    /// Uncached input.
    pub input: Usd,
    /// Output.
    pub output: Usd,
    /// Input read from a cache, where it has a price of its own.
    pub cache_read: Option<Usd>,
    /// Input written to a cache, where it has a price of its own.
    pub cache_write: Option<Usd>,
}

/// A task, its evidence and its route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSummary {
    /// Its name.
    pub name: TaskName,
    /// What it does.
    pub description: Option<String>,
    /// The oracle of the task (a prompt may name another).
    pub oracle: OracleRef,
    /// The blast radius of a wrong answer.
    pub consequence: Consequence,
    /// The p95 latency that it can live with.
    pub latency_need: Option<Millis>,
    /// Where its data may go.
    pub data_need: DataNeed,
    /// Expected traffic, where stated.
    pub requests_per_day: Option<f64>,
    /// Prompts in the corpus.
    pub prompts: u64,
    /// The share of those prompts that carry the tag `adversarial`.
    pub adversarial: u64,
    /// The floors in force.
    pub route_floor: f64,
    /// See `route_floor`.
    pub monitor_floor: f64,
    /// Under non-inferiority: by how much a tier may be worse than what it is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// See `margin`: beyond it and up to this, with monitoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor_margin: Option<f64>,
    /// The posterior probability that a decision asks for.
    pub confidence_needed: f64,
    /// The evidence, a cell a tier, in the order of the ladder.
    pub cells: Vec<Cell>,
    /// How far the judge that grades it can be trusted; absent where no model judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Calibration>,
    /// The decision.
    pub route: Route,
}

/// The evidence about one tier at one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The tier.
    pub tier: TierName,
    /// Counts of trials by what they came to.
    pub counts: Counts,
    /// Weighted pass rate with its interval on the effective n; `None` without a graded trial.
    pub pass_rate: Option<Rate>,
    /// What a judge said, where `pass_rate` has been freed from its errors by labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Rate>,
    /// Posterior probability that the true rate clears the route floor.
    pub p_route: Option<f64>,
    /// Posterior probability that the true rate clears the monitor floor.
    pub p_monitor: Option<f64>,
    /// Under non-inferiority: the tier beside the one that its decision hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<Versus>,
    /// What repeats of the same prompts came to; absent where none was tried twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// What the evidence says of the tier's quality.
    pub band: Band,
    /// How many more prompts would settle an undecided cell, at the rate seen so far; `None` when settled, or when no
    /// number up to 100,000 would.
    pub more_prompts: Option<u64>,
    /// Fails by reason, most frequent first.
    pub fail_reasons: Vec<ReasonCount>,
    /// The share of requests that production would see rejected (gate, truncation, refusal).
    pub gate_reject: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// Tokens of a request.
    pub tokens: Option<TokenStats>,
    /// Attempts beyond the first, per trial.
    pub retry_rate: f64,
    /// Weighted mean cost of a request as its tokens were billed, attempts that were retried included.
    pub cost: Option<Money>,
    /// The same as if nothing had come from a cache.
    pub cost_uncached: Option<Usd>,
    /// What the tiers are compared by.
    pub effective_cost: Option<EffectiveCost>,
    /// Why the tier cannot serve the task, whatever its quality; empty when it can.
    pub infeasible: Vec<Infeasible>,
    /// When it was settled, where that was before all of its prompts were answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_early: Option<SettledEarly>,
}

/// What the measurement took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Attempts, failed ones included.
    pub attempts: u64,
    /// Attempts beyond the first of their trial.
    pub retries: u64,
    /// What the answers would have cost at today's prices (of a replay: would have).
    pub list: Usd,
    /// What was billed in this run: nothing in a replay.
    pub billed: Usd,
    /// Attempts that may have been billed, but whose cost is unknown.
    pub unpriced: u64,
    /// What judges took, beside all that; absent where no oracle asks a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSpend>,
}

/// What judges took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeSpend {
    /// Different questions that the oracles ask of the replies.
    pub questions: u64,
    /// Those of them without an answer: what hangs on them is ungraded.
    pub missing: u64,
    /// Calls, failed ones included.
    pub attempts: u64,
    /// What the calls would have cost at today's prices.
    pub list: Usd,
    /// What was billed in this run.
    pub billed: Usd,
    /// Calls that may have been billed, but whose cost is unknown.
    pub unpriced: u64,
}
