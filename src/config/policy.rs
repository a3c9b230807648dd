//! Every number that the method uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::{
    self, IntervalMethod, MonitorSaves, Multiplicity, Problem, Rule, is_default, margin_problems,
};
use super::task::Consequence;
use crate::ident::TierName;
use crate::units::{Share, Usd};

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
    /// Up to which consequence a tier at the monitor floor displaces a dearer one at the route floor.
    pub monitor_saves: MonitorSaves,
    /// In production: how often a failed request is sent to the same model again before its fallback.
    #[schemars(extend("x-unit" = "retries"))]
    pub retries: u32,
    /// Price of waiting in the effective cost, for tasks with `latency_p95_ms`.
    #[schemars(extend("x-unit" = "USD per second"))]
    pub latency_penalty: Usd,
    /// The first window of live traffic, in which production measures its own escalation rate.
    #[schemars(extend("x-unit" = "requests"))]
    pub alert_window: u32,
    /// Confidence that an escalation rate above the alert threshold of the first window is not noise.
    #[schemars(extend("x-unit" = "probability, 0 to 1"))]
    pub alert_confidence: Share,
    /// The rise of the escalation rate that the detector in `router.toml` is made for: 2.0 is a doubling.
    #[schemars(extend("x-unit" = "times the baseline, above 1"))]
    pub alert_rise: f64,
    /// Mean number of requests between two false alarms of that detector, at the least.
    #[schemars(extend("x-unit" = "requests"))]
    pub alert_run_length: u32,
    /// A tier whose availability is shown to be lower does not serve without a fallback.
    #[schemars(extend("x-unit" = "share of attempts that are answered, 0 to 1"))]
    pub availability_floor: Share,
    /// `check` asks for a new measurement once an answer is older; 0 switches that off. Replayed recordings are exempt.
    #[schemars(extend("x-unit" = "days"))]
    pub evidence_max_days: u32,
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
    /// With `--stop-early`: the chance of a wrong claim about a cell, over all looks; it lowers what is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "probability, 0 to 1", "x-if-omitted" = "1 - the confidence of the task's consequence"))]
    pub stop_alpha: Option<Share>,
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
            confidence_low: Share::clamped(0.80),
            confidence_medium: Share::clamped(0.90),
            confidence_high: Share::clamped(0.95),
            min_prompts: 30,
            interval_confidence: Share::clamped(0.95),
            monitor_saves: MonitorSaves::default(),
            retries: 1,
            latency_penalty: Usd::ZERO,
            alert_window: 2000,
            alert_confidence: Share::clamped(0.99),
            alert_rise: 2.0,
            alert_run_length: 200_000,
            availability_floor: Share::clamped(0.99),
            evidence_max_days: 92,
            bootstrap_resamples: 2000,
            failure_cost: None,
            judge_min_labels: rule::JUDGE_MIN_LABELS,
            stop_alpha: None,
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

    /// What is wrong with the rule and its numbers on a ladder of these tiers.
    #[must_use]
    pub fn rule_problems(&self, ladder: &[&str]) -> Vec<Problem> {
        let mut found = margin_problems(self.margin, self.monitor_margin);
        if let Some(reference) = self.reference.as_ref().filter(|name| !ladder.contains(&name.as_str())) {
            let help = format!("name a tier of the ladder: {}", ladder.join(", "));
            found.push(Problem::new(format!("reference `{reference}` is no tier"), help));
        }
        match self.rule {
            Rule::NonInferior if ladder.len() < 2 => found.push(Problem::new(
                "rule = \"non_inferior\" has nothing to compare with",
                "add the tier that the others must be no worse than, or use rule = \"floor\"",
            )),
            Rule::NonInferior | Rule::Floor => {}
        }
        found
    }
}
