//! Many cells decided at once: Holm's step-down over all of them.

use super::assessment::{Assessment, EarlyStop, Odds, Strictness};
use crate::stats::multiple;

/// The correction for each cell with which the chance of calling any cell good enough by luck is what it would be for one
/// cell alone; one row per task, with one cell per tier. Each of the two claims (good enough; so with monitoring) is a family of
/// its own, over all cells with evidence. Tasks may require different confidences: an adjusted
/// chance of error may be compared with any level, so the guarantee holds at each level for the tasks that require at least
/// that much.
///
/// Cells that were `stopped` early had their own part of what may go wrong (alpha over the number of cells). They count as
/// claims that were not made, so that what the others may spend and what these have spent is no more than the whole.
#[must_use]
pub fn holm(tasks: &[Vec<Assessment>], stopped: &[Vec<Option<EarlyStop>>]) -> Vec<Vec<Strictness>> {
    let is_stopped = |task: usize, tier: usize| {
        stopped.get(task).and_then(|tiers| tiers.get(tier)).is_some_and(Option::is_some)
    };
    let cells = || {
        let rows = tasks.iter().enumerate();
        rows.flat_map(|(task, row)| row.iter().enumerate().map(move |(tier, cell)| (task, tier, cell)))
    };
    let factors = |claim: fn(&Odds) -> f64| {
        let error = |(task, tier, cell): (usize, usize, &Assessment)| {
            let odds = cell.odds?;
            Some(if is_stopped(task, tier) { 1.0 } else { 1.0 - claim(&odds) })
        };
        let errors: Vec<f64> = cells().filter_map(error).collect();
        let adjusted = multiple::holm(&errors);
        let factor = |(adjusted, raw): (f64, &f64)| if *raw > 0.0 { adjusted / raw } else { 1.0 };
        adjusted.into_iter().zip(&errors).map(factor).collect::<Vec<f64>>().into_iter()
    };
    let (mut route, mut monitor) = (factors(|odds| odds.route), factors(|odds| odds.monitor));
    let mut strictness = |cell: &Assessment| match cell.odds {
        Some(_) => Strictness { route: route.next().unwrap_or(1.0), monitor: monitor.next().unwrap_or(1.0) },
        None => Strictness::default(),
    };
    tasks.iter().map(|cells| cells.iter().map(&mut strictness).collect()).collect()
}
