//! Comparing a field of a JSON reply with that of the reference.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::normalise::{Normaliser, apply};
use super::number::{close, reference};
use super::sample::as_text;
use crate::record::canonical_json;

/// How a field is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Compare {
    /// Equal: texts after normalisation, anything else as JSON.
    #[default]
    Exact,
    /// Texts that are equal but for large and small letters.
    IgnoreCase,
    /// Numbers, or texts that hold one, within the tolerance.
    Number,
    /// Lists with the same members, in any order.
    Set,
    /// The same day, in one of the usual notations.
    Date,
}

/// A field to compare.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) pointer: String,
    pub(super) reason: String,
    pub(super) compare: Compare,
    pub(super) tolerance: Decimal,
    pub(super) normalise: Vec<Normaliser>,
    pub(super) weight: f64,
    pub(super) optional: bool,
}

impl Field {
    /// Whether a found value is the wanted one; a missing field is as good as `null`.
    ///
    /// # Errors
    /// If the reference cannot be compared in that way at all.
    pub(super) fn matches(&self, found: Option<&Value>, wanted: &Value) -> Result<bool, String> {
        let found = found.unwrap_or(&Value::Null);
        if wanted.is_null() {
            // "There is none" is often spelled as an empty text or list.
            let empty = found.as_str().is_some_and(|text| text.trim().is_empty())
                || found.as_array().is_some_and(Vec::is_empty);
            return Ok(found.is_null() || empty);
        }
        match self.compare {
            Compare::Exact => Ok(self.plain(found) == self.plain(wanted)),
            Compare::IgnoreCase => Ok(self.plain(found).to_lowercase() == self.plain(wanted).to_lowercase()),
            Compare::Number => {
                let wanted = reference(wanted).ok_or("the expected field is no number")?;
                Ok(reference(found).is_some_and(|found| close(found, wanted, self.tolerance, Decimal::ZERO)))
            }
            Compare::Set => {
                let wanted = wanted.as_array().ok_or("the expected field is no list")?;
                Ok(found.as_array().is_some_and(|found| self.members(found) == self.members(wanted)))
            }
            Compare::Date => {
                let wanted = wanted.as_str().and_then(day).ok_or("the expected field is no date")?;
                Ok(found.as_str().and_then(day) == Some(wanted))
            }
        }
    }

    fn plain(&self, value: &Value) -> String {
        match as_text(value) {
            Some(text) if value.is_string() => apply(&self.normalise, &text).into_owned(),
            // A number and the text of that number are the same to a reader, but not to a program: 5 is not "5".
            Some(_) | None => format!("\u{0}{}", canonical_json(value)),
        }
    }

    fn members(&self, items: &[Value]) -> Vec<String> {
        let mut members: Vec<String> = items.iter().map(|item| self.plain(item)).collect();
        members.sort();
        members.dedup();
        members
    }
}

/// A day as year, month, day: `2026-11-23`, `2026/11/23`, `23.11.2026`, `November 23, 2026`, `23 Nov 2026`, each with a
/// time of day behind it or not. `11/23/2026` is read when only one order of day and month makes sense.
fn day(text: &str) -> Option<(i32, u32, u32)> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.trim().to_lowercase();
    let date = text.split_once('t').filter(|(day, _)| day.len() == 10).map_or(text.as_str(), |(day, _)| day);
    let parts: Vec<&str> = date
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '/' | '.' | ','))
        .filter(|part| !part.is_empty())
        .take(3)
        .collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let month_name = |part: &str| {
        MONTHS.iter().position(|name| part.len() >= 3 && part.starts_with(name)).map(|at| at as u32 + 1)
    };
    let ordinal = |part: &str| part.trim_end_matches(|c: char| c.is_alphabetic()).parse::<u32>().ok();
    let number = |part: &str| part.parse::<u32>().ok();
    let (year, month, day) = if let Some(month) = month_name(a) {
        (number(c)?, month, ordinal(b)?)
    } else if let Some(month) = month_name(b) {
        (number(c)?, month, ordinal(a)?)
    } else if a.len() == 4 {
        (number(a)?, number(b)?, number(c)?)
    } else {
        match (number(a)?, number(b)?) {
            (day, month) if date.contains('.') || day > 12 => (number(c)?, month, day),
            (month, day) if day > 12 || day == month => (number(c)?, month, day),
            _ => return None,
        }
    };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && (1000..=9999).contains(&year);
    valid.then_some((i32::try_from(year).ok()?, month, day))
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_read_in_the_usual_notations() {
        for text in [
            "2026-11-23",
            "2026/11/23",
            "23.11.2026",
            "November 23, 2026",
            "23 Nov 2026",
            "Nov 23rd 2026",
            "11/23/2026",
            "2026-11-23T10:00:00Z",
            "2026-11-23 10:00",
        ] {
            assert_eq!(day(text), Some((2026, 11, 23)), "{text}");
        }
        for text in ["11/12/2026", "2026-13-01", "tomorrow", "", "1 2 3", "99.99.9999"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
