//! Tiers over all tasks: which are dominated, and which one is good enough for everything.

use super::assessment::Assessment;
use super::types::Band;
use crate::config::DataLocation;

/// How a tier stands over all tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Pass rate, where known.
    pub pass_rate: Option<f64>,
    /// Mean cost per request in USD, where known.
    pub cost: Option<f64>,
    /// Where its provider runs.
    pub location: DataLocation,
}

/// For each tier, another one that is cheaper and no worse, if there is one: the cheapest of those. A tier that keeps
/// data local is never dominated by one that does not. `shown` says whether a tier, the first, is shown to pass no more often than
/// another, the second: eight prompts that both pass show nothing.
#[must_use]
pub fn dominated(tiers: &[Standing], shown: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    let beats = |other: &Standing, tier: &Standing| {
        let may = match (tier.location, other.location) {
            (DataLocation::Local, DataLocation::External) => false,
            (DataLocation::Local | DataLocation::External, DataLocation::Local)
            | (DataLocation::External, DataLocation::External) => true,
        };
        match (other.pass_rate, tier.pass_rate, other.cost, tier.cost) {
            (Some(better), Some(rate), Some(cheaper), Some(cost)) => may && cheaper < cost && better >= rate,
            _ => false,
        }
    };
    let cost = |at: usize| tiers.get(at).and_then(|tier| tier.cost).unwrap_or(f64::INFINITY);
    tiers
        .iter()
        .enumerate()
        .map(|(at, tier)| {
            let better = tiers.iter().enumerate().filter(|(_, other)| beats(other, tier));
            better
                .map(|(other, _)| other)
                .filter(|other| shown(at, *other))
                .min_by(|&a, &b| cost(a).total_cmp(&cost(b)))
        })
        .collect()
}

/// The tier for a task that was not measured: the highest on the ladder that is not dominated. It is the safest guess
/// about quality.
#[must_use]
pub fn default_tier(dominated: &[Option<usize>]) -> usize {
    dominated.iter().rposition(Option::is_none).unwrap_or(dominated.len().saturating_sub(1))
}

/// The cheapest tier that is feasible and good enough alone at every task: shown to meet the route floor, or the monitor floor where the
/// policy lets that serve (`may_monitor`, one entry per task). Ties go down the ladder. `costs` are those over all tasks; without one for
/// every candidate, the order of the ladder decides.
#[must_use]
pub fn cheapest_sufficient_tier(
    assessments: &[Vec<Assessment>],
    may_monitor: &[bool],
    costs: &[Option<f64>],
) -> Option<usize> {
    let good = |cell: &Assessment, may_monitor: bool| {
        let band = match cell.band {
            Band::Route => true,
            Band::Monitor => may_monitor,
            Band::Below | Band::Undecided => false,
        };
        band && cell.infeasible.is_empty() && cell.unproven.is_empty() && !cell.unavailable
    };
    let everywhere = |tier: usize| {
        !assessments.is_empty()
            && assessments.iter().enumerate().all(|(task, row)| {
                let may = may_monitor.get(task).copied().unwrap_or(true);
                row.get(tier).is_some_and(|cell| good(cell, may))
            })
    };
    let candidates: Vec<usize> = (0..costs.len()).filter(|&tier| everywhere(tier)).collect();
    let cost = |tier: usize| costs.get(tier).copied().flatten();
    if candidates.iter().any(|&tier| cost(tier).is_none()) {
        return candidates.first().copied();
    }
    let known = |tier: usize| cost(tier).unwrap_or(f64::INFINITY);
    candidates.iter().copied().min_by(|&a, &b| known(a).total_cmp(&known(b)))
}
