//! What routes will cost, as files carry it. No arithmetic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{TaskName, TierName};
use crate::measure::{Money, Rate};

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
