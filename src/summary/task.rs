//! A task, the evidence about each tier at it, and its route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::{Calibration, TurningPoint};
use super::method::Versus;
use crate::config::{Consequence, DataNeed, LengthBand, Range};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::measure::{Availability, Counts, Latency, Money, Rate, ReasonCount, Repeats, TokenStats};
use crate::policy::{Band, EffectiveCost, Infeasible, Route, Unproven};
use crate::units::{Millis, Usd};

/// A task, its evidence and its route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSummary {
    /// Its name.
    pub name: TaskName,
    /// The band of length of a task that this line stands for; absent for a task that is decided as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<LengthBand>,
    /// What it does.
    pub description: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The oracle of the task (a prompt may name another).
    pub oracle: OracleRef,
    /// How much damage a wrong answer does.
    pub consequence: Consequence,
    /// The p95 latency limit.
    pub latency_p95_limit: Option<Millis>,
    /// The limit of the p95 time to first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_p95_limit: Option<Millis>,
    /// Where its data may go.
    pub data_location: DataNeed,
    /// Expected traffic, where stated; the likely one of a range.
    pub requests_per_day: Option<f64>,
    /// How low and how high the traffic can get; absent for a plain number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_range: Option<Range>,
    /// Output tokens that an answer is expected to have, on average, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output_tokens: Option<f64>,
    /// Prompts in the corpus.
    pub prompts: u64,
    /// Prompts that differ: near-duplicates, and prompts with the same `cluster`, count once. The sample size of every decision.
    pub distinct_prompts: u64,
    /// Prompts with the tag `adversarial`.
    pub adversarial: u64,
    /// The route floor: the pass rate to serve without monitoring.
    pub route_floor: f64,
    /// The monitor floor: the pass rate to serve with monitoring.
    pub monitor_floor: f64,
    /// Under non-inferiority: the margin to serve without monitoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Under non-inferiority: the margin to serve with monitoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor_margin: Option<f64>,
    /// The posterior probability that a decision requires.
    pub confidence_required: f64,
    /// The evidence, one cell per tier, in the order of the ladder.
    pub cells: Vec<Cell>,
    /// What human labels say of its oracle; absent where no model judges and nobody has labelled anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Calibration>,
    /// How many verdicts of the oracle may be wrong before the decision turns; absent where no number would, where floors do not
    /// decide, and where the cell was stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turning_point: Option<TurningPoint>,
    /// The decision.
    pub route: Route,
    /// The requests by which tiers accept them, most frequent first: what escalations cost and bring, request by request.
    pub profiles: Vec<RequestProfile>,
}

impl TaskSummary {
    /// The configured task that this line is of: of a band, the task that it is a part of.
    #[must_use]
    pub fn of(&self) -> &TaskName {
        self.band.as_ref().map_or(&self.name, |band| &band.of)
    }
}

/// Requests that the same tiers accept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestProfile {
    /// Their share of the task's requests.
    pub share: f64,
    /// What each tier does with them, in the order of the ladder; `None` where it is not known.
    pub tiers: Vec<Option<ProfileTier>>,
}

/// What a tier does with the requests of a profile, on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileTier {
    /// Whether production accepts its answers.
    pub accepted: bool,
    /// Cost per request.
    pub cost: Usd,
    /// Pass rate; `None` where nothing was graded.
    pub pass_rate: Option<f64>,
}

/// The evidence about one tier at one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The tier.
    pub tier: TierName,
    /// Counts of trials by result.
    pub counts: Counts,
    /// Graded prompts that differ: near-duplicates, and prompts with the same `cluster`, count once.
    pub distinct_prompts: u64,
    /// Weighted pass rate with its confidence interval on the effective sample size; `None` without a graded trial.
    pub pass_rate: Option<Rate>,
    /// The oracle's own pass rate, where `pass_rate` is corrected by human labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncalibrated_pass_rate: Option<Rate>,
    /// Posterior probability that the true rate meets the route floor.
    pub p_route: Option<f64>,
    /// Posterior probability that the true rate meets the monitor floor.
    pub p_monitor: Option<f64>,
    /// Under non-inferiority: the comparison that the decision depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<Versus>,
    /// What repeats of the same prompts show; absent without repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// What the evidence says about the tier's quality.
    pub band: Band,
    /// How many more distinct prompts would decide an undecided cell, were they to pass at the rate seen so far; `None` when it is decided, or when
    /// even 100,000 would not decide it.
    pub more_prompts: Option<u64>,
    /// The chance that so many do decide it, by what is known of the rate so far; absent under non-inferiority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_chance: Option<f64>,
    /// Fails by reason, most frequent first.
    pub fail_reasons: Vec<ReasonCount>,
    /// The share of requests that production would see rejected: by the gate, or truncated or refused.
    pub gate_rejection_rate: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// The share of attempts that the tier answered, throttling aside; absent where no call shows it, as for a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
    /// Tokens per request.
    pub tokens: Option<TokenStats>,
    /// Attempts beyond the first, per trial.
    pub retry_rate: f64,
    /// Weighted mean cost per request as its tokens were billed, retried attempts included.
    pub cost: Option<Money>,
    /// The same as if nothing had come from a cache.
    pub cost_uncached: Option<Usd>,
    /// The effective cost, by which tiers are compared.
    pub effective_cost: Option<EffectiveCost>,
    /// Why the tier is not feasible for the task, whatever its quality; empty when it is feasible.
    pub infeasible: Vec<Infeasible>,
    /// Needs of the task that the evidence neither proves nor disproves; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<Unproven>,
    /// When early stopping decided or spared it; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_early: Option<StoppedEarly>,
}

impl Cell {
    /// Whether it was not measured to its last prompt because a cheaper tier is proven.
    #[must_use]
    pub fn is_spared(&self) -> bool {
        self.stopped_early.as_ref().is_some_and(|early| early.spared_by.is_some())
    }
}

/// When early stopping decided or spared a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoppedEarly {
    /// Prompts, in the drawn order, after which the cell was decided or spared. Answers already under way at that moment count, too.
    pub prompts: u64,
    /// The chance of a wrong claim that is allowed for; each bound of the pass rate holds at every look at once with
    /// 1 - `alpha`.
    pub alpha: f64,
    /// The cheaper tier that is proven, for whose sake this cell was not measured any further. Its band is undecided then, and
    /// no decision waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spared_by: Option<TierName>,
}
