//! Every number that the method uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::{self, IntervalMethod, Multiplicity, Problem, Rule, is_default, margin_problems};
use super::task::Consequence;
use crate::ident::TierName;
use crate::units::{Share, Usd};

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
