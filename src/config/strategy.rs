//! `[strategy]`: how routing strategies are compared on the measured answers. Nothing here decides a route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::ModelRef;
use crate::units::{Millis, Share, Tokens, Usd};

/// How routing strategies are compared on the measured answers. Written as `[strategy]`; decides no route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StrategySettings {
    /// Parts that the prompts are dealt into: what is fitted is judged on the part that it has not seen.
    pub folds: u32,
    /// Shares of the best tier's quality that a static map has to keep, a map each; the first is what every other fitted
    /// strategy has to keep, too.
    pub keep: Vec<Share>,
    /// Neighbours that the nearest-neighbour router asks.
    pub neighbours: u32,
    /// Nearest neighbours by an embeddings model, beside those by the words; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestSettings>,
    /// The weights of the weighted score.
    pub weights: ScoreWeights,
    /// A model that is asked which tier to use, before the tier is asked; none by default.
    pub classifier: Option<ClassifierSettings>,
}

impl Default for StrategySettings {
    fn default() -> Self {
        Self {
            folds: 5,
            keep: vec![Share::clamped(0.97), Share::clamped(0.95)],
            neighbours: 10,
            nearest: None,
            weights: ScoreWeights::default(),
            classifier: None,
        }
    }
}

/// The weights of complexity x cost x latency; only their proportions matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreWeights {
    /// Of the pass rate to expect at a prompt of that complexity.
    pub complexity: f64,
    /// Of the cost, as a share of the dearest tier's.
    pub cost: f64,
    /// Of the latency, as a share of the slowest tier's.
    pub latency: f64,
}

impl Default for ScoreWeights {
    fn default() -> Self {
        Self { complexity: 0.7, cost: 0.2, latency: 0.1 }
    }
}

/// Nearest neighbours by an embeddings model. Written as `[strategy.nearest]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NearestSettings {
    /// The embeddings model, `provider/model`: every prompt is embedded once. Its provider has api = "openai-embeddings".
    #[schemars(with = "String")]
    pub embeddings: ModelRef,
}

/// A model that is asked which tier to use. Written as `[strategy.classifier]`. With `ask` it is really asked, about every prompt of
/// the corpus, and what it says, costs and takes is measured; without, `price` and `accuracy` say what to reckon with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassifierSettings {
    /// The model that is really asked: `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ask: Option<ModelRef>,
    /// What it is told before each prompt, in place of the usual text; `{{ tiers }}` and `{{ tasks }}` stand for their lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The cap on the tokens of its word.
    #[serde(default = "usual_cap", skip_serializing_if = "is_usual_cap")]
    pub max_output_tokens: Tokens,
    /// Its name, for the reports, where it is not asked.
    #[serde(default)]
    pub model: Option<String>,
    /// What asking it costs, in USD per request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Usd>,
    /// What asking it takes, in milliseconds.
    #[serde(default)]
    pub latency_ms: Millis,
    /// How often it names the cheapest tier that would pass; where it errs, it names any other tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Share>,
}

const USUAL_CAP: Tokens = Tokens(16);

const fn usual_cap() -> Tokens {
    USUAL_CAP
}

fn is_usual_cap(cap: &Tokens) -> bool {
    *cap == USUAL_CAP
}
