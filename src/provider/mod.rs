//! Providers: HTTP APIs that serve models, and the scripted stand-in. One file per API; one line each in [`APIS`].
//!
//! An API's own file only encodes requests and decodes replies; it does no I/O. The transport, its clocks and its security
//! are shared, in `http`. A call is one attempt: retries, limits and budgets are `dispatch`'s.

mod anthropic;
pub mod batch;
mod classify;
mod common;
mod content;
mod describe;
mod embeddings;
mod facts;
mod gemini;
mod http;
mod limits;
mod ollama;
mod openai;
mod quirks;
mod redact;
mod responses;
pub mod scripted;
mod served;
mod sse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::config::{DataLocation, Provider, RunSettings, ServedModel};
use crate::diag::{Fault, Faults, nearest};
use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::record::{Attempt, Clocks, ErrorKind, Failure, Outcome, Request, Usage, Via};
use crate::units::Tokens;

use self::facts::Decoder;
pub use self::limits::{RateHeaders, Window};

/// What a failed attempt calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: it is an answer, or another attempt would end in the same way.
    No,
    /// Another attempt after a backoff.
    Backoff,
    /// One more attempt at the most: this one may already stand on the bill.
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
    /// The provider's word for why the reply ended.
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
            "asked for {asked}, served by {served}; if that is as it should be, say served_model = \"any\" of the provider"
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

/// How an API takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone, in a header of this name.
    Named(&'static str),
}

/// The path below the base URL, and the body; or why the request cannot be put into the API's words.
type Encoded = Result<(String, Value), String>;

/// How a streamed reply is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
}

/// Where `api_version` of the settings goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versioned {
    /// Into a header or the path, by the API itself; it has a default.
    Own,
    /// Behind every URL as `api-version`, which Azure and gateways in front of it ask for.
    Query,
    /// Nowhere: the API has no versions.
    Not,
}

/// An API that speaks HTTP: encoding and decoding, no I/O.
trait HttpApi: Sync {
    /// What to post where.
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded;
    /// Decodes one reply.
    fn decoder(&self) -> Box<dyn Decoder>;
    /// How it takes its key.
    fn key_header(&self) -> KeyHeader;
    /// Headers that every request carries, beside the key.
    fn headers(&self, _endpoint: &Provider) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Where the version that the settings name goes.
    fn versioned(&self) -> Versioned;
    /// A path below the base URL, with the version behind it where that is where it goes.
    fn versioned_path(&self, endpoint: &Provider, path: &str) -> String {
        match (self.versioned(), &endpoint.api_version) {
            // Its characters were checked when the settings were read.
            (Versioned::Query, Some(version)) => {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{path}{joint}api-version={version}")
            }
            (Versioned::Own | Versioned::Not, _) | (Versioned::Query, None) => path.to_owned(),
        }
    }
    /// How to ask for what the provider knows of a model.
    fn describe(&self, endpoint: &Provider, base_url: &str, model: &str) -> describe::Question;
    /// How its streams are cut.
    fn framing(&self) -> Framing {
        Framing::Events
    }
    /// Its batch API, where it has one.
    fn batch(&self) -> Option<batch::Protocol> {
        None
    }
}

enum Wire {
    Http(&'static dyn HttpApi),
    Script,
}

/// An API as the settings name it.
pub struct Api {
    /// Its name.
    pub name: &'static str,
    /// Its own base URL.
    pub base_url: &'static str,
    wire: Wire,
}

/// Every API.
pub const APIS: &[&Api] = &[
    &anthropic::API,
    &embeddings::API,
    &gemini::API,
    &ollama::API,
    &openai::API,
    &responses::API,
    &scripted::API,
];

/// What a trial's key depends on of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The API's name.
    pub api: String,
    /// The base URL, without a trailing slash.
    pub base_url: String,
}

fn find(provider: &Provider) -> Result<&'static Api, Faults> {
    let fault = |message: String, help: String| -> Faults {
        let message = format!("provider `{}`: {message}", provider.name);
        Fault::new(format!("route-prof.toml:{}", provider.line), message).help(help).into()
    };
    let Some(api) = APIS.iter().find(|api| api.name == provider.api).copied() else {
        let names: Vec<&str> = APIS.iter().map(|api| api.name).collect();
        let help = match nearest(&provider.api, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the known ones are {}", names.join(", ")),
        };
        return Err(fault(format!("unknown api `{}`", provider.api.escape_debug()), help));
    };
    let versioned = match api.wire {
        Wire::Http(wire) => wire.versioned(),
        Wire::Script => Versioned::Not,
    };
    let url = provider.base_url.as_deref().unwrap_or_default();
    match (versioned, &provider.api_version) {
        (Versioned::Not, Some(_)) => Err(fault(
            format!("{} has no versions to choose from", api.name),
            "take api_version out".to_owned(),
        )),
        (Versioned::Query, Some(version)) if quirks::is_azure(url) && !quirks::is_azure_version(version) => {
            Err(fault(
                format!("Azure has no api_version `{version}`"),
                "write one of its dates, such as \"2024-10-21\" or \"2025-04-01-preview\"; a base_url that ends in /openai/v1 needs none"
                    .to_owned(),
            ))
        }
        (Versioned::Query, None) if quirks::is_azure(url) && url.contains("/deployments/") => Err(fault(
            "Azure asks for a version at its deployments".to_owned(),
            "write api_version = \"2024-10-21\", or a base_url that ends in /openai/v1, which needs none".to_owned(),
        )),
        (Versioned::Own | Versioned::Query | Versioned::Not, _) => Ok(api),
    }
}

/// Whether a provider's replies must come from the very model that was asked: unless the settings say otherwise, where the
/// data goes to somebody else, and the host calls models by the names that they are asked by.
#[must_use]
pub fn insists_on_model(provider: &Provider) -> bool {
    let own_name = || {
        let url = provider.base_url.as_deref().unwrap_or_default();
        provider.data_location == DataLocation::External && !quirks::of(url).names_models_otherwise
    };
    match provider.served_model {
        Some(ServedModel::Exact) => true,
        Some(ServedModel::Any) => false,
        None => own_name(),
    }
}

/// The API and base URL of a provider. A script has the digest of its rules in place of a URL: other rules, other answers.
///
/// # Errors
/// When the API is unknown, or the script cannot be read.
pub fn identity(provider: &Provider) -> Result<Identity, Faults> {
    let api = find(provider)?;
    let base_url = match api.wire {
        Wire::Script => scripted::Script::load(provider)?.identity(),
        Wire::Http(_) => provider.base_url.clone().unwrap_or_else(|| api.base_url.to_owned()),
    };
    Ok(Identity { api: api.name.to_owned(), base_url })
}

/// A provider, ready to be called.
pub struct Endpoint {
    inner: Inner,
}

enum Inner {
    Http(Box<http::HttpEndpoint>),
    Script(scripted::Script),
}

impl Endpoint {
    /// Makes a provider ready: finds its key, builds its client. Connects to nothing yet.
    ///
    /// # Errors
    /// When the API is unknown, the key's variable is not set, or the script cannot be read.
    pub fn connect(provider: &Provider, run: &RunSettings) -> Result<Self, Faults> {
        let api = find(provider)?;
        let inner = match api.wire {
            Wire::Http(wire) => {
                Inner::Http(Box::new(http::HttpEndpoint::connect(provider, run, wire, api.base_url)?))
            }
            Wire::Script => Inner::Script(scripted::Script::load(provider)?),
        };
        Ok(Self { inner })
    }

    /// Makes one call. Never fails: what goes wrong is a fact of the response.
    pub async fn call(&self, model: &str, request: &Request) -> Response {
        match &self.inner {
            Inner::Http(endpoint) => endpoint.call(model, request).await,
            Inner::Script(script) => script.call(model, request).await,
        }
    }

    /// The context window of a model in tokens, as the provider itself states it; `None` where it does not. Costs nothing.
    pub async fn window(&self, model: &str) -> Option<Tokens> {
        match &self.inner {
            Inner::Http(endpoint) => endpoint.window(model).await,
            Inner::Script(_) => None,
        }
    }

    /// The provider's batch API; `None` where it has none.
    #[must_use]
    pub fn batches(&self) -> Option<batch::Batches<'_>> {
        match &self.inner {
            Inner::Http(endpoint) => endpoint.batches(),
            Inner::Script(_) => None,
        }
    }

    /// Whether there is no model behind it.
    #[must_use]
    pub const fn is_script(&self) -> bool {
        match self.inner {
            Inner::Script(_) => true,
            Inner::Http(_) => false,
        }
    }
}
