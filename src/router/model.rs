//! The types of `router.toml`, and how it is read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::IntervalMethod;
use crate::ident::{Digest, ModelRef, OracleRef, TaskName, TierName};
use crate::summary::{Band, Decision, Escalation, PriceLine, QualityGate};
use crate::units::{Millis, Tokens, Usd};

/// The version of the format.
pub const VERSION: u32 = 1;

/// `router.toml` as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "router.toml")]
pub struct RouterFile {
    /// The version of the format.
    pub version: u32,
    /// What the routes were made from.
    pub evidence: RouterEvidence,
    /// The ladder.
    #[serde(default)]
    pub tier: BTreeMap<TierName, RouterTier>,
    /// The tier for a request of an unlisted task.
    pub default: RouterDefault,
    /// The routes by task.
    #[serde(default)]
    pub route: BTreeMap<TaskName, RouterRoute>,
}

/// What the routes were made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterEvidence {
    /// Where the answers come from: `live`, `recording: FILE`, `script`, `mixed`.
    pub source: String,
    /// The day of the oldest answer in UTC: by it `check` knows the age of the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// The corpus, relative to the project.
    pub corpus_file: String,
    /// Prompts in it.
    pub prompts: u64,
    /// Trials with an answer.
    pub trials: u64,
    /// Where the prices come from.
    pub price_source: String,
    /// A note on the prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_note: Option<String>,
    /// The largest chance of a wrong claim about a cell that is allowed for, where cells were stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_alpha: Option<f64>,
    /// Whether dearer cells were measured even where a cheaper tier was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_complete: Option<bool>,
    /// Digest of the corpus.
    pub corpus: Digest,
    /// Digest of models, endpoints, parameters and what is sent around each prompt.
    pub tiers: Digest,
    /// Digest of the tasks.
    pub tasks: Digest,
    /// Digest of the policy.
    pub policy: Digest,
    /// Digest of the prices used.
    pub prices: Digest,
    /// The oracle versions that graded, with their digests.
    pub oracles: BTreeMap<OracleRef, Digest>,
    /// Digests of the human labels that judges were calibrated with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<OracleRef, Digest>,
}

/// A rung of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterTier {
    /// The model that was measured, then its fallbacks of the same class.
    pub models: Vec<ModelRef>,
    /// The context window, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<Tokens>,
    /// The input size above which the tier is bypassed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_input_tokens: Option<Tokens>,
    /// USD per million tokens.
    pub price_per_million: PriceLine,
}

/// The tier for a request of an unlisted task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterDefault {
    /// The tier.
    pub tier: TierName,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterRoute {
    /// Of a band of length: its task. The route of a request is that of its task, unless another one of the same `task` has
    /// `input_tokens` that hold the request's estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskName>,
    /// Of a band of length: the estimated input tokens of its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<RouterLengths>,
    /// The tier that serves.
    pub tier: TierName,
    /// Who answers for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The decision: route, monitor, escalate or undecided.
    pub decision: Decision,
    /// Tiers to try next.
    pub fallback: Vec<TierName>,
    /// Above this many input tokens the tier is bypassed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<Tokens>,
    /// How often a request is sent again to the same model before a fallback.
    pub retries: u32,
    /// The oracle whose gate part production runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<OracleRef>,
    /// Whether each reply must be checked before it is used.
    pub quality_gate: QualityGate,
    /// The pass rate of the tier at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<RouterRate>,
    /// Under non-inferiority: the comparison that the decision depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versus: Option<RouterVersus>,
    /// The escalation rate to expect in production, and when to raise an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
    /// Latency of the tier at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<RouterLatency>,
    /// How often the tier answers at the task; absent where no call of the run shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<RouterAvailability>,
    /// Cost per request in USD, expected escalations included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_request: Option<Usd>,
    /// Mean output tokens per request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f64>,
    /// Why, in one sentence.
    pub reason: String,
    /// The evidence about the same-class fallbacks of the tier, where they were measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_class: Vec<RouterFallback>,
}

/// The lengths of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterLengths {
    /// More estimated input tokens than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Tokens>,
    /// At most so many estimated input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Tokens>,
}

/// The evidence about a fallback of the same class at a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterFallback {
    /// The model.
    pub model: ModelRef,
    /// What the evidence says about its quality for the task.
    pub quality: Band,
    /// Its pass rate at the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<RouterRate>,
}

/// The tier that serves, compared with the reference to which it is least surely non-inferior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterVersus {
    /// The other tier.
    pub tier: TierName,
    /// The pass rate minus that of the other tier, on the prompts that both answered.
    pub difference: f64,
    /// Its one-sided lower bound at the confidence that the task requires.
    pub low: f64,
    /// The margin: the lower bound must be above its negative.
    pub margin: f64,
    /// Prompts that both answered.
    pub n: u64,
}

/// A pass rate with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterRate {
    /// The weighted mean.
    pub mean: f64,
    /// Lower bound of the displayed interval.
    pub low: f64,
    /// Upper bound of the displayed interval.
    pub high: f64,
    /// Trials.
    pub n: u64,
    /// Effective sample size.
    pub n_eff: f64,
    /// Posterior probability that the true rate meets the floor that the decision claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// The kind of interval; left out where it is Wilson.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalMethod>,
}

/// Latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterLatency {
    /// Median.
    pub p50: Millis,
    /// 95th percentile.
    pub p95: Millis,
    /// Lower bound of the 95th percentile, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_low: Option<Millis>,
    /// Upper bound of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_high: Option<Millis>,
    /// The most calls that were in flight at a time when it was measured; absent for answers of a recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
}

/// How often a tier answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterAvailability {
    /// The share of attempts that were answered, throttling aside.
    pub mean: f64,
    /// Lower bound of its interval.
    pub low: f64,
    /// Upper bound of its interval.
    pub high: f64,
    /// Attempts.
    pub attempts: u64,
}

/// Reads a `router.toml`.
///
/// # Errors
/// When the text is not TOML of that shape.
pub fn parse(text: &str) -> Result<RouterFile, toml::de::Error> {
    toml::from_str(text)
}
