//! What production should see of escalations, and what finds a rise of them.

use super::case::Case;
use super::types::{Detector, Escalation, Route};
use crate::config::Policy;
use crate::measure::CellEvidence;
use crate::stats::{alert, detector};
use crate::units::Share;

/// What production should see of escalations. It sees the gate only, so the baseline is the share that the gate rejected
/// (with truncations and refusals), not the share of wrong answers.
pub(super) fn expected(cell: &CellEvidence, case: &Case<'_>) -> Option<Escalation> {
    let (seen, policy) = (cell.gate_rejection_rate?, case.policy);
    let confidence = policy.alert_confidence.get().min(1.0 - 1e-9);
    Some(Escalation {
        baseline: seen.mean,
        alert_above: alert::predictive_bound(seen.mean, seen.n_eff, policy.alert_window, confidence)?,
        window: policy.alert_window,
        escalate_above: case.task.escalate_above.map(Share::get),
        detector: None,
    })
}

/// A route that is final, with the detector that production runs on it. Apart, because a decision is made over and over
/// again, to see what would flip it, and the run lengths of a detector take a while.
#[must_use]
pub fn watched(route: Route, policy: &Policy) -> Route {
    let with = |escalation: Escalation| {
        let run_length = f64::from(policy.alert_run_length);
        let rise = policy.alert_rise;
        let found = detector::design(escalation.baseline, policy.alert_window, rise, run_length);
        let detector = found.map(|found| Detector {
            baseline: found.baseline,
            reference: found.reference,
            threshold: found.threshold,
            rise,
            found_within: found.found_within,
            run_length: u64::from(policy.alert_run_length),
        });
        Escalation { detector, ..escalation }
    };
    Route { escalation: route.escalation.map(with), ..route }
}
