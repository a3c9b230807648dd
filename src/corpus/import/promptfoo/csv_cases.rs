//! promptfoo's CSV of tests: a column a variable, and magic columns that begin with two underscores.

use std::path::Path;

use serde_json::{Value, json};

use super::super::{ImportError, Skipped};
use super::case::Test;
use crate::diag::{Fault, Faults};
use crate::disk::Disk;

/// Reads a CSV file of tests.
pub(super) fn read(disk: &Disk, path: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<Test>, ImportError> {
    let bytes = disk.read(path)?;
    let shown = path.display().to_string();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let broken = |error: csv::Error| {
        Faults::from(Fault::new(shown.clone(), error.to_string()).help("save it as CSV in UTF-8"))
    };
    let headers = reader.headers().map_err(broken)?.clone();
    let mut tests = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let mut test = Test::default();
        for (header, cell) in headers.iter().zip(record.iter()) {
            let header = header.trim().trim_start_matches('\u{feff}');
            take(&mut test, header, cell, |what: &str, reason: &str| {
                skipped.push(Skipped {
                    file: shown.clone(),
                    place: format!("record {}", tests.len() + 1),
                    what: what.to_owned(),
                    reason: reason.to_owned(),
                });
            });
        }
        tests.push(test);
    }
    Ok(tests)
}

fn take(test: &mut Test, header: &str, cell: &str, mut skip: impl FnMut(&str, &str)) {
    if !header.starts_with("__") {
        test.vars.insert(header.to_owned(), Value::String(cell.to_owned()));
        return;
    }
    let expected =
        header.strip_prefix("__expected").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    if cell.trim().is_empty() {
    } else if expected {
        test.asserts.push(assertion(cell));
    } else if let Some(key) = header.strip_prefix("__metadata:") {
        match key.strip_suffix("[]") {
            Some(key) => test.tags.extend(cell.split(',').map(|part| format!("{key}:{}", part.trim()))),
            None => test.tags.push(format!("{key}:{cell}")),
        }
    } else {
        match header {
            "__prefix" => cell.clone_into(&mut test.prefix),
            "__suffix" => cell.clone_into(&mut test.suffix),
            "__threshold" => match cell.trim().parse() {
                Ok(threshold) => test.threshold = Some(threshold),
                Err(_) => skip(header, "it is not a number"),
            },
            // Names for people: nothing that grades depends on them.
            "__description" | "__metric" => {}
            _ => skip(header, "this column is not supported"),
        }
    }
}

/// A cell of an `__expected` column: `type(threshold):value`, or a text that is wanted as it is.
pub(super) fn assertion(cell: &str) -> Value {
    let cell = cell.trim();
    for (prefix, kind) in
        [("grade:", "llm-rubric"), ("fn:", "javascript"), ("eval:", "javascript"), ("file://", "javascript")]
    {
        if let Some(rest) = cell.strip_prefix(prefix) {
            return json!({ "type": kind, "value": rest.trim() });
        }
    }
    let (head, value) = match cell.split_once(':') {
        Some((head, value)) => (head.trim(), Some(value.trim())),
        None => (cell, None),
    };
    let (name, threshold) = match head.strip_suffix(')').and_then(|head| head.split_once('(')) {
        Some((name, number)) => (name.trim(), number.trim().parse::<f64>().ok()),
        None => (head, None),
    };
    let base = name.strip_prefix("not-").unwrap_or(name);
    if !TYPES.contains(&base) || (value.is_none() && !WITHOUT_VALUE.contains(&base)) {
        return json!({ "type": "equals", "value": cell });
    }
    let mut assertion = json!({ "type": name });
    if let Value::Object(map) = &mut assertion {
        map.extend(value.map(|value| ("value".to_owned(), json!(value))));
        map.extend(threshold.map(|threshold| ("threshold".to_owned(), json!(threshold))));
    }
    assertion
}

/// Types that need no value.
const WITHOUT_VALUE: [&str; 9] = [
    "is-json",
    "contains-json",
    "is-xml",
    "is-sql",
    "is-refusal",
    "latency",
    "cost",
    "is-valid-function-call",
    "is-valid-openai-tools-call",
];

/// Types that a cell may begin with.
const TYPES: [&str; 41] = [
    "equals",
    "contains",
    "icontains",
    "contains-any",
    "contains-all",
    "icontains-any",
    "icontains-all",
    "starts-with",
    "regex",
    "levenshtein",
    "word-count",
    "rouge-n",
    "bleu",
    "gleu",
    "meteor",
    "is-refusal",
    "is-json",
    "contains-json",
    "is-xml",
    "contains-xml",
    "is-html",
    "contains-html",
    "is-sql",
    "contains-sql",
    "is-valid-function-call",
    "is-valid-openai-function-call",
    "is-valid-openai-tools-call",
    "cost",
    "latency",
    "finish-reason",
    "perplexity",
    "javascript",
    "python",
    "webhook",
    "llm-rubric",
    "g-eval",
    "factuality",
    "answer-relevance",
    "similar",
    "classifier",
    "moderation",
];
