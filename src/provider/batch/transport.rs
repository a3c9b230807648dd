//! The calls that every protocol is made of, and how their answers are judged: as those of single calls are.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::protocol::Protocol;
use crate::clock::Clock;
use crate::config::Provider;
use crate::net::{HttpError, HttpErrorKind, HttpReply, HttpRequest, Payload, Transport};
use crate::provider::api::HttpApi;
use crate::provider::classify::{self, ApiError};
use crate::provider::facts::{Facts, judge};
use crate::provider::redact::redact;
use crate::provider::response::{Response, Retry};
use crate::record::{ErrorKind, Failure, Outcome, Request};
use crate::units::Tokens;

/// The longest error that is read, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// The longest line of results, in bytes.
const LONGEST_LINE: usize = 64 << 20;

/// The longest a single call may take: a large file is on its way up or down.
const PATIENCE: Duration = Duration::from_secs(600);

/// The batch API of a provider.
pub struct Batches<'a> {
    pub(in crate::provider) protocol: Protocol,
    pub(in crate::provider) transport: &'a dyn Transport,
    pub(in crate::provider) clock: &'a dyn Clock,
    pub(in crate::provider) base_url: &'a str,
    pub(in crate::provider) settings: &'a Provider,
    pub(in crate::provider) api: &'static dyn HttpApi,
    pub(in crate::provider) key: Option<&'a SecretString>,
}

/// A request within a batch.
#[derive(Clone, Debug)]
pub struct Item {
    /// The caller's name for it, which comes back with its answer: letters, digits, `-` and `_`, 64 at most.
    pub id: String,
    /// The request as the protocol wants it, as JSON text.
    pub(super) text: String,
    /// The path that it would be posted to by itself.
    pub(super) path: String,
}

impl Item {
    /// Its size within a batch, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len() + 1
    }
}

/// How far a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The provider is at it: requests that are done, where it says so.
    Working(Option<u64>),
    /// What there is can be collected.
    Ended,
    /// It came to nothing, and why.
    Failed(String),
}

/// Whether a provider has a batch of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has: the batch's id.
    Yes(String),
    /// It has not.
    No,
    /// Its batches carry no label.
    CannotTell,
}

/// Why a call to a batch API failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .failure.message)]
pub struct BatchError {
    /// What happened, without keys.
    pub failure: Failure,
    /// What it calls for.
    pub retry: Retry,
}

impl Batches<'_> {
    /// The path that a request of this API is posted to.
    pub(super) fn path(&self) -> String {
        let empty = Request { messages: Vec::new(), params: BTreeMap::new(), max_output_tokens: Tokens(1) };
        let whole = Provider { stream: false, ..self.settings.clone() };
        self.api.encode(&whole, self.base_url, "m", &empty).map(|(path, _)| path).unwrap_or_default()
    }

    /// The path of a URL below the base URL, from the host on.
    pub(super) fn url_path(&self, path: &str) -> String {
        let rest = self.base_url.split_once("://").map_or(self.base_url, |(_, rest)| rest);
        let below = rest.find('/').map_or("", |at| &rest[at..]);
        format!("{}{path}", below.trim_end_matches('/'))
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{}", self.base_url, self.api.versioned_path(self.settings, path))
    }

    pub(super) fn failed(&self, kind: ErrorKind, message: &str, retry: Retry) -> BatchError {
        BatchError { failure: Failure { kind, message: redact(message, self.key) }, retry }
    }

    /// What was sent back cannot be understood.
    pub(super) fn nonsense(&self, what: &str) -> BatchError {
        self.failed(ErrorKind::Protocol, what, Retry::No)
    }

    /// Sends a request and takes its success for granted no longer than its status allows.
    pub(super) async fn send(&self, url: String, payload: Payload) -> Result<HttpReply, BatchError> {
        let request = HttpRequest { url, payload, timeout: Some(PATIENCE) };
        let mut response = match self.transport.exchange(request).await {
            Ok(response) => response,
            Err(error) => {
                let kind = match error.kind {
                    HttpErrorKind::Connect => ErrorKind::Connect,
                    HttpErrorKind::Timeout | HttpErrorKind::Broken => ErrorKind::Timeout,
                };
                let cause = error.cause.unwrap_or_else(|| "no answer".to_owned());
                return Err(self.failed(kind, &format!("{cause}: {}", error.message), Retry::Backoff));
            }
        };
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let (status, headers) = (response.status, std::mem::take(&mut response.headers));
        let mut body = Vec::new();
        while body.len() < LONGEST_ERROR
            && let Ok(Some(piece)) = response.body.chunk().await
        {
            body.extend_from_slice(&piece);
        }
        body.truncate(LONGEST_ERROR);
        let text = String::from_utf8_lossy(&body);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let stated = serde_json::from_str(&text).ok().and_then(|body: Value| ApiError::find(&body));
        let mut error = stated
            .unwrap_or_else(|| ApiError { message: text.chars().take(200).collect(), ..ApiError::default() });
        error.status = status;
        error.retry_after = classify::retry_after(header, &text, self.clock.now());
        let (_, failure, retry) = classify::api_error(&error);
        let kind = failure.as_ref().map_or(ErrorKind::Protocol, |failure| failure.kind);
        let message = failure.map_or_else(|| format!("status {status}"), |failure| failure.message);
        Err(self.failed(kind, &message, retry))
    }

    pub(super) async fn json(&self, path: &str, payload: Payload) -> Result<Value, BatchError> {
        let mut response = self.send(self.url(path), payload).await?;
        let bytes = response.body.all().await.map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&bytes).map_err(|_| self.nonsense("the reply is not JSON"))
    }

    fn broken(&self, error: &HttpError) -> BatchError {
        self.failed(ErrorKind::BrokenStream, &error.message, Retry::Backoff)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, BatchError> {
        self.json(path, Payload::Nothing).await
    }

    pub(super) async fn post(&self, path: &str, body: String) -> Result<Value, BatchError> {
        self.json(path, Payload::Json(body)).await
    }

    /// The lines of a file of results, one by one: it may be larger than memory.
    pub(super) async fn lines(
        &self,
        path: &str,
        each: &mut (dyn FnMut(&Value) + Send),
    ) -> Result<(), BatchError> {
        let mut response = self.send(self.url(path), Payload::Nothing).await?;
        let mut rest: Vec<u8> = Vec::new();
        let mut take = |line: &[u8]| -> Result<(), BatchError> {
            if line.iter().all(u8::is_ascii_whitespace) {
                return Ok(());
            }
            let value = serde_json::from_slice(line)
                .map_err(|_| self.nonsense("a line of the results is not JSON"))?;
            each(&value);
            Ok(())
        };
        loop {
            let piece = response.body.chunk().await.map_err(|error| self.broken(&error))?;
            let Some(piece) = piece else { break };
            rest.extend_from_slice(&piece);
            let mut begin = 0;
            while let Some(end) = rest[begin..].iter().position(|byte| *byte == b'\n') {
                take(&rest[begin..begin + end])?;
                begin += end + 1;
            }
            rest.drain(..begin);
            if rest.len() > LONGEST_LINE {
                return Err(self.nonsense("a line of the results is longer than 64 MiB"));
            }
        }
        take(&rest)
    }

    /// An answer of a batch, classified like a direct one. It has no latencies.
    pub(super) fn answer(&self, status: u16, body: &Value) -> Response {
        let mut facts = Facts::default();
        let stated = ApiError::find(body).filter(|_| status >= 400);
        let (outcome, failure, retry) = match stated {
            Some(error) => classify::api_error(&ApiError { status, ..error }),
            None if status >= 400 => classify::api_error(&ApiError {
                status,
                message: body.to_string().chars().take(200).collect(),
                ..ApiError::default()
            }),
            None => {
                self.api.decoder().body(body, &mut facts);
                judge(&facts)
            }
        };
        self.response(facts, outcome, failure, retry, Some(status))
    }

    /// A request of a batch that the provider never got to.
    pub(super) fn undone(&self, message: &str) -> Response {
        let failure = Failure { kind: ErrorKind::Server, message: message.to_owned() };
        self.response(Facts::default(), Outcome::Error, Some(failure), Retry::Backoff, None)
    }

    pub(super) fn response(
        &self,
        mut facts: Facts,
        outcome: Outcome,
        failure: Option<Failure>,
        retry: Retry,
        status: Option<u16>,
    ) -> Response {
        facts.distrust_zeros();
        facts.into_response((outcome, failure, retry), status).redacted(self.key)
    }
}

/// The requests of a batch joined to the text of one JSON document or file.
pub(super) fn joined(items: &[Item], before: &str, between: char, after: &str) -> String {
    let size: usize = items.iter().map(Item::bytes).sum();
    let mut text = String::with_capacity(size + before.len() + after.len());
    text.push_str(before);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(between);
        }
        text.push_str(&item.text);
    }
    text.push_str(after);
    text
}
