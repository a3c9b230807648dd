//! A price file in LiteLLM's format: USD per token, as JSON numbers that are read as decimals, never as floats.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::model_price::{BatchPrice, LongContext, ModelPrice};
use crate::config::plain_json_error;
use crate::diag::{Excerpt, Fault, Faults};
use crate::units::{Tokens, Usd};

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The prices of a file; models without prices of both input and output are left out.
///
/// # Errors
/// If it is no JSON of that shape.
pub(super) fn read(shown: &str, bytes: &[u8]) -> Result<BTreeMap<String, ModelPrice>, Faults> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Fault::new(shown, "not UTF-8").help("save it as UTF-8"))?;
    let models: BTreeMap<String, Fields<'_>> = serde_json::from_str(text).map_err(|error| {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let column = error.column().saturating_sub(1);
        Fault::new(shown, format!("not a price file: {}", plain_json_error(&error)))
            .at(Excerpt::of_line(error.line().max(1), line, column..column + 1))
            .help("use LiteLLM's model_prices_and_context_window.json")
    })?;
    let rows = models.into_iter().filter(|(name, _)| name != "sample_spec").filter_map(|(name, fields)| {
        let price = |key: &str| fields.get(key).and_then(|raw| per_million(raw.get()));
        let (input, output) = (price("input_cost_per_token")?, price("output_cost_per_token")?);
        let count = |key: &str| fields.get(key).and_then(|raw| whole(raw.get()));
        let long_context = [100_u64, 128, 200, 272].into_iter().find_map(|thousand| {
            Some(LongContext {
                above: Tokens(thousand * 1000),
                input: price(&format!("input_cost_per_token_above_{thousand}k_tokens"))?,
                output: price(&format!("output_cost_per_token_above_{thousand}k_tokens"))?,
            })
        });
        let row = ModelPrice {
            input,
            output,
            cache_read: price("cache_read_input_token_cost"),
            cache_write: price("cache_creation_input_token_cost"),
            cache_write_1h: price("cache_creation_input_token_cost_above_1hr"),
            long_context,
            batch: price("input_cost_per_token_batches")
                .zip(price("output_cost_per_token_batches"))
                .map(|(input, output)| BatchPrice { input, output }),
            context_window: count("max_input_tokens").or_else(|| count("max_tokens")),
            deprecated: fields.get("deprecation_date").map(|raw| raw.get().trim_matches('"').to_owned()),
        };
        Some((name, row))
    });
    Ok(rows.collect())
}

fn per_million(text: &str) -> Option<Usd> {
    let per_token: Usd = text.trim_matches('"').parse().ok()?;
    (per_token >= Usd::ZERO)
        .then_some(per_token)?
        .times(Decimal::from(1_000_000))
        .map(|usd| Usd::new(usd.amount().normalize()))
}

fn whole(text: &str) -> Option<Tokens> {
    let number: Usd = text.trim_matches('"').parse().ok()?;
    u64::try_from(number.amount().trunc()).ok().filter(|count| *count > 0).map(Tokens)
}
