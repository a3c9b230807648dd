//! The transport of every HTTP API: one client, its clocks, its time limits, its security. One call, no retries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::api::{HttpApi, KeyHeader};
use super::batch::Batches;
use super::classify::{self, ApiError};
use super::describe;
use super::facts::{Facts, judge};
use super::limits::{self, RateHeaders};
use super::quirks;
use super::redact::redact;
use super::response::{Response, Retry};
use super::sse::Framing;
use super::sse::{self, SseError};
use crate::clock::{self, Clock, Instant};
use crate::config::{Provider, RunSettings};
use crate::diag::{Fault, Faults};
use crate::net::{
    HeaderMap, HeaderName, HeaderValue, HttpError, HttpErrorKind, HttpReply, HttpRequest, Link, Payload,
    Transport,
};
use crate::record::{Clocks, ErrorKind, Failure, Outcome, Request};
use crate::units::Tokens;
use crate::world::World;

/// The longest reply, in bytes.
const LONGEST_REPLY: usize = 64 << 20;
/// The longest error that is read, in bytes.
const LONGEST_ERROR: usize = 64 << 10;
/// Headers of a reply that are kept: they help a provider's support to find the call, or say why calls waited, and hold no
/// secret. Those that state rate limits are kept by how they begin.
const KEPT_HEADERS: [&str; 8] = [
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "x-generation-id",
    "x-ms-region",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
];
/// How the names of headers begin that state rate limits.
const RATE_HEADERS: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];
/// The longest name of such a header that is kept.
const LONGEST_NAME: usize = 64;

/// Whether a header of a reply is kept in the journal.
fn is_kept(name: &str) -> bool {
    let states_rate = || RATE_HEADERS.iter().any(|front| name.starts_with(front));
    KEPT_HEADERS.contains(&name) || (name.len() <= LONGEST_NAME && states_rate())
}

pub(super) struct HttpEndpoint {
    settings: Provider,
    base_url: String,
    api: &'static dyn HttpApi,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    key: Option<SecretString>,
    progress: Duration,
    total: Duration,
}

impl HttpEndpoint {
    pub(super) fn connect(
        world: &World,
        provider: &Provider,
        run: &RunSettings,
        api: &'static dyn HttpApi,
        own_url: &str,
    ) -> Result<Self, Faults> {
        let key = match &provider.api_key_env {
            None => None,
            Some(name) => match std::env::var(name) {
                Ok(key) if !key.trim().is_empty() => Some(SecretString::from(key.trim().to_owned())),
                Ok(_) | Err(_) => {
                    let what =
                        format!("the key of provider `{}` is missing: {name} is not set", provider.name);
                    let help = format!("export {name}=..., or replay a recording with --tape FILE");
                    return Err(Fault::new(format!("route-prof.toml:{}", provider.line), what)
                        .help(help)
                        .into());
                }
            },
        };
        let wrong =
            |what: String| Faults::from(Fault::new(format!("route-prof.toml:{}", provider.line), what));
        let base_url = provider.base_url.clone().unwrap_or_else(|| own_url.to_owned());
        let mut headers = HeaderMap::new();
        for (name, value) in api.headers(provider) {
            let value = HeaderValue::from_str(&value)
                .map_err(|_| wrong(format!("the value of `{name}` is not a valid header")))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        for (name, value) in &provider.headers {
            let name: HeaderName =
                name.parse().map_err(|_| wrong(format!("`{name}` is not a valid header name")))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| wrong(format!("the value of `{name}` is not a valid header")))?;
            headers.insert(name, value);
        }
        if let Some(key) = &key {
            let (name, value) = match quirks::of(&base_url).key.unwrap_or_else(|| api.key_header()) {
                KeyHeader::Bearer => (
                    HeaderName::from_static("authorization"),
                    HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())),
                ),
                KeyHeader::Named(name) => {
                    (HeaderName::from_static(name), HeaderValue::from_str(key.expose_secret()))
                }
            };
            let mut value = value.map_err(|_| {
                wrong("the key contains characters that a header must not contain".to_owned())
            })?;
            // Whatever prints a request leaves the value out then.
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let link = Link {
            headers,
            idle: provider.limits.concurrency,
            connect_timeout: Duration::from_secs(run.connect_timeout_s.into()),
            loopback: is_loopback(&base_url),
        };
        let transport = world
            .network
            .link(link)
            .map_err(|error| wrong(format!("cannot create an HTTP client: {error}")))?;
        Ok(Self {
            settings: provider.clone(),
            base_url,
            api,
            transport,
            clock: Arc::clone(&world.clock),
            key,
            progress: Duration::from_secs(run.progress_timeout_s.into()),
            total: Duration::from_secs(run.total_timeout_s.into()),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{}", self.base_url, self.api.versioned_path(&self.settings, path))
    }

    /// The context window of a model, as the provider states it.
    pub(super) async fn window(&self, model: &str) -> Option<Tokens> {
        let question = self.api.describe(&self.settings, &self.base_url, model);
        let url = self.url(&question.path);
        let payload = question.body.map_or(Payload::Nothing, |body| Payload::Json(body.to_string()));
        let request = HttpRequest { url, payload, timeout: Some(self.progress) };
        let mut reply = self.transport.exchange(request).await.ok()?;
        if !(200..300).contains(&reply.status) {
            return None;
        }
        let mut bytes = Vec::new();
        while let Some(piece) = reply.body.chunk().await.ok()? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST_REPLY {
                return None;
            }
        }
        describe::window(&serde_json::from_slice(&bytes).ok()?, model).map(Tokens)
    }

    pub(super) fn batches(&self) -> Option<Batches<'_>> {
        Some(Batches {
            protocol: self.api.batch()?,
            transport: &*self.transport,
            clock: &*self.clock,
            base_url: &self.base_url,
            settings: &self.settings,
            api: self.api,
            key: self.key.as_ref(),
        })
    }

    pub(super) async fn call(&self, model: &str, request: &Request) -> Response {
        let encoded = self.api.encode(&self.settings, &self.base_url, model, request);
        let mut call = Call::new(self, Instant::now());
        let (path, body) = match encoded {
            Ok(encoded) => encoded,
            Err(why) => return call.fail(ErrorKind::BadRequest, format!("not sent: {why}"), Retry::No),
        };
        let bytes = body.to_string();
        call.began = Instant::now();
        let post = HttpRequest { url: self.url(&path), payload: Payload::Json(bytes), timeout: None };
        // A plain reply shows no progress: its headers come when the model has said all.
        let patience = if self.settings.stream { self.progress.min(self.total) } else { self.total };
        let response = match clock::timeout(patience, self.transport.exchange(post)).await {
            Err(_) => {
                return call.fail(
                    ErrorKind::Timeout,
                    "no answer in the time allowed".to_owned(),
                    Retry::Once,
                );
            }
            Ok(Err(error)) => return call.transport(error),
            Ok(Ok(response)) => response,
        };
        call.clocks.headers_ms = Some(call.began.elapsed().into());
        call.status = Some(response.status);
        call.cold = response.first_of_its_connection;
        let header =
            |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let now = self.clock.now();
        call.rates = limits::read(header, now);
        call.date =
            header("date").and_then(|text| Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp()));
        for (name, value) in &response.headers {
            if let (true, Ok(value)) = (is_kept(name.as_str()), value.to_str()) {
                let value = || redact(value, self.key.as_ref());
                // Where a header comes twice, the first one stands.
                call.headers.entry(name.as_str().to_owned()).or_insert_with(value);
            }
        }
        if !(200..300).contains(&response.status) {
            return call.error_reply(response).await;
        }
        let kind = header("content-type").unwrap_or_default().trim().to_lowercase();
        let streamed = match self.api.framing() {
            Framing::Events => kind.starts_with("text/event-stream"),
            // Some proxies call it plain JSON, or text.
            Framing::Lines => self.settings.stream && !kind.starts_with("text/html"),
        };
        if streamed { call.stream(response).await } else { call.whole(response).await }
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]")
}

/// Whether a long streamed reply came in one piece: something on the way holds streams back, and the time to its first
/// token says nothing.
fn came_at_once(clocks: &Clocks, output: Option<Tokens>) -> bool {
    match (clocks.first_content_ms, clocks.total_ms, output) {
        (Some(first), Some(total), Some(Tokens(51..))) => total.ms() - first.ms() < 0.05 * total.ms(),
        _ => false,
    }
}

/// One call under way.
struct Call<'a> {
    endpoint: &'a HttpEndpoint,
    began: Instant,
    clocks: Clocks,
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    streamed: bool,
    cold: bool,
    rates: RateHeaders,
    date: Option<jiff::Timestamp>,
    facts: Facts,
}

impl<'a> Call<'a> {
    fn new(endpoint: &'a HttpEndpoint, began: Instant) -> Self {
        Self {
            endpoint,
            began,
            clocks: Clocks::default(),
            status: None,
            headers: BTreeMap::new(),
            streamed: false,
            cold: false,
            rates: RateHeaders::default(),
            date: None,
            facts: Facts::default(),
        }
    }

    fn respond(mut self, outcome: Outcome, failure: Option<Failure>, retry: Retry) -> Response {
        self.facts.distrust_zeros();
        let mut clocks = self.clocks;
        clocks.cold = self.cold;
        clocks.buffered = self.streamed && came_at_once(&clocks, self.facts.usage.output);
        let response = Response {
            clocks,
            streamed: self.streamed,
            headers: self.headers,
            rates: self.rates,
            date: self.date,
            ..self.facts.into_response((outcome, failure, retry), self.status)
        };
        response.redacted(self.endpoint.key.as_ref())
    }

    fn fail(mut self, kind: ErrorKind, message: String, retry: Retry) -> Response {
        self.clocks.total_ms.get_or_insert(self.began.elapsed().into());
        self.respond(Outcome::Error, Some(Failure { kind, message }), retry)
    }

    /// The transport broke before or within the reply.
    fn transport(self, error: HttpError) -> Response {
        let HttpError { kind, root, .. } = error;
        match kind {
            HttpErrorKind::Timeout => self.fail(ErrorKind::Timeout, root, Retry::Once),
            HttpErrorKind::Connect | HttpErrorKind::Broken if self.clocks.headers_ms.is_some() => {
                self.fail(ErrorKind::BrokenStream, format!("the reply broke off: {root}"), Retry::Once)
            }
            HttpErrorKind::Connect | HttpErrorKind::Broken => {
                let message = format!("no connection to {}: {root}", self.endpoint.base_url);
                self.fail(ErrorKind::Connect, message, Retry::Backoff)
            }
        }
    }

    async fn error_reply(mut self, mut response: HttpReply) -> Response {
        let status = response.status;
        let headers = std::mem::take(&mut response.headers);
        let mut body = Vec::new();
        let deadline = Instant::now() + self.endpoint.progress;
        while body.len() < LONGEST_ERROR
            && let Ok(Ok(Some(piece))) = clock::timeout_at(deadline, response.body.chunk()).await
        {
            body.extend_from_slice(&piece);
        }
        body.truncate(LONGEST_ERROR);
        self.clocks.total_ms = Some(self.began.elapsed().into());
        let text = String::from_utf8_lossy(&body);
        let stated = serde_json::from_str(&text).ok().and_then(|body: Value| ApiError::find(&body));
        let mut error = stated.unwrap_or_else(|| ApiError {
            // An HTML page of a proxy, or nothing: a short piece of it helps to see whose.
            message: text.chars().take(200).collect(),
            ..ApiError::default()
        });
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        error.status = status;
        error.retry_after = classify::retry_after(header, &text, self.endpoint.clock.now());
        error.should_retry = header("x-should-retry").and_then(|word| word.parse().ok());
        let (outcome, failure, retry) = classify::api_error(&error);
        self.respond(outcome, failure, retry)
    }

    async fn whole(mut self, mut response: HttpReply) -> Response {
        let deadline = self.began + self.endpoint.total;
        let mut body = Vec::new();
        loop {
            match clock::timeout_at(deadline, response.body.chunk()).await {
                Err(_) => {
                    return self.fail(
                        ErrorKind::Timeout,
                        "no end in the time allowed".to_owned(),
                        Retry::Once,
                    );
                }
                Ok(Err(error)) => return self.transport(error),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(piece))) if body.len() + piece.len() > LONGEST_REPLY => {
                    return self.fail(
                        ErrorKind::Protocol,
                        "the reply is longer than 64 MiB".to_owned(),
                        Retry::No,
                    );
                }
                Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            }
        }
        self.clocks.total_ms = Some(self.began.elapsed().into());
        match serde_json::from_slice::<Value>(&body) {
            Ok(body) => self.endpoint.api.decoder().body(&body, &mut self.facts),
            Err(_) => {
                let snippet: String = String::from_utf8_lossy(&body).chars().take(200).collect();
                self.facts.nonsense = Some(format!("the reply is not JSON: {snippet}"));
            }
        }
        self.end()
    }

    async fn stream(mut self, mut response: HttpReply) -> Response {
        self.streamed = true;
        let mut decoder = self.endpoint.api.decoder();
        let (mut reader, mut events) = (sse::Reader::new(self.endpoint.api.framing()), Vec::new());
        let last = self.began + self.endpoint.total;
        let mut progress = Instant::now() + self.endpoint.progress;
        let mut taken = 0;
        loop {
            let piece = match clock::timeout_at(progress.min(last), response.body.chunk()).await {
                // Comments that keep the line open are no progress; only content is.
                Err(_) => {
                    return self.fail(
                        ErrorKind::Timeout,
                        "the reply made no progress".to_owned(),
                        Retry::Once,
                    );
                }
                Ok(Err(error)) => return self.transport(error),
                Ok(Ok(piece)) => piece,
            };
            // Stamped before anything is parsed.
            let now = self.began.elapsed();
            let read = match &piece {
                Some(piece) => {
                    taken += piece.len();
                    reader.feed(piece, &mut events)
                }
                None => reader.finish(&mut events),
            };
            if taken > LONGEST_REPLY || matches!(read, Err(SseError::TooLong)) {
                return self.fail(ErrorKind::Protocol, "the stream is too long".to_owned(), Retry::No);
            }
            if read.is_err() {
                return self.fail(ErrorKind::Protocol, "the stream is not UTF-8".to_owned(), Retry::Once);
            }
            for data in events.drain(..) {
                let step = decoder.event(&data, &mut self.facts);
                if step.token {
                    progress = Instant::now() + self.endpoint.progress;
                    self.clocks.first_token_ms.get_or_insert(now.into());
                }
                if step.visible {
                    self.clocks.first_content_ms.get_or_insert(now.into());
                }
                if step.token || step.end {
                    self.clocks.total_ms = Some(now.into());
                }
                if step.end {
                    // The rest of the body is read, so that the connection can be used again; it is short.
                    if self.facts.error.is_none() && self.facts.nonsense.is_none() {
                        let _ = clock::timeout(Duration::from_millis(100), response.body.chunk()).await;
                    }
                    return self.end();
                }
            }
            if piece.is_none() {
                self.clocks.total_ms.get_or_insert(now.into());
                return self.end();
            }
        }
    }

    fn end(self) -> Response {
        let (outcome, failure, retry) = judge(&self.facts);
        self.respond(outcome, failure, retry)
    }
}
