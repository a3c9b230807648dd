//! How the routes were decided: the rule, what it compares with, the intervals, and what many cells at once are worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{IntervalMethod, Multiplicity, Rule, is_default};
use crate::ident::TierName;

/// How the routes were decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// When a tier is good enough.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Rule,
    /// Under non-inferiority: the tier that the others are held against, where the policy names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<TierName>,
    /// What was done about deciding many cells at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub multiplicity: Multiplicity,
    /// The cells that were counted in; absent where each stood alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<u64>,
    /// The interval that was asked for; each pass rate says which it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interval: IntervalMethod,
}

/// A tier beside the one that its decision hangs on: of those that it is held against, the one that it is least surely as
/// good as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Versus {
    /// The other tier.
    pub tier: TierName,
    /// Prompts that both answered.
    pub n: u64,
    /// The number of equally weighted prompts that would say as much.
    pub n_eff: f64,
    /// The pass rate above that of the other tier, prompt by prompt.
    pub difference: f64,
    /// Its one-sided lower bound at the confidence that the task asks for (Tango's score interval).
    pub low: f64,
    /// The weighted share of prompts that only this tier passed; repeats count by their share.
    pub only_this: f64,
    /// That of prompts that only the other one passed.
    pub only_other: f64,
    /// The confidence at which the tier is shown to be no worse than the margin.
    pub p: f64,
}
