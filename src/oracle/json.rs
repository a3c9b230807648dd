//! `json`: JSON in the output. Gate: it can be taken out and fits its schema. Truth: its fields are the expected ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::json_compare::{Compare, Field};
use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, unfence};
use super::sample::Sample;
use crate::record::{Verdict, canonical_json};

pub(super) const KIND: Kind = Kind {
    name: "json",
    summary: "JSON that fits a schema, field by field against the reference",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// JSON that fits a schema, field by field against the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How JSON is taken out of the output.
    #[serde(default)]
    extract: Extract,
    /// A JSON Schema that it must fit; no references to other files.
    #[schemars(with = "Option<Value>")]
    schema: Option<Spanned<Value>>,
    /// The least weighted share of fields that must be as expected.
    #[serde(default = "whole")]
    #[schemars(with = "f64")]
    min_accuracy: Spanned<f64>,
    /// The fields to compare with the reference, by name or JSON pointer; without them the whole value must be equal.
    #[serde(default)]
    fields: BTreeMap<String, FieldSettings>,
}

fn whole() -> Spanned<f64> {
    Spanned::new(0..0, 1.0)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Extract {
    /// The whole output is JSON.
    Strict,
    /// The same, or the whole output is one code fence with JSON in it.
    #[default]
    Fenced,
    /// The first object or array in the output.
    First,
}

/// How a field is compared.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FieldSettings {
    /// How.
    #[serde(default)]
    compare: Compare,
    /// The most that a number may be off.
    #[serde(default = "none")]
    #[schemars(with = "f64")]
    tolerance: Spanned<f64>,
    /// What is done to both texts before they are compared.
    #[serde(default)]
    normalise: Vec<Normaliser>,
    /// How much the field counts.
    #[serde(default = "whole")]
    #[schemars(with = "f64")]
    weight: Spanned<f64>,
    /// Whether the field may be missing from the reference: then it does not count.
    #[serde(default)]
    optional: bool,
}

fn none() -> Spanned<f64> {
    Spanned::new(0..0, 0.0)
}

struct Json {
    extract: Extract,
    schema: Option<jsonschema::Validator>,
    min_accuracy: f64,
    fields: Vec<Field>,
}

impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Json")
            .field("extract", &self.extract)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// A JSON Schema, ready to validate. References to elsewhere are not followed.
pub(super) fn validator(schema: &Spanned<Value>) -> Result<jsonschema::Validator, TableError> {
    jsonschema::options().should_validate_formats(true).build(schema.get_ref()).map_err(|error| {
        let help = "see json-schema.org; references to other files are not followed";
        TableError::new(schema.span(), format!("not a valid JSON Schema: {error}"), help)
    })
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    let accuracy = *settings.min_accuracy.get_ref();
    if !(accuracy > 0.0 && accuracy <= 1.0) {
        let help = "use a share such as 0.8; 1 requires every field";
        return Err(TableError::new(
            settings.min_accuracy.span(),
            "min_accuracy must be above 0 and at most 1",
            help,
        ));
    }
    let schema = settings.schema.as_ref().map(validator).transpose()?;
    let mut fields = Vec::new();
    for (name, field) in settings.fields {
        let weight = *field.weight.get_ref();
        if !weight.is_finite() || weight < 0.0 {
            return Err(TableError::new(
                field.weight.span(),
                "a weight must be 0 or more",
                "use a number such as 1.0",
            ));
        }
        let tolerance = rust_decimal::prelude::FromPrimitive::from_f64(*field.tolerance.get_ref())
            .filter(|tolerance: &rust_decimal::Decimal| !tolerance.is_sign_negative());
        let Some(tolerance) = tolerance else {
            let span = field.tolerance.span();
            return Err(TableError::new(span, "a tolerance must be 0 or more", "use a number such as 0.01"));
        };
        fields.push(Field {
            pointer: if name.starts_with('/') {
                name.clone()
            } else {
                format!("/{}", name.replace('~', "~0").replace('/', "~1"))
            },
            reason: format!("field {name} is not as expected"),
            compare: field.compare,
            tolerance,
            normalise: field.normalise,
            weight,
            optional: field.optional,
        });
    }
    Ok(Box::new(Json { extract: settings.extract, schema, min_accuracy: accuracy, fields }))
}

/// The first balanced object or array of a text that is JSON.
fn first_json(text: &str) -> Option<Value> {
    first_json_where(text, |_| true)
}

/// The first balanced object or array of a text that is JSON and has what is asked for.
pub(super) fn first_json_where(text: &str, mut wanted: impl FnMut(&Value) -> bool) -> Option<Value> {
    let mut tried = 0;
    for (at, _) in text.char_indices().filter(|(_, c)| matches!(c, '{' | '[')) {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        if let Some(Ok(value)) = values.next()
            && wanted(&value)
        {
            return Some(value);
        }
        // A hostile output of nothing but braces must not cost quadratic time.
        tried += 1;
        if tried == 1000 {
            return None;
        }
    }
    None
}

impl Json {
    fn take_out(&self, output: &str) -> Option<Value> {
        let strict = || serde_json::from_str(output.trim()).ok();
        match self.extract {
            Extract::Strict => strict(),
            Extract::Fenced => strict().or_else(|| serde_json::from_str(unfence(output)?).ok()),
            Extract::First => strict().or_else(|| first_json(output)),
        }
    }

    fn compare(&self, found: &Value, expected: &Value) -> Verdict {
        if self.fields.is_empty() {
            return if canonical_json(found) == canonical_json(expected) {
                Verdict::Pass
            } else {
                Verdict::Fail("another value than expected".to_owned())
            };
        }
        let (mut all, mut good) = (0.0, 0.0);
        let mut wrong = None;
        for field in &self.fields {
            let wanted = match expected.pointer(&field.pointer) {
                Some(wanted) => wanted,
                None if field.optional => continue,
                None => return Verdict::Ungraded(format!("the expected answer has no {}", field.pointer)),
            };
            all += field.weight;
            match field.matches(found.pointer(&field.pointer), wanted) {
                Ok(true) => good += field.weight,
                Ok(false) => wrong = wrong.or(Some(&field.reason)),
                Err(reason) => return Verdict::Ungraded(reason),
            }
        }
        // The share is of weights that users type, so it is compared with some slack for binary fractions.
        match wrong {
            _ if all <= 0.0 => Verdict::Ungraded("no field of the expected answer counts".to_owned()),
            Some(reason) if good / all + 1e-9 < self.min_accuracy => Verdict::Fail(reason.clone()),
            Some(_) | None => Verdict::Pass,
        }
    }
}

impl Criterion for Json {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let Some(found) = self.take_out(sample.output) else {
            let reason = match self.extract {
                // Good JSON within a fence is another mistake than no JSON, and another mend.
                Extract::Strict
                    if unfence(sample.output)
                        .is_some_and(|inside| serde_json::from_str::<Value>(inside).is_ok()) =>
                {
                    "the JSON stands in a code fence"
                }
                Extract::Strict | Extract::Fenced => "the output is no JSON",
                Extract::First => "no JSON in the output",
            };
            return Judgement::rejected(reason);
        };
        if self.schema.as_ref().is_some_and(|schema| !schema.is_valid(&found)) {
            return Judgement::rejected("the JSON does not fit the schema");
        }
        Judgement::let_through(match sample.expected {
            Some(expected) => self.compare(&found, expected),
            None if self.needs_expected() => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            None => Verdict::Pass,
        })
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        // With a schema alone, fitting it is all that is asked.
        !self.fields.is_empty() || self.schema.is_none()
    }
}
