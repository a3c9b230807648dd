//! What routes will cost, as files carry it. No arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{TaskName, TierName};
use crate::measure::{Money, Rate};
use crate::units::Usd;

/// What the routes will cost on the expected traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Requests per day in total, over the tasks that are projected.
    pub requests_per_day: f64,
    /// Tasks that are left out because their traffic is not stated, or because a cost is unknown.
    pub left_out: Vec<TaskName>,
    /// One line per task.
    pub tasks: Vec<TaskProjection>,
    /// All tasks on their routes; `None` when no task can be projected.
    pub total: Option<Horizon>,
    /// The same as if nothing came from a cache.
    pub total_uncached: Option<Horizon>,
    /// The baselines: all traffic on one tier, one line per tier, in the order of the ladder.
    pub baselines: Vec<Baseline>,
    /// The cheapest tier that is good enough for every task, if there is one.
    pub cheapest_sufficient_tier: Option<TierName>,
    /// What serves today, where `[baseline]` says so: what savings are told against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<Today>,
    /// What the intervals contain: each source with its part; absent in files of older versions, whose intervals contain the prompts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceShare>>,
    /// The growth of the traffic, where stated; the year contains it, day and month are those of today's traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// The bill at the ends of what is stated as a range; absent without ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<Vec<Scenario>>,
    /// What tasks are weighted by in figures over several tasks; absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted_by: Option<Weighting>,
}

/// What tasks are weighted by in figures over several tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// By their traffic; tasks without a stated traffic are left out.
    Traffic,
    /// By the weights of their prompts, because no task states its traffic.
    Corpus,
}

/// Why a bill may come out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The prompts are a sample.
    Prompts,
    /// The traffic is a range.
    Traffic,
    /// Answers may be longer or shorter than the measured ones.
    OutputLength,
    /// Prices may move.
    Price,
    /// A route may be wrong, so that the next tier serves.
    Routes,
    /// Caches may save less than in the run.
    Cache,
}

/// A source of uncertainty, and its part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceShare {
    /// The source.
    pub source: Source,
    /// Its part of the variance: the variance when only it varies, over the sum of those of all sources.
    pub share: f64,
    /// The monthly cost of the routes with its interval when only it varies.
    pub month: Money,
}

/// The growth of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// The share by which traffic grows each month; compounds.
    pub per_month: f64,
    /// Requests per day in the twelfth month.
    pub requests_per_day: f64,
    /// The cost of the twelfth month on the routes.
    pub month: Money,
}

/// The bill at the ends of a range, everything else as expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What moves.
    pub source: Source,
    /// The low end: requests per day for traffic, else a factor.
    pub low: f64,
    /// The high end.
    pub high: f64,
    /// The monthly cost of the routes at the low end.
    pub month_at_low: Usd,
    /// The monthly cost of the routes at the high end.
    pub month_at_high: Usd,
}

/// What serves today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Today {
    /// The tier of each projected task, in the order of the tasks.
    pub tiers: Vec<TaskTier>,
    /// What it costs; `None` where a cost is unknown.
    pub cost: Option<Horizon>,
    /// Traffic-weighted pass rate, where known.
    pub pass_rate: Option<Rate>,
    /// Savings of the routes as a share of its cost, with their interval; negative where the routes cost more.
    pub savings: Option<Interval>,
}

/// The tier of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskTier {
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
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

/// A baseline: all traffic on one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The tier.
    pub tier: TierName,
    /// What it would cost; `None` where a cost is unknown.
    pub cost: Option<Horizon>,
    /// Traffic-weighted pass rate, where known.
    pub pass_rate: Option<Rate>,
    /// Savings of the routes as a share of this baseline's cost, with their interval; negative where the routes cost more.
    pub savings: Option<Interval>,
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
