//! What is known of a reply while it comes in, and the judgement once it has ended.

use serde_json::Value;

use super::Retry;
use super::classify::{self, ApiError};
use crate::record::{ErrorKind, Failure, Outcome, Usage};

/// What an event brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Model output of any kind, reasoning included.
    pub(super) token: bool,
    /// Visible text.
    pub(super) visible: bool,
    /// The protocol's own end: nothing follows.
    pub(super) end: bool,
}

/// What is known of a reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) text: String,
    pub(super) tool_calls: Vec<Value>,
    pub(super) finish: Option<String>,
    /// The reply ended as the protocol says that it ends.
    pub(super) ended: bool,
    pub(super) refusal: Option<String>,
    pub(super) served_model: Option<String>,
    pub(super) usage: Usage,
    pub(super) reasoned: bool,
    pub(super) error: Option<ApiError>,
    /// What could not be understood.
    pub(super) nonsense: Option<String>,
}

/// Reads one reply, as events or as a whole. No I/O, no clocks.
pub(super) trait Decoder: Send {
    /// Takes the data of an event of a stream in.
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step;
    /// Takes a whole body in.
    fn body(&mut self, body: &Value, facts: &mut Facts);
}

/// What a reply that has ended comes to.
pub(super) fn judge(facts: &Facts) -> (Outcome, Option<Failure>, Retry) {
    let failed = |outcome, kind, message: String, retry| (outcome, Some(Failure { kind, message }), retry);
    if let Some(error) = &facts.error {
        return classify::api_error(error);
    }
    if let Some(nonsense) = &facts.nonsense {
        return failed(Outcome::Error, ErrorKind::Protocol, nonsense.clone(), Retry::Once);
    }
    let finish = facts.finish.as_deref();
    if !facts.ended && finish.is_none() {
        let message = "the reply broke off before its end".to_owned();
        return failed(Outcome::Error, ErrorKind::BrokenStream, message, Retry::Once);
    }
    if let Some(refusal) = &facts.refusal {
        let message = if refusal.is_empty() { "the model declined".to_owned() } else { refusal.clone() };
        return failed(Outcome::Refused, ErrorKind::BadRequest, message, Retry::No);
    }
    match finish {
        Some("content_filter" | "refusal") => {
            let message = "the provider's filter stopped the reply".to_owned();
            failed(Outcome::Refused, ErrorKind::BadRequest, message, Retry::No)
        }
        Some("length" | "max_tokens") if facts.text.trim().is_empty() && facts.reasoned => {
            let message = "all of the output cap went into reasoning; raise max_output_tokens".to_owned();
            failed(Outcome::Truncated, ErrorKind::Empty, message, Retry::No)
        }
        Some("length" | "max_tokens") => {
            let message = "the reply met its output cap".to_owned();
            failed(Outcome::Truncated, ErrorKind::Empty, message, Retry::No)
        }
        Some("error" | "insufficient_system_resource") => {
            let message = "the provider ended the reply with an error".to_owned();
            failed(Outcome::Error, ErrorKind::Server, message, Retry::Backoff)
        }
        // An empty answer is graded, and fails: the model said nothing, and was paid for it.
        Some(_) | None => (Outcome::Reply, None, Retry::No),
    }
}
