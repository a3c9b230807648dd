//! What a model's tokens cost: the catalogue, the user's overrides, and the cost of a usage.

use crate::record::Usage;
use crate::units::{Tokens, Usd};

/// A model's price: USD per million tokens, and its context window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// Uncached input.
    pub input: Usd,
    /// Output.
    pub output: Usd,
    /// Input read from a cache; priced as `input` where absent.
    pub cache_read: Option<Usd>,
    /// Input written to a cache; priced as `input` where absent.
    pub cache_write: Option<Usd>,
    /// Dearer prices for long inputs.
    pub long_context: Option<LongContext>,
    /// The context window in tokens, where known.
    pub context_window: Option<Tokens>,
    /// The day after which the provider no longer serves it, `YYYY-MM-DD`, where announced.
    pub deprecated: Option<String>,
}

/// Prices that hold for a whole request once its input is above a number of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongContext {
    /// Above this many input tokens, cached or not.
    pub above: Tokens,
    /// Uncached input.
    pub input: Usd,
    /// Output.
    pub output: Usd,
}

/// What a usage costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// As its tokens were billed, cache reads and writes at their own prices.
    pub billed: Usd,
    /// As if nothing had come from a cache.
    pub uncached: Usd,
}

impl ModelPrice {
    /// What a usage costs; `None` when its input or output is unknown.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        let (input, output, all) = (usage.input?, usage.output?, usage.all_input()?);
        let (read, write) = (usage.cache_read.unwrap_or_default(), usage.cache_write.unwrap_or_default());
        let (input_price, output_price) = match &self.long_context {
            Some(long) if all > long.above => (long.input, long.output),
            Some(_) | None => (self.input, self.output),
        };
        let answer = output_price.per_million(output)?;
        let billed = answer
            .checked_add(input_price.per_million(input)?)?
            .checked_add(self.cache_read.unwrap_or(input_price).per_million(read)?)?
            .checked_add(self.cache_write.unwrap_or(input_price).per_million(write)?)?;
        let uncached = answer.checked_add(input_price.per_million(all)?)?;
        Some(Cost { billed, uncached })
    }
}
