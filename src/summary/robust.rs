//! How far prices, lengths of answers and traffic can move before something flips, as files carry it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::Decided;
use super::rounding;
use crate::ident::{TaskName, TierName};
use crate::policy::strategies::Comparison;
use crate::policy::strategies::traffic::{self, TrafficTurn, Turned};
use crate::policy::{Flip, Lever};

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovedBy {
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
    pub lever: MovedBy,
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
pub enum TurnedOver {
    /// The single tier with the best pass rate.
    BestSingle,
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
    pub share: f64,
    /// And then.
    pub share_then: f64,
    /// What turns over.
    pub what: TurnedOver,
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

/// The flips of all routes, nearest first.
pub(super) fn flips(decided: &[Decided<'_>], names: &[TierName]) -> Vec<RouteFlip> {
    let name = |at: usize| names.get(at).cloned();
    let mut flips: Vec<RouteFlip> = Vec::new();
    for task in decided {
        for Flip { lever, factor, to } in task.flips.iter().copied() {
            let lever = match lever {
                Lever::Price(tier) => name(tier).map(MovedBy::Price),
                Lever::OutputLength => Some(MovedBy::OutputLength),
            };
            if let (Some(lever), Some(from), Some(to)) = (lever, name(task.tier), name(to)) {
                let task = task.measured.task.name.clone();
                flips.push(RouteFlip { task, lever, factor: rounding::share(factor), from, to });
            }
        }
    }
    flips.retain(|flip| flip.factor > 0.0);
    flips.sort_by(|a, b| distance(a.factor).total_cmp(&distance(b.factor)));
    flips
}

/// What the traffic turns over, nearest first.
pub(super) fn traffic(
    compared: &Comparison,
    decided: &[Decided<'_>],
    names: &[TierName],
) -> Vec<TrafficFlip> {
    let id = |at: usize| compared.figures.get(at).map(|one| one.id.clone());
    let tier = |at: usize| {
        let id = id(at)?;
        names.iter().find(|name| id.strip_prefix("single:") == Some(name.as_str())).cloned()
    };
    let named = |turn: &TrafficTurn| {
        Some(TrafficFlip {
            task: decided.get(turn.task)?.measured.task.name.clone(),
            factor: rounding::share(turn.factor),
            share: rounding::share(turn.share),
            share_then: rounding::share(turn.share_then),
            what: match turn.what {
                Turned::BestSingle => TurnedOver::BestSingle,
                Turned::Winner => TurnedOver::Winner,
                Turned::Bill(single) => TurnedOver::Bill(tier(single)?),
            },
            from: turn.from.and_then(id),
            to: turn.to.and_then(id),
        })
    };
    traffic::turns(compared).iter().filter_map(named).filter(|flip| flip.factor > 0.0).collect()
}

/// The nearest of all.
pub(super) fn first(flips: &[RouteFlip], traffic: &[TrafficFlip]) -> Option<FirstFlip> {
    match (flips.first(), traffic.first()) {
        (Some(route), Some(traffic)) if distance(traffic.factor) < distance(route.factor) => {
            Some(FirstFlip::Traffic(traffic.clone()))
        }
        (Some(route), _) => Some(FirstFlip::Route(route.clone())),
        (None, traffic) => traffic.cloned().map(FirstFlip::Traffic),
    }
}

/// How far a factor is from none: doubling is as far as halving.
fn distance(factor: f64) -> f64 {
    factor.ln().abs()
}
