//! A task, the evidence about each tier at it, and its route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::Calibration;
use super::method::Versus;
use crate::config::{Consequence, DataNeed};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::measure::{Counts, Latency, Money, Rate, ReasonCount, Repeats, TokenStats};
use crate::policy::{Band, EffectiveCost, Infeasible, Route};
use crate::units::{Millis, Usd};

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
    pub latency_p95_limit: Option<Millis>,
    /// Where its data may go.
    pub data_location: DataNeed,
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
    pub confidence_required: f64,
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
    pub uncalibrated_pass_rate: Option<Rate>,
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
    pub gate_rejection_rate: Option<Rate>,
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
    pub stopped_early: Option<StoppedEarly>,
}

/// When a cell was settled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoppedEarly {
    /// Prompts, in the drawn order, after which the cell was settled. Answers that were on their way then count, too.
    pub prompts: u64,
    /// The chance of being wrong that was allowed for: the bounds of the pass rate are those of a confidence sequence.
    pub alpha: f64,
}
