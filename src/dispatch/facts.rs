//! What a run has come to so far: what was stopped, and why.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ending::{EndReason, Report, StopMode};

/// As many refusals of the same words in a row stop a tier: every further call would be refused in the same way.
pub(super) const SAME_REFUSALS: u32 = 5;

/// What a run has come to so far.
#[derive(Default)]
pub(super) struct Facts {
    attempts: AtomicU64,
    out_of_money: AtomicBool,
    stopped: Mutex<HashMap<u16, String>>,
    failed: Mutex<Option<anyhow::Error>>,
    /// The last refusal of each tier, and how often it came in a row.
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

    /// The next call would not fit under the ceiling any more.
    pub(super) fn out_of_money(&self) {
        self.out_of_money.store(true, Ordering::SeqCst);
    }

    /// Ends the run with an error of our own.
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

    /// Counts refusals of the same words in a row; `None` breaks the row. Returns how many there are by now.
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
