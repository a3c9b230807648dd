//! The cost that tiers are compared by: serving, expected escalations, waiting.

use super::case::Case;
use super::types::EffectiveCost;
use crate::config::{Policy, Task};
use crate::measure::usd;
use crate::path::Played;
use crate::units::Usd;

impl Case<'_> {
    /// The effective cost of each cell. `None` where a cost, or a latency that is paid for, is unknown.
    pub(super) fn effective_costs(&self, up: &[Option<usize>]) -> Vec<Option<EffectiveCost>> {
        let price = waiting_price(self.task, self.policy);
        (0..self.cells.len())
            .map(|at| {
                let (alone, played) = (self.play(at, &[])?, self.play(at, up)?);
                let waiting =
                    if price == Usd::ZERO { 0.0 } else { price.to_f64() * played.latency? / 1000.0 };
                Some(EffectiveCost {
                    serving: usd(alone.cost)?,
                    escalation: usd((played.cost - alone.cost).max(0.0))?,
                    waiting: usd(waiting)?,
                    total: usd(played.cost + waiting)?,
                })
            })
            .collect()
    }

    /// The requests of the task, played from a cell's tier upwards.
    pub(super) fn play(&self, at: usize, up: &[Option<usize>]) -> Option<Played> {
        // Cells are numbered from `first` on among all tiers that were measured.
        let none = std::iter::repeat_n(None, self.first);
        let up: Vec<Option<usize>> = none.chain(up.iter().map(|up| up.map(|up| up + self.first))).collect();
        self.requests.play(self.first + at, &up)
    }
}

/// The price of waiting a second at a task: zero without a latency limit.
fn waiting_price(task: &Task, policy: &Policy) -> Usd {
    match task.latency_p95 {
        Some(_) => task.latency_penalty.unwrap_or(policy.latency_penalty),
        None => Usd::ZERO,
    }
}
