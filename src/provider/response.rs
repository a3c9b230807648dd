//! What one call came to, and what a failure calls for.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::limits::RateHeaders;
use super::redact::redact;
use super::served;
use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::record::{Attempt, Clocks, ErrorKind, Failure, Outcome, Usage, Via};

/// What a failed attempt calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: it is an answer, or another attempt would end in the same way.
    No,
    /// Another attempt after a backoff.
    Backoff,
    /// One more attempt at most: this one may already stand on the bill.
    Once,
    /// Another attempt after this time at the earliest; the whole endpoint waits.
    After(Duration),
    /// No further call of this tier: money, a daily quota, or the key.
    StopTier,
}

/// What one call came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// What it ended in.
    pub outcome: Outcome,
    /// The visible text, whole or as far as it came.
    pub text: String,
    /// Tool calls, as the API spells them; null when there is none.
    pub tool_calls: Value,
    /// The provider's finish reason.
    pub finish: Option<String>,
    /// The model that the provider says it used.
    pub served_model: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Times, without the wait for a place.
    pub clocks: Clocks,
    /// Whether the reply was streamed.
    pub streamed: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Why there is no usable answer.
    pub failure: Option<Failure>,
    /// Headers from the allow-list.
    pub headers: BTreeMap<String, String>,
    /// What a failure calls for.
    pub retry: Retry,
    /// What the server said of its rate limits.
    pub rates: RateHeaders,
    /// The server's clock, as its `Date` header states it.
    pub date: Option<jiff::Timestamp>,
}

impl Response {
    /// The same without keys in what the server said of itself.
    pub(super) fn redacted(mut self, key: Option<&SecretString>) -> Self {
        if let Some(failure) = &mut self.failure {
            failure.message = redact(&failure.message, key);
        }
        self.served_model = self.served_model.map(|model| redact(&model, key));
        self
    }

    /// Makes a reply of another model than the one that was asked a failure: to measure the wrong model is worse than to
    /// measure none. The reply is kept for the record.
    pub fn insist_on(&mut self, asked: &str) {
        let Some(served) = self.served_model.as_deref().filter(|served| !served::is_same(asked, served))
        else {
            return;
        };
        if !self.outcome.is_answer() {
            return;
        }
        let message = format!(
            "asked for {asked}, served by {served}; if that is intended, set served_model = \"any\" for the provider"
        );
        self.outcome = Outcome::Error;
        self.failure = Some(Failure { kind: ErrorKind::WrongModel, message });
        self.retry = Retry::StopTier;
    }

    /// The first attempt at a trial that came to this: not priced, not dated, by a live call.
    #[must_use]
    pub fn into_attempt(self, key: TrialKey, prompt: PromptId, model: ModelRef, repeat: u32) -> Attempt {
        Attempt {
            key,
            prompt,
            model,
            repeat,
            attempt: 1,
            outcome: self.outcome,
            text: self.text,
            tool_calls: self.tool_calls,
            finish: self.finish,
            served_model: self.served_model,
            usage: self.usage,
            clocks: self.clocks,
            streamed: self.streamed,
            batch: false,
            status: self.status,
            failure: self.failure,
            headers: self.headers,
            billed: None,
            at: None,
            via: Via::Live,
        }
    }
}
