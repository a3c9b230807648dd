//! What a decision is, as files carry it. No logic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{OracleRef, TierName};
use crate::measure::{Latency, Rate};
use crate::units::{Millis, Tokens, Usd};

/// What the evidence says about a tier's quality at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Meets the route floor.
    Route,
    /// Meets the monitor floor only.
    Monitor,
    /// Does not meet the monitor floor.
    Below,
    /// Too little evidence to say.
    Undecided,
}

impl Band {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Monitor => "monitor",
            Self::Below => "below",
            Self::Undecided => "undecided",
        }
    }
}

/// Why a tier cannot serve a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Infeasible {
    /// Its p95 latency (first) exceeds the latency limit of the task (second).
    Latency(Millis, Millis),
    /// The data must stay local and the provider is external.
    DataLocation,
    /// This many prompts do not fit its context window: more than production could bypass.
    Context(u64),
}

/// The effective cost, by which tiers are compared: USD per request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectiveCost {
    /// Measured cost per request, retried attempts included: at their own cost where it is known, else, where the server
    /// answered, at the cost of the answering attempt.
    pub serving: Usd,
    /// Cost of escalations: what the requests that the gate rejects cost at the tiers above, each request with its own.
    pub escalation: Usd,
    /// Mean latency, escalations included, times the price of waiting; zero for tasks without a latency limit.
    pub waiting: Usd,
    /// The sum.
    pub total: Usd,
}

/// The decision for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The tier is good enough.
    Route,
    /// The tier is good enough with quality monitoring.
    Monitor,
    /// No tier is good enough; the best one serves, and somebody has to look at it.
    Escalate,
    /// Too little evidence; a tier further up serves until there is enough.
    Undecided,
}

impl Decision {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Monitor => "monitor",
            Self::Escalate => "escalate",
            Self::Undecided => "undecided",
        }
    }
}

/// Whether each reply must be checked before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QualityGate {
    /// Recommended.
    Optional,
    /// Required, because the consequence is high.
    Required,
}

/// The escalation rate to expect in production, and when to raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The escalation rate in the measurement: rejected by the gate, truncated or refused.
    pub baseline: f64,
    /// The alert threshold: a higher rate within a window is an alarm.
    pub alert_above: f64,
    /// Requests in the window.
    pub window: u32,
}

/// What requests get on a route, escalations included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AfterFallback {
    /// The pass rate of the answers that stand; `None` where nothing was graded, or where labels corrected the oracle, because they
    /// correct each tier by itself.
    pub pass_rate: Option<Rate>,
    /// The share of requests that a further tier answers, too.
    pub escalation_rate: f64,
    /// Median latency of a request, all tiers that it reaches together.
    pub latency_p50: Option<Millis>,
    /// 95th percentile of the same.
    pub latency_p95: Option<Millis>,
}

/// The decision for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The tier that serves.
    pub tier: TierName,
    /// The decision: route, monitor, escalate or undecided.
    pub decision: Decision,
    /// Tiers to try next, in order.
    pub fallback: Vec<TierName>,
    /// Above this many input tokens the tier is bypassed; `None` when its window is unknown.
    pub max_input_tokens: Option<Tokens>,
    /// How often a request is sent again to the same model before a fallback.
    pub retries: u32,
    /// The oracle whose gate part production runs; `None` when it has none.
    pub gate: Option<OracleRef>,
    /// Whether each reply must be checked before it is used.
    pub quality_gate: QualityGate,
    /// The pass rate of the tier at the task.
    pub pass_rate: Option<Rate>,
    /// Posterior probability that the true rate meets the floor that the decision claims; under non-inferiority, the
    /// confidence at which the tier is shown to be non-inferior within the margin. `None` for the reference itself.
    pub confidence: Option<f64>,
    /// The escalation rate to expect in production, and when to raise an alarm.
    pub escalation: Option<Escalation>,
    /// Latency of the tier at the task.
    pub latency: Option<Latency>,
    /// Cost per request: serving and escalations, each request with its own, waiting excluded.
    pub cost_per_request: Option<Usd>,
    /// What requests get, escalations included; left out where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_fallback: Option<AfterFallback>,
    /// Mean output tokens per request.
    pub output_tokens: Option<f64>,
    /// Why, in one sentence with its figures.
    pub reason: String,
}
