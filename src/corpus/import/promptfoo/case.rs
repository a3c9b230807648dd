//! One test of a suite, whatever file it stands in, and how it is written as an object.

use serde_json::{Map, Value};

/// A test.
#[derive(Clone, Debug, Default)]
pub(super) struct Test {
    pub(super) vars: Map<String, Value>,
    pub(super) asserts: Vec<Value>,
    pub(super) threshold: Option<f64>,
    pub(super) tags: Vec<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    /// Its `options`, where graders are named.
    pub(super) options: Value,
}

/// A test as an object.
pub(super) fn from_value(value: &Value) -> Test {
    let mut tags = Vec::new();
    if let Some(Value::Object(metadata)) = value.get("metadata") {
        for (key, value) in metadata {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            tags.push(format!("{key}:{text}"));
        }
    }
    let option = |name: &str| {
        value.get("options").and_then(|options| options.get(name)?.as_str()).unwrap_or_default().to_owned()
    };
    Test {
        vars: value.get("vars").and_then(Value::as_object).cloned().unwrap_or_default(),
        asserts: assertions(value.get("assert")),
        threshold: value.get("threshold").and_then(Value::as_f64),
        tags,
        prefix: option("prefix"),
        suffix: option("suffix"),
        options: value.get("options").cloned().unwrap_or_default(),
    }
}

/// The assertions that are listed there.
pub(super) fn assertions(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}
