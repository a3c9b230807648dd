//! Two tiers at one task, prompt by prompt: what non-inferiority is decided by.

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
    let pairs: Vec<Pair> = cell
        .scores(unknown)
        .into_iter()
        .filter_map(|(prompt, weight, first)| {
            let at = there.binary_search_by_key(&prompt, |score| score.0).ok()?;
            Some(Pair { weight, first, second: there.get(at)?.2 })
        })
        .collect();
    paired::difference(&pairs)
}
