//! `label`: one of a closed set. Gate: it is in the set. Truth: it is the expected one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, apply};
use super::sample::{Sample, as_text};
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "label",
    summary: "one of a closed set of labels",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// One of a closed set of labels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The labels.
    #[schemars(with = "Vec<String>")]
    set: Spanned<Vec<String>>,
    /// Aliases of a label.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    aliases: BTreeMap<Spanned<String>, Vec<String>>,
    /// What is done to the output, to the labels and to the reference before they are compared.
    #[serde(default)]
    normalise: Vec<Normaliser>,
}

#[derive(Debug)]
struct Label {
    /// Each accepted text, normalised, with its normalised label.
    words: BTreeMap<String, String>,
    normalise: Vec<Normaliser>,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    if settings.set.get_ref().is_empty() {
        let help = "list the labels that a reply may have";
        return Err(TableError::new(settings.set.span(), "the set is empty: nothing could pass", help));
    }
    let plain = |text: &str| apply(&settings.normalise, text).into_owned();
    let mut words = BTreeMap::new();
    for label in settings.set.get_ref() {
        if words.insert(plain(label), plain(label)).is_some() {
            let message = format!("`{label}` is in the set twice after normalising");
            return Err(TableError::new(settings.set.span(), message, "keep one of them, or normalise less"));
        }
    }
    for (label, others) in &settings.aliases {
        let target = plain(label.get_ref());
        if words.get(&target) != Some(&target) {
            let message = format!("`{}` is not in the set", label.get_ref());
            return Err(TableError::new(label.span(), message, "an alias must name a label of the set"));
        }
        for other in others {
            if words.insert(plain(other), target.clone()).is_some_and(|before| before != target) {
                let message = format!("`{other}` is an alias of two labels");
                return Err(TableError::new(label.span(), message, "use it for one label only"));
            }
        }
    }
    Ok(Box::new(Label { words, normalise: settings.normalise }))
}

impl Criterion for Label {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let output = apply(&self.normalise, sample.output);
        let Some(label) = self.words.get(output.as_ref()) else {
            return Judgement::rejected("not a label of the set");
        };
        let verdict = match sample.expected.map(|expected| as_text(expected).unwrap_or_default()) {
            None => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            Some(expected) => match self.words.get(apply(&self.normalise, &expected).as_ref()) {
                // A reference that nothing could match is a fault of the corpus, not of the model.
                None => Verdict::Ungraded("the expected answer is not in the set".to_owned()),
                Some(wanted) if wanted == label => Verdict::Pass,
                Some(_) => Verdict::Fail("another label than expected".to_owned()),
            },
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
