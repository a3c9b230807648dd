//! `[strategy]`: how routing strategies are compared on the measured answers. Nothing here decides a route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::ModelRef;
use crate::units::{Millis, Share, Tokens, Usd};

/// How routing strategies are compared on the measured answers. This decides no route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StrategySettings {
    /// Parts into which the prompts are split: a strategy is judged on the part it was not fitted on.
    #[schemars(extend("x-unit" = "parts, 2 to 50"))]
    pub folds: u32,
    /// Shares of the best tier's pass rate to keep: one task map each; the first holds for all fitted strategies.
    #[schemars(extend("x-unit" = "share, 0 to 1"))]
    pub keep: Vec<Share>,
    /// Nearest prompts that decide in the nearest-neighbour strategy.
    #[schemars(extend("x-unit" = "prompts"))]
    pub neighbours: u32,
    /// A second nearest-neighbour strategy, by an embeddings model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestSettings>,
    /// The weights of the score strategy; only their proportions matter.
    pub weights: ScoreWeights,
    /// A model that names the tier for each prompt.
    pub classifier: Option<ClassifierSettings>,
    /// When the hybrid strategy asks the classifier.
    pub hybrid: HybridSettings,
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
            hybrid: HybridSettings::default(),
        }
    }
}

/// The weights of complexity, cost and latency in the score strategy; only their proportions matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreWeights {
    /// Weight of the expected pass rate at the prompt's complexity.
    #[schemars(extend("x-unit" = "relative weight"))]
    pub complexity: f64,
    /// Weight of the cost, as a share of the most expensive tier's.
    #[schemars(extend("x-unit" = "relative weight"))]
    pub cost: f64,
    /// Weight of the latency, as a share of the slowest tier's.
    #[schemars(extend("x-unit" = "relative weight"))]
    pub latency: f64,
}

impl Default for ScoreWeights {
    fn default() -> Self {
        Self { complexity: 0.7, cost: 0.2, latency: 0.1 }
    }
}

/// When the hybrid strategy asks the classifier: where the score of the prompt's words, the chance in percent that only the best tier
/// passes, lies between the two. There is no hybrid strategy without a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HybridSettings {
    /// Below this score a request goes to the cheapest tier without asking.
    #[schemars(extend("x-unit" = "percent, 0 to 100"))]
    pub below: f64,
    /// Above this score a request goes to the best tier without asking.
    #[schemars(extend("x-unit" = "percent, 0 to 100"))]
    pub above: f64,
}

impl Default for HybridSettings {
    fn default() -> Self {
        Self { below: 10.0, above: 70.0 }
    }
}

/// A nearest-neighbour strategy by an embeddings model. There is none by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NearestSettings {
    /// The embeddings model, `provider/model`, of a provider with `api = "openai-embeddings"`.
    #[schemars(with = "String")]
    pub embeddings: ModelRef,
}

/// A model that names the tier for each prompt. There is none by default. With `ask` it is measured: accuracy, cost and
/// latency; without `ask`, `price` and `accuracy` are assumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassifierSettings {
    /// The model to ask about every prompt of the corpus: `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "no model is asked: `price` and `accuracy` are required"))]
    pub ask: Option<ModelRef>,
    /// Instructions in place of the built-in ones; `{{ tiers }}` and `{{ tasks }}` insert their lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-if-omitted" = "the built-in instructions"))]
    pub instructions: Option<String>,
    /// Cap on the tokens of the classifier's answer; a reasoning model needs more.
    #[schemars(extend("x-unit" = "tokens", "default" = USUAL_CAP))]
    #[serde(default = "usual_cap", skip_serializing_if = "is_usual_cap")]
    pub max_output_tokens: Tokens,
    /// Without `ask`: the name shown in reports.
    #[serde(default)]
    #[schemars(extend("x-if-omitted" = "no name"))]
    pub model: Option<String>,
    /// Without `ask`: the assumed cost of a classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "USD per request", "x-if-omitted" = "required without `ask`"))]
    pub price: Option<Usd>,
    /// Without `ask`: the assumed time of a classification.
    #[schemars(extend("x-unit" = "ms"))]
    #[serde(default)]
    pub latency_ms: Millis,
    /// Without `ask`: how often it names the cheapest tier that passes; its errors name any other tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "share, 0 to 1", "x-if-omitted" = "required without `ask`"))]
    pub accuracy: Option<Share>,
}

const USUAL_CAP: Tokens = Tokens(16);

const fn usual_cap() -> Tokens {
    USUAL_CAP
}

fn is_usual_cap(cap: &Tokens) -> bool {
    *cap == USUAL_CAP
}
