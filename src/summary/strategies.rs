//! The comparison of routing strategies as files carry it, with the audit of the gates and of the tiers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::counted::CountedShare;
use super::flips::{FirstFlip, RouteFlip, TrafficFlip};
use super::queries::{ClassifierAccuracy, QueriedModel};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::measure::Money;
use crate::project::Interval;
use crate::units::{Millis, Usd};

pub use crate::policy::strategies::text::Texts;

/// Routing strategies, replayed on the measured answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strategies {
    /// Different prompts that are compared: those that every rung answered, with a grade and a price.
    pub prompts: u64,
    /// Prompts that are not.
    pub left_out: u64,
    /// Parts that the prompts were dealt into: what is fitted is judged on the part that it has not seen.
    pub folds: u32,
    /// Draws of the bootstrap.
    pub resamples: u32,
    /// The single tier with the best quality: what the others are compared with.
    pub best_single_tier: TierName,
    /// The cheapest tier.
    pub cheapest: TierName,
    /// What AIQ is taken over: USD per 1,000 requests of the cheapest and of the dearest tier.
    pub aiq_from: Usd,
    /// See `aiq_from`.
    pub aiq_to: Usd,
    /// What could be deployed, passes as often as the best single tier, and saves the most, the saving being beyond noise;
    /// `None`: no router beats it here. Whether its quality is beyond noise, too, its `quality_gap` says.
    pub winner: Option<String>,
    /// What the perfect oracle is better by than the best single tier: all that any router could win.
    pub headroom: f64,
    /// The strategies.
    pub table: Vec<StrategyLine>,
    /// The gates of the oracles.
    pub gates: Vec<GateAudit>,
    /// What each two tiers have that the other has not.
    pub pairs: Vec<TierPair>,
    /// How far prices and output lengths can move before a route flips, nearest first.
    pub route_flips: Vec<RouteFlip>,
    /// How far the traffic of a task can move, that of the others staying what it is, before the best single tier, the winner, or
    /// what the routes save turns over; nearest first. It flips no route: each task is decided by itself.
    #[serde(default)]
    pub traffic_flips: Vec<TrafficFlip>,
    /// The models that were asked about the prompts, for the strategies that want it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueriedModel>,
    /// How right the classifier's words were, where one was really asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierAccuracy>,
    /// The change that has to move least before anything flips.
    #[serde(default)]
    pub first_flip: Option<FirstFlip>,
}

/// What a strategy is in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// One tier for everything: no router.
    Single,
    /// The routes of this run, decided on the same answers.
    Routes,
    /// It could be deployed; judged on prompts that it was not fitted on.
    Deployable,
    /// Somebody else's router, measured like a tier.
    Outside,
    /// A bound: it knows what nothing in production knows.
    Bound,
}

/// A strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyLine {
    /// A short stable name.
    pub id: String,
    /// What it is, for people.
    pub label: String,
    /// What it is in the comparison.
    pub kind: StrategyKind,
    /// Requests that it was replayed on.
    pub n: u64,
    /// Pass rate with its bootstrap interval.
    pub pass_rate: Interval,
    /// USD per 1,000 requests.
    pub cost_per_1000: Money,
    /// USD a month at the stated traffic; `None` unless every task states its traffic.
    pub month: Option<Money>,
    /// Median latency.
    pub latency_p50: Option<Millis>,
    /// 95th percentile of the latency.
    pub latency_p95: Option<Millis>,
    /// The share of requests that more than one tier was tried for.
    pub escalation_rate: f64,
    /// The share of requests that each tier's answer stands for: the ladder, then what was measured beside it.
    pub answered_by: Vec<f64>,
    /// Pass rate above that of the best single tier, prompt by prompt.
    pub quality_gap: Interval,
    /// The share of the best single tier's cost that it saves.
    pub savings: Option<Interval>,
    /// Pass rate above that of a random mix of single tiers that costs as much.
    pub gain_over_random: Option<Interval>,
    /// CostSave: the largest cut in cost that it reaches at the best single tier's pass rate; `None` where it reaches none.
    pub cost_save: Option<f64>,
    /// QNC: the least share of the best single tier's cost that buys its pass rate.
    pub qnc: Option<f64>,
    /// AIQ, mixing with single tiers allowed.
    pub aiq: Option<f64>,
    /// PGR: the share of the gap between the cheapest and the best tier that it recovers.
    pub pgr: Option<f64>,
    /// APGR, over the share of calls to the best tier, by trapezoids.
    pub apgr: Option<f64>,
    /// CPT(50 %): the least share of calls to the best tier that recovers half of the gap.
    pub cpt50: Option<f64>,
    /// CPT(80 %).
    pub cpt80: Option<f64>,
    /// Opt.Sel: the share sent to the cheapest tier that passes, of the requests that some tier passes.
    pub opt_sel: Option<f64>,
    /// Opt.Cost: what those tiers cost, as a share of what it cost.
    pub opt_cost: Option<f64>,
    /// Opt.Acc: the share of those requests that it answered well.
    pub opt_acc: Option<f64>,
    /// IBC lift over the best tier.
    pub ibc_lift: Option<f64>,
    /// USD for a good answer.
    pub cost_of_pass: Option<Usd>,
    /// USD per 1,000 requests, wrong answers at `policy.failure_cost` included.
    pub expected_bill_per_1000: Option<Usd>,
    /// The share of bootstrap draws in which nothing deployable beats it.
    pub frontier_share: Option<f64>,
    /// The same strategy fitted on the prompts that it is judged on: flattering, for comparison with figures of others that
    /// were made so.
    pub in_sample: Option<InSample>,
}

/// Figures of a strategy that was fitted on the prompts that it is judged on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InSample {
    /// Pass rate.
    pub pass_rate: f64,
    /// USD per 1,000 requests.
    pub cost_per_1000: Usd,
    /// The share of the best single tier's cost that it saves.
    pub savings: Option<f64>,
    /// AIQ.
    pub aiq: Option<f64>,
}

/// What a gate did with the answers of a tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateTier {
    /// The tier.
    pub tier: TierName,
    /// Wrong answers that it let through, of all wrong ones.
    pub false_accepts: CountedShare,
    /// Good answers that it turned away, of all good ones.
    pub false_rejects: CountedShare,
    /// Whether it turned away more than 95 % of the good answers: it sends everything up for nothing.
    pub rejects_nearly_all_good: bool,
}

/// What the gate of a task's oracle did, and what a cascade through the whole ladder costs with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateAudit {
    /// The task.
    pub task: TaskName,
    /// Its oracle.
    pub oracle: OracleRef,
    /// Tier by tier.
    pub tiers: Vec<GateTier>,
    /// USD per 1,000 requests of the task in a cascade through the whole ladder.
    pub cascade_per_1000: Option<Usd>,
    /// Its pass rate.
    pub cascade_pass_rate: Option<f64>,
    /// USD per 1,000 requests of the last tier alone.
    pub last_tier_per_1000: Option<Usd>,
    /// Its pass rate.
    pub last_tier_pass_rate: Option<f64>,
}

/// What two tiers have that the other has not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPair {
    /// The lower tier on the ladder.
    pub lower: TierName,
    /// The upper one.
    pub upper: TierName,
    /// Requests that both answered well.
    pub both: u64,
    /// Those that only the lower one did.
    pub only_lower: u64,
    /// Those that only the upper one did.
    pub only_upper: u64,
    /// Those that neither did.
    pub neither: u64,
    /// The upper tier's pass rate above that of the lower one, prompt by prompt.
    #[serde(default)]
    pub gap: Option<f64>,
    /// Its standard error, paired: the repeats of a prompt are one.
    #[serde(default)]
    pub gap_se: Option<f64>,
    /// The largest symmetric error of a gate at which a cascade of the two keeps the upper tier's pass rate.
    pub tolerable_gate_error: Option<f64>,
}
