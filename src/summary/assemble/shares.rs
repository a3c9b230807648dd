//! How much each task counts in figures over several tasks.

use super::decided::Decided;
use crate::project::Weighting;

/// The shares of the tasks, which need not add up to 1, and what they are. By traffic where any task states it: a task that does not
/// counts for nothing, and a notice names it. By the weights of the corpus where none does.
pub(super) fn shares(decided: &[Decided<'_>]) -> (Vec<f64>, Weighting) {
    let stated = |task: &Decided<'_>| task.measured.task.requests_per_day.filter(|t| t.is_finite());
    let traffic: Vec<f64> = decided.iter().map(|task| stated(task).unwrap_or(0.0)).collect();
    if traffic.iter().any(|requests| *requests > 0.0) {
        return (traffic, Weighting::Traffic);
    }
    let weight = |task: &Decided<'_>| task.cells.iter().map(|cell| cell.weight).fold(0.0, f64::max);
    (decided.iter().map(weight).collect(), Weighting::Corpus)
}
