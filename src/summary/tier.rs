//! A tier over all tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{ModelRef, TierName};
use crate::measure::{Latency, Rate};
use crate::units::{Tokens, Usd};

/// A tier over all tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierSummary {
    /// Its name.
    pub name: TierName,
    /// The model that was measured.
    pub model: ModelRef,
    /// Fallbacks of the same class, as configured.
    pub same_class: Vec<ModelRef>,
    /// The context window, where known.
    pub context_window: Option<Tokens>,
    /// The input size above which the tier is bypassed.
    pub guard_input_tokens: Option<Tokens>,
    /// USD per million tokens: input, output, cache read, cache write.
    pub price: PriceLine,
    /// Pass rate over all tasks, weighted by traffic where all of it is known, else by the corpus.
    pub pass_rate: Option<Rate>,
    /// Latency over all tasks.
    pub latency: Option<Latency>,
    /// The most calls that its provider's limits allow in flight at a time, at which the latencies were measured; absent where
    /// the answers come from a recording or a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Mean cost per request over all tasks.
    pub cost_per_request: Option<Usd>,
    /// The tier that dominates this one: it costs less and passes at least as often.
    pub dominated_by: Option<TierName>,
}

/// USD per million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    /// Uncached input.
    pub input: Usd,
    /// Output.
    pub output: Usd,
    /// Input read from a cache, where it has a price of its own.
    pub cache_read: Option<Usd>,
    /// Input written to a cache, where it has a price of its own.
    pub cache_write: Option<Usd>,
}
