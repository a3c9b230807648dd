//! `route-prof.toml`: as typed (`raw`), then validated into the types here.
//!
//! No provider API, oracle kind or strategy is known here: names are names, and the modules that own them resolve them.

mod digest;
mod load;
mod raw;
mod rule;
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
    /// The ladder, cheapest first, never empty; behind it what is measured beside the ladder.
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

    /// Has the fallbacks of the same class measured too: each becomes a tier beside the ladder, with its tier's parameters.
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

/// Which model may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServedModel {
    /// The one that was asked; a dated snapshot of it is the same.
    Exact,
    /// Any: the provider is a router, or has names of its own.
    Any,
}

/// Where data goes, or may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataLocation {
    /// To somebody else's machine.
    #[default]
    External,
    /// Nowhere: the model runs on the user's own machines.
    Local,
}

/// What a task demands of where its data goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataNeed {
    /// It may go anywhere.
    #[default]
    Any,
    /// It may not leave.
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

/// What a provider takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls in flight at the most.
    pub concurrency: usize,
    /// Requests a minute at the most.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute at the most, input and output cap together.
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

/// A model's price as the user states it: USD per million tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// Uncached input.
    pub input: Option<Usd>,
    /// Output.
    pub output: Option<Usd>,
    /// Input read from a cache.
    pub cache_read: Option<Usd>,
    /// Input written to a cache.
    pub cache_write: Option<Usd>,
    /// The share of the price that a batch call costs, such as 0.5.
    pub batch: Option<Share>,
    /// The context window in tokens.
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

/// The blast radius of a wrong answer; with it grows the confidence that a decision asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// An annoyance.
    Low,
    /// Costs time or trust.
    #[default]
    Medium,
    /// Costs money, safety or the law's attention.
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

/// Every number that the method uses, with its default. Written as `[policy]`; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// A tier whose pass rate is at or above this serves the task.
    pub route_floor: Share,
    /// Between this and `route_floor` a tier serves with quality monitoring only; below it, not at all.
    pub monitor_floor: Share,
    /// A tier is bypassed above this share of its context window.
    pub context_guard: Share,
    /// Posterior probability of clearing a floor that a decision asks for where the consequence is low.
    pub confidence_low: Share,
    /// The same for medium consequence.
    pub confidence_medium: Share,
    /// The same for high consequence.
    pub confidence_high: Share,
    /// A cell whose effective number of prompts is below this is undecided, whatever its pass rate.
    pub min_prompts: u32,
    /// Confidence of the intervals that are displayed.
    pub interval_confidence: Share,
    /// Times that a request is sent again to the same model before its fallback, in production.
    pub retries: u32,
    /// USD for a second of waiting, added to the cost that tiers are compared by; for tasks with a latency need only.
    pub latency_penalty: Usd,
    /// Relative rise of the escalation rate that raises the alarm.
    pub alert_relative: Share,
    /// Requests in the window over which production measures its escalation rate.
    pub alert_window: u32,
    /// Confidence that an escalation rate above the bound is no noise.
    pub alert_confidence: Share,
    /// Resamples of each bootstrap interval.
    pub bootstrap_resamples: u32,
    /// What a wrong answer costs, in USD: strategies are then compared by their expected bill, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_cost: Option<Usd>,
    /// Labels by people that a judge needs before it can drive a route above `monitor`.
    // Left out of the policy's digest where nobody has changed it: routes without a judge do not hang on it.
    #[serde(skip_serializing_if = "rule::is_usual_judge_min_labels")]
    pub judge_min_labels: u32,
    /// With `--stop-early`: the chance of settling a cell wrongly, however often its answers are looked at.
    #[serde(skip_serializing_if = "rule::is_usual_stop_alpha")]
    pub stop_alpha: Share,
    /// When a tier is good enough: when it clears a floor, or when it is no worse than a reference tier by more than `margin`.
    #[serde(skip_serializing_if = "is_default")]
    pub rule: Rule,
    /// By how much a tier may be worse than the reference under `rule = "non_inferior"`: a difference of pass rates, prompt
    /// by prompt, that the evidence must rule out.
    #[serde(skip_serializing_if = "rule::is_usual_margin")]
    pub margin: Share,
    /// Ruled out only beyond this, a tier serves with quality monitoring; twice the margin where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_margin: Option<Share>,
    /// The tier that the others are held against; left out, each is held against every other one, so that it is no worse
    /// than the best of them, whichever that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<TierName>,
    /// What is done about deciding many cells at once.
    #[serde(skip_serializing_if = "is_default")]
    pub multiplicity: Multiplicity,
    /// The interval of a pass rate, shown and deciding.
    #[serde(skip_serializing_if = "is_default")]
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

/// How trials are run. Written as `[run]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Seed of the order of trials and of every bootstrap.
    pub seed: u64,
    /// Times that each prompt is sent to each model.
    pub repeats: u32,
    /// The cap on output tokens where nothing else sets one.
    pub max_output_tokens: Tokens,
    /// Attempts at a trial at the most.
    pub max_attempts: u32,
    /// Seconds for a trial, from its first attempt: no further attempt begins after them.
    pub max_trial_s: u32,
    /// The share of an endpoint's calls that may be retries; what is beyond goes out one at a time.
    pub retry_budget: Share,
    /// Seconds that a tier waits at the most for a server that asks it to; one that asks for more stops the tier.
    pub max_park_s: u32,
    /// Send as many calls at a time as the limit says, always, instead of following what the server bears: `--pin-concurrency`.
    pub pin_concurrency: bool,
    /// Call no cell any more whose answers decide already: `--stop-early`.
    pub stop_early: bool,
    /// Seconds between the first two looks at a batch; the time between them doubles, up to five minutes.
    pub batch_poll_s: u32,
    /// Seconds to a connection.
    pub connect_timeout_s: u32,
    /// Seconds to the first byte, and between two pieces of content.
    pub progress_timeout_s: u32,
    /// Seconds for a whole attempt.
    pub total_timeout_s: u32,
    /// The folder for reports.
    pub reports: PathBuf,
    /// The folder of the oracles.
    pub oracles: PathBuf,
    /// The routing config that is written.
    pub router: PathBuf,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            repeats: 1,
            max_output_tokens: Tokens(1024),
            max_attempts: 6,
            max_trial_s: 600,
            retry_budget: Share::clamped(0.2),
            max_park_s: 900,
            pin_concurrency: false,
            stop_early: false,
            batch_poll_s: 15,
            connect_timeout_s: 10,
            progress_timeout_s: 120,
            total_timeout_s: 900,
            reports: "reports".into(),
            oracles: "oracles".into(),
            router: "router.toml".into(),
        }
    }
}

/// A recording to answer from. Written as `[tape]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The file: a journal.
    pub file: PathBuf,
    /// What to do about trials that it does not hold.
    pub mode: TapeMode,
}

/// What to do about trials that a tape does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TapeMode {
    /// Never call: a trial that is not on the tape stays unanswered, and the run says so.
    #[default]
    Only,
    /// Call for what is missing.
    Prefer,
}
