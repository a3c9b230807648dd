//! A trial on its way: where its call comes from, what came of it, and who takes that.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::record::{Attempt, Request};
use crate::units::Usd;

/// A trial that is about to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The trial.
    pub key: TrialKey,
    /// The prompt.
    pub prompt: PromptId,
    /// The tier's index on the ladder.
    pub tier: u16,
    /// The model.
    pub model: ModelRef,
    /// The repeat.
    pub repeat: u32,
    /// What is asked.
    pub request: Request,
    /// Input estimate and output cap together: what a limit on tokens reserves.
    pub tokens: u64,
    /// Whether the model that answers must be the one that is asked.
    pub exact_model: bool,
    /// The most that the call can cost.
    pub reserve: Usd,
    /// Attempts at this trial in earlier runs.
    pub attempts_before: u32,
}

/// Where calls come from. Loaded one by one when it is their turn, so that a run of any size fits into memory.
pub trait Source: Send + Sync {
    /// The call of a trial.
    ///
    /// # Errors
    /// When the corpus cannot be read; the run ends.
    fn load(&self, trial: u32) -> anyhow::Result<Call>;
    /// What an attempt was billed, as far as can be told.
    fn price(&self, tier: u16, attempt: &Attempt) -> Option<Usd>;
    /// The tier of a trial, without loading it.
    fn tier(&self, trial: u32) -> u16;
    /// Whether the trial's answer still matters; one that does not is not sent, or not sent again.
    fn wanted(&self, _trial: u32) -> bool {
        true
    }
}

/// An attempt that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The number of the trial.
    pub trial: u32,
    /// The tier's index on the ladder.
    pub tier: u16,
    /// What came of it.
    pub attempt: Attempt,
    /// Whether the trial is over: answered, or given up.
    pub last: bool,
    /// How long the tier is to wait from here on, where the server asked for a long time.
    pub parked: Option<Duration>,
}

/// Who takes attempts: one consumer, on a thread of its own.
pub trait Sink: Send {
    /// Makes attempts durable. What this returns `Ok` for is never sent again.
    ///
    /// # Errors
    /// When that cannot be done; the run ends.
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()>;
}

/// An attempt on its way to the consumer, and whom to tell that it is durable.
pub(super) type Parcel = (Finished, oneshot::Sender<()>);
