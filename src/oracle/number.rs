//! `number`: a number in the output. Gate: there is one. Truth: it is the expected one, within a tolerance.

use std::borrow::Cow;

use regex::Regex;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::field;
use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::number_text::{Found, find_all, find_digits, find_plain, parse};
use super::pattern::compile;
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "number",
    summary: "a number in the output, within a tolerance of the reference",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A number in the output, within a tolerance of the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Which of the numbers in the output counts.
    #[serde(default)]
    which: Which,
    /// The field of a JSON answer that holds the number; broken JSON is searched for it, too.
    field: Option<String>,
    /// How numbers are read, in the output and in the reference.
    #[serde(default)]
    reading: Reading,
    /// Only the text after the last occurrence of this marker counts, such as `####` or `Answer:`.
    after: Option<String>,
    /// Only what the first group of this regular expression captures counts (the whole match, where it has no group); of several
    /// matches the last one. The syntax is that of Rust's regex crate: linear time, no look-around.
    #[schemars(with = "Option<String>")]
    regex: Option<Spanned<String>>,
    /// The most that the number may be off.
    #[serde(default = "zero")]
    #[schemars(with = "f64")]
    tolerance: Spanned<f64>,
    /// The same as a share of the reference.
    #[serde(default = "zero")]
    #[schemars(with = "f64")]
    relative_tolerance: Spanned<f64>,
}

fn zero() -> Spanned<f64> {
    Spanned::new(0..0, 0.0)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// The last one; one in `\boxed{}` before all.
    #[default]
    Last,
    /// The first one.
    First,
    /// The only one: the output holds no other.
    Only,
}

/// How numbers are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Reading {
    /// As people write them: signs, thousands, decimals, fractions, percent, currency.
    #[default]
    Natural,
    /// As many published graders read them: `$` and `,` dropped, then sign, digits, decimals and a fraction.
    Plain,
    /// Runs of digits, commas dropped, without sign or decimals.
    Digits,
}

impl Reading {
    fn find_all(self, text: &str) -> Vec<Found> {
        match self {
            Self::Natural => find_all(text),
            Self::Plain => find_plain(text),
            Self::Digits => find_digits(text),
        }
    }
}

#[derive(Debug)]
struct Number {
    field: Option<String>,
    reading: Reading,
    which: Which,
    after: Option<String>,
    regex: Option<Regex>,
    tolerance: Decimal,
    relative: Decimal,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    let decimal = |value: &Spanned<f64>| {
        let number = Decimal::from_f64(*value.get_ref()).filter(|number| !number.is_sign_negative());
        number.ok_or_else(|| {
            TableError::new(value.span(), "a tolerance must be 0 or more", "use a number such as 0.01")
        })
    };
    let (tolerance, relative) = (decimal(&settings.tolerance)?, decimal(&settings.relative_tolerance)?);
    Ok(Box::new(Number {
        field: settings.field,
        reading: settings.reading,
        which: settings.which,
        after: settings.after,
        regex: settings.regex.as_ref().map(compile).transpose()?,
        tolerance,
        relative,
    }))
}

/// A reference answer as a number: a JSON number, or a text that holds exactly one.
pub(super) fn reference(expected: &Value) -> Option<Decimal> {
    match expected {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => match find_all(text).as_slice() {
            [only] => Some(only.value),
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether two numbers are within an absolute tolerance or a share of the second, whichever is larger.
pub(super) fn close(found: Decimal, wanted: Decimal, tolerance: Decimal, relative: Decimal) -> bool {
    let share = relative.checked_mul(wanted.abs()).unwrap_or(Decimal::MAX);
    found.checked_sub(wanted).is_some_and(|off| off.abs() <= tolerance.max(share))
}

impl Number {
    /// The reference in this oracle's reading: the first number that is read, where it is not the usual one.
    fn reference(&self, expected: &Value) -> Option<Decimal> {
        match (self.reading, expected) {
            (Reading::Natural, _) => reference(expected),
            (_, Value::String(text)) => self.reading.find_all(text).first().map(|found| found.value),
            (_, Value::Number(number)) => {
                self.reading.find_all(&number.to_string()).first().map(|found| found.value)
            }
            (_, Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        }
    }

    fn find(&self, output: &str) -> Result<Decimal, &'static str> {
        let answer = match &self.field {
            None => Cow::Borrowed(output),
            Some(name) => Cow::Owned(field::take(output, name).ok_or("the answer has no such field")?),
        };
        let output = answer.as_ref();
        let text = match &self.after {
            None => output,
            Some(marker) => output
                .rsplit_once(marker.as_str())
                .map(|(_, rest)| rest)
                .ok_or("the marker before the number is missing")?,
        };
        let text = match &self.regex {
            None => text,
            Some(regex) => regex
                .captures_iter(text)
                .last()
                .and_then(|found| found.get(1).or_else(|| found.get(0)))
                .map(|found| found.as_str())
                .ok_or("does not match the pattern")?,
        };
        let all = self.reading.find_all(text);
        let chosen = match self.which {
            Which::First => all.first(),
            Which::Last => all.iter().rev().find(|number| number.boxed).or(all.last()),
            Which::Only if all.len() > 1 => return Err("more than one number"),
            Which::Only => all.first(),
        };
        chosen.map(|number| number.value).ok_or("no number")
    }
}

impl Criterion for Number {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let found = match self.find(sample.output) {
            Ok(found) => found,
            Err(reason) => return Judgement::rejected(reason),
        };
        let verdict = match sample.expected.map(|expected| self.reference(expected)) {
            None => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            Some(None) => Verdict::Ungraded("the expected answer is no number".to_owned()),
            Some(Some(wanted)) if close(found, wanted, self.tolerance, self.relative) => Verdict::Pass,
            Some(Some(_)) => Verdict::Fail("another number than expected".to_owned()),
        };
        Judgement::let_through(verdict)
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        true
    }
}
