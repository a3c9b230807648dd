//! The routes that serve below the route floor, what that saves, and what proof would cost.

use super::decided::Decided;
use crate::policy::Decision;
use crate::project::Projection;
use crate::summary::result::Monitored;
use crate::summary::rounding;

/// The routes that serve with monitoring; `None` where none does. `proven` decides and projects again with `monitor_saves = "never"`.
pub(super) fn monitored<'a>(
    decided: &[Decided<'_>],
    projection: &Projection,
    proven: impl FnOnce() -> Option<(Vec<Decided<'a>>, Projection)>,
) -> Option<Monitored> {
    let routes: Vec<_> = decided
        .iter()
        // A tier that is monitored because of its server is no worse than its floor.
        .filter(|task| {
            let unavailable = task.assessments.get(task.tier).is_some_and(|serves| serves.unavailable);
            task.route.decision == Decision::Monitor && !unavailable
        })
        .map(|task| task.measured.task.name.clone())
        .collect();
    if routes.is_empty() {
        return None;
    }
    let (others, other) = proven()?;
    let displaced = decided.iter().zip(&others).filter(|(one, other)| one.tier != other.tier);
    let displacing: Vec<_> = displaced.map(|(one, _)| one.measured.task.name.clone()).collect();
    let month = |projection: &Projection| projection.total.map(|total| total.month.mean);
    Some(Monitored {
        saves_per_month: month(&other)
            .zip(month(projection))
            .filter(|_| !displacing.is_empty())
            .and_then(|(proven, now)| proven.checked_sub(now))
            .map(rounding::usd),
        routes,
        displacing,
    })
}
