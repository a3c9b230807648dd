//! How often a tier answers at all: errors are no evidence about quality, but somebody waits for an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Attempt, ErrorKind, Via};
use crate::stats::interval;

/// Calls of a trial by whether the server answered. Those that say nothing about the server are left out: a request that it
/// refused, a key that it did not know, an answer from a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Answered.
    pub answered: u32,
    /// No connection, a timeout, an error of the server, a reply that cannot be used.
    pub failed: u32,
    /// Turned away by a rate limit.
    pub throttled: u32,
}

impl Calls {
    /// What an attempt says about its server. Nothing, where it comes from a recording, which need not hold what failed, or went through
    /// a batch API; where the request, the key or the account was at fault; and where another model answered.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Self {
        let mut calls = Self::default();
        if !attempt.was_sent() || attempt.batch || !matches!(attempt.via, Via::Live | Via::Reuse) {
            return calls;
        }
        if attempt.outcome.is_answer() {
            calls.answered = 1;
            return calls;
        }
        match attempt.failure.as_ref().map(|failure| failure.kind) {
            Some(
                ErrorKind::Connect
                | ErrorKind::Timeout
                | ErrorKind::BrokenStream
                | ErrorKind::Server
                | ErrorKind::Protocol
                | ErrorKind::Empty,
            )
            | None => calls.failed = 1,
            Some(ErrorKind::RateLimited) => calls.throttled = 1,
            Some(
                ErrorKind::Auth
                | ErrorKind::Billing
                | ErrorKind::BadRequest
                | ErrorKind::WrongModel
                | ErrorKind::NotOnTape,
            ) => {}
        }
        calls
    }
}

impl std::ops::AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.throttled += other.throttled;
    }
}

/// The share of attempts that a tier answered, throttling aside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    /// Attempts that were answered, of those that count.
    pub rate: f64,
    /// Lower bound of its Wilson interval.
    pub low: f64,
    /// Upper bound of its Wilson interval.
    pub high: f64,
    /// Attempts that count: answered or failed, retries included.
    pub attempts: u64,
    /// Those that failed: no connection, a timeout, an error of the server, a reply that cannot be used.
    pub failed: u64,
    /// Attempts that were turned away by a rate limit, which depends on the account: they do not count.
    pub throttled: u64,
}

impl Availability {
    /// The availability over the calls of some trials; `None` without one that counts.
    #[must_use]
    pub fn of(calls: impl IntoIterator<Item = Calls>, confidence: f64) -> Option<Self> {
        let (mut answered, mut failed, mut throttled) = (0u64, 0u64, 0u64);
        for calls in calls {
            answered += u64::from(calls.answered);
            failed += u64::from(calls.failed);
            throttled += u64::from(calls.throttled);
        }
        let attempts = answered + failed;
        if attempts == 0 {
            return None;
        }
        let rate = answered as f64 / attempts as f64;
        let bounds = interval::wilson(rate, attempts as f64, confidence)?;
        Some(Self { rate, low: bounds.low, high: bounds.high, attempts, failed, throttled })
    }

    /// Attempts that were answered.
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.attempts - self.failed
    }
}
