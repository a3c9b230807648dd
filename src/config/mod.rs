//! `route-prof.toml`: as typed (`raw`), then validated into the types here.
//!
//! No provider API, oracle kind or strategy is known here: names are names, and the modules that own them resolve them.

mod digest;
mod load;
mod raw;
mod rule;
mod run;
pub mod simulate;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ident::{ModelRef, OracleRef, ProviderName, TaskName, TierName};
use crate::record::Message;
use crate::units::{Millis, Share, Tokens, Usd};

pub use self::load::{ConfigError, load, plain_json_error};
pub(crate) use self::rule::is_default;
pub use self::rule::{IntervalMethod, Multiplicity, Problem, Rule};
pub use self::run::{RunSettings, Tape, TapeMode};
pub use self::simulate::SimulateSettings;
pub use self::strategy::{ClassifierSettings, NearestSettings, ScoreWeights, StrategySettings};

/// The JSON Schema of `route-prof.toml`.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(raw::RawConfig).to_value()
}

/// A project's settings, checked: every name resolves, every number makes sense.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file they come from.
    pub path: PathBuf,
    /// The folder of that file: what relative paths are relative to.
    pub root: PathBuf,
    /// The ladder, cheapest first, never empty; behind it what is measured outside the ladder.
    pub tiers: Vec<Tier>,
    /// The providers by name.
    pub providers: BTreeMap<ProviderName, Provider>,
    /// Prices beyond the built-in catalogue.
    pub prices: Prices,
    /// The tasks, in the order of the file.
    pub tasks: Vec<Task>,
    /// The numbers of the method.
    pub policy: Policy,
    /// How routing strategies are compared.
    pub strategy: StrategySettings,
    /// The day that `simulate` plays.
    pub simulate: SimulateSettings,
    /// How trials are run.
    pub run: RunSettings,
    /// A recording to answer from.
    pub tape: Option<Tape>,
}

impl Config {
    /// The task of that name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name.as_str() == name)
    }

    /// The ladder, cheapest first: the tiers that routes lead to.
    #[must_use]
    pub fn ladder(&self) -> &[Tier] {
        let rungs = self.tiers.iter().take_while(|tier| tier.role == TierRole::Rung).count();
        self.tiers.get(..rungs).unwrap_or_default()
    }

    /// Has the fallbacks of the same class measured too: each becomes a tier outside the ladder, with its tier's parameters.
    pub fn add_fallbacks(&mut self) {
        let mut beside = Vec::new();
        for tier in self.ladder() {
            for (at, model) in tier.same_class.iter().enumerate() {
                // A long name loses its end, never its number.
                let stem: String = tier.name.as_str().chars().take(50).collect();
                let Ok(name) = TierName::new(&format!("{stem}.fallback{}", at + 1)) else { continue };
                beside.push(Tier {
                    name,
                    model: model.clone(),
                    role: TierRole::Fallback(tier.name.clone()),
                    same_class: Vec::new(),
                    // The window of the tier's own model says nothing of this one's.
                    context_window: None,
                    ..tier.clone()
                });
            }
        }
        self.tiers.append(&mut beside);
    }
}

/// A rung of the ladder.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: TierName,
    /// The model that is measured and that serves.
    pub model: ModelRef,
    /// What it is measured for.
    pub role: TierRole,
    /// Fallbacks of the same class, in order.
    pub same_class: Vec<ModelRef>,
    /// The cap on output tokens where neither prompt nor task sets one.
    pub max_output_tokens: Option<Tokens>,
    /// The context window, where the catalogue's is wrong or missing.
    pub context_window: Option<Tokens>,
    /// Request parameters for this tier, over the provider's and under the task's.
    pub params: BTreeMap<String, Value>,
}

/// What a tier is measured for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierRole {
    /// To be routed to.
    Rung,
    /// To stand in for this tier's model when that one is down.
    Fallback(TierName),
    /// To be compared with: it is a router itself, and no rung of the ladder.
    Router,
}

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

/// Where the data of a task may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataNeed {
    /// To any provider.
    #[default]
    Any,
    /// Only to providers with `data_location = "local"`.
    Local,
}

impl DataNeed {
    /// Whether the data of such a task may go there.
    #[must_use]
    pub const fn allows(self, location: DataLocation) -> bool {
        match (self, location) {
            (Self::Local, DataLocation::External) => false,
            (Self::Local, DataLocation::Local) | (Self::Any, _) => true,
        }
    }
}

/// Calls in flight per provider, unless the configuration says otherwise.
const CONCURRENCY: u64 = 8;
/// Whether replies are streamed, unless the configuration says otherwise.
const STREAM: bool = true;

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

/// Prices and where they come from.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// A price file in LiteLLM's format, in place of the built-in catalogue.
    pub catalogue: Option<PathBuf>,
    /// Prices by model, over the catalogue's.
    pub models: BTreeMap<ModelRef, PriceOverride>,
    /// A remark that stands beside every figure of money, such as that the prices are stand-ins.
    pub note: Option<String>,
}

/// The price of a model. Each figure given here replaces that of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// Price of uncached input.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue"))]
    pub input: Option<Usd>,
    /// Price of output.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue"))]
    pub output: Option<Usd>,
    /// Price of input read from a prompt cache.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue, else as `input`"))]
    pub cache_read: Option<Usd>,
    /// Price of input written to a prompt cache.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue, else as `input`"))]
    pub cache_write: Option<Usd>,
    /// What a batch call costs as a share of the full price, such as 0.5.
    #[schemars(extend("x-unit" = "share, 0 to 1", "x-if-omitted" = "as in the catalogue; none if `input` or `output` is given"))]
    pub batch: Option<Share>,
    /// The model's context window; that of the tier wins.
    #[schemars(extend("x-unit" = "tokens", "x-if-omitted" = "as in the catalogue"))]
    pub context_window: Option<Tokens>,
}

/// A task: a row of the task profile audit.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: TaskName,
    /// What it does, for people.
    pub description: Option<String>,
    /// The oracle that grades it.
    pub oracle: OracleRef,
    /// The blast radius of a wrong answer.
    pub consequence: Consequence,
    /// The p95 of the total latency that the task can live with; none for a background job.
    pub latency_p95: Option<Millis>,
    /// Where its data may go.
    pub data_location: DataNeed,
    /// Expected traffic; unknown where not stated, and then the task has no projection.
    pub requests_per_day: Option<f64>,
    /// The system text that production sends, already read.
    pub system: Option<Arc<str>>,
    /// Few-shot turns that production sends, already read.
    pub shots: Arc<[Message]>,
    /// The template around a prompt's `vars`.
    pub template: Option<Arc<str>>,
    /// Request parameters.
    pub params: BTreeMap<String, Value>,
    /// The cap on output tokens.
    pub max_output_tokens: Option<Tokens>,
    /// The task's own floors, over the policy's.
    pub route_floor: Option<Share>,
    /// See `route_floor`.
    pub monitor_floor: Option<Share>,
    /// The task's own margin of non-inferiority, over the policy's.
    pub margin: Option<Share>,
    /// What a second of waiting costs this task, over the policy's.
    pub latency_penalty: Option<Usd>,
    /// Where in `route-prof.toml` the task is defined, for messages.
    pub line: usize,
}

/// How much damage a wrong answer does. It sets the confidence that a decision requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// An annoyance.
    Low,
    /// Costs time or trust.
    #[default]
    Medium,
    /// Costs money, endangers safety or breaks the law.
    High,
}

impl Consequence {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The numbers by which measurements become routes. None is hidden in the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A tier with at least this pass rate serves without monitoring.
    #[schemars(extend("x-unit" = "pass rate, 0 to 1"))]
    pub route_floor: Share,
    /// A tier with at least this pass rate serves with quality monitoring; below it, not at all.
    #[schemars(extend("x-unit" = "pass rate, 0 to 1"))]
    pub monitor_floor: Share,
    /// Requests that fill more than this share of a tier's context window bypass the tier.
    #[schemars(extend("x-unit" = "share, 0 to 1"))]
    pub context_guard: Share,
    /// Confidence that a decision requires at low consequence.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub confidence_low: Share,
    /// Confidence that a decision requires at medium consequence.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub confidence_medium: Share,
    /// Confidence that a decision requires at high consequence.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub confidence_high: Share,
    /// A cell with a smaller effective sample size is undecided, whatever its pass rate.
    #[schemars(extend("x-unit" = "effective prompts"))]
    pub min_prompts: u32,
    /// Level of the confidence intervals that are shown.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub interval_confidence: Share,
    /// In production: how often a failed request is sent to the same model again before its fallback.
    #[schemars(extend("x-unit" = "retries"))]
    pub retries: u32,
    /// Price of waiting in the effective cost, for tasks with `latency_p95_ms`.
    #[schemars(extend("x-unit" = "USD per second"))]
    pub latency_penalty: Usd,
    /// Rise of the escalation rate over its baseline that raises the alarm: 0.15 is 15 % of the baseline.
    #[schemars(extend("x-unit" = "share of the baseline, 0 to 1"))]
    pub alert_relative: Share,
    /// Window over which production measures its escalation rate.
    #[schemars(extend("x-unit" = "requests"))]
    pub alert_window: u32,
    /// Confidence that an escalation rate above the alert threshold is not noise.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub alert_confidence: Share,
    /// Resamples of each bootstrap interval, 100 to 100,000.
    #[schemars(extend("x-unit" = "resamples"))]
    pub bootstrap_resamples: u32,
    /// Cost of a wrong answer; adds the expected bill to the comparison of strategies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "USD per wrong answer", "x-if-omitted" = "no expected bill"))]
    pub failure_cost: Option<Usd>,
    /// Human labels that a judge needs before its pass rates can support `route` rather than `monitor`.
    // Left out of the policy's digest where nobody has changed it: routes without a judge do not hang on it.
    #[serde(skip_serializing_if = "rule::is_usual_judge_min_labels")]
    #[schemars(extend("x-unit" = "labels", "default" = rule::JUDGE_MIN_LABELS))]
    pub judge_min_labels: u32,
    /// With `--stop-early`: the chance of deciding a cell wrongly, over all looks at its answers.
    #[serde(skip_serializing_if = "rule::is_usual_stop_alpha")]
    #[schemars(extend("x-unit" = "probability, 0 to 1", "default" = Self::default().stop_alpha))]
    pub stop_alpha: Share,
    /// When a tier is good enough.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(extend("default" = Rule::default()))]
    pub rule: Rule,
    /// Under `rule = "non_inferior"`: the largest loss of pass rate at which a tier is still good enough.
    #[serde(skip_serializing_if = "rule::is_usual_margin")]
    #[schemars(extend("x-unit" = "difference of pass rates, 0 to 1", "default" = Self::default().margin))]
    pub margin: Share,
    /// Under `rule = "non_inferior"`: the largest loss at which a tier is still good enough with monitoring.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "difference of pass rates, 0 to 1", "x-if-omitted" = "twice the margin"))]
    pub monitor_margin: Option<Share>,
    /// Under `rule = "non_inferior"`: the tier that the others are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-if-omitted" = "every other tier"))]
    pub reference: Option<TierName>,
    /// The correction for deciding many cells at once.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(extend("default" = Multiplicity::default()))]
    pub multiplicity: Multiplicity,
    /// The confidence interval of a pass rate, and the test against a floor that goes with it.
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(extend("default" = IntervalMethod::default()))]
    pub interval: IntervalMethod,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            route_floor: Share::clamped(0.95),
            monitor_floor: Share::clamped(0.85),
            context_guard: Share::clamped(0.80),
            confidence_low: Share::clamped(0.50),
            confidence_medium: Share::clamped(0.80),
            confidence_high: Share::clamped(0.95),
            min_prompts: 30,
            interval_confidence: Share::clamped(0.95),
            retries: 1,
            latency_penalty: Usd::ZERO,
            alert_relative: Share::clamped(0.15),
            alert_window: 2000,
            alert_confidence: Share::clamped(0.99),
            bootstrap_resamples: 2000,
            failure_cost: None,
            judge_min_labels: rule::JUDGE_MIN_LABELS,
            stop_alpha: Share::clamped(rule::STOP_ALPHA),
            rule: Rule::default(),
            margin: Share::clamped(rule::MARGIN),
            monitor_margin: None,
            reference: None,
            multiplicity: Multiplicity::default(),
            interval: IntervalMethod::default(),
        }
    }
}

impl Policy {
    /// The confidence that a decision of this consequence asks for.
    #[must_use]
    pub const fn confidence(&self, consequence: Consequence) -> Share {
        match consequence {
            Consequence::Low => self.confidence_low,
            Consequence::Medium => self.confidence_medium,
            Consequence::High => self.confidence_high,
        }
    }
}
