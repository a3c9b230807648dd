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
    /// Prompts that are compared: those that every tier answered, with a grade and a price.
    pub prompts: u64,
    /// Prompts that are left out.
    pub left_out: u64,
    /// Parts for cross-fitting: what is fitted is judged on the part that it has not seen.
    pub folds: u32,
    /// Draws of the bootstrap.
    pub resamples: u32,
    /// The single tier with the highest pass rate: what the strategies are compared with.
    pub best_single_tier: TierName,
    /// The cheapest tier.
    pub cheapest: TierName,
    /// The range of AIQ: USD per 1,000 requests of the cheapest and of the costliest tier.
    pub aiq_from: Usd,
    /// See `aiq_from`.
    pub aiq_to: Usd,
    /// The strategy that competes and saves the most, of those that are shown to pass no less often than the best single tier by more
    /// than `policy.margin` (lower bound of `quality_gap`) and to save (lower bound of `savings`); `None` where there is none.
    pub winner: Option<String>,
    /// How much worse than the best single tier a winner may be: `policy.margin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// The pass rate of the routes as they are decided without the prompts that they are judged on: of `routed-cross-fitted`. What to
    /// expect of the routes. `None` where they were not decided so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_quality: Option<Interval>,
    /// The share of requests that another tier would serve, had the route been decided without them; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_elsewhere: Option<f64>,
    /// The pass rate of the perfect router minus that of the best single tier: the most that any router could gain.
    pub headroom: f64,
    /// The strategies.
    pub table: Vec<StrategyLine>,
    /// The gates of the oracles.
    pub gates: Vec<GateAudit>,
    /// For each two tiers, what one passes and the other does not.
    pub pairs: Vec<TierPair>,
    /// How far prices and output lengths can change before a route flips, nearest first.
    pub route_flips: Vec<RouteFlip>,
    /// How far the traffic of one task can change, the others held constant, before the best single tier, the winner, or which
    /// bill is lower flips; nearest first. Traffic flips no route, because each task is decided by itself.
    #[serde(default)]
    pub traffic_flips: Vec<TrafficFlip>,
    /// The models that strategies queried about the prompts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueriedModel>,
    /// How often the classifier was correct, where one was queried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierAccuracy>,
    /// The smallest change that flips anything.
    #[serde(default)]
    pub first_flip: Option<FirstFlip>,
}

/// What a strategy is in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// All traffic on one tier: a baseline.
    Single,
    /// The routes of this run, judged on the answers that they were decided on, which flatters them: they do not compete.
    Routes,
    /// The routes as they are decided without the prompts that they are judged on: these compete.
    RoutesCrossFitted,
    /// It can be deployed; judged on prompts that it was not fitted on.
    Deployable,
    /// An outside router, measured like a tier.
    Outside,
    /// An upper bound: it uses knowledge that production does not have.
    Bound,
}

/// A strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyLine {
    /// A short stable name.
    pub id: String,
    /// Its label in reports.
    pub label: String,
    /// What it is in the comparison.
    pub kind: StrategyKind,
    /// Requests that it was replayed on.
    pub n: u64,
    /// Pass rate: Wilson's interval at each task, on the clusters' effective number, and variance recovery over the tasks. That of a
    /// single tier is the one of `tiers`.
    pub pass_rate: Interval,
    /// USD per 1,000 requests; the interval is a bootstrap's.
    pub cost_per_1000: Money,
    /// USD per month at the stated traffic; `None` unless every task states its traffic.
    pub month: Option<Money>,
    /// Median latency.
    pub latency_p50: Option<Millis>,
    /// 95th percentile of the latency.
    pub latency_p95: Option<Millis>,
    /// The share of requests for which more than one tier was tried.
    pub escalation_rate: f64,
    /// The share of requests that each tier answered: the ladder, then what is outside it.
    pub answered_by: Vec<f64>,
    /// Pass rate minus that of the best single tier, compared prompt by prompt: Tango's interval at each task, and variance recovery
    /// over the tasks.
    pub quality_gap: Interval,
    /// For a single tier: the pass rate of the routes, decided on other prompts, minus its own, compared prompt by prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_gap: Option<Interval>,
    /// Savings as a share of the best single tier's cost, with a bootstrap interval; negative where it costs more.
    pub savings: Option<Interval>,
    /// Pass rate minus that of random routing between single tiers at the same cost, with an interval like that of
    /// `quality_gap`.
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
    /// Cost of a pass in USD.
    pub cost_of_pass: Option<Usd>,
    /// Expected bill: USD per 1,000 requests, wrong answers at `policy.failure_cost` included.
    pub expected_bill_per_1000: Option<Usd>,
    /// The share of bootstrap draws in which no deployable strategy is both better and cheaper.
    pub frontier_share: Option<f64>,
    /// For a task map: by how much it can be dearer than the cheapest map that keeps as much, as a share of that one's cost; 0 where
    /// it is the cheapest. `None` for other strategies, and where no bound is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_gap: Option<f64>,
    /// The same strategy fitted and judged on the same prompts: flattering, for comparison with figures published that way.
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
    /// Savings as a share of the best single tier's cost; negative where it costs more.
    pub savings: Option<f64>,
    /// AIQ.
    pub aiq: Option<f64>,
}

/// A gate's errors on the answers of one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateTier {
    /// The tier.
    pub tier: TierName,
    /// False accepts: wrong answers that it accepts, of all wrong answers.
    pub false_accepts: CountedShare,
    /// False rejects: good answers that it rejects, of all good answers.
    pub false_rejects: CountedShare,
    /// A dead gate: it rejects more than 95 % of the good answers, so nearly every request escalates.
    pub rejects_nearly_all_good: bool,
}

/// The gate audit of a task: the gate's errors, and what a cascade through the whole ladder costs with it.
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

/// What one tier passes and another does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPair {
    /// The lower tier on the ladder.
    pub lower: TierName,
    /// The upper one.
    pub upper: TierName,
    /// Requests that both pass.
    pub both: u64,
    /// Requests that only the lower tier passes.
    pub only_lower: u64,
    /// Requests that only the upper tier passes.
    pub only_upper: u64,
    /// Requests that neither passes.
    pub neither: u64,
    /// The upper tier's pass rate minus that of the lower tier, compared prompt by prompt.
    #[serde(default)]
    pub gap: Option<f64>,
    /// Its standard error, paired; the repeats of a prompt count as one.
    #[serde(default)]
    pub gap_se: Option<f64>,
    /// The largest symmetric error of a gate at which a cascade of the two keeps the upper tier's pass rate.
    pub tolerable_gate_error: Option<f64>,
}
