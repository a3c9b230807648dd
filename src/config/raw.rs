//! `route-prof.toml` as typed: shapes and places, nothing checked beyond them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::policy::Policy;
use super::price::PriceOverride;
use super::projection::{RawBaseline, RawProjection, RawTraffic, TrafficShape};
use super::provider::{CONCURRENCY, DataLocation, STREAM, ServedModel};
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

/// The configuration of a project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "route-prof.toml")]
pub(super) struct RawConfig {
    /// The version of this format; always 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u32>,
    /// The models to choose from, cheapest first.
    #[serde(default)]
    #[schemars(with = "Vec<RawTier>")]
    pub(super) tier: Vec<Spanned<RawTier>>,
    /// The HTTP APIs that serve the models.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawProvider>")]
    pub(super) provider: BTreeMap<Spanned<String>, RawProvider>,
    /// Prices of models that the built-in catalogue lacks or has wrong.
    #[serde(default)]
    pub(super) prices: RawPrices,
    /// The tasks to route.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawTask>")]
    pub(super) task: BTreeMap<Spanned<String>, RawTask>,
    /// The numbers by which measurements become routes.
    #[schemars(with = "Option<Policy>")]
    pub(super) policy: Option<Spanned<Policy>>,
    /// How routing strategies are compared; this decides no route.
    #[schemars(with = "Option<StrategySettings>")]
    pub(super) strategy: Option<Spanned<StrategySettings>>,
    /// What the projected cost depends on beside prompts and traffic.
    pub(super) projection: Option<RawProjection>,
    /// What serves today.
    #[schemars(with = "Option<RawBaseline>")]
    pub(super) baseline: Option<Spanned<RawBaseline>>,
    /// The day that `route-prof simulate` simulates.
    #[serde(default)]
    pub(super) simulate: RawSimulate,
    /// How trials are run, and where files go.
    #[schemars(with = "Option<RunSettings>")]
    pub(super) run: Option<Spanned<RunSettings>>,
    /// A recording to take answers from.
    pub(super) tape: Option<RawTape>,
}

/// A model to choose from. List the tiers cheapest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTier {
    /// The name of the tier, unique in the file.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// The model that is measured and that serves: `provider/model`.
    #[schemars(with = "String")]
    pub(super) model: Spanned<String>,
    /// This is somebody else's router: measured for comparison, never routed to.
    #[serde(default)]
    pub(super) router: bool,
    /// Models that may stand in for this one, in order: `provider/model` each.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) same_class: Vec<Spanned<String>>,
    /// Cap on output tokens where neither the prompt nor the task sets one.
    #[schemars(with = "Option<u64>", extend("x-unit" = "tokens", "x-if-omitted" = "`[run] max_output_tokens`"))]
    pub(super) max_output_tokens: Option<Spanned<u64>>,
    /// The model's context window.
    #[schemars(with = "Option<u64>", extend("x-unit" = "tokens", "x-if-omitted" = "as in the price catalogue"))]
    pub(super) context_window: Option<Spanned<u64>>,
    /// Request parameters of the API, added to every request to this tier.
    #[serde(default)]
    pub(super) params: BTreeMap<String, Value>,
}

/// An HTTP API that serves models.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    /// The protocol, such as `openai`; docs/providers.md lists them.
    pub(super) api: String,
    /// The base URL.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "the API's own"))]
    pub(super) base_url: Option<Spanned<String>>,
    /// The API version, for `anthropic`, `gemini`, and Azure behind an `openai` API.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "the API's usual one"))]
    pub(super) api_version: Option<Spanned<String>>,
    /// The name of the environment variable that holds the key, never the key itself.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "no key is sent"))]
    pub(super) api_key_env: Option<Spanned<String>>,
    /// Additional request headers; never secrets.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) headers: BTreeMap<Spanned<String>, String>,
    /// Where the provider runs, and so where prompts are sent.
    #[serde(default)]
    pub(super) data_location: DataLocation,
    /// Rate limits and concurrency.
    #[serde(default)]
    pub(super) limits: RawLimits,
    /// Stream replies; only a streamed reply has a time to first token.
    #[schemars(extend("default" = STREAM))]
    pub(super) stream: Option<bool>,
    /// The request field that carries the output cap, such as `max_tokens`.
    #[schemars(extend("x-if-omitted" = "the API's usual one"))]
    pub(super) max_tokens_field: Option<String>,
    /// Which model may answer a request; any other one stops the tier.
    #[schemars(extend("x-if-omitted" = "`\"exact\"` for an external host that keeps model names, else `\"any\"`"))]
    pub(super) served_model: Option<ServedModel>,
    /// The file with the rules of a `scripted` provider.
    #[schemars(extend("x-if-omitted" = "required by `scripted`"))]
    pub(super) script: Option<PathBuf>,
}

/// Rate limits and concurrency of a provider.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    /// The most calls in flight at a time, up to 1024.
    #[schemars(with = "Option<u64>", extend("x-unit" = "calls", "default" = CONCURRENCY))]
    pub(super) concurrency: Option<Spanned<u64>>,
    /// The most requests per minute.
    #[schemars(with = "Option<u32>", extend("x-unit" = "requests per minute", "x-if-omitted" = "no limit"))]
    pub(super) requests_per_minute: Option<Spanned<u32>>,
    /// The most tokens per minute, input and output cap together.
    #[schemars(with = "Option<u64>", extend("x-unit" = "tokens per minute", "x-if-omitted" = "no limit"))]
    pub(super) tokens_per_minute: Option<Spanned<u64>>,
}

/// Prices, and where they come from. A model without a price is refused: nothing counts as free.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrices {
    /// A price file in LiteLLM's format that replaces the built-in catalogue.
    #[schemars(extend("x-if-omitted" = "the built-in catalogue"))]
    pub(super) catalogue: Option<PathBuf>,
    /// A remark shown next to costs, for example that the prices are stand-ins.
    #[schemars(extend("x-if-omitted" = "no remark"))]
    pub(super) note: Option<String>,
    /// Prices by model; each figure replaces that of the catalogue.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PriceOverride>")]
    pub(super) model: BTreeMap<Spanned<String>, PriceOverride>,
}

/// A task: one kind of request in your system.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTask {
    /// What the task does, in a few words.
    #[schemars(extend("x-if-omitted" = "no description"))]
    pub(super) description: Option<String>,
    /// The team or person who answers for the task; shown in reports and `router.toml`.
    #[schemars(extend("x-if-omitted" = "nobody is named"))]
    pub(super) owner: Option<String>,
    /// The oracle that grades the answers: `name@version`.
    #[schemars(with = "String")]
    pub(super) oracle: Spanned<String>,
    /// How much damage a wrong answer does; sets the confidence that a decision requires.
    #[serde(default)]
    pub(super) consequence: Consequence,
    /// The highest acceptable p95 latency; a slower tier does not serve the task.
    #[schemars(with = "Option<f64>", extend("x-unit" = "ms", "x-if-omitted" = "background job: latency does not count"))]
    pub(super) latency_p95_ms: Option<Spanned<f64>>,
    /// The highest acceptable p95 time to first token, of streamed replies; a slower tier does not serve the task.
    #[schemars(with = "Option<f64>", extend("x-unit" = "ms", "x-if-omitted" = "the time to first token does not count"))]
    pub(super) ttft_p95_ms: Option<Spanned<f64>>,
    /// The share of replies that the gate rejects above which somebody has to look at the route, whatever its baseline.
    #[schemars(with = "Option<f64>", extend("x-unit" = "share of requests, 0 to 1", "x-if-omitted" = "only a rise over the baseline counts"))]
    pub(super) escalate_above: Option<Spanned<f64>>,
    /// Where the prompts of the task may be sent.
    #[serde(default)]
    pub(super) data_location: DataNeed,
    /// Expected traffic: a number, or `{ low = 30000, likely = 50000, high = 90000 }`.
    #[schemars(with = "Option<TrafficShape>", extend("x-unit" = "requests per day", "x-if-omitted" = "unknown: no cost projection"))]
    pub(super) requests_per_day: Option<Spanned<RawTraffic>>,
    /// A file with the system prompt that production sends.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "no system prompt"))]
    pub(super) system_file: Option<Spanned<PathBuf>>,
    /// A JSONL file with the few-shot turns that production sends.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "no few-shot turns"))]
    pub(super) shots: Option<Spanned<PathBuf>>,
    /// The Jinja template that turns a prompt's `vars` into its text.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "the corpus holds the text"))]
    pub(super) template: Option<Spanned<String>>,
    /// Request parameters of the API; they override the tier's.
    #[serde(default)]
    pub(super) params: BTreeMap<String, Value>,
    /// Cap on output tokens where the prompt sets none.
    #[schemars(with = "Option<u64>", extend("x-unit" = "tokens", "x-if-omitted" = "that of the tier, then of `[run]`"))]
    pub(super) max_output_tokens: Option<Spanned<u64>>,
    /// Expected output tokens of an answer, on average; a notice says where the measured mean is 25 % or more away.
    #[schemars(with = "Option<f64>", extend("x-unit" = "tokens", "x-if-omitted" = "not compared"))]
    pub(super) expected_output_tokens: Option<Spanned<f64>>,
    /// The task's own route floor.
    #[schemars(with = "Option<f64>", extend("x-unit" = "pass rate, 0 to 1", "x-if-omitted" = "`[policy] route_floor`"))]
    pub(super) route_floor: Option<Spanned<f64>>,
    /// The task's own monitor floor.
    #[schemars(with = "Option<f64>", extend("x-unit" = "pass rate, 0 to 1", "x-if-omitted" = "`[policy] monitor_floor`"))]
    pub(super) monitor_floor: Option<Spanned<f64>>,
    /// The task's own margin under `rule = "non_inferior"`.
    #[schemars(with = "Option<f64>", extend("x-unit" = "difference of pass rates, 0 to 1", "x-if-omitted" = "`[policy] margin`"))]
    pub(super) margin: Option<Spanned<f64>>,
    /// The task's own price of waiting.
    #[schemars(extend("x-unit" = "USD per second", "x-if-omitted" = "`[policy] latency_penalty`"))]
    pub(super) latency_penalty: Option<Usd>,
    /// Decide requests of different length apart.
    #[schemars(with = "Option<RawSplit>")]
    pub(super) split: Option<Spanned<RawSplit>>,
}

/// Bands of length, each of which gets a route of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSplit {
    /// Rising bounds between the bands of length, each of which is decided by itself where its prompts suffice.
    #[schemars(with = "Vec<u64>", extend("x-unit" = "estimated input tokens"))]
    pub(super) input_tokens: Vec<Spanned<u64>>,
}

/// A recording to take answers from, so that a run needs no key and no network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTape {
    /// The recording: a journal, or what `run --record-tape` wrote.
    pub(super) file: PathBuf,
    /// What happens to trials that are not in the recording.
    #[serde(default)]
    pub(super) mode: TapeMode,
}
