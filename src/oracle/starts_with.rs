//! `starts_with`: what the output begins with. With a fixed `text` it is a gate; against the prompt's reference it is truth alone.

use schemars::JsonSchema;
use serde::Deserialize;

use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, apply};
use super::sample::{Sample, as_text};
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "starts_with",
    summary: "a text that the output begins with",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A text that the output begins with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A fixed text in place of each prompt's reference.
    text: Option<String>,
    /// What is done to both texts first.
    #[serde(default)]
    normalise: Vec<Normaliser>,
}

#[derive(Debug)]
struct StartsWith {
    /// Normalised.
    text: Option<String>,
    normalise: Vec<Normaliser>,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let Settings { text, normalise } = settings(table)?;
    let text = text.map(|text| apply(&normalise, &text).into_owned());
    Ok(Box::new(StartsWith { text, normalise }))
}

impl Criterion for StartsWith {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        const OTHER: &str = "begins with something else";
        let output = apply(&self.normalise, sample.output);
        if let Some(text) = &self.text {
            return if output.starts_with(text.as_str()) {
                Judgement::let_through(Verdict::Pass)
            } else {
                Judgement::rejected(OTHER)
            };
        }
        Judgement::gateless(match sample.expected.map(as_text) {
            None => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            Some(None) => Verdict::Ungraded("the expected answer is no text".to_owned()),
            Some(Some(expected)) if output.starts_with(&*apply(&self.normalise, &expected)) => Verdict::Pass,
            Some(Some(_)) => Verdict::Fail(OTHER.to_owned()),
        })
    }

    fn has_gate(&self) -> bool {
        self.text.is_some()
    }

    fn needs_expected(&self) -> bool {
        self.text.is_none()
    }
}
