//! What is known of a reply while it comes in, and the judgement once it has ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::classify::{self, ApiError};
use super::limits::RateHeaders;
use super::response::{Response, Retry};
use crate::record::{Clocks, ErrorKind, Failure, Outcome, Usage};

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

/// How a reply ended, in terms that all APIs share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// Not that anybody said so.
    #[default]
    Unknown,
    /// The model had said what it wanted to say.
    Complete,
    /// It met the output cap.
    Cap,
    /// The model or a filter declined, and why.
    Refused(String),
    /// Input and output together met the context window.
    Window,
    /// The provider gave up.
    Failed(String),
}

impl Ending {
    /// What OpenAI and those who speak like it call the end of a reply. Unknown words are new ways to be complete.
    pub(super) fn of(finish: &str) -> Self {
        match finish {
            "length" | "max_tokens" | "max_output_tokens" => Self::Cap,
            "content_filter" | "refusal" => {
                Self::Refused("the provider's filter stopped the reply".to_owned())
            }
            "error" | "insufficient_system_resource" => {
                Self::Failed("the provider ended the reply with an error".to_owned())
            }
            _ => Self::Complete,
        }
    }
}

impl Step {
    /// Visible text came.
    pub(super) const fn visible() -> Self {
        Self { token: true, visible: true, end: false }
    }

    /// There was invisible output.
    pub(super) const fn token() -> Self {
        Self { token: true, visible: false, end: false }
    }

    /// It is over.
    pub(super) const fn end() -> Self {
        Self { token: false, visible: false, end: true }
    }
}

/// What is known of a reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) text: String,
    pub(super) tool_calls: Vec<Value>,
    /// The text was made from the reply here, and is not output of a model.
    pub(super) computed: bool,
    /// The provider's finish reason.
    pub(super) finish: Option<String>,
    /// What that means.
    pub(super) ending: Ending,
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

impl Facts {
    /// Takes zeros in place of counts for no counts, if there is text of a model.
    pub(super) fn distrust_zeros(&mut self) {
        self.usage.distrust_zeros(!self.text.is_empty() && !self.computed);
    }

    /// The response that the facts and their judgement come to: not streamed, without times and headers.
    pub(super) fn into_response(
        self,
        (outcome, failure, retry): (Outcome, Option<Failure>, Retry),
        status: Option<u16>,
    ) -> Response {
        Response {
            outcome,
            text: self.text,
            tool_calls: if self.tool_calls.is_empty() { Value::Null } else { Value::Array(self.tool_calls) },
            finish: self.finish,
            served_model: self.served_model,
            usage: self.usage,
            clocks: Clocks::default(),
            streamed: false,
            status,
            failure,
            headers: BTreeMap::new(),
            retry,
            rates: RateHeaders::default(),
            date: None,
        }
    }
}

/// The result of a reply that has ended.
pub(super) fn judge(facts: &Facts) -> (Outcome, Option<Failure>, Retry) {
    let failed = |outcome, kind, message: String, retry| (outcome, Some(Failure { kind, message }), retry);
    if let Some(error) = &facts.error {
        return classify::api_error(error);
    }
    if let Some(nonsense) = &facts.nonsense {
        return failed(Outcome::Error, ErrorKind::Protocol, nonsense.clone(), Retry::Once);
    }
    if !facts.ended && facts.ending == Ending::Unknown {
        let message = "the reply broke off before its end".to_owned();
        return failed(Outcome::Error, ErrorKind::BrokenStream, message, Retry::Once);
    }
    if let Some(refusal) = &facts.refusal {
        let message = if refusal.is_empty() { "the model declined".to_owned() } else { refusal.clone() };
        return failed(Outcome::Refused, ErrorKind::BadRequest, message, Retry::No);
    }
    let is_empty = facts.text.trim().is_empty() && facts.tool_calls.is_empty();
    match &facts.ending {
        Ending::Refused(why) => failed(Outcome::Refused, ErrorKind::BadRequest, why.clone(), Retry::No),
        Ending::Cap if is_empty && facts.reasoned => {
            let message = "reasoning used up the whole output cap; raise max_output_tokens".to_owned();
            failed(Outcome::Truncated, ErrorKind::Empty, message, Retry::No)
        }
        Ending::Cap => {
            let message = "the reply reached its output cap".to_owned();
            failed(Outcome::Truncated, ErrorKind::Empty, message, Retry::No)
        }
        Ending::Window if is_empty => {
            let message = "the prompt leaves no room in the context window".to_owned();
            failed(Outcome::Overflow, ErrorKind::BadRequest, message, Retry::No)
        }
        Ending::Window => {
            let message = "the reply reached the end of the context window".to_owned();
            failed(Outcome::Truncated, ErrorKind::Empty, message, Retry::No)
        }
        Ending::Failed(why) => failed(Outcome::Error, ErrorKind::Server, why.clone(), Retry::Backoff),
        // It is an answer, and was paid for: another attempt would be another draw. But it must not be taken for one that
        // has something to say.
        Ending::Complete | Ending::Unknown if is_empty => {
            let why = if facts.reasoned {
                "the reply has only reasoning and no answer"
            } else {
                "the reply is empty"
            };
            failed(Outcome::Reply, ErrorKind::Empty, why.to_owned(), Retry::No)
        }
        Ending::Complete | Ending::Unknown => (Outcome::Reply, None, Retry::No),
    }
}
