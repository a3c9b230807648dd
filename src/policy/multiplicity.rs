//! Many cells decided at once: Holm's step-down over all of them.

use super::{Assessment, Odds, Strictness};
use crate::stats::multiple;

/// How strictly each cell must be judged so that the chance of calling any of them good enough by luck is what it would be
/// for one alone; a row a task, in it a cell a tier. Each of the two claims (good enough; so with monitoring) is a family of
/// its own, over all cells with evidence. Tasks may ask for different confidences: the promise then holds for the tasks that
/// ask for one at the least, at that one, because an adjusted chance of error may be compared with any level.
#[must_use]
pub fn holm(tasks: &[Vec<Assessment>]) -> Vec<Vec<Strictness>> {
    let odds = || tasks.iter().flatten().filter_map(|cell| cell.odds);
    let factors = |claim: fn(&Odds) -> f64| {
        let errors: Vec<f64> = odds().map(|odds| 1.0 - claim(&odds)).collect();
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
