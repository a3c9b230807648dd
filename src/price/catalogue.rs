//! Prices: a dated built-in table, a file in LiteLLM's format, and the prices in `route-prof.toml`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::litellm;
use super::model_price::{BatchPrice, LongContext, ModelPrice};
use crate::config::Config;
use crate::diag::{Fault, Faults, nearest};
use crate::disk::Disk;
use crate::ident::{Digest, Digester, ModelRef};
use crate::units::{Share, Tokens, Usd};

/// Why there is no price.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// A model without a price, or a price file that cannot be read.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// The built-in table cannot be read: a bug.
    #[error("the built-in price catalogue is damaged: {0}")]
    BuiltIn(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    date: String,
    model: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: Usd,
    output: Usd,
    cache_read: Option<Usd>,
    cache_write: Option<Usd>,
    long_context: Option<Long>,
    batch: Option<Share>,
    context_window: Option<Tokens>,
    deprecated: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    above: Tokens,
    input: Usd,
    output: Usd,
}

/// Prices by model.
#[derive(Debug)]
pub struct Catalogue {
    rows: BTreeMap<String, ModelPrice>,
    name: String,
    overrides: BTreeMap<ModelRef, crate::config::PriceOverride>,
    config_path: String,
}

impl Catalogue {
    /// The configured catalogue, with the configured prices over it.
    ///
    /// # Errors
    /// If the price file cannot be read.
    pub fn load(disk: &Disk, config: &Config) -> Result<Self, PriceError> {
        let (rows, name) = match &config.prices.catalogue {
            None => built_in()?,
            Some(path) => {
                let shown = path.display().to_string();
                let bytes = disk.read(path).map_err(|error| {
                    let help =
                        "correct prices.catalogue in route-prof.toml, or remove it to use the built-in one";
                    Faults::from(Fault::new(&shown, error.to_string()).help(help))
                })?;
                let rows = litellm::read(&shown, &bytes)?;
                let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or(shown);
                (rows, format!("{file} (blake3 {})", Digest::of(&bytes).short()))
            }
        };
        Ok(Self {
            rows,
            name,
            overrides: config.prices.models.clone(),
            config_path: config.path.display().to_string(),
        })
    }

    /// The price of a model: that of the catalogue, with each configured price over it.
    ///
    /// # Errors
    /// If neither has its input and output price: nothing is ever priced at zero by default.
    pub fn price(&self, model: &ModelRef) -> Result<ModelPrice, PriceError> {
        let full = model.to_string();
        let row =
            self.rows.get(&full).or_else(|| self.rows.get(&*model.model)).or_else(|| self.bare(&model.model));
        let over = self.overrides.get(model).cloned().unwrap_or_default();
        let input = over.input.or_else(|| row.map(|row| row.input));
        let output = over.output.or_else(|| row.map(|row| row.output));
        let (Some(input), Some(output)) = (input, output) else { return Err(self.unpriced(model).into()) };
        Ok(ModelPrice {
            input,
            output,
            cache_read: over.cache_read.or_else(|| row.and_then(|row| row.cache_read)),
            cache_write: over.cache_write.or_else(|| row.and_then(|row| row.cache_write)),
            cache_write_1h: row.filter(|_| over.input.is_none()).and_then(|row| row.cache_write_1h),
            // Whoever states a price of their own states the whole of it.
            long_context: row.filter(|_| over.input.is_none()).and_then(|row| row.long_context.clone()),
            batch: match over.batch {
                Some(share) => batch(input, output, share),
                // Half of another price is no figure of ours.
                None if over.input.is_some() || over.output.is_some() => None,
                None => row.and_then(|row| row.batch),
            },
            context_window: over.context_window.or_else(|| row.and_then(|row| row.context_window)),
            deprecated: row.and_then(|row| row.deprecated.clone()),
        })
    }

    /// A row for a model that the provider prefixes with its maker (`anthropic/claude-...` at a gateway) or dates.
    fn bare(&self, model: &str) -> Option<&ModelPrice> {
        let last = model.rsplit('/').next()?;
        let undated = last
            .rsplit_once('-')
            .filter(|(_, date)| date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()));
        self.rows.get(last).or_else(|| self.rows.get(undated?.0))
    }

    fn unpriced(&self, model: &ModelRef) -> Faults {
        let near = nearest(&model.model, self.rows.keys().map(String::as_str))
            .map(|near| format!(" (the catalogue has `{near}`)"))
            .unwrap_or_default();
        let lines = format!(
            "state its price in USD per million tokens{near}:\n[prices.model.\"{model}\"]\ninput = 1.00\noutput = 5.00"
        );
        Fault::new(&self.config_path, format!("{model} has no price in the {}", self.name)).help(lines).into()
    }

    /// Where the prices come from, for reports.
    #[must_use]
    pub fn source(&self) -> String {
        match self.overrides.len() {
            0 => self.name.clone(),
            1 => format!("{}, 1 model overridden in route-prof.toml", self.name),
            n => format!("{}, {n} models overridden in route-prof.toml", self.name),
        }
    }

    /// The digest of the prices of these models, whatever else the catalogue holds.
    #[must_use]
    pub fn prices_digest(&self, models: &[ModelRef]) -> Digest {
        let mut digester = Digester::new("route-prof prices 1");
        for model in models {
            digester.part(model.to_string().as_bytes());
            if let Ok(price) = self.price(model) {
                let long = price.long_context.as_ref();
                for figure in [
                    Some(price.input),
                    Some(price.output),
                    price.cache_read,
                    price.cache_write,
                    long.map(|long| long.input),
                    long.map(|long| long.output),
                ] {
                    digester.part(figure.map(|usd| usd.to_string()).unwrap_or_default().as_bytes());
                }
                digester.part(&long.map_or(0, |long| long.above.0).to_le_bytes());
                digester.part(&price.context_window.map_or(0, |window| window.0).to_le_bytes());
            }
        }
        digester.finish()
    }
}

/// Batch prices as a share of the direct ones.
fn batch(input: Usd, output: Usd, share: Share) -> Option<BatchPrice> {
    let share = Decimal::try_from(share.get()).ok()?;
    Some(BatchPrice { input: input.times(share)?, output: output.times(share)? })
}

fn built_in() -> Result<(BTreeMap<String, ModelPrice>, String), PriceError> {
    let table: Table = toml::from_str(include_str!("catalogue.toml"))
        .map_err(|error| PriceError::BuiltIn(error.message().to_owned()))?;
    let rows = table.model.into_iter().map(|(name, row)| {
        let price = ModelPrice {
            input: row.input,
            output: row.output,
            cache_read: row.cache_read,
            cache_write: row.cache_write,
            cache_write_1h: None,
            long_context: row.long_context.map(|long| LongContext {
                above: long.above,
                input: long.input,
                output: long.output,
            }),
            batch: row.batch.and_then(|share| batch(row.input, row.output, share)),
            context_window: row.context_window,
            deprecated: row.deprecated,
        };
        (name, price)
    });
    Ok((rows.collect(), format!("built-in catalogue of {}", table.date)))
}
