//! A hard limit on the cost of a run: what is spent, the maximum cost of the calls in flight, and the next call together never
//! exceed it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::units::Usd;

/// What a run has spent and may yet spend.
#[derive(Debug)]
pub struct Budget {
    ceiling: Option<Usd>,
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
    in_flight: u32,
}

/// The result of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// It is reserved.
    Granted,
    /// It does not fit while other calls are in flight: try again when one of them has ended.
    Wait,
    /// It does not fit, and nothing is in flight that could make room.
    Exhausted,
}

impl Budget {
    /// A budget with or without a limit; `spent` is what the run has cost so far.
    #[must_use]
    pub fn new(ceiling: Option<Usd>, spent: Usd) -> Self {
        Self { ceiling, state: Mutex::new(State { spent, ..State::default() }), settled: Notify::new() }
    }

    /// What the run has cost so far.
    #[must_use]
    pub fn spent(&self) -> Usd {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spent
    }

    pub(super) fn try_reserve(&self, amount: Usd) -> Grant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ceiling) = self.ceiling
            && state.spent + state.reserved + amount > ceiling
        {
            return if state.in_flight == 0 { Grant::Exhausted } else { Grant::Wait };
        }
        state.reserved += amount;
        state.in_flight += 1;
        Grant::Granted
    }

    /// Waits for a settlement; register before asking, so that none is missed.
    pub(super) fn settlement(&self) -> tokio::sync::futures::Notified<'_> {
        self.settled.notified()
    }

    /// Gives a reservation back and books what was really spent.
    pub(super) fn settle(&self, reserved: Usd, spent: Usd) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.reserved = state.reserved - reserved;
            state.in_flight = state.in_flight.saturating_sub(1);
            state.spent += spent;
        }
        self.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn cents(n: u64) -> Usd {
        Usd::new(Decimal::new(i64::try_from(n).unwrap(), 2))
    }

    proptest::proptest! {
        #[test]
        fn spending_never_exceeds_the_ceiling(ceiling in 0u64..500, calls in proptest::collection::vec((0u64..50, 0.0f64..=1.0, 0usize..4), 0..60)) {
            let budget = Budget::new(Some(cents(ceiling)), Usd::ZERO);
            let mut flying: Vec<(u64, u64)> = Vec::new();
            for (reserve, part, settle) in calls {
                match budget.try_reserve(cents(reserve)) {
                    Grant::Granted => flying.push((reserve, (reserve as f64 * part) as u64)),
                    Grant::Wait => proptest::prop_assert!(!flying.is_empty()),
                    Grant::Exhausted => proptest::prop_assert!(flying.is_empty()),
                }
                for _ in 0..settle.min(flying.len()) {
                    let (reserved, spent) = flying.swap_remove(0);
                    budget.settle(cents(reserved), cents(spent));
                }
                let worst: u64 = flying.iter().map(|(reserved, _)| reserved).sum();
                proptest::prop_assert!(budget.spent() + cents(worst) <= cents(ceiling));
            }
        }
    }
}
