//! `route-prof.toml` as typed: shapes and places, nothing checked beyond them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::policy::Policy;
use super::price::PriceOverride;
use super::provider::{DataLocation, ServedModel};
use super::run::{RunSettings, TapeMode};
use super::simulate::RawSimulate;
use super::strategy::StrategySettings;
use super::task::{Consequence, DataNeed};
use crate::units::Usd;

/// The JSON Schema of `route-prof.toml`.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(RawConfig).to_value()
}

/// The settings of a project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "route-prof.toml")]
pub(super) struct RawConfig {
    /// The version of this format: 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u32>,
    /// The ladder, cheapest first.
    #[serde(default)]
    #[schemars(with = "Vec<RawTier>")]
    pub(super) tier: Vec<Spanned<RawTier>>,
    /// The HTTP APIs that serve models.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawProvider>")]
    pub(super) provider: BTreeMap<Spanned<String>, RawProvider>,
    /// Prices beyond the built-in catalogue.
    #[serde(default)]
    pub(super) prices: RawPrices,
    /// The tasks.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawTask>")]
    pub(super) task: BTreeMap<Spanned<String>, RawTask>,
    /// The numbers of the method.
    #[schemars(with = "Option<Policy>")]
    pub(super) policy: Option<Spanned<Policy>>,
    /// How routing strategies are compared; decides no route.
    #[schemars(with = "Option<StrategySettings>")]
    pub(super) strategy: Option<Spanned<StrategySettings>>,
    /// The day that `route-prof simulate` plays; flags win.
    #[serde(default)]
    pub(super) simulate: RawSimulate,
    /// How trials are run.
    #[schemars(with = "Option<RunSettings>")]
    pub(super) run: Option<Spanned<RunSettings>>,
    /// A recording to answer from.
    pub(super) tape: Option<RawTape>,
}

/// A rung of the ladder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTier {
    /// Its name.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// `provider/model`: what is measured and what serves.
    #[schemars(with = "String")]
    pub(super) model: Spanned<String>,
    /// Whether it is a router itself (OpenRouter's auto, Foundry's Model Router, ...): measured beside the ladder, to be
    /// compared with; never routed to.
    #[serde(default)]
    pub(super) router: bool,
    /// Fallbacks of the same class, in order.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) same_class: Vec<Spanned<String>>,
    /// The cap on output tokens where neither prompt nor task sets one.
    #[schemars(with = "Option<u64>")]
    pub(super) max_output_tokens: Option<Spanned<u64>>,
    /// The context window in tokens, over the catalogue's.
    #[schemars(with = "Option<u64>")]
    pub(super) context_window: Option<Spanned<u64>>,
    /// Request parameters.
    #[serde(default)]
    pub(super) params: BTreeMap<String, Value>,
}

/// An HTTP API that serves models.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    /// The wire protocol, such as `openai`.
    pub(super) api: String,
    /// The base URL, where it is not the API's own.
    #[schemars(with = "Option<String>")]
    pub(super) base_url: Option<Spanned<String>>,
    /// The version that the API asks for: Anthropic's and Gemini's have a default; behind `openai` it is sent as Azure's
    /// `api-version`; others have none.
    #[schemars(with = "Option<String>")]
    pub(super) api_version: Option<Spanned<String>>,
    /// The NAME of the environment variable that holds the key; never a key.
    #[schemars(with = "Option<String>")]
    pub(super) api_key_env: Option<Spanned<String>>,
    /// Further request headers; never secrets.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) headers: BTreeMap<Spanned<String>, String>,
    /// Where the data goes.
    #[serde(default)]
    pub(super) data_location: DataLocation,
    /// Rate limits and concurrency.
    #[serde(default)]
    pub(super) limits: RawLimits,
    /// Whether replies are streamed (default: true).
    pub(super) stream: Option<bool>,
    /// The request field for the output cap, where it is not the API's usual one.
    pub(super) max_tokens_field: Option<String>,
    /// Which model may answer: the one that was asked (`exact`), or `any` (a router, or a server with names of its own).
    pub(super) served_model: Option<ServedModel>,
    /// The rules of the scripted provider.
    pub(super) script: Option<PathBuf>,
}

/// What a provider takes at a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    /// Calls in flight at the most (default: 8).
    #[schemars(with = "Option<u64>")]
    pub(super) concurrency: Option<Spanned<u64>>,
    /// Requests a minute at the most.
    #[schemars(with = "Option<u32>")]
    pub(super) requests_per_minute: Option<Spanned<u32>>,
    /// Tokens a minute at the most.
    #[schemars(with = "Option<u64>")]
    pub(super) tokens_per_minute: Option<Spanned<u64>>,
}

/// Prices and where they come from.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrices {
    /// A price file in LiteLLM's format, in place of the built-in catalogue.
    pub(super) catalogue: Option<PathBuf>,
    /// A remark that stands beside every figure of money.
    pub(super) note: Option<String>,
    /// Prices by model, in USD per million tokens.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PriceOverride>")]
    pub(super) model: BTreeMap<Spanned<String>, PriceOverride>,
}

/// A task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTask {
    /// What it does, for people.
    pub(super) description: Option<String>,
    /// The oracle that grades it: `name@version`.
    #[schemars(with = "String")]
    pub(super) oracle: Spanned<String>,
    /// The blast radius of a wrong answer.
    #[serde(default)]
    pub(super) consequence: Consequence,
    /// The p95 latency that it can live with; left out for a background job.
    #[schemars(with = "Option<f64>")]
    pub(super) latency_p95_ms: Option<Spanned<f64>>,
    /// Where its data may go.
    #[serde(default)]
    pub(super) data_location: DataNeed,
    /// Expected traffic.
    #[schemars(with = "Option<f64>")]
    pub(super) requests_per_day: Option<Spanned<f64>>,
    /// A file with the system text that production sends.
    #[schemars(with = "Option<String>")]
    pub(super) system_file: Option<Spanned<PathBuf>>,
    /// A JSONL file with the few-shot turns that production sends.
    #[schemars(with = "Option<String>")]
    pub(super) shots: Option<Spanned<PathBuf>>,
    /// The template around a prompt's `vars`.
    #[schemars(with = "Option<String>")]
    pub(super) template: Option<Spanned<String>>,
    /// Request parameters, over the tier's.
    #[serde(default)]
    pub(super) params: BTreeMap<String, Value>,
    /// The cap on output tokens.
    #[schemars(with = "Option<u64>")]
    pub(super) max_output_tokens: Option<Spanned<u64>>,
    /// The task's own floor, over the policy's.
    #[schemars(with = "Option<f64>")]
    pub(super) route_floor: Option<Spanned<f64>>,
    /// The task's own floor, over the policy's.
    #[schemars(with = "Option<f64>")]
    pub(super) monitor_floor: Option<Spanned<f64>>,
    /// The task's own margin of non-inferiority, over the policy's.
    #[schemars(with = "Option<f64>")]
    pub(super) margin: Option<Spanned<f64>>,
    /// What a second of waiting costs, over the policy's, in USD.
    pub(super) latency_penalty: Option<Usd>,
}

/// A recording to answer from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTape {
    /// The file.
    pub(super) file: PathBuf,
    /// What to do about trials that it does not hold.
    #[serde(default)]
    pub(super) mode: TapeMode,
}
