//! Numbers in running text, as people and models write them: signs, thousands, decimals, fractions, percent, currency.

use rust_decimal::Decimal;
use std::str::FromStr;
use std::sync::LazyLock;

use regex::Regex;

/// A number in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: Decimal,
    /// Whether it is in `\boxed{}`.
    pub(super) boxed: bool,
}

/// Sign, then a number with thousands (commas, thin or hard spaces, underscores) or without, decimals, exponent, and a
/// second number below a fraction bar.
const NUMBER: &str = r"(?x)
    (?P<boxed>\\boxed\{\s*)?
    (?P<sign>[-−–+]\s?)?
    (?:[$€£¥]\s?)?
    (?P<whole>\d{1,3}(?:[,_\x{2009}\x{202f}\x{a0}]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
    (?P<exponent>[eE][-+]?\d{1,3}\b)?
    (?:\s?/\s?(?P<below>\d+(?:\.\d+)?))?
";

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(NUMBER).ok());

/// The numbers of a text, in order. A digit within a word (`x2`, `A-17`) is not a number, and neither is `1/0`.
pub(super) fn find_all(text: &str) -> Vec<Found> {
    let Some(pattern) = PATTERN.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for capture in pattern.captures_iter(text) {
        let Some(whole) = capture.name("whole") else { continue };
        let start = capture.name("sign").map_or(whole.start(), |sign| sign.start());
        let before = text[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') && capture.name("boxed").is_none() {
            // `A-17` and `5-3`: a hyphen behind a letter or digit is no sign; behind a digit the number itself stands.
            let digit = before.is_some_and(|c| c.is_ascii_digit()) && capture.name("sign").is_some();
            if !digit {
                continue;
            }
        }
        let negative = capture.name("sign").is_some_and(|sign| !sign.as_str().starts_with('+'))
            && !before.is_some_and(|c| c.is_ascii_digit());
        let mut digits: String = whole.as_str().chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        if let Some(exponent) = capture.name("exponent") {
            digits.push_str(exponent.as_str());
        }
        let Some(mut value) = parse(&digits) else { continue };
        if let Some(below) = capture.name("below") {
            let Some(quotient) = parse(below.as_str()).and_then(|below| value.checked_div(below)) else {
                continue;
            };
            value = quotient;
        }
        if negative {
            value = -value;
        }
        found.push(Found { value, boxed: capture.name("boxed").is_some() });
    }
    found
}

static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(-?\d+(?:\.\d+)?)(?:/(\d+))?").ok());

/// The numbers of a text once `$` and `,` are dropped: sign, digits, decimals, a fraction; nothing else is understood.
pub(super) fn find_plain(text: &str) -> Vec<Found> {
    let Some(pattern) = PLAIN.as_ref() else { return Vec::new() };
    let text = text.replace(['$', ','], "");
    let value = |capture: regex::Captures<'_>| {
        let above = parse(capture.get(1)?.as_str())?;
        match capture.get(2) {
            None => Some(above),
            Some(below) => above.checked_div(parse(below.as_str())?),
        }
    };
    pattern.captures_iter(&text).filter_map(value).map(|value| Found { value, boxed: false }).collect()
}

/// The runs of digits of a text once `,` is dropped.
pub(super) fn find_digits(text: &str) -> Vec<Found> {
    let text = text.replace(',', "");
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    runs.filter_map(parse).map(|value| Found { value, boxed: false }).collect()
}

/// A plain number, with or without an exponent.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('.').map_or_else(|| text.to_owned(), |rest| format!("0.{rest}"));
    if text.contains(['e', 'E']) {
        Decimal::from_scientific(&text).ok()
    } else {
        Decimal::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        find_all(text).into_iter().map(|found| found.value.normalize().to_string()).collect()
    }

    #[test]
    fn numbers_are_found_as_people_write_them() {
        for (text, wanted) in [
            ("The answer is 1,234.50 dollars.", &["1234.5"][..]),
            ("$18.", &["18"]),
            ("from -3 to +4", &["-3", "4"]),
            ("−7 degrees", &["-7"]),
            ("-$5 off", &["-5"]),
            ("3/4 of it", &["0.75"]),
            ("1/0", &[]),
            (".5 and 0.25", &["0.5", "0.25"]),
            ("1.5e3", &["1500"]),
            ("order A-17, x2 and v3", &[]),
            ("5-3", &["5", "3"]),
            ("12 % of 1 234 567", &["12", "1", "234", "567"]),
            ("1\u{202f}234", &["1234"]),
            ("so \\boxed{42}", &["42"]),
            ("99999999999999999999999999999999999999", &[]),
            ("no digits", &[]),
        ] {
            assert_eq!(all(text), wanted, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = find_all(&text);
        }

        #[test]
        fn every_plain_number_is_found(number in -1_000_000i64..1_000_000) {
            proptest::prop_assert_eq!(all(&format!("it is {number} now")), vec![number.to_string()]);
        }
    }
}
