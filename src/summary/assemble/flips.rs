//! The flips of the routes and of the comparison, named and sorted by how near they are.

use super::decided::Decided;
use crate::ident::TierName;
use crate::policy::strategies::Comparison;
use crate::policy::strategies::traffic::{self, TrafficChange};
use crate::policy::{self, Flip};
use crate::summary::flips::{Change, FirstFlip, Flipped, RouteFlip, TrafficFlip};
use crate::summary::rounding;

/// The flips of all routes, nearest first.
pub(super) fn routes(decided: &[Decided<'_>], names: &[TierName]) -> Vec<RouteFlip> {
    let name = |at: usize| names.get(at).cloned();
    let mut flips: Vec<RouteFlip> = Vec::new();
    for task in decided {
        for Flip { change, factor, to } in task.flips.iter().copied() {
            let change = match change {
                policy::Change::Price(tier) => name(tier).map(Change::Price),
                policy::Change::OutputLength => Some(Change::OutputLength),
            };
            if let (Some(change), Some(from), Some(to)) = (change, name(task.tier), name(to)) {
                let task = task.measured.task.name.clone();
                flips.push(RouteFlip { task, change, factor: rounding::share(factor), from, to });
            }
        }
    }
    flips.retain(|flip| flip.factor > 0.0);
    flips.sort_by(|a, b| distance(a.factor).total_cmp(&distance(b.factor)));
    flips
}

/// What changes of the traffic flip, nearest first.
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
    let named = |change: &TrafficChange| {
        Some(TrafficFlip {
            task: decided.get(change.task)?.measured.task.name.clone(),
            factor: rounding::share(change.factor),
            traffic_share: rounding::share(change.traffic_share),
            traffic_share_at_flip: rounding::share(change.traffic_share_at_flip),
            what: match change.what {
                traffic::Flipped::BestSingle => Flipped::BestSingleTier,
                traffic::Flipped::Winner => Flipped::Winner,
                traffic::Flipped::Bill(single) => Flipped::Bill(tier(single)?),
            },
            from: change.from.and_then(id),
            to: change.to.and_then(id),
        })
    };
    traffic::changes(compared).iter().filter_map(named).filter(|flip| flip.factor > 0.0).collect()
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
