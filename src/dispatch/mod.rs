//! The only concurrency: sends trials to their endpoints under limits and a budget, retries, and hands every attempt to one
//! consumer. Knows nothing of journals or oracles.
//!
//! Workers: as many per endpoint as it takes calls at a time. A worker takes a trial, waits for money, for its place in the
//! rate and for the endpoint's gate, sends, hands the attempt over, and takes no further trial before the consumer has said
//! that the attempt is durable. So a crash loses at most as many answers as there were calls in flight.

mod adapt;
mod backoff;
mod budget;
mod facts;
mod lane;
mod limit;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Limits;
use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::provider::Endpoint;
use crate::record::{Attempt, Request};
use crate::units::Usd;

pub use self::budget::Budget;

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

/// The trials of one endpoint, in the order in which they are to be sent.
pub struct Lane {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// What it takes at a time.
    pub limits: Limits,
    /// The trials.
    pub trials: Vec<u32>,
}

/// What a run is to keep to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Attempts at a trial at the most.
    pub max_attempts: u32,
    /// Seed of the jitter.
    pub seed: u64,
    /// The time for a trial, from its first attempt: none begins after it.
    pub max_elapsed: Duration,
    /// The share of an endpoint's calls that may be retries; what is beyond goes out one at a time.
    pub retry_share: f64,
    /// The longest that a tier waits for a server that asks it to; one that asks for more stops the tier.
    pub max_park: Duration,
    /// Whether the number of calls at a time follows what the server bears.
    pub concurrency: Concurrency,
}

/// How many calls an endpoint is sent at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as it bears, up to its limit.
    Adaptive,
    /// Its limit, always: latencies are comparable then.
    Pinned,
}

/// How far a user wants a run to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To its end.
    Go,
    /// Take no new calls, finish those in flight.
    Drain,
    /// Leave at once.
    Abort,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every trial is answered or given up.
    Complete,
    /// The next call might have broken the ceiling.
    Budget,
    /// The user wished it.
    Interrupted,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// Attempts that were made.
    pub attempts: u64,
    /// Tiers that were stopped, by index, and why.
    pub stopped: Vec<(u16, String)>,
    /// The smallest number of calls at a time that throttling led to, where there was any.
    pub throttled_to: Option<usize>,
}

/// An attempt on its way to the consumer, and whom to tell that it is durable.
type Parcel = (Finished, oneshot::Sender<()>);

/// The most attempts that are made durable together.
const BATCH: usize = 256;

/// Sends all trials of all lanes.
///
/// # Errors
/// When a call cannot be loaded or an attempt not be recorded; what was recorded before stays.
pub async fn run<S: Source + 'static>(
    lanes: Vec<Lane>,
    source: Arc<S>,
    sink: &mut dyn Sink,
    budget: Arc<Budget>,
    settings: Settings,
    wish: watch::Receiver<Wish>,
) -> anyhow::Result<Report> {
    let (parcels, mut arrivals) = mpsc::channel::<Parcel>(BATCH);
    let shared = Arc::new(lane::Shared::new(source, budget, settings, wish.clone(), parcels));
    let mut workers = tokio::task::JoinSet::new();
    let mut states = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let lane = Arc::new(lane::LaneState::new(lane, &shared));
        for _ in 0..lane.workers() {
            let (shared, lane) = (Arc::clone(&shared), Arc::clone(&lane));
            workers.spawn(async move { lane::work(&shared, &lane).await });
        }
        states.push(lane);
    }
    let facts = Arc::clone(&shared.facts);
    // The workers hold the only senders, so the channel closes when the last of them ends.
    drop(shared);
    let mut wish = wish;
    let mut parcels = Vec::with_capacity(BATCH);
    let outcome = loop {
        let taken = tokio::select! {
            biased;
            () = aborted(&mut wish) => break Ok(()),
            taken = arrivals.recv_many(&mut parcels, BATCH) => taken,
        };
        if taken == 0 {
            break Ok(());
        }
        let (batch, receipts): (Vec<Finished>, Vec<_>) = parcels.drain(..).unzip();
        // Writing, syncing and grading block; the other workers go on meanwhile.
        if let Err(error) = tokio::task::block_in_place(|| sink.record(&batch)) {
            break Err(error);
        }
        for receipt in receipts {
            // A worker that is gone needs no receipt.
            let _ = receipt.send(());
        }
    };
    workers.shutdown().await;
    outcome?;
    let throttled_to = states.iter().filter_map(|lane| lane.throttled_to()).min();
    facts.report(*wish.borrow(), throttled_to)
}

/// Comes back once the user wishes to leave at once.
async fn aborted(wish: &mut watch::Receiver<Wish>) {
    if wish.wait_for(|wish| *wish == Wish::Abort).await.is_err() {
        // Nobody can wish any more.
        std::future::pending::<()>().await;
    }
}
