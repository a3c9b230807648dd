//! How the making of a synthetic corpus ends.

use crate::engine::outcome::calls::CallsMade;

/// How the making of a corpus ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SynthEnding {
    /// It is whole.
    Complete,
    /// The calls to the model ended before that; the same request goes on.
    Stopped(CallsMade),
    /// A request for prompts has no answer; the same request goes on.
    Unanswered,
}
