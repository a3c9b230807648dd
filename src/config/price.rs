//! Prices as the user states them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::ModelRef;
use crate::units::{Share, Tokens, Usd};

/// Prices and where they come from.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// A price file in LiteLLM's format, in place of the built-in catalogue.
    pub catalogue: Option<PathBuf>,
    /// Prices by model, over the catalogue's.
    pub models: BTreeMap<ModelRef, PriceOverride>,
    /// A remark that stands beside every figure of money, such as that the prices are stand-ins.
    pub note: Option<String>,
}

/// The price of a model. Each figure given here replaces that of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// Price of uncached input.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue"))]
    pub input: Option<Usd>,
    /// Price of output.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue"))]
    pub output: Option<Usd>,
    /// Price of input read from a prompt cache.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue, else as `input`"))]
    pub cache_read: Option<Usd>,
    /// Price of input written to a prompt cache.
    #[schemars(extend("x-unit" = "USD per million tokens", "x-if-omitted" = "as in the catalogue, else as `input`"))]
    pub cache_write: Option<Usd>,
    /// What a batch call costs as a share of the full price, such as 0.5.
    #[schemars(extend("x-unit" = "share, 0 to 1", "x-if-omitted" = "as in the catalogue; none if `input` or `output` is given"))]
    pub batch: Option<Share>,
    /// The model's context window; that of the tier wins.
    #[schemars(extend("x-unit" = "tokens", "x-if-omitted" = "as in the catalogue"))]
    pub context_window: Option<Tokens>,
}
