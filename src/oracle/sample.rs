//! What an oracle looks at: a reply, what the call was like, and the reference answer.

use serde_json::Value;

use crate::record::{Attempt, Outcome};
use crate::units::{Millis, Usd};

/// What an oracle looks at.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The visible text of the reply.
    pub output: &'a str,
    /// The reference answer of the prompt, where it has one.
    pub expected: Option<&'a Value>,
    /// What the call was like.
    pub facts: Facts<'a>,
}

/// Facts about a call, besides its text.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The provider's finish reason.
    pub finish: Option<&'a str>,
    /// From request to end.
    pub latency: Option<Millis>,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
    /// Tool calls, as the API spells them; null when there is none.
    pub tool_calls: &'a Value,
    /// Whether the API itself says that the model, or a filter, refused.
    pub refused: bool,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self { finish: None, latency: None, cost: None, tool_calls: &Value::Null, refused: false }
    }
}

impl<'a> Facts<'a> {
    /// What an attempt was like that cost so much.
    #[must_use]
    pub fn of(attempt: &'a Attempt, cost: Option<Usd>) -> Self {
        Self {
            finish: attempt.finish.as_deref(),
            latency: attempt.clocks.total_ms,
            cost,
            tool_calls: &attempt.tool_calls,
            refused: attempt.outcome == Outcome::Refused,
        }
    }
}

/// A reference answer as a text; `None` if it is a list or an object.
pub(super) fn as_text(expected: &Value) -> Option<String> {
    match expected {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
