//! Models outside the ladder: same-class fallbacks and routers, measured for comparison. No route leads to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::task::Cell;
use super::tier::PriceLine;
use crate::ident::{ModelRef, TaskName, TierName};
use crate::measure::{Latency, Rate};
use crate::units::{Tokens, Usd};

/// A model that was measured outside the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutsideModel {
    /// The name of its rows in `results.csv`.
    pub name: TierName,
    /// The model.
    pub model: ModelRef,
    /// What it was measured for.
    pub role: Role,
    /// The context window, where known.
    pub context_window: Option<Tokens>,
    /// USD per million tokens.
    pub price: PriceLine,
    /// Pass rate over all tasks, weighted as those of the tiers are.
    pub pass_rate: Option<Rate>,
    /// Latency over all tasks.
    pub latency: Option<Latency>,
    /// Mean cost per request over all tasks.
    pub cost_per_request: Option<Usd>,
    /// For a router: which models served its replies, most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<ServedModel>,
    /// The evidence, one cell per task, in the order of the tasks.
    pub cells: Vec<OutsideCell>,
}

/// How often a router chose a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedModel {
    /// The model, as the provider names it; `unknown` where it does not say.
    pub model: String,
    /// Replies.
    pub replies: u64,
    /// Their share.
    pub share: f64,
}

/// How many replies each model served, by the index of the tier that is a router.
pub type Tally = BTreeMap<usize, BTreeMap<String, u64>>;

/// The evidence about such a model at one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutsideCell {
    /// The task.
    pub task: TaskName,
    /// The evidence, assessed as if the model were a ladder of its own.
    pub cell: Cell,
}

/// What a model outside the ladder was measured for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To stand in for the model of this tier.
    Fallback(TierName),
    /// A router, measured for comparison.
    Router,
}
