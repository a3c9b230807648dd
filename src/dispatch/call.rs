//! A trial being sent: the source of its call, the finished attempt, and the consumer of attempts.

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
    /// The request.
    pub request: Request,
    /// Estimated input plus output cap: what a token rate limit reserves.
    pub tokens: u64,
    /// Whether the answer must come from exactly this model.
    pub exact_model: bool,
    /// The most that the call can cost.
    pub reserve: Usd,
    /// Attempts at this trial in earlier runs.
    pub attempts_before: u32,
}

/// The source of calls. They are loaded one by one when they are sent, so that a run of any size fits into memory.
pub trait Source: Send + Sync {
    /// The call of a trial.
    ///
    /// # Errors
    /// If the corpus cannot be read; the run ends.
    fn load(&self, trial: u32) -> anyhow::Result<Call>;
    /// The cost of an attempt, if known.
    fn price(&self, tier: u16, attempt: &Attempt) -> Option<Usd>;
    /// The tier of a trial, without loading it.
    fn tier(&self, trial: u32) -> u16;
    /// Whether the trial still needs to be sent; otherwise it is not sent, or not sent again.
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
    /// The attempt.
    pub attempt: Attempt,
    /// Whether the trial has ended: answered, or given up.
    pub last: bool,
    /// How long the tier is paused from now on, if the server asked for a long pause.
    pub parked: Option<Duration>,
}

/// The consumer of attempts, on its own thread.
pub trait Sink: Send {
    /// Stores attempts durably. Once this returns `Ok`, they are never sent again.
    ///
    /// # Errors
    /// If that cannot be done; the run ends.
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()>;
}

/// An attempt on its way to the consumer, with the channel that confirms that it is durable.
pub(super) type Parcel = (Finished, oneshot::Sender<()>);
