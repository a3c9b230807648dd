//! A model's price, and what a usage costs at it.

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
    /// Input written to a cache for an hour; twice the price of `input` where absent, as Anthropic has it.
    pub cache_write_1h: Option<Usd>,
    /// Higher prices for long inputs.
    pub long_context: Option<LongContext>,
    /// What a call through the provider's batch API costs, where it has one.
    pub batch: Option<BatchPrice>,
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

/// Prices of calls through a batch API: USD per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPrice {
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
    /// What a usage costs; `None` if its input or output is unknown.
    ///
    /// Long-context prices hold for the whole request; cached input keeps its own price, scaled as the input's is.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        let (input, output, all) = (usage.input?, usage.output?, usage.all_input()?);
        let (read, write) = (usage.cache_read.unwrap_or_default(), usage.cache_write.unwrap_or_default());
        let (input_price, output_price) = self.at_length(all);
        let scaled = |price: Option<Usd>| match price {
            None => Some(input_price),
            Some(price) if input_price == self.input => Some(price),
            Some(price) => {
                let factor = input_price.amount().checked_div(self.input.amount());
                factor.map_or(Some(price), |factor| price.times(factor))
            }
        };
        let answer = output_price.per_million(output)?;
        let billed = answer
            .checked_add(input_price.per_million(input)?)?
            .checked_add(scaled(self.cache_read)?.per_million(read)?)?
            .checked_add(scaled(self.cache_write)?.per_million(write)?)?;
        let billed = match usage.cache_write_1h {
            None => billed,
            Some(written) => {
                let twice = || input_price.times(rust_decimal::Decimal::TWO);
                let price = self.cache_write_1h.map_or_else(twice, |price| scaled(Some(price)))?;
                billed.checked_add(price.per_million(written)?)?
            }
        };
        let uncached = answer.checked_add(input_price.per_million(all)?)?;
        Some(Cost { billed, uncached })
    }

    /// The prices of calls through the provider's batch API; `None` if no such price is known. Caches and long inputs cost
    /// the same share of their direct price as plain input does.
    #[must_use]
    pub fn in_batch(&self) -> Option<Self> {
        let batch = self.batch?;
        let share = |part: Usd, whole: Usd| part.amount().checked_div(whole.amount());
        let of_input = |price: Usd| price.times(share(batch.input, self.input)?);
        let of_output = |price: Usd| price.times(share(batch.output, self.output)?);
        Some(Self {
            input: batch.input,
            output: batch.output,
            // A price that cannot be scaled stays unchanged: overestimated rather than underestimated.
            cache_read: self.cache_read.map(|price| of_input(price).unwrap_or(price)),
            cache_write: self.cache_write.map(|price| of_input(price).unwrap_or(price)),
            cache_write_1h: self.cache_write_1h.map(|price| of_input(price).unwrap_or(price)),
            long_context: self.long_context.clone().map(|long| LongContext {
                input: of_input(long.input).unwrap_or(long.input),
                output: of_output(long.output).unwrap_or(long.output),
                above: long.above,
            }),
            ..self.clone()
        })
    }

    /// The prices of input and output for a request of that much input.
    fn at_length(&self, input: Tokens) -> (Usd, Usd) {
        match &self.long_context {
            Some(long) if input > long.above => (long.input, long.output),
            Some(_) | None => (self.input, self.output),
        }
    }

    /// The most that a call can cost with at most that much input and output; `None` if too large for a decimal.
    #[must_use]
    pub fn ceiling(&self, input: Tokens, output: Tokens) -> Option<Usd> {
        let (input_price, output_price) = self.at_length(input);
        let dearest = input_price.max(self.cache_write.unwrap_or(input_price));
        dearest.per_million(input)?.checked_add(output_price.per_million(output)?)
    }
}
