//! The result of a run, as a whole. A field is never renamed or given another meaning without a new [`VERSION`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::Method;
use super::notice::Notice;
use super::outside::{OutsideModel, Role};
use super::run::{Evidence, RunFacts};
use super::strategies::Strategies;
use super::task::{Cell, TaskSummary};
use super::tier::TierSummary;
use crate::config::is_default;
use crate::ident::{TaskName, TierName};
use crate::project::Projection;
use crate::units::Usd;

/// The version of the format of `summary.json`.
pub const VERSION: u32 = 3;

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
    /// How the routes were decided; what is as usual is left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: Method,
    /// What a reader must know before believing a figure.
    pub notices: Vec<Notice>,
    /// The ladder, cheapest first.
    pub tiers: Vec<TierSummary>,
    /// The tasks with their cells and routes, in the order of `route-prof.toml`.
    pub tasks: Vec<TaskSummary>,
    /// Models outside the ladder: same-class fallbacks and routers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside_ladder: Vec<OutsideModel>,
    /// Routing strategies on the same answers; `None` where there is nothing to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategies: Option<Strategies>,
    /// The routes that serve below the route floor; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitored: Option<Monitored>,
    /// The tier for a request of an unlisted task.
    pub default_tier: TierName,
    /// What the routes will cost.
    pub projection: Projection,
    /// What the measurement took.
    pub spend: Spend,
}

/// The routes that serve below the route floor, with monitoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitored {
    /// Their tasks.
    pub routes: Vec<TaskName>,
    /// Those where a dearer tier is shown to meet the route floor: with `policy.monitor_saves = "never"` it would serve.
    pub displacing: Vec<TaskName>,
    /// What that would cost more in a month; `None` where nothing is displaced, or a cost or the traffic is unknown.
    pub saves_per_month: Option<Usd>,
}

impl Summary {
    /// How many of the routes that claim a floor are expected to be below it, and how many claim one: the sum of 1 - P over them. P is
    /// calibrated and survives the choice among tiers, because each tier must clear its floor by itself. `None` where no route claims one.
    #[must_use]
    pub fn expected_wrong_routes(&self) -> Option<(f64, usize)> {
        let claims = self.tasks.iter().filter_map(|task| task.route.confidence);
        let (wrong, routes) = claims.fold((0.0, 0), |(wrong, n), p| (wrong + 1.0 - p, n + 1));
        (routes > 0).then_some((wrong, routes))
    }

    /// The measured fallbacks of the tier that serves a task, each with its evidence at that task.
    pub fn fallbacks_of<'a>(
        &'a self,
        task: &'a TaskSummary,
    ) -> impl Iterator<Item = (&'a OutsideModel, &'a Cell)> {
        let stands_in = move |outside: &&OutsideModel| match &outside.role {
            Role::Fallback(of) => *of == task.route.tier,
            Role::Router => false,
        };
        self.outside_ladder.iter().filter(stands_in).filter_map(|outside| {
            let found = outside.cells.iter().find(|cell| cell.task == task.name)?;
            Some((outside, &found.cell))
        })
    }
}

/// What the measurement took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Attempts, failed ones included.
    pub attempts: u64,
    /// Attempts beyond the first of their trial.
    pub retries: u64,
    /// What the answers cost at list prices; in a replay, what they would cost.
    pub list_price: Usd,
    /// What was billed in this run: zero in a replay.
    pub billed: Usd,
    /// Attempts that may have been billed, but whose cost is unknown.
    pub unpriced: u64,
    /// What judges took in addition; absent where no oracle asks a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSpend>,
}

/// What judges took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeSpend {
    /// Distinct questions that the oracles ask about the replies.
    pub questions: u64,
    /// Questions without an answer: the replies they are about are ungraded.
    pub missing: u64,
    /// Calls, failed ones included.
    pub attempts: u64,
    /// What the calls cost at list prices.
    pub list_price: Usd,
    /// What was billed in this run.
    pub billed: Usd,
    /// Calls that may have been billed, but whose cost is unknown.
    pub unpriced: u64,
}
