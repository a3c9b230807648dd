//! How the routes were decided: the rule, what it compares with, the intervals, and the correction for many cells at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{IntervalMethod, Multiplicity, Rule, is_default};
use crate::ident::TierName;

/// The level of the confidence intervals, unless the policy sets another one.
const USUAL_LEVEL: f64 = 0.95;

/// How the routes were decided. What is as usual is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// When a tier is good enough.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Rule,
    /// Under non-inferiority: the tier that the others are compared with, where the policy names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<TierName>,
    /// The correction for deciding many cells at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multiplicity: Multiplicity,
    /// The cells that the correction covers; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<u64>,
    /// The interval that the policy chooses; each pass rate says which one it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interval: IntervalMethod,
    /// The level of the confidence intervals, 0 to 1; absent where it is 0.95.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_confidence: Option<f64>,
}

impl Method {
    /// A level of confidence as [`Self::interval_confidence`] carries it.
    pub(super) fn unusual_level(level: f64) -> Option<f64> {
        ((level - USUAL_LEVEL).abs() > 1e-9).then_some(level)
    }

    /// The level of the confidence intervals, 0 to 1.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.interval_confidence.unwrap_or(USUAL_LEVEL)
    }
}

/// A tier against the one that its decision depends on: of its references, the one to which it is least surely non-inferior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versus {
    /// The other tier.
    pub tier: TierName,
    /// Prompts that both answered.
    pub n: u64,
    /// The effective sample size of those prompts.
    pub n_eff: f64,
    /// The pass rate minus that of the other tier, compared prompt by prompt.
    pub difference: f64,
    /// Its one-sided lower bound at the confidence that the task requires (Tango's score interval).
    pub low: f64,
    /// The weighted share of prompts that only this tier passed; repeats count by their share.
    pub only_this: f64,
    /// The weighted share of prompts that only the other tier passed.
    pub only_other: f64,
    /// The confidence at which the tier is shown to be non-inferior within the margin.
    pub p: f64,
}
