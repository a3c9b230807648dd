//! `similarity`: how like the output is to the reference, or to the likest of several. Truth alone.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, apply};
use super::sample::{Sample, as_text};
use super::text_metrics::{bleu, rouge_l, rouge_n, token_f1, words};
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "similarity",
    summary: "a similarity to the reference: levenshtein, rouge_n, rouge_l, bleu or token_f1",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A likeness to the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How it is measured.
    measure: Measure,
    /// The least likeness, 0 to 1; for `levenshtein` 1 minus the edits as a share of the longer text.
    #[schemars(with = "Option<f64>")]
    threshold: Option<Spanned<f64>>,
    /// For `levenshtein`: the most edits, in characters.
    max_distance: Option<usize>,
    /// For `rouge_n`: the words of an n-gram.
    #[serde(default = "one")]
    #[schemars(with = "usize")]
    n: Spanned<usize>,
    /// What is done to both texts first.
    #[serde(default)]
    normalise: Vec<Normaliser>,
}

fn one() -> Spanned<usize> {
    Spanned::new(0..0, 1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// Edits of characters.
    Levenshtein,
    /// F1 of shared n-grams of words.
    RougeN,
    /// F1 of the longest common subsequence of words.
    RougeL,
    /// Smoothed sentence BLEU.
    Bleu,
    /// F1 of shared words.
    TokenF1,
}

#[derive(Debug)]
struct Similarity {
    measure: Measure,
    least: f64,
    max_distance: Option<usize>,
    n: usize,
    normalise: Vec<Normaliser>,
}

/// The most steps that a comparison may take: longer texts cannot be graded in this way.
const MOST_STEPS: usize = 25_000_000;

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let span = table.span();
    let settings: Settings = settings(table)?;
    let least = match (&settings.threshold, settings.measure, settings.max_distance) {
        (Some(share), _, _) if !(0.0..=1.0).contains(share.get_ref()) => {
            return Err(TableError::new(
                share.span(),
                "a similarity must be between 0 and 1",
                "use a share such as 0.75",
            ));
        }
        (_, Measure::RougeN | Measure::RougeL | Measure::Bleu | Measure::TokenF1, Some(_)) => {
            let help = "use `threshold`; only levenshtein counts edits";
            return Err(TableError::new(span, "this measure has no max_distance", help));
        }
        (Some(share), _, _) => *share.get_ref(),
        (None, Measure::Levenshtein, Some(_)) => 0.0,
        (None, ..) => {
            let help = "add threshold = 0.75 (or, for levenshtein, max_distance = 5)";
            return Err(TableError::new(span, "there is no threshold", help));
        }
    };
    if *settings.n.get_ref() == 0 {
        return Err(TableError::new(
            settings.n.span(),
            "an n-gram must have at least one word",
            "use 1 or 2",
        ));
    }
    Ok(Box::new(Similarity {
        measure: settings.measure,
        least,
        max_distance: settings.max_distance,
        n: settings.n.into_inner(),
        normalise: settings.normalise,
    }))
}

impl Similarity {
    /// Whether one reference is like enough; `None` if the texts are too long to say.
    fn is_like(&self, output: &str, reference: &str) -> Option<(bool, f64)> {
        if self.measure == Measure::Levenshtein {
            let (long, short) = (output.chars().count(), reference.chars().count());
            if long.saturating_mul(short) > MOST_STEPS {
                return None;
            }
            let edits = strsim::levenshtein(output, reference);
            let likeness =
                if long.max(short) == 0 { 1.0 } else { 1.0 - edits as f64 / long.max(short) as f64 };
            let near = self.max_distance.is_none_or(|most| edits <= most);
            return Some((near && likeness + 1e-12 >= self.least, likeness));
        }
        let (output, reference) = (words(output), words(reference));
        if output.len().saturating_mul(reference.len()) > MOST_STEPS {
            return None;
        }
        let likeness = match self.measure {
            Measure::RougeL => rouge_l(&output, &reference),
            Measure::RougeN => rouge_n(&output, &reference, self.n),
            Measure::Bleu => bleu(&output, &reference),
            Measure::TokenF1 | Measure::Levenshtein => token_f1(&output, &reference),
        };
        Some((likeness + 1e-12 >= self.least, likeness))
    }
}

impl Criterion for Similarity {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let references: Option<Vec<String>> = match sample.expected {
            None => return Judgement::gateless(Verdict::Ungraded(NO_EXPECTED.to_owned())),
            Some(Value::Array(items)) => items.iter().map(as_text).collect(),
            Some(single) => as_text(single).map(|text| vec![text]),
        };
        let Some(references) = references.filter(|all| !all.is_empty()) else {
            return Judgement::gateless(Verdict::Ungraded("the expected answer is no text".to_owned()));
        };
        let output = apply(&self.normalise, sample.output);
        let mut too_long = false;
        for reference in &references {
            match self.is_like(&output, &apply(&self.normalise, reference)) {
                Some((true, _)) => return Judgement::gateless(Verdict::Pass),
                Some((false, _)) => {}
                None => too_long = true,
            }
        }
        Judgement::gateless(if too_long {
            Verdict::Ungraded("the texts are too long to be compared in this way".to_owned())
        } else {
            Verdict::Fail("not like enough to the expected answer".to_owned())
        })
    }

    fn has_gate(&self) -> bool {
        false
    }

    fn needs_expected(&self) -> bool {
        true
    }
}
