//! Verdicts and attempts to cells: the evidence for each pair of task and tier.

use crate::record::{Outcome, Verdict};
use crate::units::{Millis, Tokens, Usd};

/// The few facts of a trial that statistics need: what stays in memory of it (texts stay on disk).
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Index of the prompt in the corpus: the cluster of its repeats.
    pub prompt: u32,
    /// Index of the task in the list of measured tasks.
    pub task: u16,
    /// Index of the tier on the ladder.
    pub tier: u16,
    /// The repeat index.
    pub repeat: u32,
    /// The prompt's weight.
    pub weight: f64,
    /// What the trial ended in; `None` when there is no attempt at all.
    pub outcome: Option<Outcome>,
    /// The oracle's word: of a reply only.
    pub verdict: Option<Verdict>,
    /// The oracle's gate part: `Some(true)` when production would let the reply through; `None` when there is no
    /// gate or no reply.
    pub gate_passed: Option<bool>,
    /// Total latency of the answering attempt.
    pub total: Option<Millis>,
    /// Time to first visible token of the answering attempt.
    pub first_content: Option<Millis>,
    /// Input tokens, cached or not, of the answering attempt.
    pub input: Option<Tokens>,
    /// Output tokens as billed, of the answering attempt.
    pub output: Option<Tokens>,
    /// Cost of the answering attempt at today's prices, as its tokens were billed (cache reads and all).
    pub cost: Option<Usd>,
    /// The same as if nothing had been read from or written to a cache.
    pub cost_uncached: Option<Usd>,
    /// Attempts in all, failed ones included.
    pub attempts: u32,
    /// Cost of the attempts before the answering one, where known.
    pub wasted: Usd,
    /// Attempts that were answered by the server but whose cost is unknown.
    pub unpriced: u32,
}
