//! What an oracle says of a sample.

use crate::record::Verdict;

/// What an oracle says of a sample: all of it, and the part that production can check without a reference answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The gate part: `None` if the oracle has none (it can say nothing without a reference answer).
    pub gate: Option<Verdict>,
    /// The whole verdict, gate and truth part together.
    pub verdict: Verdict,
    /// The truth part by itself, whatever the gate says; `None` if it cannot be told without what the gate asks for.
    pub truth: Option<Verdict>,
}

impl Judgement {
    /// A sample that the gate turns away: it fails as a whole for the same reason.
    pub(super) fn rejected(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { gate: Some(Verdict::Fail(reason.clone())), verdict: Verdict::Fail(reason), truth: None }
    }

    /// A sample that the gate cannot grade.
    pub(super) fn ungraded(reason: impl Into<String>) -> Self {
        let verdict = Verdict::Ungraded(reason.into());
        Self { gate: Some(verdict.clone()), verdict, truth: None }
    }

    /// The judgement of a gate without a truth part.
    pub(super) fn gate_alone(verdict: Verdict) -> Self {
        Self { gate: Some(verdict.clone()), verdict, truth: None }
    }

    /// A sample that the gate lets through, and what the truth part says of it.
    pub(super) fn let_through(verdict: Verdict) -> Self {
        Self { gate: Some(Verdict::Pass), truth: Some(verdict.clone()), verdict }
    }

    /// The word of an oracle without a gate part.
    pub(super) fn gateless(verdict: Verdict) -> Self {
        Self { gate: None, truth: Some(verdict.clone()), verdict }
    }
}

/// What is said where a reference answer is needed and there is none.
pub(super) const NO_EXPECTED: &str = "no expected answer";

/// What is said of a reply that a judge has yet to see.
pub const NOT_JUDGED: &str = "no judge has seen it yet";

/// What is said of a reply on which its program was not run.
pub const NOT_RUN: &str = "its program has not seen it: `route-prof grade` runs it";
