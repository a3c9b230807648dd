//! Finds each trial's answer in a journal. Uses a few bytes per trial, however long the replies are.

use std::collections::HashMap;

use crate::ident::TrialKey;
use crate::record::{Attempt, Outcome};
use crate::units::Usd;

/// The entry of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The offset of the attempt that counts: the first answer, else the last error.
    pub offset: u64,
    /// What that attempt ended in.
    pub outcome: Outcome,
    /// Whether that is the trial's answer.
    pub answered: bool,
    /// Attempts so far that were sent.
    pub attempts: u32,
}

/// Trials by key. The first answer counts; later ones cannot change a result.
#[derive(Debug, Default)]
pub struct Index {
    trials: HashMap<TrialKey, Stored>,
    billed: Usd,
}

impl Index {
    /// Adds an attempt and its offset.
    pub fn take(&mut self, offset: u64, attempt: &Attempt) {
        self.billed += attempt.billed.unwrap_or_default();
        let sent = u32::from(attempt.was_sent());
        let (outcome, answered) = (attempt.outcome, attempt.is_answer());
        self.trials
            .entry(attempt.key)
            .and_modify(|stored| {
                stored.attempts += sent;
                if !stored.answered {
                    (stored.offset, stored.outcome, stored.answered) = (offset, outcome, answered);
                }
            })
            .or_insert(Stored { offset, outcome, answered, attempts: sent });
    }

    /// What is known of a trial.
    #[must_use]
    pub fn get(&self, key: &TrialKey) -> Option<&Stored> {
        self.trials.get(key)
    }

    /// Whether a trial has its answer.
    #[must_use]
    pub fn is_answered(&self, key: &TrialKey) -> bool {
        self.trials.get(key).is_some_and(|stored| stored.answered)
    }

    /// What all attempts were billed, as far as known.
    #[must_use]
    pub const fn billed(&self) -> Usd {
        self.billed
    }

    /// How many trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }
}
