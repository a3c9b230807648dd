//! Masking personal data: e-mail addresses, telephone numbers, bank accounts and cards whose check digits are right, IP
//! addresses, keys. The same value gets the same placeholder throughout a file, so that a conversation stays readable.
//! Names and postal addresses are not found: no pattern finds them.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;
use serde_json::Value;

use crate::corpus::RawPrompt;

/// Finds and replaces.
#[derive(Debug)]
pub struct Mask {
    finders: Vec<(&'static str, Regex)>,
    /// The number of each value, by its kind.
    known: HashMap<&'static str, HashMap<String, usize>>,
    counts: BTreeMap<&'static str, u64>,
}

/// In the order in which they are looked for: what is found first is not looked at again.
const PATTERNS: [(&str, &str); 6] = [
    ("KEY", r"\b(?:sk|pk|rk|ghp|gho|xox[bap]|AKIA|AIza|glpat|hf)[-_A-Za-z0-9]{16,}\b"),
    ("EMAIL", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
    ("IBAN", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b"),
    ("CARD", r"\b[0-9](?:[ -]?[0-9]){12,18}\b"),
    ("IP", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b"),
    (
        "PHONE",
        r"(?:\+|\b00)[0-9][0-9 ()/.-]{6,16}[0-9]\b|\(?\b[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}\b|\b0[0-9]{2,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,5}\b",
    ),
];

impl Default for Mask {
    fn default() -> Self {
        let finders = PATTERNS.iter().filter_map(|(name, text)| Some((*name, Regex::new(text).ok()?)));
        Self { finders: finders.collect(), known: HashMap::new(), counts: BTreeMap::new() }
    }
}

impl Mask {
    /// How many of each kind were replaced so far.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Masks all that a line says.
    pub fn line(&mut self, line: &mut RawPrompt) {
        for text in [&mut line.prompt, &mut line.system].into_iter().flatten() {
            *text = self.text(text);
        }
        for message in line.messages.iter_mut().flatten() {
            self.value(&mut message.content);
        }
        for value in line.vars.iter_mut().flat_map(BTreeMap::values_mut).chain(&mut line.expected) {
            self.value(value);
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The text with placeholders such as `[EMAIL_1]`.
    #[must_use]
    pub fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, finder) in &self.finders {
            let (known, counts) = (&mut self.known, &mut self.counts);
            let replaced = finder.replace_all(&text, |found: &regex::Captures<'_>| {
                let found = found.get(0).map_or("", |found| found.as_str());
                if !is_real(name, found) {
                    return found.to_owned();
                }
                *counts.entry(name).or_default() += 1;
                let of_kind = known.entry(*name).or_default();
                let next = of_kind.len() + 1;
                let number = *of_kind.entry(found.to_owned()).or_insert(next);
                format!("[{name}_{number}]")
            });
            text = replaced.into_owned();
        }
        text
    }
}

/// Whether a find is what it looks like.
fn is_real(name: &str, found: &str) -> bool {
    match name {
        "CARD" => luhn(found),
        "IBAN" => iban(found),
        "IP" => found.parse::<std::net::IpAddr>().is_ok(),
        _ => true,
    }
}

/// The check digit of payment cards (ISO/IEC 7812-1).
fn luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

/// The check digits of bank accounts (ISO 13616: the rearranged number is 1 modulo 97).
fn iban(text: &str) -> bool {
    let text: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (head, tail) = text.split_at(text.len().min(4));
    let rest = tail.iter().chain(head).try_fold(0_u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    (15..=34).contains(&text.len()) && rest == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_personal_gets_a_stable_name_and_the_rest_stays() {
        let mut mask = Mask::default();
        let text = "Mail a.b@example.com or a.b@example.com, card 4111 1111 1111 1111, not 4111 1111 1111 1112; \
                    DE89 3704 0044 0532 0130 00, from 10.0.0.7, call +49 30 123456, key sk-abcdefghijklmnop1234, order 12345";
        insta::assert_snapshot!(mask.text(text), @"Mail [EMAIL_1] or [EMAIL_1], card [CARD_1], not 4111 1111 1111 1112; [IBAN_1], from [IP_1], call [PHONE_1], key [KEY_1], order 12345");
        assert_eq!(mask.counts().get("EMAIL"), Some(&2));
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_is_done_after_once(text in "\\PC{0,200}") {
            let mut mask = Mask::default();
            let once = mask.text(&text);
            prop_assert_eq!(mask.text(&once), once);
        }
    }
}
