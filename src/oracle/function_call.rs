//! `function_call`: the functions that the model calls. Gate: each is known, and its arguments fit its schema. Truth: they are the
//! expected ones, in any order, by F1.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::json::validator;
use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::{Verdict, canonical_json};

pub(super) const KIND: Kind = Kind {
    name: "function_call",
    summary: "calls of known functions with arguments of their schemas; the expected ones, in any order",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// Calls of functions. The reference is a list of names, or of `{"name", "arguments"}`; an empty list asks for no call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The functions that may be called, each with the JSON Schema of its arguments (`{}` takes any). Any function where absent.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    functions: BTreeMap<String, Spanned<Value>>,
    /// The least F1 of the calls against the expected ones.
    #[serde(default = "whole")]
    #[schemars(with = "f64")]
    min_f1: Spanned<f64>,
}

fn whole() -> Spanned<f64> {
    Spanned::new(0..0, 1.0)
}

struct FunctionCall {
    functions: BTreeMap<String, jsonschema::Validator>,
    min_f1: f64,
}

impl std::fmt::Debug for FunctionCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.functions.keys().collect();
        f.debug_struct("FunctionCall").field("functions", &names).field("min_f1", &self.min_f1).finish()
    }
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    let least = *settings.min_f1.get_ref();
    if !(least > 0.0 && least <= 1.0) {
        return Err(TableError::new(
            settings.min_f1.span(),
            "min_f1 must be above 0 and at most 1",
            "1 requires exactly the expected calls",
        ));
    }
    let functions = settings
        .functions
        .iter()
        .map(|(name, schema)| Ok((name.clone(), validator(schema)?)))
        .collect::<Result<_, TableError>>()?;
    Ok(Box::new(FunctionCall { functions, min_f1: least }))
}

/// A call, whichever API spelled it.
struct Called {
    name: String,
    /// `None` if they are no JSON.
    arguments: Option<Value>,
}

/// The calls of a reply: those that the API reported, else those that the output itself lists as JSON.
fn calls(sample: &Sample<'_>) -> Option<Vec<Called>> {
    let reported = sample.facts.tool_calls.as_array().cloned();
    let listed = || match serde_json::from_str::<Value>(sample.output.trim()) {
        Ok(Value::Array(calls)) => Some(calls),
        Ok(call @ Value::Object(_)) => Some(vec![call]),
        Ok(_) | Err(_) => Some(Vec::new()),
    };
    reported.or_else(listed)?.iter().map(called).collect()
}

fn called(call: &Value) -> Option<Called> {
    // Chat completions and Ollama put it a level down; Responses, Anthropic and Gemini do not.
    let call = call.get("function").filter(|inner| inner.is_object()).unwrap_or(call);
    let name = call["name"].as_str()?.to_owned();
    let arguments = ["arguments", "input", "args"].iter().find_map(|key| call.get(*key));
    let arguments = match arguments {
        None => Some(Value::Object(serde_json::Map::new())),
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(value) => Some(value.clone()),
    };
    Some(Called { name, arguments })
}

impl FunctionCall {
    /// Why the calls cannot be let through, if they cannot.
    fn gate(&self, calls: &[Called]) -> Option<&'static str> {
        for call in calls {
            let Some(arguments) = &call.arguments else { return Some("the arguments of a call are no JSON") };
            if self.functions.is_empty() {
                continue;
            }
            match self.functions.get(&call.name) {
                None => return Some("a function that is not known"),
                Some(schema) if !schema.is_valid(arguments) => {
                    return Some("arguments do not fit the schema");
                }
                Some(_) => {}
            }
        }
        None
    }
}

/// F1 of calls against the expected ones: each of these is met by one call at most.
fn f1(calls: &[Called], expected: &[(String, Option<Value>)]) -> f64 {
    if calls.is_empty() && expected.is_empty() {
        return 1.0;
    }
    let mut left: Vec<&Called> = calls.iter().collect();
    let mut hits = 0;
    for (name, arguments) in expected {
        let meets = |call: &&Called| {
            let same = |wanted: &Value| {
                call.arguments.as_ref().is_some_and(|got| canonical_json(got) == canonical_json(wanted))
            };
            call.name == *name && arguments.as_ref().is_none_or(same)
        };
        if let Some(at) = left.iter().position(meets) {
            left.swap_remove(at);
            hits += 1;
        }
    }
    2.0 * f64::from(hits) / (calls.len() + expected.len()) as f64
}

fn expected(value: &Value) -> Option<Vec<(String, Option<Value>)>> {
    let items = match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    items
        .iter()
        .map(|item| match item {
            Value::String(name) => Some((name.clone(), None)),
            Value::Object(_) => {
                let call = called(item)?;
                let stated = ["arguments", "input", "args"].iter().any(|key| item.get(*key).is_some());
                Some((call.name, call.arguments.filter(|_| stated)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        })
        .collect()
}

impl Criterion for FunctionCall {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let Some(calls) = calls(sample) else { return Judgement::rejected("a call without a name") };
        if let Some(reason) = self.gate(&calls) {
            return Judgement::rejected(reason);
        }
        Judgement::let_through(match sample.expected.map(expected) {
            None => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            Some(None) => Verdict::Ungraded("the expected answer is no list of calls".to_owned()),
            Some(Some(wanted)) if f1(&calls, &wanted) + 1e-12 >= self.min_f1 => Verdict::Pass,
            Some(Some(_)) => Verdict::Fail("other calls than expected".to_owned()),
        })
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        true
    }
}
