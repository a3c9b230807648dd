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

/// A model's price as the user states it: USD per million tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// Uncached input.
    pub input: Option<Usd>,
    /// Output.
    pub output: Option<Usd>,
    /// Input read from a cache.
    pub cache_read: Option<Usd>,
    /// Input written to a cache.
    pub cache_write: Option<Usd>,
    /// The share of the price that a batch call costs, such as 0.5.
    pub batch: Option<Share>,
    /// The context window in tokens.
    pub context_window: Option<Tokens>,
}
