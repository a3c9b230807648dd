//! Assertions as criteria, and several of them as the table of one oracle.

use serde_json::{Value, json};

use super::check::Check;

/// An assertion that has a counterpart.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    /// Its type, as promptfoo calls it.
    pub(super) name: String,
    /// The table of the kind: an object with one key.
    pub(super) table: Value,
    /// The same table without the text that is this test's own, and that text.
    pub(super) own: Option<(Value, Value)>,
    /// What it counts in a set with a threshold.
    pub(super) weight: f64,
    /// What it means, where that is plain.
    pub(super) check: Option<Check>,
    /// A fact beside the output that it looks at alone: its name, one that passes, one that fails.
    pub(super) fact: Option<(&'static str, Value, Value)>,
}

/// Several criteria as one table.
pub(super) fn together(criteria: &[Criterion], threshold: Option<f64>) -> Value {
    if let ([only], None) = (criteria, threshold) {
        return only.table.clone();
    }
    let parts: Vec<Value> = criteria
        .iter()
        .map(|criterion| {
            let mut part = criterion.table.clone();
            if criterion.weight != 1.0
                && threshold.is_some()
                && let Value::Object(map) = &mut part
            {
                map.insert("weight".to_owned(), json!(criterion.weight));
            }
            part
        })
        .collect();
    match threshold {
        Some(threshold) => json!({ "all": { "threshold": threshold, "of": parts } }),
        None => json!({ "all": { "of": parts } }),
    }
}
