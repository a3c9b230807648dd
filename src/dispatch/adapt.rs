//! Adaptive concurrency: throttling lowers the number of concurrent calls to an endpoint, other failures only keep it from
//! growing (additive increase, multiplicative decrease).

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::settings::Concurrency;
use crate::clock::Instant;

/// Where adaptive concurrency begins: enough to fill a small endpoint, too little to trip a limit on sharp ramps.
const START: usize = 4;

/// What one call tells about the endpoint's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// It was served.
    Served,
    /// It was rejected for exceeding a rate limit: 429.
    Throttled,
    /// The server or the connection failed, for an unknown reason.
    Failed,
}

/// The calls in flight at an endpoint, and how many there may be.
#[derive(Debug)]
pub(super) struct Adaptive {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    mode: Concurrency,
    limit: usize,
    ceiling: usize,
    in_flight: usize,
    /// Calls served since the limit last changed, or since the last failure.
    served: usize,
    /// A throttle of a call that left before this moment belongs to an episode that has been answered already.
    cut_at: Option<Instant>,
    lowest: usize,
    cuts: u32,
}

/// A place in flight; given back when dropped.
pub(super) struct Place<'a> {
    of: &'a Adaptive,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.state().in_flight -= 1;
        // One waits for each place; who is woken for nothing waits again.
        self.of.freed.notify_one();
    }
}

impl Adaptive {
    pub(super) fn new(mode: Concurrency, ceiling: usize) -> Self {
        let limit = match mode {
            Concurrency::Adaptive => ceiling.min(START),
            Concurrency::Pinned => ceiling,
        };
        let state =
            State { mode, limit, ceiling, in_flight: 0, served: 0, cut_at: None, lowest: limit, cuts: 0 };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. Dropping the future gives up waiting.
    pub(super) async fn place(&self) -> Place<'_> {
        loop {
            // Registered before the look, so that no place is missed.
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                if state.in_flight < state.limit {
                    state.in_flight += 1;
                    return Place { of: self };
                }
            }
            freed.await;
        }
    }

    /// Adapts to the load that a call sent at `sent` met.
    pub(super) fn learn(&self, signal: Signal, sent: Instant) {
        let mut state = self.state();
        if state.mode == Concurrency::Pinned {
            return;
        }
        match signal {
            Signal::Served => {
                state.served += 1;
                if state.served >= state.limit && state.limit < state.ceiling {
                    state.limit += 1;
                    state.served = 0;
                    drop(state);
                    self.freed.notify_one();
                }
            }
            Signal::Throttled => {
                state.served = 0;
                // Calls in flight together are throttled together: that counts once.
                if state.cut_at.is_none_or(|cut| sent > cut) {
                    state.limit = (state.limit / 2).max(1);
                    state.lowest = state.lowest.min(state.limit);
                    state.cut_at = Some(Instant::now());
                    state.cuts += 1;
                }
            }
            Signal::Failed => state.served = 0,
        }
    }

    /// The lowest number of concurrent calls that throttling led to; `None` without throttling.
    pub(super) fn lowest(&self) -> Option<usize> {
        let state = self.state();
        (state.cuts > 0).then_some(state.lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limit(adaptive: &Adaptive) -> usize {
        adaptive.state().limit
    }

    #[test]
    fn it_grows_by_one_for_each_full_round_and_never_beyond_the_ceiling() {
        let adaptive = Adaptive::new(Concurrency::Adaptive, 6);
        let now = Instant::now();
        assert_eq!(limit(&adaptive), 4);
        (0..4).for_each(|_| adaptive.learn(Signal::Served, now));
        assert_eq!(limit(&adaptive), 5);
        (0..100).for_each(|_| adaptive.learn(Signal::Served, now));
        assert_eq!(limit(&adaptive), 6);
    }

    #[test]
    fn a_throttle_halves_once_an_episode_and_a_failure_only_pauses_growth() {
        let adaptive = Adaptive::new(Concurrency::Adaptive, 16);
        let before = Instant::now();
        (0..3).for_each(|_| adaptive.learn(Signal::Throttled, before));
        assert_eq!(limit(&adaptive), 2);
        let later = before + Duration::from_secs(60);
        adaptive.learn(Signal::Throttled, later);
        adaptive.learn(Signal::Throttled, later + Duration::from_secs(60));
        assert_eq!((limit(&adaptive), adaptive.lowest()), (1, Some(1)));
        let adaptive = Adaptive::new(Concurrency::Adaptive, 16);
        (0..3).for_each(|_| adaptive.learn(Signal::Served, before));
        adaptive.learn(Signal::Failed, before);
        (0..3).for_each(|_| adaptive.learn(Signal::Served, before));
        assert_eq!((limit(&adaptive), adaptive.lowest()), (4, None));
    }

    #[test]
    fn pinned_stays_where_it_is() {
        let adaptive = Adaptive::new(Concurrency::Pinned, 9);
        adaptive.learn(Signal::Throttled, Instant::now());
        assert_eq!(limit(&adaptive), 9);
    }

    #[tokio::test]
    async fn no_more_places_than_the_limit_are_given_out() {
        let adaptive = Adaptive::new(Concurrency::Adaptive, 2);
        let (one, two) = (adaptive.place().await, adaptive.place().await);
        let short = Duration::from_millis(20);
        assert!(crate::clock::timeout(short, adaptive.place()).await.is_err());
        drop(one);
        let three = crate::clock::timeout(short, adaptive.place()).await;
        assert!(three.is_ok());
        drop((two, three));
        assert_eq!(adaptive.state().in_flight, 0);
    }
}
