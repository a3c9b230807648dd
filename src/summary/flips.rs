//! How far prices, lengths of answers and traffic can move before something flips, as files carry it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{TaskName, TierName};

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The price of a tier's model, input and output alike.
    Price(TierName),
    /// The length of every answer.
    OutputLength,
}

/// A move that flips a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFlip {
    /// The task.
    pub task: TaskName,
    /// What moves.
    pub change: Change,
    /// By which factor: above 1 it grows.
    pub factor: f64,
    /// The tier that serves.
    pub from: TierName,
    /// The tier that then would.
    pub to: TierName,
}

/// What a move of the traffic turns over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flipped {
    /// The single tier with the best pass rate.
    BestSingleTier,
    /// The strategy that wins: as good as the best single tier, and cheapest.
    Winner,
    /// Whether the routes cost less than everything on this tier.
    Bill(TierName),
}

/// A move of a task's traffic that turns something over; that of the other tasks stays what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficFlip {
    /// The task.
    pub task: TaskName,
    /// By which factor its traffic moves: above 1 it grows.
    pub factor: f64,
    /// Its share of all requests as it is.
    pub traffic_share: f64,
    /// And then.
    pub traffic_share_at_flip: f64,
    /// What turns over.
    pub what: Flipped,
    /// The id of the strategy that was ahead; `None`: no router beat the best single tier.
    pub from: Option<String>,
    /// The id of the one that then is.
    pub to: Option<String>,
}

/// The nearest of all flips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstFlip {
    /// A price or the length of answers flips a route.
    Route(RouteFlip),
    /// A task's traffic turns the comparison over.
    Traffic(TrafficFlip),
}
