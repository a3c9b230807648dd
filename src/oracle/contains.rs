//! `contains`: texts that the output must, or must not, contain. With fixed `values` it is a gate; against the prompt's
//! reference it is truth alone.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::{Sample, as_text};
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "contains",
    summary: "texts that the output contains, or does not contain",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// Texts that stand, or do not stand, in the output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How many of the texts must be there.
    #[serde(default)]
    mode: Mode,
    /// Fixed texts in place of each prompt's reference (a text or a list of texts).
    #[schemars(with = "Option<Vec<String>>")]
    values: Option<Spanned<Vec<String>>>,
    /// Whether large and small letters are the same.
    #[serde(default)]
    ignore_case: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
    /// Not one.
    None,
}

#[derive(Debug)]
struct Contains {
    mode: Mode,
    values: Option<Vec<String>>,
    ignore_case: bool,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    if let Some(values) = &settings.values
        && (values.get_ref().is_empty() || values.get_ref().iter().any(String::is_empty))
    {
        let help = "list the texts to look for, or leave `values` out to look for each prompt's `expected`";
        return Err(TableError::new(values.span(), "every output contains an empty text", help));
    }
    let fold = |text: String| if settings.ignore_case { text.to_lowercase() } else { text };
    let values = settings.values.map(|values| values.into_inner().into_iter().map(fold).collect());
    Ok(Box::new(Contains { mode: settings.mode, values, ignore_case: settings.ignore_case }))
}

impl Contains {
    fn verdict(&self, output: &str, values: &[String]) -> Verdict {
        let found = values.iter().filter(|value| output.contains(value.as_str())).count();
        let (good, reason) = match self.mode {
            Mode::All => (found == values.len(), "a required text is missing"),
            Mode::Any => (found > 0, "none of the required texts is there"),
            Mode::None => (found == 0, "a forbidden text is there"),
        };
        if good { Verdict::Pass } else { Verdict::Fail(reason.to_owned()) }
    }
}

impl Criterion for Contains {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let output = if self.ignore_case {
            Cow::Owned(sample.output.to_lowercase())
        } else {
            Cow::Borrowed(sample.output)
        };
        if let Some(values) = &self.values {
            let verdict = self.verdict(&output, values);
            return Judgement::gate_alone(verdict);
        }
        let wanted: Option<Vec<String>> = match sample.expected {
            None => return Judgement::gateless(Verdict::Ungraded(NO_EXPECTED.to_owned())),
            Some(Value::Array(items)) => items.iter().map(as_text).collect(),
            Some(single) => as_text(single).map(|text| vec![text]),
        };
        let verdict = match wanted {
            Some(values) if !values.is_empty() && values.iter().all(|value| !value.is_empty()) => {
                let fold = |text: String| if self.ignore_case { text.to_lowercase() } else { text };
                self.verdict(&output, &values.into_iter().map(fold).collect::<Vec<_>>())
            }
            Some(_) | None => Verdict::Ungraded("the expected answer is no text to look for".to_owned()),
        };
        Judgement::gateless(verdict)
    }

    fn has_gate(&self) -> bool {
        self.values.is_some()
    }

    fn needs_expected(&self) -> bool {
        self.values.is_none()
    }
}
