//! Quantities with their unit in the type: money, tokens, time, weights and shares.
//!
//! Nothing here knows where a figure comes from. An unknown figure is an `Option` at the place that holds it,
//! never a zero of these types.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of US dollars: a decimal number, never a float.
///
/// Serialised as a string (`"0.000213"`), so that no reader turns it into binary floating point on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(Decimal);

/// What is wrong with a quantity that a user typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number, or one that the type cannot hold.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A number outside of the range that makes sense.
    #[error("{value} is outside {range}")]
    OutOfRange {
        /// The number as typed.
        value: String,
        /// The range in words, such as "0 to 1".
        range: &'static str,
    },
}

impl Usd {
    /// No money at all.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An amount from its decimal value.
    #[must_use]
    pub const fn new(amount: Decimal) -> Self {
        Self(amount)
    }

    /// The amount whose shortest decimal text is that of `value`: for literals that a parser has already turned
    /// into a float, such as prices in TOML, where `0.1` must stay `0.1`.
    ///
    /// # Errors
    /// If `value` is not finite or has no decimal of 28 digits.
    pub fn from_literal(value: f64) -> Result<Self, UnitError> {
        let text = format!("{value}");
        Decimal::from_str(&text).map(Self).map_err(|_| UnitError::NotANumber(text))
    }

    /// The amount nearest to an estimate that only exists as a float (an interval bound), to a ten-billionth.
    #[must_use]
    pub fn from_estimate(value: f64) -> Option<Self> {
        Decimal::from_f64(value).map(|amount| Self(amount.round_dp(10).normalize()))
    }

    /// The decimal value.
    #[must_use]
    pub const fn amount(self) -> Decimal {
        self.0
    }

    /// The amount as a float, for charts, weights and estimates only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// This amount times a factor, or `None` if it is too large for a decimal.
    #[must_use]
    pub fn times(self, factor: Decimal) -> Option<Self> {
        self.0.checked_mul(factor).map(Self)
    }

    /// The price of `tokens` at this amount per million tokens, or `None` if it is too large for a decimal.
    #[must_use]
    pub fn per_million(self, tokens: Tokens) -> Option<Self> {
        self.0
            .checked_mul(Decimal::new(1, 6))?
            .checked_mul(Decimal::from(tokens.0))
            .map(|a| Self(a.normalize()))
    }

    /// Rounded to `digits` significant digits, for people: `0.00021347` at 3 is `0.000213`.
    #[must_use]
    pub fn significant(self, digits: u32) -> Self {
        Self(self.0.round_sf(digits).unwrap_or(self.0).normalize())
    }

    /// Rounded to `places` decimal places.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        Self(self.0.round_dp(places).normalize())
    }

    /// The difference, or `None` if it is too large for a decimal.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum, or `None` if it is too large for a decimal.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Text for people: two places from a dollar up (`$1,234.50`), three significant digits below (`$0.000213`).
    #[must_use]
    pub fn human(self) -> String {
        let sign = if self.0.is_sign_negative() && !self.0.is_zero() { "-" } else { "" };
        let amount = self.0.abs();
        if amount.is_zero() {
            return "$0".to_owned();
        }
        if amount < Decimal::ONE {
            let text = Self(amount).significant(3).0.to_string();
            // A price below a dollar still has at least cents: 0.5 reads as a ratio, 0.50 as money.
            let places = text.split_once('.').map_or(0, |(_, p)| p.len());
            let text = if places < 2 { format!("{:.2}", Self(amount).significant(3).0) } else { text };
            return format!("{sign}${text}");
        }
        let text = format!("{:.2}", amount.round_dp(2));
        let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
        let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        format!("{sign}${grouped}.{cents}")
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl FromStr for Usd {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim().trim_start_matches('$');
        Decimal::from_str(text)
            .or_else(|_| Decimal::from_scientific(text))
            .map(Self)
            .map_err(|_| UnitError::NotANumber(text.to_owned()))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Usd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of US dollars, as a number or a string")
            }

            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Usd, E> {
                v.parse().map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Usd, E> {
                Usd::from_literal(v).map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Usd, E> {
                Ok(Usd(Decimal::from(v)))
            }

            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Usd, E> {
                Ok(Usd(Decimal::from(v)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An amount of US dollars: a decimal number, as a string (written) or a number (accepted).",
            "type": ["string", "number"],
        })
    }
}

/// A count of tokens.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Tokens(pub u64);

impl Tokens {
    /// The sum; saturates instead of wrapping.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A span of time, kept in whole microseconds and written in milliseconds (`12.345`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

impl Millis {
    /// A span of whole microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The span nearest to `ms` milliseconds; `None` if negative or not finite.
    #[must_use]
    pub fn from_ms(ms: f64) -> Option<Self> {
        (ms.is_finite() && ms >= 0.0).then(|| Self((ms * 1000.0).round().to_u64().unwrap_or(u64::MAX)))
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Milliseconds.
    #[must_use]
    pub fn ms(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl From<std::time::Duration> for Millis {
    fn from(span: std::time::Duration) -> Self {
        Self(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Millis {
    /// Text for people: `410 ms`, `2.3 s`, `4 min 10 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.ms();
        if ms < 10.0 {
            write!(f, "{ms:.1} ms")
        } else if ms < 1000.0 {
            write!(f, "{ms:.0} ms")
        } else if ms < 90_000.0 {
            write!(f, "{:.1} s", ms / 1000.0)
        } else {
            let seconds = self.0 / 1_000_000;
            if seconds < 5400 {
                write!(f, "{} min {} s", seconds / 60, seconds % 60)
            } else {
                write!(f, "{} h {} min", seconds / 3600, seconds % 3600 / 60)
            }
        }
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.ms())
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        Self::from_ms(ms).ok_or_else(|| serde::de::Error::custom("a duration cannot be negative"))
    }
}

impl JsonSchema for Millis {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Millis".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "Milliseconds.", "type": "number", "minimum": 0 })
    }
}

/// How much of the real traffic a prompt stands for, relative to the others: finite, zero or more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Weight(f64);

impl Weight {
    /// The weight of a prompt that names none.
    pub const ONE: Self = Self(1.0);

    /// A checked weight.
    ///
    /// # Errors
    /// If `value` is negative, infinite or not a number.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(UnitError::OutOfRange { value: value.to_string(), range: "the range from 0 up" })
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A share of a whole: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Share(f64);

impl Share {
    /// A checked share.
    ///
    /// # Errors
    /// If `value` is not between 0 and 1.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(UnitError::OutOfRange { value: value.to_string(), range: "0 to 1" })
        }
    }

    /// A share that is known to be one when the program is written; anything else becomes the nearest share.
    #[must_use]
    pub const fn clamped(value: f64) -> Self {
        Self(value.clamp(0.0, 1.0))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} %", self.0 * 100.0)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A moment of the wall clock, RFC 3339 in UTC, whole milliseconds. A label for people: no result depends on one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// A moment, as a clock says it.
    #[must_use]
    pub fn of(now: jiff::Timestamp) -> Self {
        let whole = jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self(format!("{whole:.3}"))
    }

    /// Its day in UTC; `None` where the text is none of a moment.
    #[must_use]
    pub fn day(&self) -> Option<jiff::civil::Date> {
        let moment: jiff::Timestamp = self.0.parse().ok()?;
        Some(moment.to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// The text, such as `2026-11-23T09:30:00.125Z`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A share as a percentage of one decimal: `97.3 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A number of things: `1 prompt`, `2 prompts`, `0 replies`.
#[must_use]
pub fn count(n: u64, thing: &str) -> String {
    match (n, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (n, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{n} {stem}ies"),
        (n, _) => format!("{n} {thing}s"),
    }
}

/// The verb that agrees with a number of things: `1 trial has`, `2 trials have`.
#[must_use]
pub const fn have(n: u64) -> &'static str {
    if n == 1 { "has" } else { "have" }
}

/// An effective sample size as a whole number, rounded down: what is claimed is never more than there is.
#[must_use]
pub fn effective_n(n_eff: f64) -> String {
    format!("{:.0}", n_eff.floor())
}

/// A level of confidence without needless places: `95 %`, `99.5 %`.
#[must_use]
pub fn level(share: f64) -> String {
    format!("{} %", format!("{:.2}", share * 100.0).trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
