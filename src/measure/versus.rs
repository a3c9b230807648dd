//! Two tiers at one task, prompt by prompt: what non-inferiority is decided by.

use std::collections::BTreeMap;

use super::cell::Cell;
use super::evidence::Versus;
use crate::stats::paired::{self, Difference, Pair};

/// The tier at `own` compared with each other tier of a task.
pub(super) fn of(own: usize, cells: &[Cell<'_>]) -> Vec<Versus> {
    let Some(cell) = cells.get(own) else { return Vec::new() };
    let others = cells.iter().enumerate().filter(|(at, _)| *at != own);
    others
        .map(|(other, rival)| Versus {
            other,
            unknown: rival.counts().unknown(),
            seen: difference(cell, None, rival, None),
            worst: difference(cell, Some(0.0), rival, Some(1.0)),
            best: difference(cell, Some(1.0), rival, Some(0.0)),
        })
        .collect()
}

/// The paired difference of two cells, each with what its trials without a grade count as.
fn difference(
    cell: &Cell<'_>,
    unknown: Option<f64>,
    rival: &Cell<'_>,
    unknown_there: Option<f64>,
) -> Option<Difference> {
    let there = rival.scores(unknown_there);
    // By cluster: weight, and the weighted sums of both scores.
    let mut clusters: BTreeMap<u32, (f64, f64, f64)> = BTreeMap::new();
    for score in cell.scores(unknown) {
        let at = there.binary_search_by_key(&score.prompt, |score| score.prompt).ok();
        let Some(other) = at.and_then(|at| there.get(at)).filter(|_| score.weight > 0.0) else { continue };
        let sums = clusters.entry(score.unit).or_default();
        sums.0 += score.weight;
        sums.1 += score.weight * score.mean;
        sums.2 += score.weight * other.mean;
    }
    let pair = |(weight, first, second): &(f64, f64, f64)| Pair {
        weight: *weight,
        first: first / weight,
        second: second / weight,
    };
    let pairs: Vec<Pair> = clusters.values().map(pair).collect();
    paired::difference(&pairs)
}
