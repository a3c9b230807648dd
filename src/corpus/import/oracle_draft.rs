//! An oracle as an importer writes it: a kind's table with self-tests, as the text of its file.

use serde_json::{Map, Value};

use crate::ident::{Digest, OracleRef};
use crate::record::canonical_json;

/// An oracle to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleDraft {
    /// Its id.
    pub id: OracleRef,
    /// What it accepts.
    pub description: String,
    /// The table of its kind: an object with one key.
    pub table: Value,
    /// Its self-tests.
    pub examples: Vec<ExampleDraft>,
}

/// A self-test of a draft.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleDraft {
    /// The output.
    pub output: String,
    /// The reference answer.
    pub expected: Option<Value>,
    /// Whether the oracle must let it pass.
    pub passes: bool,
    /// What else an example states, such as a latency.
    pub facts: Vec<(&'static str, Value)>,
}

impl ExampleDraft {
    /// An output that passes.
    #[must_use]
    pub fn pass(output: impl Into<String>) -> Self {
        Self { output: output.into(), expected: None, passes: true, facts: Vec::new() }
    }

    /// An output that fails.
    #[must_use]
    pub fn fail(output: impl Into<String>) -> Self {
        Self { output: output.into(), expected: None, passes: false, facts: Vec::new() }
    }

    /// The same with a reference answer.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<Value>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

impl OracleDraft {
    /// A draft whose name ends in the digest of its table, so that equal criteria are one oracle.
    #[must_use]
    pub fn of_table(
        prefix: &str,
        description: impl Into<String>,
        table: Value,
        examples: Vec<ExampleDraft>,
    ) -> Option<Self> {
        let digest = Digest::of(canonical_json(&table).as_bytes());
        let id = format!("{prefix}-{}@1", digest.short()).parse().ok()?;
        Some(Self { id, description: description.into(), table, examples })
    }

    /// Whether it asks a model and lacks an example that passes or one that fails: what meets a rubric only people know.
    #[must_use]
    pub fn is_draft(&self) -> bool {
        let has = |passes: bool| self.examples.iter().any(|example| example.passes == passes);
        !(self.models().is_empty() || has(true) && has(false))
    }

    /// The models that it asks.
    #[must_use]
    pub fn models(&self) -> Vec<String> {
        let mut models = Vec::new();
        models_of(&self.table, &mut models);
        models
    }

    /// The text of its file; `None` if it holds something that TOML cannot say, such as null.
    #[must_use]
    pub fn to_toml(&self) -> Option<String> {
        let mut head = toml::Table::new();
        head.insert("id".to_owned(), self.id.to_string().into());
        head.insert("description".to_owned(), self.description.clone().into());
        if self.is_draft() {
            head.insert("draft".to_owned(), true.into());
        }
        let mut text = toml::to_string(&head).ok()?;
        text.push('\n');
        let Value::Object(table) = &self.table else { return None };
        text.push_str(&toml::to_string(&to_toml_table(table)?).ok()?);
        for example in &self.examples {
            let mut table = toml::Table::new();
            table.insert("output".to_owned(), example.output.clone().into());
            if let Some(expected) = &example.expected {
                table.insert("expected".to_owned(), to_toml_value(expected)?);
            }
            for (key, value) in &example.facts {
                table.insert((*key).to_owned(), to_toml_value(value)?);
            }
            table.insert("verdict".to_owned(), if example.passes { "pass" } else { "fail" }.into());
            let mut all = toml::Table::new();
            all.insert("example".to_owned(), toml::Value::Array(vec![table.into()]));
            text.push('\n');
            text.push_str(&toml::to_string(&all).ok()?);
        }
        Some(text)
    }
}

fn models_of(table: &Value, into: &mut Vec<String>) {
    for (kind, inner) in table.as_object().into_iter().flatten() {
        match kind.as_str() {
            "judge" | "embedding" => {
                into.extend(inner.get("model").and_then(Value::as_str).map(str::to_owned))
            }
            "not" => models_of(inner, into),
            "all" | "any" => {
                let parts = inner.get("of").and_then(Value::as_array);
                parts.into_iter().flatten().for_each(|part| models_of(part, into));
            }
            _ => {}
        }
    }
}

fn to_toml_table(map: &Map<String, Value>) -> Option<toml::Table> {
    map.iter().map(|(key, value)| Some((key.clone(), to_toml_value(value)?))).collect()
}

/// JSON as TOML; `None` for null, which TOML has not.
pub(crate) fn to_toml_value(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(to_toml_value).collect::<Option<Vec<_>>>()?.into(),
        Value::Object(map) => to_toml_table(map)?.into(),
    })
}
