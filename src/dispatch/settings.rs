//! The inputs of a run: its lanes and settings.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Limits;
use crate::provider::Endpoint;

/// The trials of one endpoint, in the order in which they are to be sent.
pub struct Lane {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// Its limits.
    pub limits: Limits,
    /// The trials.
    pub trials: Vec<u32>,
}

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most attempts at a trial.
    pub max_attempts: u32,
    /// Seed of the jitter.
    pub seed: u64,
    /// The time for a trial, from its first attempt; no attempt starts later.
    pub max_elapsed: Duration,
    /// The share of an endpoint's calls that may be retries; further ones are sent one at a time.
    pub retry_share: f64,
    /// The longest pause that a tier accepts from a server; if the server asks for more, the tier is stopped.
    pub max_park: Duration,
    /// Whether the number of concurrent calls adapts to the server.
    pub concurrency: Concurrency,
    /// When attempts were made.
    pub clock: Arc<dyn Clock>,
}

/// The number of concurrent calls to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as the server takes, up to the limit.
    Adaptive,
    /// Always the limit, so that latencies are comparable.
    Pinned,
}
