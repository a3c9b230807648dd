//! The cost that tiers are compared by: serving, expected escalations, waiting.

use super::types::EffectiveCost;
use crate::config::{Policy, Task};
use crate::measure::{CellEvidence, usd};
use crate::units::Usd;

/// Means of what a request costs at each tier of a ladder, escalations followed upwards: the one place that knows how,
/// for estimates and for their bootstrap replicates alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectiveMeans {
    /// Serving.
    pub serving: f64,
    /// The escalation rate times the total cost of the next tier up.
    pub escalation: f64,
}

impl EffectiveMeans {
    /// Both.
    #[must_use]
    pub fn total(self) -> f64 {
        self.serving + self.escalation
    }

    /// What a request costs that starts at tier `at`: `serving` and `rejected` give the means of a tier (USD, share),
    /// `up` the tier that it escalates to, always further up. `None` where a figure that is needed is unknown.
    #[must_use]
    pub fn at(
        at: usize,
        up: &[Option<usize>],
        serving: &dyn Fn(usize) -> Option<f64>,
        rejected: &dyn Fn(usize) -> Option<f64>,
    ) -> Option<Self> {
        let own = serving(at)?;
        let escalation = match up.get(at).copied().flatten().filter(|&next| next > at) {
            Some(next) => {
                let share = rejected(at)?;
                // A tier that rejects nothing needs no price above it.
                if share == 0.0 { 0.0 } else { share * Self::at(next, up, serving, rejected)?.total() }
            }
            None => 0.0,
        };
        Some(Self { serving: own, escalation })
    }
}

/// The effective cost of each cell. `None` where a cost, or a latency that is paid for, is unknown.
pub(super) fn effective(
    task: &Task,
    policy: &Policy,
    cells: &[CellEvidence],
    up: &[Option<usize>],
) -> Vec<Option<EffectiveCost>> {
    let price = waiting_price(task, policy);
    let rejected = |at: usize| cells.get(at)?.gate_rejection_rate.map(|rate| rate.mean);
    let cost = |at: usize| cells.get(at)?.cost_draws.mean;
    let seconds = |at: usize| cells.get(at)?.latency.map(|latency| latency.mean.ms() / 1000.0);
    (0..cells.len())
        .map(|at| {
            let money = EffectiveMeans::at(at, up, &cost, &rejected)?;
            let waiting = if price == Usd::ZERO {
                0.0
            } else {
                price.to_f64() * EffectiveMeans::at(at, up, &seconds, &rejected)?.total()
            };
            Some(EffectiveCost {
                serving: usd(money.serving)?,
                escalation: usd(money.escalation)?,
                waiting: usd(waiting)?,
                total: usd(money.total() + waiting)?,
            })
        })
        .collect()
}

/// The price of waiting a second at a task: zero without a latency limit.
fn waiting_price(task: &Task, policy: &Policy) -> Usd {
    match task.latency_p95 {
        Some(_) => task.latency_penalty.unwrap_or(policy.latency_penalty),
        None => Usd::ZERO,
    }
}
