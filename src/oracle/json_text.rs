//! `is_json` and `contains_json`: JSON as the whole output or anywhere in it, of a schema where one is given. Gates.
//! (`json` compares fields with a reference.)

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::json::{first_json_where, validator};
use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const IS: Kind = Kind {
    name: "is_json",
    summary: "the whole output is JSON, of a schema where one is given",
    build: Build::Alone(|table| build(table, Where::Whole)),
    schema: || schemars::schema_for!(Settings).to_value(),
};

pub(super) const CONTAINS: Kind = Kind {
    name: "contains_json",
    summary: "an object or array of JSON stands in the output, of a schema where one is given",
    build: Build::Alone(|table| build(table, Where::Anywhere)),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// JSON, of a schema where one is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A JSON Schema that the value must fit.
    #[schemars(with = "Option<Value>")]
    schema: Option<Spanned<Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Whole,
    Anywhere,
}

struct JsonText {
    place: Where,
    schema: Option<jsonschema::Validator>,
}

impl std::fmt::Debug for JsonText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonText").field("place", &self.place).finish_non_exhaustive()
    }
}

fn build(table: Table<'_>, place: Where) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    Ok(Box::new(JsonText { place, schema: settings.schema.as_ref().map(validator).transpose()? }))
}

impl Criterion for JsonText {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let fits = |value: &Value| self.schema.as_ref().is_none_or(|schema| schema.is_valid(value));
        match self.place {
            Where::Whole => match serde_json::from_str::<Value>(sample.output.trim()) {
                Err(_) => Judgement::rejected("the output is no JSON"),
                Ok(value) if fits(&value) => Judgement::let_through(Verdict::Pass),
                Ok(_) => Judgement::rejected("the JSON does not fit the schema"),
            },
            Where::Anywhere => {
                let mut seen = false;
                let found = first_json_where(sample.output, |value| {
                    seen = true;
                    fits(value)
                });
                match found {
                    Some(_) => Judgement::let_through(Verdict::Pass),
                    None if seen => Judgement::rejected("no JSON in the output fits the schema"),
                    None => Judgement::rejected("no JSON in the output"),
                }
            }
        }
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}
