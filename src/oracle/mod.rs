//! Oracles: versioned, executable acceptance criteria. One file per kind; one line each in [`KINDS`].
//!
//! An oracle makes no calls and reads no files once it is built: it settles a reply, or (later kinds) asks a question
//! that `grade` sends on.

use serde_json::Value;

use crate::record::{Attempt, Verdict};

/// What an oracle looks at.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The visible text of the reply.
    pub output: &'a str,
    /// The reference answer of the prompt, where it has one.
    pub expected: Option<&'a Value>,
    /// The whole attempt, for kinds that look at tool calls, latency or cost; `None` in self-tests.
    pub attempt: Option<&'a Attempt>,
}

/// What an oracle says of a sample: all of it, and the part that production can check without a reference answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The gate part: `None` when the oracle has none (it can say nothing without a reference answer).
    pub gate: Option<Verdict>,
    /// The whole verdict, gate and truth part together.
    pub verdict: Verdict,
}

/// A criterion that was built from its table.
pub trait Criterion: Send + Sync + std::fmt::Debug {
    /// Grades a sample. Never panics, whatever the output is.
    fn judge(&self, sample: &Sample<'_>) -> Judgement;

    /// Whether the criterion has a gate part at all.
    fn has_gate(&self) -> bool;

    /// Whether the criterion cannot grade without a reference answer.
    fn needs_expected(&self) -> bool;
}
