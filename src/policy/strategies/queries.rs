//! Strategy queries: what models answered about the prompts themselves. A classifier's tiers, and embeddings.

use std::collections::BTreeMap;

/// The answers to strategy queries; empty where no strategy needs any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queries {
    /// The answers of the classifier, where one was queried.
    pub classifier: Option<PromptAnswers<Option<usize>>>,
    /// The embeddings of the prompts.
    pub embeddings: Option<PromptAnswers<Vec<f32>>>,
}

/// A model's answer about each prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptAnswers<T> {
    /// Its name.
    pub model: String,
    /// Its answers by the prompt's index in the corpus; prompts without an answer are missing.
    pub by_prompt: BTreeMap<u32, T>,
    /// USD per request, retries included; `None` where an answer's cost is unknown.
    pub cost: Option<f64>,
    /// Milliseconds per request; `None` where they were not measured.
    pub latency: Option<f64>,
}

impl<T> PromptAnswers<T> {
    /// What the query adds to every request, in USD and milliseconds; `None` where that is unknown, or a prompt has no answer.
    pub(super) fn overhead(&self, mut prompts: impl Iterator<Item = u32>) -> Option<(f64, f64)> {
        let whole = prompts.all(|prompt| self.by_prompt.contains_key(&prompt));
        Some((self.cost.filter(|_| whole)?, self.latency.unwrap_or(0.0)))
    }
}

/// The tier that a classifier's answer names: alone, apart from punctuation, or as the only tier name in the answer.
#[must_use]
pub fn named(word: &str, tiers: &[&str]) -> Option<usize> {
    let bare = |text: &str| text.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let said = bare(word);
    if let Some(at) = tiers.iter().position(|tier| bare(tier) == said) {
        return Some(at);
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let words: Vec<String> = word.split(|c: char| !is_part(c)).map(bare).collect();
    let mut found =
        (0..tiers.len()).filter(|at| tiers.get(*at).is_some_and(|tier| words.contains(&bare(tier))));
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_word_names_a_tier_or_nothing() {
        let tiers = ["small", "mid", "front-2.5"];
        for (word, tier) in [
            ("small", Some(0)),
            (" **Mid**.\n", Some(1)),
            ("I would take front-2.5 here", Some(2)),
            ("small or mid", None),
            ("smaller", None),
            ("", None),
        ] {
            assert_eq!(named(word, &tiers), tier, "{word}");
        }
    }
}
