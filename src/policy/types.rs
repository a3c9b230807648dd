//! What a decision is, as files carry it. No logic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{OracleRef, TierName};
use crate::measure::{Latency, Rate};
use crate::units::{Millis, Tokens, Usd};

/// What the evidence says of a tier's quality at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Clears the route floor.
    Route,
    /// Clears the monitor floor only.
    Monitor,
    /// Does not clear the monitor floor.
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
    /// Its p95 latency, first, is above what the task can live with, second.
    Latency(Millis, Millis),
    /// The data would leave.
    DataLocation,
    /// More prompts than production could bypass do not fit its context window: how many.
    Context(u64),
}

/// What tiers are compared by: USD per request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectiveCost {
    /// Measured cost of a request. Attempts that were retried are in it: what they cost where that is known, and as much
    /// as the answering attempt where the server answered and it is not.
    pub serving: Usd,
    /// Expected cost of escalations: the share that production would see rejected, at the cost of the next feasible tier
    /// up, its own escalations included.
    pub escalation: Usd,
    /// Mean latency, that of escalations included, x price of waiting; nothing for tasks without a latency need.
    pub waiting: Usd,
    /// The sum.
    pub total: Usd,
}

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The tier is good enough.
    Route,
    /// The tier is good enough with quality monitoring.
    Monitor,
    /// No tier is good enough; the best one serves, and somebody must look.
    Escalate,
    /// The evidence does not decide; a tier further up serves until it does.
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
    /// Good practice.
    Optional,
    /// The consequence is high.
    Required,
}

/// What production should see of escalations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The share of requests that the gate rejected in the measurement.
    pub baseline: f64,
    /// A share above this within a window is an alarm.
    pub alert_above: f64,
    /// Requests in the window.
    pub window: u32,
}

/// The decision for a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The tier that serves.
    pub tier: TierName,
    /// What the decision comes to.
    pub decision: Decision,
    /// Tiers to try next, in order.
    pub fallback: Vec<TierName>,
    /// Above this many input tokens the tier is bypassed; `None` when its window is unknown.
    pub max_input_tokens: Option<Tokens>,
    /// Times that a request is sent again to the same model first.
    pub retries: u32,
    /// The oracle whose gate part production runs; `None` when it has none.
    pub gate: Option<OracleRef>,
    /// Whether each reply must be checked before it is used.
    pub quality_gate: QualityGate,
    /// The pass rate of the tier at the task.
    pub pass_rate: Option<Rate>,
    /// Posterior probability that the true rate clears the floor that the decision claims; under non-inferiority, the
    /// confidence at which the tier is shown to be no worse than the margin. `None` of the reference itself.
    pub confidence: Option<f64>,
    /// What production should see of escalations.
    pub escalation: Option<Escalation>,
    /// Latency of the tier at the task.
    pub latency: Option<Latency>,
    /// Cost of a request: serving and expected escalation, waiting excluded.
    pub cost_per_request: Option<Usd>,
    /// Mean output tokens to expect.
    pub output_tokens: Option<f64>,
    /// Why, in one sentence with its figures.
    pub reason: String,
}
