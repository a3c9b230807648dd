//! Strategy queries: what they took, and how often a classifier was correct.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counted::CountedShare;
use crate::ident::{ModelRef, TierName};
use crate::units::{Millis, Usd};

/// A model that strategies queried about the prompts, and what that took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueriedModel {
    /// The model.
    pub model: ModelRef,
    /// Distinct queries: one per prompt text.
    pub questions: u64,
    /// Queries without an answer; the strategy is then left out.
    pub missing: u64,
    /// Answers without the embedding that was requested, such as for prompts that are too long; the strategy is then left out.
    pub unusable: u64,
    /// Calls.
    pub attempts: u64,
    /// USD at list prices.
    pub list_price: Usd,
    /// USD billed for calls of this run.
    pub billed: Usd,
}

/// How often the queried classifier was correct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassifierAccuracy {
    /// The model.
    pub model: String,
    /// Requests for which it named the cheapest passing tier, of those that some tier passes; Wilson interval.
    pub correct: CountedShare,
    /// Requests whose answer names no tier; they count as sent to the best tier.
    pub unreadable: u64,
    /// USD per 1,000 queries.
    pub cost_per_1000: Option<Usd>,
    /// Mean milliseconds per query.
    pub latency: Option<Millis>,
    /// What it named, tier by tier.
    pub named: Vec<NamedTier>,
}

/// Requests for which a classifier named a tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedTier {
    /// The tier that it named.
    pub tier: TierName,
    /// Of these, the count per cheapest passing tier, in the order of the ladder.
    pub cheapest_passing: Vec<u64>,
    /// Of these, the requests that no tier passes.
    pub none_passes: u64,
}
