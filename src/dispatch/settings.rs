//! What a run is given: its lanes and what it is to keep to.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Limits;
use crate::provider::Endpoint;

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
    /// When attempts were made.
    pub clock: Arc<dyn Clock>,
}

/// How many calls an endpoint is sent at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as it bears, up to its limit.
    Adaptive,
    /// Its limit, always: latencies are comparable then.
    Pinned,
}
