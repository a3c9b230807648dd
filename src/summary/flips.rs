//! How far prices, answer lengths and traffic can change before something flips, as files carry it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{TaskName, TierName};

/// What changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The price of a tier's model, input and output alike.
    Price(TierName),
    /// The length of every answer.
    OutputLength,
}

/// A change that flips a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFlip {
    /// The task.
    pub task: TaskName,
    /// What changes.
    pub change: Change,
    /// The factor of the change: above 1 it grows.
    pub factor: f64,
    /// The tier that serves now.
    pub from: TierName,
    /// The tier that would serve after the flip.
    pub to: TierName,
}

/// What a change of the traffic flips.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flipped {
    /// The single tier with the best pass rate.
    BestSingleTier,
    /// The best strategy: it passes as often as the best single tier and is the cheapest.
    Winner,
    /// Whether the routes cost less than all traffic on this tier.
    Bill(TierName),
}

/// A change of one task's traffic that flips something; the traffic of the other tasks is held constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficFlip {
    /// The task.
    pub task: TaskName,
    /// The factor by which its traffic changes: above 1 it grows.
    pub factor: f64,
    /// Its share of all requests now.
    pub traffic_share: f64,
    /// Its share of all requests at the flip.
    pub traffic_share_at_flip: f64,
    /// What flips.
    pub what: Flipped,
    /// The id of the strategy that is ahead now; `None` where none beats the best single tier.
    pub from: Option<String>,
    /// The id of the strategy that is ahead after the flip.
    pub to: Option<String>,
}

/// The nearest of all flips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstFlip {
    /// A price or the length of answers flips a route.
    Route(RouteFlip),
    /// A task's traffic flips the comparison.
    Traffic(TrafficFlip),
}
