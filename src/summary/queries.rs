//! What models were asked about the prompts for the strategies: what it took, and how right a classifier was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counted::CountedShare;
use crate::ident::{ModelRef, TierName};
use crate::units::{Millis, Usd};

/// A model that strategies had asked about the prompts, and what it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueriedModel {
    /// The model.
    pub model: ModelRef,
    /// Different questions: one a prompt, prompts of the same text once.
    pub questions: u64,
    /// Those that nobody has answered: the strategy is left out then.
    pub missing: u64,
    /// Answers that hold no vector where one was asked for, such as those of prompts that are too long: the strategy is left out
    /// then, too.
    pub unusable: u64,
    /// Calls.
    pub attempts: u64,
    /// USD at list prices.
    pub list_price: Usd,
    /// USD billed for calls of this run.
    pub billed: Usd,
}

/// How right the words of the classifier that was asked were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassifierAccuracy {
    /// The model.
    pub model: String,
    /// Requests whose cheapest passing tier it named, of those that some tier passes; Wilson's interval.
    pub correct: CountedShare,
    /// Requests whose word names no tier; they count as sent to the best one.
    pub unreadable: u64,
    /// USD per 1,000 questions.
    pub cost_per_1000: Option<Usd>,
    /// Milliseconds a question, on average.
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
    /// Of these so many had each tier as the cheapest that passes, in the order of the ladder.
    pub cheapest_passing: Vec<u64>,
    /// Of these so many are passed by no tier.
    pub none_passes: u64,
}
