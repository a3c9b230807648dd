//! How the creation of a synthetic corpus ends.

use crate::engine::outcome::calls::CallsReport;

/// How the creation of a synthetic corpus ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SynthEnding {
    /// It is complete.
    Complete,
    /// The calls to the model were stopped; the same request continues.
    Stopped(CallsReport),
    /// A request for prompts has no answer; the same request continues.
    Unanswered,
}
