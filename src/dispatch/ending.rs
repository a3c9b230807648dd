//! How a run is wished to go on, and how it ended.

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
