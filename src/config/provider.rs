//! An HTTP API that serves models, and where its data goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::ProviderName;

/// An HTTP API that serves models.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: ProviderName,
    /// The wire protocol: a name in the registry of `provider`.
    pub api: String,
    /// The base URL, without a trailing slash; the API's own where absent.
    pub base_url: Option<String>,
    /// The version that the API asks for, where it does.
    pub api_version: Option<String>,
    /// The environment variable that holds the key; none for servers that ask for none.
    pub api_key_env: Option<String>,
    /// Further request headers; never secrets.
    pub headers: BTreeMap<String, String>,
    /// Where the data goes.
    pub data_location: DataLocation,
    /// Rate limits and concurrency.
    pub limits: Limits,
    /// Whether replies are streamed: the only way to see the time to first token.
    pub stream: bool,
    /// The request field for the output cap, where it is not the API's usual one (`max_tokens`).
    pub max_tokens_field: Option<String>,
    /// Whether another model may answer than the one that was asked; by default not, where the data leaves.
    pub served_model: Option<ServedModel>,
    /// The rules of the scripted provider: a file.
    pub script: Option<PathBuf>,
    /// Where in `route-prof.toml` the provider is defined, for messages.
    pub line: usize,
}

/// Which model may answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServedModel {
    /// Only the requested model, or a dated snapshot of it.
    Exact,
    /// Any model: the provider is a router, or names models its own way.
    Any,
}

/// Where a provider runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataLocation {
    /// On somebody else's machines.
    #[default]
    External,
    /// On your own machines: data does not leave.
    Local,
}

/// Calls in flight per provider, unless configured otherwise.
pub(super) const CONCURRENCY: u64 = 8;
/// Whether replies are streamed, unless configured otherwise.
pub(super) const STREAM: bool = true;

/// Rate limits and concurrency of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls in flight at a time.
    pub concurrency: usize,
    /// The most requests per minute.
    pub requests_per_minute: Option<u32>,
    /// The most tokens per minute, input and output cap together.
    pub tokens_per_minute: Option<u64>,
}
