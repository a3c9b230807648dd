//! Providers: HTTP APIs that serve models, and the scripted stand-in. One file per API; one line each in [`APIS`].
//!
//! An API's own file only encodes requests and decodes replies; it does no I/O. The transport, its clocks and its security
//! are shared, in `http`. A call is one attempt: retries, limits and budgets are `dispatch`'s.

mod anthropic;
mod api;
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
mod response;
mod responses;
pub mod scripted;
mod served;
mod sse;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::api::Api;
use self::api::{Versioned, Wire};
pub use self::limits::{RateHeaders, Window};
pub use self::response::{Response, Retry};
use crate::config::{DataLocation, Provider, RunSettings, ServedModel};
use crate::diag::{Fault, Faults, nearest};
use crate::disk::Disk;
use crate::record::Request;
use crate::units::Tokens;
use crate::world::World;

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

/// The request parameter by which an API holds a reply to a JSON Schema, which is called `name` where it wants a name;
/// `None` if it has none, or is unknown.
#[must_use]
pub fn schema_parameter(api: &str, name: &str, schema: &Value) -> Option<(&'static str, Value)> {
    match APIS.iter().find(|known| known.name == api)?.wire {
        Wire::Http(wire) => wire.schema_parameter(name, schema),
        Wire::Script => None,
    }
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
            None => format!("use one of: {}", names.join(", ")),
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
            format!("{} has no API versions", api.name),
            "remove api_version".to_owned(),
        )),
        (Versioned::Query, Some(version)) if quirks::is_azure(url) && !quirks::is_azure_version(version) => {
            Err(fault(
                format!("Azure has no api_version `{version}`"),
                "write one of its dates, such as \"2024-10-21\" or \"2025-04-01-preview\"; a base_url that ends in /openai/v1 needs none"
                    .to_owned(),
            ))
        }
        (Versioned::Query, None) if quirks::is_azure(url) && url.contains("/deployments/") => Err(fault(
            "Azure deployments need an API version".to_owned(),
            "set api_version = \"2024-10-21\", or a base_url that ends in /openai/v1, which needs none".to_owned(),
        )),
        (Versioned::Own | Versioned::Query | Versioned::Not, _) => Ok(api),
    }
}

/// Whether a provider's replies must come from exactly the requested model: unless configured otherwise, where the
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
/// If the API is unknown, or the script cannot be read.
pub fn identity(disk: &Disk, provider: &Provider) -> Result<Identity, Faults> {
    let api = find(provider)?;
    let base_url = match api.wire {
        Wire::Script => scripted::Script::load(disk, provider)?.identity(),
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
    /// If the API is unknown, the key's variable is not set, or the script cannot be read.
    pub fn connect(world: &World, provider: &Provider, run: &RunSettings) -> Result<Self, Faults> {
        let api = find(provider)?;
        let inner = match api.wire {
            Wire::Http(wire) => {
                Inner::Http(Box::new(http::HttpEndpoint::connect(world, provider, run, wire, api.base_url)?))
            }
            Wire::Script => Inner::Script(scripted::Script::load(&world.disk, provider)?),
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

    /// The context window of a model in tokens, as the provider itself states it; `None` if it does not. Costs nothing.
    pub async fn window(&self, model: &str) -> Option<Tokens> {
        match &self.inner {
            Inner::Http(endpoint) => endpoint.window(model).await,
            Inner::Script(_) => None,
        }
    }

    /// The provider's batch API; `None` if it has none.
    #[must_use]
    pub fn batches(&self) -> Option<batch::Batches<'_>> {
        match &self.inner {
            Inner::Http(endpoint) => endpoint.batches(),
            Inner::Script(_) => None,
        }
    }

    /// Whether it is a script without a model.
    #[must_use]
    pub const fn is_script(&self) -> bool {
        match self.inner {
            Inner::Script(_) => true,
            Inner::Http(_) => false,
        }
    }
}
