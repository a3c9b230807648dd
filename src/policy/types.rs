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
    /// Its p95 latency (first) is shown to exceed the latency limit of the task (second).
    Latency(Millis, Millis),
    /// The same of the time to first token.
    FirstToken(Millis, Millis),
    /// It answered this many (first) of its attempts (second), which is shown to be less than the availability floor, and there
    /// is no tier to fall back to.
    Availability(u64, u64),
    /// The data must stay local and the provider is external.
    DataLocation,
    /// This many prompts do not fit its context window: more than production could bypass.
    Context(u64),
}

/// A need of the task that a tier may or may not keep within: the evidence does not say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unproven {
    /// Which time it is about.
    pub time: NeededTime,
    /// The need: 95 % of requests must take no longer.
    pub limit: Millis,
    /// The weighted share of requests that took no longer.
    pub within: f64,
    /// The clusters of prompts that it rests on.
    pub n: u64,
    /// The effective number of them.
    pub n_eff: f64,
    /// P(at least 95 % of requests take no longer).
    pub confidence: f64,
    /// How many more prompts within the need would prove it; `None` where even 100,000 would not.
    pub more: Option<u64>,
}

/// The time that a need is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeededTime {
    /// To the end of the reply.
    Latency,
    /// To its first token.
    FirstToken,
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

/// The escalation rate to expect in production, and when to raise an alarm: by `alert_above` over the first window, from then
/// on by `detector`, with the rate of that window as the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// The escalation rate in the measurement: rejected by the gate, truncated or refused.
    pub baseline: f64,
    /// The alert threshold of the first window: a higher rate within it is no chance.
    pub alert_above: f64,
    /// Requests in the first window, which shows production's own baseline.
    pub window: u32,
    /// The share above which somebody has to look at the route, whatever the baseline: the task's `escalate_above`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_above: Option<f64>,
    /// What finds a rise after the first window; `None` where no detector can, because the baseline is too high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<Detector>,
}

/// A sequential detector of a rise (a Bernoulli CUSUM). S starts at 0; each request makes it max(0, S + x - `reference`), x
/// being 1 where the reply was rejected and else 0; S >= `threshold` is an alarm. Where the first window shows another baseline,
/// `reference` grows with it: `reference` x (its rate, but no less than 20 rejections a window) / `baseline`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// The escalation rate that it is made for: the measured one, but no less than 20 rejections in the first window.
    pub baseline: f64,
    /// What each request takes from S.
    pub reference: f64,
    /// The S that is an alarm.
    pub threshold: f64,
    /// The rise that it is made for: 2.0 is a doubling of the baseline.
    pub rise: f64,
    /// Requests within which such a rise is found with 95 %; `None` where that takes too long to compute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_within: Option<u64>,
    /// Mean number of requests between two false alarms, at the least, even where the first window understates the baseline
    /// (up to its one-sided 90 % bound).
    pub run_length: u64,
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
