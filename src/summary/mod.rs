//! The one frozen, versioned result of a run. Everything that people or machines read is rendered from it, so a
//! field is never renamed or given another meaning without a new [`VERSION`].
//!
//! Figures are rounded when the summary is built (shares to 6 places, times to microseconds, money to ten significant
//! digits), so that the same inputs give the same bytes on every machine.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Consequence, DataNeed};
use crate::ident::{Digest, ModelRef, OracleRef, RunId, TaskName, TierName};
use crate::units::{Millis, Tokens, Usd};

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
    /// What a reader must know before believing a figure.
    pub notices: Vec<Notice>,
    /// The ladder, cheapest first.
    pub tiers: Vec<TierSummary>,
    /// The tasks with their cells and routes, in the order of `route-prof.toml`.
    pub tasks: Vec<TaskSummary>,
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
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Note,
    /// Changes how far the figures can be believed.
    Warning,
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

/// An estimate with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The (weighted) mean, 0 to 1.
    pub mean: f64,
    /// Lower bound of the interval.
    pub low: f64,
    /// Upper bound of the interval.
    pub high: f64,
    /// Trials that it rests on.
    pub n: u64,
    /// The number of equally weighted independent prompts that would say as much: (sum w)^2 / sum w^2, less where
    /// repeats of a prompt agree.
    pub n_eff: f64,
}

/// An amount of money with its interval and n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The estimate.
    pub mean: Usd,
    /// Lower bound of the bootstrap interval.
    pub low: Usd,
    /// Upper bound of the bootstrap interval.
    pub high: Usd,
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
    /// The posterior probability that a decision asks for.
    pub confidence_needed: f64,
    /// The evidence, a cell a tier, in the order of the ladder.
    pub cells: Vec<Cell>,
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
    /// Weighted pass rate with its Wilson interval on the effective n; `None` without a graded trial.
    pub pass_rate: Option<Rate>,
    /// Posterior probability that the true rate clears the route floor.
    pub p_route: Option<f64>,
    /// Posterior probability that the true rate clears the monitor floor.
    pub p_monitor: Option<f64>,
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
}

/// Counts of trials by what they came to; they add up to the planned trials of the cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Replies that passed.
    pub passed: u64,
    /// Replies that failed.
    pub failed: u64,
    /// Refusals: fails.
    pub refused: u64,
    /// Truncations: fails.
    pub truncated: u64,
    /// Replies that the oracle could not grade: no evidence.
    pub ungraded: u64,
    /// Infrastructure errors: no evidence.
    pub errors: u64,
    /// Prompts that do not fit: infeasible.
    pub overflow: u64,
    /// Trials without any attempt.
    pub missing: u64,
}

impl Counts {
    /// Trials that are evidence about quality.
    #[must_use]
    pub const fn graded(&self) -> u64 {
        self.passed + self.failed + self.refused + self.truncated
    }

    /// All trials of the cell.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.graded() + self.ungraded + self.errors + self.overflow + self.missing
    }
}

/// How many trials failed for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonCount {
    /// The oracle's words, or `refused`, `truncated`.
    pub reason: String,
    /// Trials.
    pub count: u64,
}

/// What the evidence says of a tier's quality at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Clears the route floor.
    Route,
    /// Clears the monitor floor only.
    Monitor,
    /// Does not clear the monitor floor.
    Below,
    /// Too little evidence to say.
    Undecided,
}

/// Why a tier cannot serve a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Infeasible {
    /// Its p95 latency, first, is above what the task can live with, second.
    Latency(Millis, Millis),
    /// The data would leave.
    DataLocation,
    /// More prompts than production could bypass do not fit its context window: how many.
    Context(u64),
}

/// Latency of a cell or tier: totals and times to first token of answered, live-measured attempts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Trials.
    pub n: u64,
    /// Median of the total.
    pub p50: Millis,
    /// 95th percentile of the total.
    pub p95: Millis,
    /// Mean of the total.
    pub mean: Millis,
    /// Median time to first visible token; `None` when nothing was streamed.
    pub ttft_p50: Option<Millis>,
    /// 95th percentile of the same.
    pub ttft_p95: Option<Millis>,
    /// 21 quantiles of the total (0 %, 5 %, ... 100 %), for charts.
    pub quantiles: [Millis; 21],
}

/// Tokens of a request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenStats {
    /// Trials whose provider reported usage.
    pub n: u64,
    /// Weighted mean of the input, cached or not.
    pub input_mean: f64,
    /// The largest input.
    pub input_max: Tokens,
    /// Weighted mean of the output.
    pub output_mean: f64,
    /// 95th percentile of the output.
    pub output_p95: Tokens,
}

/// What tiers are compared by: USD per request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectiveCost {
    /// Measured cost x (1 + retries).
    pub serving: Usd,
    /// Expected cost of escalations: the share that the gate rejects, at the price of the tier above.
    pub escalation: Usd,
    /// Mean latency x price of waiting.
    pub waiting: Usd,
    /// The sum.
    pub total: Usd,
}

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The tier is good enough.
    Route,
    /// The tier is good enough with quality monitoring.
    Monitor,
    /// No tier is good enough; the best one serves, and somebody must look.
    Escalate,
    /// The evidence does not decide; a tier further up serves until it does.
    Undecided,
}

impl Decision {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Monitor => "monitor",
            Self::Escalate => "escalate",
            Self::Undecided => "undecided",
        }
    }
}

/// Whether each reply must be checked before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QualityGate {
    /// Good practice.
    Optional,
    /// The consequence is high.
    Required,
}

/// The decision for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The tier that serves.
    pub tier: TierName,
    /// What the decision comes to.
    pub decision: Decision,
    /// Tiers to try next, in order.
    pub fallback: Vec<TierName>,
    /// Above this many input tokens the tier is bypassed; `None` when its window is unknown.
    pub max_input_tokens: Option<Tokens>,
    /// Times that a request is sent again to the same model first.
    pub retries: u32,
    /// The oracle whose gate part production runs; `None` when it has none.
    pub gate: Option<OracleRef>,
    /// Whether each reply must be checked before it is used.
    pub quality_gate: QualityGate,
    /// The pass rate of the tier at the task.
    pub pass_rate: Option<Rate>,
    /// Posterior probability that the true rate clears the floor that the decision claims.
    pub confidence: Option<f64>,
    /// What production should see of escalations.
    pub escalation: Option<Escalation>,
    /// Latency of the tier at the task.
    pub latency: Option<Latency>,
    /// Cost of a request: serving and expected escalation, waiting excluded.
    pub cost_per_request: Option<Usd>,
    /// Mean output tokens to expect.
    pub output_tokens: Option<f64>,
    /// Why, in one sentence with its figures.
    pub reason: String,
}

/// What production should see of escalations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The share of requests that the gate rejected in the measurement.
    pub baseline: f64,
    /// A share above this within a window is an alarm.
    pub alert_above: f64,
    /// Requests in the window.
    pub window: u32,
}

/// What the routes will cost on the expected traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Requests a day in all, over the tasks with stated traffic.
    pub requests_per_day: f64,
    /// Tasks that are left out because their traffic is not stated, or because a cost is unknown.
    pub left_out: Vec<TaskName>,
    /// A line a task.
    pub tasks: Vec<TaskProjection>,
    /// All tasks on their routes; `None` when no task can be projected.
    pub total: Option<Horizon>,
    /// The same as if nothing came from a cache.
    pub total_uncached: Option<Horizon>,
    /// All tasks on a single tier, a line a tier, in the order of the ladder.
    pub baselines: Vec<Baseline>,
    /// The cheapest single tier that is good enough for every task, if one is.
    pub best_single: Option<TierName>,
}

/// Money over time, each with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Horizon {
    /// A day.
    pub day: Money,
    /// A month: 365/12 days.
    pub month: Money,
    /// A year: 365 days.
    pub year: Money,
}

/// What a task will cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskProjection {
    /// The task.
    pub task: TaskName,
    /// The tier that serves.
    pub tier: TierName,
    /// Expected traffic.
    pub requests_per_day: f64,
    /// Its cost on its route.
    pub routed: Horizon,
    /// The same as if nothing came from a cache.
    pub routed_uncached: Horizon,
    /// Its monthly cost on each tier, in the order of the ladder; `None` where unknown.
    pub month_by_tier: Vec<Option<Money>>,
}

/// All tasks on a single tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The tier.
    pub tier: TierName,
    /// What it would cost; `None` where a cost is unknown.
    pub cost: Option<Horizon>,
    /// Traffic-weighted pass rate, where known.
    pub pass_rate: Option<Rate>,
    /// The share of this baseline's cost that the routes save (negative: they cost more), with its interval.
    pub saving: Option<Interval>,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The estimate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
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
}
