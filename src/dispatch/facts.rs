//! The state of a run so far: what was stopped, and why.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ending::{EndReason, Report, StopMode};

/// This many identical rejections in a row stop a tier: every further call would be rejected in the same way.
pub(super) const SAME_REFUSALS: u32 = 5;

/// The state of a run so far.
#[derive(Default)]
pub(super) struct Facts {
    attempts: AtomicU64,
    out_of_money: AtomicBool,
    stopped: Mutex<HashMap<u16, String>>,
    failed: Mutex<Option<anyhow::Error>>,
    /// The last rejection of each tier, and how often it occurred in a row.
    refusals: Mutex<HashMap<u16, (String, u32)>>,
    halt: AtomicBool,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Facts {
    pub(super) fn report(&self, stop_mode: StopMode, throttled_to: Option<usize>) -> anyhow::Result<Report> {
        if let Some(error) = lock(&self.failed).take() {
            return Err(error);
        }
        let mut stopped: Vec<(u16, String)> =
            lock(&self.stopped).iter().map(|(tier, why)| (*tier, why.clone())).collect();
        stopped.sort();
        let ended = if stop_mode != StopMode::Run {
            EndReason::Interrupted
        } else if self.out_of_money.load(Ordering::SeqCst) {
            EndReason::Budget
        } else {
            EndReason::Complete
        };
        Ok(Report { ended, attempts: self.attempts.load(Ordering::SeqCst), stopped, throttled_to })
    }

    pub(super) fn count_attempt(&self) {
        self.attempts.fetch_add(1, Ordering::SeqCst);
    }

    /// Records that the next call could exceed the cost limit.
    pub(super) fn out_of_money(&self) {
        self.out_of_money.store(true, Ordering::SeqCst);
    }

    /// Ends the run with an error.
    pub(super) fn fail(&self, error: anyhow::Error) {
        lock(&self.failed).get_or_insert(error);
        self.halt.store(true, Ordering::SeqCst);
    }

    /// Whether no further call is to be made.
    pub(super) fn is_over(&self) -> bool {
        self.out_of_money.load(Ordering::SeqCst) || self.halt.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self, tier: u16, why: String) {
        lock(&self.stopped).entry(tier).or_insert(why);
    }

    pub(super) fn is_stopped(&self, tier: u16) -> bool {
        lock(&self.stopped).contains_key(&tier)
    }

    /// Counts identical rejections in a row; `None` resets the count. Returns the count.
    pub(super) fn refusals(&self, tier: u16, refusal: Option<&str>) -> u32 {
        let mut refusals = lock(&self.refusals);
        let last = refusals.entry(tier).or_default();
        match refusal {
            None => last.1 = 0,
            Some(words) if last.0 == words => last.1 += 1,
            Some(words) => *last = (words.to_owned(), 1),
        }
        last.1
    }
}
