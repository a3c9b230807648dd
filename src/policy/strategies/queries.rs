//! What models said of the prompts before any tier was asked: a classifier's words, and vectors.

use std::collections::BTreeMap;

/// What models were asked about the prompts for; nothing where no strategy wants it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queries {
    /// The classifier that was really asked.
    pub classifier: Option<PromptAnswers<Option<usize>>>,
    /// The embeddings of the prompts.
    pub embeddings: Option<PromptAnswers<Vec<f32>>>,
}

/// What a model said of each prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptAnswers<T> {
    /// Its name.
    pub model: String,
    /// Its word, by the prompt's index in the corpus; those that have none are missing.
    pub by_prompt: BTreeMap<u32, T>,
    /// USD a request, retries included; `None` where an answer's cost is unknown.
    pub cost: Option<f64>,
    /// Milliseconds a request; `None` where they were not measured.
    pub latency: Option<f64>,
}

impl<T> PromptAnswers<T> {
    /// What asking adds to every request, in USD and milliseconds; `None` where that is not known, or the model did not speak of
    /// every one of the prompts.
    pub(super) fn overhead(&self, mut prompts: impl Iterator<Item = u32>) -> Option<(f64, f64)> {
        let whole = prompts.all(|prompt| self.by_prompt.contains_key(&prompt));
        Some((self.cost.filter(|_| whole)?, self.latency.unwrap_or(0.0)))
    }
}

/// The tier that a classifier's word names: by itself, whatever stands around it, or as the only name that occurs.
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
