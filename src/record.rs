//! The plain records of a run: requests, replies, tokens and times. Below both the modules that produce them
//! (`provider`, `dispatch`, `grade`) and those that read them (`journal`, `measure`), so that neither needs the other.

mod usage;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ident::{Digester, ModelRef, PromptId, TrialKey};
use crate::units::{Millis, Timestamp, Tokens, Usd};

pub use self::usage::{Usage, UsageQuality};

/// The version of the journal's format. Readers check it; writers refuse to append to a newer one.
pub const JOURNAL_VERSION: u32 = 1;

/// A turn of a conversation. `content` is a text, or the parts of a multi-part message as the API defines them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user`, `assistant`, or another role that the API knows.
    pub role: String,
    /// A text, or a list of parts.
    pub content: Value,
}

impl Message {
    /// A message whose content is a text.
    #[must_use]
    pub fn text(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: Value::String(content.to_owned()) }
    }

    /// All text in the message: the content itself, or its parts' `text` fields joined by line breaks.
    #[must_use]
    pub fn plain(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
                texts.join("\n")
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        }
    }
}

/// A request to a model: everything of a trial except for the endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// System text, few-shot turns and the prompt, in the order of the conversation.
    pub messages: Vec<Message>,
    /// Request parameters beyond the messages (`temperature`, `response_format`, `tools`, ...), as the API
    /// spells them. None is added by default.
    pub params: BTreeMap<String, Value>,
    /// The cap on billed output tokens.
    pub max_output_tokens: Tokens,
}

/// The key of a trial: the digest of everything that determines the request. Streaming is left out, because it is a matter of
/// transport.
#[must_use]
pub fn trial_key(api: &str, base_url: &str, model: &str, request: &Request, repeat: u32) -> TrialKey {
    let mut digester = Digester::new("route-prof trial 1");
    digester.part(api.as_bytes()).part(base_url.trim_end_matches('/').as_bytes()).part(model.as_bytes());
    digester.part(&request.max_output_tokens.0.to_le_bytes()).part(&repeat.to_le_bytes());
    for message in &request.messages {
        digester
            .part(b"message")
            .part(message.role.as_bytes())
            .part(canonical_json(&message.content).as_bytes());
    }
    for (name, value) in &request.params {
        digester.part(b"param").part(name.as_bytes()).part(canonical_json(value).as_bytes());
    }
    TrialKey::from_digest(&digester.finish())
}

/// JSON text that is the same for equal values: keys sorted, no spaces.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    fn write(value: &Value, into: &mut String) {
        match value {
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort();
                into.push('{');
                for (at, key) in keys.into_iter().enumerate() {
                    if at > 0 {
                        into.push(',');
                    }
                    into.push_str(&Value::String(key.clone()).to_string());
                    into.push(':');
                    write(&map[key], into);
                }
                into.push('}');
            }
            Value::Array(items) => {
                into.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        into.push(',');
                    }
                    write(item, into);
                }
                into.push(']');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                into.push_str(&value.to_string());
            }
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// When things happened within one attempt, each as the time since the request was sent, but for `queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clocks {
    /// Wait for a place among the calls in flight: no part of any latency.
    #[serde(default, skip_serializing_if = "is_none_waited")]
    pub permit_ms: Millis,
    /// Wait for money, gate and rate after that, before the request was sent: no part of any latency.
    #[serde(default)]
    pub queued_ms: Millis,
    /// Response headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_ms: Option<Millis>,
    /// First event of any kind that carried model output, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<Millis>,
    /// First visible text: the time to first token that a user sees. Streamed replies only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_content_ms: Option<Millis>,
    /// End of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<Millis>,
    /// Whether it was the first call over its connection: the time to set that up is in all the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold: bool,
    /// Whether a streamed reply came in one piece, so that its first token says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub buffered: bool,
}

/// The JSON text of a reply: the whole text, or the inside of the one code fence around all of it.
#[must_use]
pub fn unfenced_json(reply: &str) -> &str {
    let text = reply.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).unwrap_or(text).trim()
}

/// How a trial, or one attempt at it, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer, to be graded.
    Reply,
    /// The model or its provider declined to answer. A fail, with its reason.
    Refused,
    /// The answer met the output cap, or its stream broke off. A fail, with its reason.
    Truncated,
    /// The prompt does not fit the model's context window. Infeasible, not a fail.
    Overflow,
    /// Infrastructure: no evidence about quality.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Reply, Self::Refused, Self::Truncated, Self::Overflow, Self::Error];

    /// Whether the trial has its answer and need not be sent again.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        match self {
            Self::Reply | Self::Refused | Self::Truncated | Self::Overflow => true,
            Self::Error => false,
        }
    }

    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Overflow => "overflow",
            Self::Error => "error",
        }
    }
}

/// How an attempt was obtained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A call made by the run that holds the record.
    #[default]
    Live,
    /// A recording that the user named.
    Tape,
    /// The journal of an earlier run of the same project.
    Reuse,
    /// The scripted provider: no model at all.
    Script,
}

/// Classes of failure, which are handled differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No connection, or one that broke before the first byte of the reply.
    Connect,
    /// No answer, or no progress, in the time allowed.
    Timeout,
    /// The reply broke off after its first byte.
    BrokenStream,
    /// 429 that passes by itself.
    RateLimited,
    /// 5xx and their like.
    Server,
    /// 401, 403.
    Auth,
    /// Out of credit or of a daily quota.
    Billing,
    /// The provider rejects the request: 400, 404, 422.
    BadRequest,
    /// The reply cannot be parsed: HTML, not JSON, or JSON of another shape.
    Protocol,
    /// An answer without text whose output budget went into reasoning, or an empty answer.
    Empty,
    /// Another model answered than the requested one.
    WrongModel,
    /// The recording has no answer for this trial, and calls are not allowed.
    NotOnTape,
}

/// Why an attempt has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Its class.
    pub kind: ErrorKind,
    /// One line for people: escaped, without keys, at most 500 characters.
    pub message: String,
}

/// One call made for a trial: a line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The trial.
    pub key: TrialKey,
    /// The prompt's id, for people who read the journal.
    pub prompt: PromptId,
    /// The requested model.
    pub model: ModelRef,
    /// The repeat index, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeat: u32,
    /// The number of the attempt at this trial, from 1. 0 means that it was too long and never sent.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The visible text of the reply, whole or as far as it came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Tool calls of the reply, as the API spells them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub tool_calls: Value,
    /// The provider's finish reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
    /// The model that answered, according to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_model: Option<String>,
    /// Tokens.
    #[serde(default)]
    pub usage: Usage,
    /// Times.
    #[serde(default)]
    pub clocks: Clocks,
    /// Whether the reply was streamed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub streamed: bool,
    /// Whether it was made through a batch API: at another price, and without latencies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there is no usable answer; set for every outcome except for `reply`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Response headers from an allow-list, such as the provider's request id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The cost of the attempt at the prices of its day, if known. Reports compute it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<Usd>,
    /// When it ended, by the wall clock; for information only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How the attempt was obtained.
    #[serde(default)]
    pub via: Via,
}

impl Attempt {
    /// Whether the request was sent at all.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.attempt > 0
    }

    /// Whether the trial has its answer and need not be sent again. What the context guard held back has none: windows
    /// and guards change with the configuration, which are no part of a trial's key, so that it is judged anew each time.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.was_sent() && self.outcome.is_answer()
    }

    /// Whether an attempt with unknown cost may have been billed, because the server had started to work on it.
    #[must_use]
    pub fn may_be_billed(&self) -> bool {
        self.was_sent()
            && self.failure.as_ref().is_none_or(|failure| match failure.kind {
                ErrorKind::Timeout
                | ErrorKind::BrokenStream
                | ErrorKind::Protocol
                | ErrorKind::Empty
                | ErrorKind::WrongModel => true,
                // A model that declines has read the prompt first.
                ErrorKind::BadRequest => self.outcome == Outcome::Refused,
                ErrorKind::Connect
                | ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::Auth
                | ErrorKind::Billing
                | ErrorKind::NotOnTape => false,
            })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_none_waited(waited: &Millis) -> bool {
    *waited == Millis::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The verdict of an oracle on a reply. Never a silent pass: a reply that cannot be graded is `Ungraded`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good enough.
    Pass,
    /// Not good enough, and why, in a few words that group well ("label not in the set").
    Fail(String),
    /// The oracle itself failed, and why.
    Ungraded(String),
}

impl Verdict {
    /// The name as written in files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Ungraded(_) => "ungraded",
        }
    }

    /// The reason of a fail or of an ungraded reply.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Pass => None,
            Self::Fail(reason) | Self::Ungraded(reason) => Some(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request() -> Request {
        Request {
            messages: vec![Message::text("user", "hello")],
            params: BTreeMap::from([("temperature".to_owned(), json!(0))]),
            max_output_tokens: Tokens(16),
        }
    }

    #[test]
    fn a_key_depends_on_everything_that_is_sent_and_on_nothing_else() {
        let base = trial_key("openai", "http://h/v1", "m", &request(), 0);
        assert_eq!(base, trial_key("openai", "http://h/v1/", "m", &request(), 0));
        let mut other = request();
        other.messages[0] = Message::text("user", "hello!");
        assert_ne!(base, trial_key("openai", "http://h/v1", "m", &other, 0));
        let mut other = request();
        other.params.insert("top_p".to_owned(), json!(1));
        assert_ne!(base, trial_key("openai", "http://h/v1", "m", &other, 0));
        assert_ne!(base, trial_key("openai", "http://h/v1", "m2", &request(), 0));
        assert_ne!(base, trial_key("openai", "http://h/v1", "m", &request(), 1));
    }

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":"é"}],"a":null}"#).unwrap();
        assert_eq!(canonical_json(&value), r#"{"a":null,"b":[{"a":"é","z":1}]}"#);
    }
}
