//! The only concurrency: sends trials to their endpoints under limits and a budget, retries, and hands every attempt to one
//! consumer. Knows nothing of journals or oracles.
//!
//! Each endpoint has as many workers as concurrent calls. A worker takes a trial, waits for budget, rate limit and gate, sends
//! it, hands the attempt to the consumer, and takes no further trial before the consumer confirms that the attempt is durable.
//! So a crash loses at most as many answers as there were calls in flight.

mod adapt;
mod backoff;
mod budget;
mod call;
mod ending;
mod facts;
mod lane;
mod limit;
mod queue;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::runtime::RuntimeFlavor;
use tokio::sync::{mpsc, watch};

pub use self::budget::Budget;
use self::call::Parcel;
pub use self::call::{Call, Finished, Sink, Source};
pub use self::ending::{EndReason, Report, StopMode};
pub use self::settings::{Concurrency, Lane, Settings};

/// The most attempts that are made durable together.
const BATCH: usize = 256;

/// Sends all trials of all lanes.
///
/// # Errors
/// If a call cannot be loaded or an attempt cannot be recorded; earlier attempts stay recorded.
pub async fn run<S: Source + 'static>(
    lanes: Vec<Lane>,
    source: Arc<S>,
    sink: &mut dyn Sink,
    budget: Arc<Budget>,
    settings: Settings,
    stop_mode: watch::Receiver<StopMode>,
) -> anyhow::Result<Report> {
    let (parcels, mut arrivals) = mpsc::channel::<Parcel>(BATCH);
    let shared = Arc::new(lane::Shared::new(source, budget, settings, stop_mode.clone(), parcels));
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
    let mut stop_mode = stop_mode;
    let mut parcels = Vec::with_capacity(BATCH);
    let outcome = loop {
        let taken = tokio::select! {
            biased;
            () = aborted(&mut stop_mode) => break Ok(()),
            taken = arrivals.recv_many(&mut parcels, BATCH) => taken,
        };
        if taken == 0 {
            break Ok(());
        }
        let (batch, receipts): (Vec<Finished>, Vec<_>) = parcels.drain(..).unzip();
        // Writing, syncing and grading block; the other workers go on meanwhile.
        let recorded = match tokio::runtime::Handle::current().runtime_flavor() {
            // A simulated world has one thread, on which nothing else waits.
            RuntimeFlavor::CurrentThread => sink.record(&batch),
            _ => tokio::task::block_in_place(|| sink.record(&batch)),
        };
        if let Err(error) = recorded {
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
    facts.report(*stop_mode.borrow(), throttled_to)
}

/// Returns once the caller aborts the run.
async fn aborted(stop_mode: &mut watch::Receiver<StopMode>) {
    if stop_mode.wait_for(|stop_mode| *stop_mode == StopMode::Abort).await.is_err() {
        // Nobody can stop_mode any more.
        std::future::pending::<()>().await;
    }
}
