//! `exact`: the same text. With a fixed `value` it is a gate; against the prompt's reference it is truth alone.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

use super::field;
use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, apply};
use super::sample::{Sample, as_text};
use crate::record::{Verdict, canonical_json};

pub(super) const KIND: Kind = Kind {
    name: "exact",
    summary: "the same text as the reference",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// The same text as the reference, or as a fixed value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A fixed text in place of each prompt's reference.
    value: Option<String>,
    /// The field of a JSON answer that is compared, in place of the whole output; broken JSON is searched for it too.
    field: Option<String>,
    /// What is done to both texts before they are compared.
    #[serde(default)]
    normalise: Vec<Normaliser>,
}

#[derive(Debug)]
struct Exact {
    field: Option<String>,
    /// Normalised.
    value: Option<String>,
    normalise: Vec<Normaliser>,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let Settings { value, field, normalise } = settings(table)?;
    let value = value.map(|value| apply(&normalise, &value).into_owned());
    Ok(Box::new(Exact { field, value, normalise }))
}

impl Criterion for Exact {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        const OTHER: &str = "another text than expected";
        let answer = match &self.field {
            None => Cow::Borrowed(sample.output),
            Some(name) => match field::take(sample.output, name) {
                Some(answer) => Cow::Owned(answer),
                None if self.has_gate() => return Judgement::rejected("the answer has no such field"),
                None => {
                    return Judgement::gateless(Verdict::Fail("the answer has no such field".to_owned()));
                }
            },
        };
        let output = apply(&self.normalise, &answer);
        if let Some(value) = &self.value {
            return if output == value.as_str() {
                Judgement::let_through(Verdict::Pass)
            } else {
                Judgement::rejected(OTHER)
            };
        }
        let Some(expected) = sample.expected else {
            return Judgement::gateless(Verdict::Ungraded(NO_EXPECTED.to_owned()));
        };
        let expected = as_text(expected).unwrap_or_else(|| canonical_json(expected));
        let verdict = if output == apply(&self.normalise, &expected) {
            Verdict::Pass
        } else {
            Verdict::Fail(OTHER.to_owned())
        };
        Judgement::gateless(verdict)
    }

    fn has_gate(&self) -> bool {
        self.value.is_some()
    }

    fn needs_expected(&self) -> bool {
        self.value.is_none()
    }
}
