//! What an assertion means by promptfoo's documentation, for those whose meaning is plain: it labels the self-tests that
//! an imported oracle is held to.

use regex::Regex;
use serde_json::Value;

use super::sample_text;

/// An assertion that can be decided from the output alone.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// The same text.
    Equals(String),
    /// JSON of the same value.
    EqualsJson(Value),
    /// Texts in the output.
    Contains {
        /// The texts.
        values: Vec<String>,
        /// Whether one of them is enough.
        any: bool,
        /// Whether large and small letters are the same.
        ignore_case: bool,
    },
    /// It begins with a text.
    StartsWith(String),
    /// It matches.
    Regex(String),
    /// Its number of words.
    WordCount {
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
    /// It is JSON.
    IsJson,
    /// Outputs whose verdict is plain; of others nothing is said.
    Samples {
        /// They pass.
        pass: Vec<String>,
        /// They fail.
        fail: Vec<String>,
    },
    /// The opposite.
    Not(Box<Self>),
}

impl Check {
    /// One output that passes and one that fails.
    pub(super) fn samples(pass: impl Into<String>, fail: impl Into<String>) -> Option<Self> {
        Some(Self::Samples { pass: vec![pass.into()], fail: vec![fail.into()] })
    }

    /// Whether the output passes; `None` if that cannot be said.
    pub(super) fn holds(&self, output: &str) -> Option<bool> {
        Some(match self {
            Self::Equals(text) => output == text,
            Self::EqualsJson(value) => {
                serde_json::from_str::<Value>(output).is_ok_and(|found| found == *value)
            }
            Self::Contains { values, any, ignore_case } => {
                let fold = |text: &str| if *ignore_case { text.to_lowercase() } else { text.to_owned() };
                let output = fold(output);
                let mut there = values.iter().map(|value| output.contains(&fold(value)));
                if *any { there.any(|is| is) } else { there.all(|is| is) }
            }
            Self::StartsWith(text) => output.starts_with(text),
            Self::Regex(text) => Regex::new(text).ok()?.is_match(output),
            Self::WordCount { min, max } => {
                let words = output.split_whitespace().count() as u64;
                (*min..=*max).contains(&words)
            }
            Self::IsJson => serde_json::from_str::<Value>(output).is_ok(),
            Self::Samples { pass, .. } if pass.iter().any(|one| one == output) => true,
            Self::Samples { fail, .. } if fail.iter().any(|one| one == output) => false,
            Self::Samples { .. } => return None,
            Self::Not(inner) => !inner.holds(output)?,
        })
    }

    /// Outputs that are likely to pass.
    pub(super) fn passing(&self) -> Vec<String> {
        match self {
            Self::Equals(text) | Self::StartsWith(text) => vec![text.clone()],
            Self::EqualsJson(value) => vec![value.to_string()],
            Self::Contains { values, any: true, .. } => values.clone(),
            Self::Contains { values, any: false, .. } => vec![values.join(" ")],
            Self::Regex(text) => sample_text::matching(text).into_iter().collect(),
            Self::WordCount { min, .. } => {
                vec![vec!["word"; usize::try_from(*min).unwrap_or(1).min(2000)].join(" ")]
            }
            Self::IsJson => vec!["{}".to_owned()],
            Self::Samples { pass, .. } => pass.clone(),
            Self::Not(inner) => inner.failing(),
        }
    }

    /// Outputs that are likely to fail.
    pub(super) fn failing(&self) -> Vec<String> {
        match self {
            Self::Equals(text) => vec![format!("{text} ~")],
            Self::EqualsJson(_) => vec!["\"~\"".to_owned(), "{\"~\": 0}".to_owned()],
            Self::StartsWith(text) => vec![format!("~{text}")],
            Self::WordCount { min: _, max } => {
                vec![vec!["word"; usize::try_from(*max).unwrap_or(1).saturating_add(1).min(2000)].join(" ")]
            }
            Self::IsJson => vec!["no JSON".to_owned()],
            Self::Contains { .. } | Self::Regex(_) => vec![String::new(), "~".to_owned(), "zzz".to_owned()],
            Self::Samples { fail, .. } => fail.clone(),
            Self::Not(inner) => inner.passing(),
        }
    }
}
