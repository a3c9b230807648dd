//! The thresholds that a task is decided by.

use crate::config::{Policy, Task};
use crate::units::Share;

/// The floors and margins in force for a task, and the confidence that a decision requires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floors {
    /// At or above: route.
    pub route: f64,
    /// Between this and `route`: route with monitoring.
    pub monitor: f64,
    /// The margin of non-inferiority: by how much a tier may be worse than its references.
    pub margin: f64,
    /// Between the margin and this: route with monitoring.
    pub monitor_margin: f64,
    /// The required posterior probability.
    pub confidence: f64,
}

impl Floors {
    /// The task's own floors over the policy's.
    #[must_use]
    pub fn of(task: &Task, policy: &Policy) -> Self {
        let route = task.route_floor.unwrap_or(policy.route_floor).get();
        let monitor = task.monitor_floor.unwrap_or(policy.monitor_floor).get();
        // A task that lowers its route floor below the policy's monitor floor has no monitor band, not an upside-down one.
        let margin = task.margin.unwrap_or(policy.margin).get();
        Self {
            route,
            monitor: monitor.min(route),
            margin,
            monitor_margin: policy.monitor_margin.map_or(2.0 * margin, Share::get).clamp(margin, 1.0),
            confidence: policy.confidence(task.consequence).get(),
        }
    }
}
