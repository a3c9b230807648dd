//! How a caller stops a run, and how a run ended.

/// Whether and how the caller stops a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Not stopped.
    Run,
    /// Make no new calls; finish those in flight.
    Drain,
    /// Abandon the calls in flight.
    Abort,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Every trial was answered or given up.
    Complete,
    /// The next call could have exceeded the cost limit.
    Budget,
    /// The caller stopped it.
    Interrupted,
}

/// The result of dispatching a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why it ended.
    pub ended: EndReason,
    /// Attempts that were made.
    pub attempts: u64,
    /// Tiers that were stopped, by index, and why.
    pub stopped: Vec<(u16, String)>,
    /// The lowest number of concurrent calls that throttling led to; `None` without throttling.
    pub throttled_to: Option<usize>,
}
