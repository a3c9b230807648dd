//! The flips of the routes and of the comparison, named and sorted by how near they are.

use super::decided::Decided;
use crate::ident::TierName;
use crate::policy::strategies::Comparison;
use crate::policy::strategies::traffic::{self, TrafficTurn, Turned};
use crate::policy::{Flip, Lever};
use crate::summary::robust::{FirstFlip, MovedBy, RouteFlip, TrafficFlip, TurnedOver};
use crate::summary::rounding;

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
