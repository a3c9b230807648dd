//! What the reader must know about a route before it serves: answers that do not come, and gates that reject too much.

use crate::config::Config;
use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::Warning;
use crate::summary::result::Summary;
use crate::units::{level, percent};

type Say<'a> = dyn FnMut(NoticeLevel, &str, String) + 'a;

/// Tiers that serve although they are shown to answer too seldom, and routes whose gate already rejects too much.
pub(super) fn notices(summary: &Summary, config: &Config, say: &mut Say<'_>) {
    let floor = config.policy.availability_floor.get();
    for task in &summary.tasks {
        let Some(cell) = task.cells.iter().find(|cell| cell.tier == task.route.tier) else { continue };
        if let Some(seen) = cell.availability.filter(|seen| seen.high < floor) {
            let next = match task.route.fallback.first() {
                Some(next) => format!("Keep its fallback {next} ready: it must not serve alone."),
                None => "There is no fallback.".to_owned(),
            };
            say(
                Warning,
                "availability",
                format!(
                    "{} answered {} of {} attempts at {} ({} CI {:.1} to {:.1} %; rate limits aside), which is below \
                     availability_floor = {floor}. {next}",
                    cell.tier,
                    percent(seen.rate),
                    seen.attempts,
                    task.name,
                    level(summary.method.level()),
                    seen.low * 100.0,
                    seen.high * 100.0,
                ),
            );
        }
        let above = task.route.escalation.and_then(|escalation| escalation.escalate_above);
        if let (Some(above), Some(seen)) = (above, cell.gate_rejection_rate)
            && seen.low > above
        {
            say(
                Warning,
                "escalate-above",
                format!(
                    "The gate rejects more than escalate_above = {above} allows for {}: {} of {} replies of {} ({} CI {:.1} to {:.1} %). \
                     Look at the route before it serves.",
                    task.name,
                    percent(seen.mean),
                    seen.n,
                    cell.tier,
                    level(summary.method.level()),
                    seen.low * 100.0,
                    seen.high * 100.0,
                ),
            );
        }
    }
}
