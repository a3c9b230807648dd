//! Tokens of an attempt, in terms that all providers share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::units::Tokens;

/// How far the figures of a [`Usage`] can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageQuality {
    /// Reported by the provider.
    Reported,
    /// Reported, but impossible: more cached than sent, or a total that is not the sum.
    Inconsistent,
    /// Not reported.
    #[default]
    Missing,
}

/// Tokens of an attempt in canonical terms (the priced counts do not overlap), and the provider's own usage object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Input tokens at the full price: neither read from nor written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Tokens>,
    /// Input tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Tokens>,
    /// Input tokens written to the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Tokens>,
    /// Input tokens written to the provider's cache for an hour, where that has a price of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Tokens>,
    /// Output tokens as billed, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Tokens>,
    /// The part of `output` that was reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Tokens>,
    /// How far to trust the counts.
    #[serde(default)]
    pub quality: UsageQuality,
    /// The provider's usage object, verbatim.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub raw: Value,
}

impl Usage {
    /// A usage of which the stated input includes what was read from and written to a cache, and the stated output the
    /// reasoning, as OpenAI and those who count like it do.
    #[must_use]
    pub fn with_cache_inside(
        all: Option<Tokens>,
        cache_read: Option<Tokens>,
        cache_write: Option<Tokens>,
        output: Option<Tokens>,
        reasoning: Option<Tokens>,
        raw: &Value,
    ) -> Self {
        let cached = cache_read.unwrap_or_default().plus(cache_write.unwrap_or_default());
        let input = all.and_then(|all| all.0.checked_sub(cached.0)).map(Tokens);
        let quality = match (all, output) {
            (Some(_), Some(output))
                if input.is_some() && reasoning.is_none_or(|reasoning| reasoning <= output) =>
            {
                UsageQuality::Reported
            }
            (Some(_), Some(_)) => UsageQuality::Inconsistent,
            (None, _) | (_, None) => UsageQuality::Missing,
        };
        // Where more is said to be cached than was sent, all that is known is the total.
        let (input, cache_read, cache_write) = match input {
            Some(input) => (Some(input), cache_read, cache_write),
            None => (all, None, None),
        };
        Self {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            quality,
            raw: raw.clone(),
            ..Self::default()
        }
    }

    /// Takes counts of zero for what they are where they cannot be: a prompt has tokens, and so has a text. Some gateways
    /// send zeros for what they do not know, and a cost of nothing would follow from them.
    pub fn distrust_zeros(&mut self, has_text: bool) {
        if self.all_input() == Some(Tokens(0)) {
            (self.input, self.cache_read, self.cache_write, self.cache_write_1h) = (None, None, None, None);
            self.quality = UsageQuality::Inconsistent;
        }
        if has_text && self.output == Some(Tokens(0)) {
            self.output = None;
            self.quality = UsageQuality::Inconsistent;
        }
    }

    /// All input tokens, cached or not; `None` if the provider did not report them.
    #[must_use]
    pub fn all_input(&self) -> Option<Tokens> {
        let cached = self.cache_read.unwrap_or_default().plus(self.cache_write.unwrap_or_default());
        let cached = cached.plus(self.cache_write_1h.unwrap_or_default());
        self.input.map(|uncached| uncached.plus(cached))
    }
}
