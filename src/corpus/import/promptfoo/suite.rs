//! Reading promptfoo's files: a config with what it names, or a file of tests alone.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::{ImportError, Skipped, utf8};
use super::case::{self, Test};
use super::csv_cases;
use super::files::{Folder, Take, extension, yaml};
use super::template::Template;
use crate::diag::{Fault, Faults};
use crate::disk::Disk;
use crate::record::Message;

/// Prompts, tests, and what they share.
#[derive(Debug, Default)]
pub(super) struct Suite {
    pub(super) prompts: Vec<Template>,
    pub(super) tests: Vec<Test>,
    pub(super) default_asserts: Vec<Value>,
    pub(super) default_threshold: Option<f64>,
    pub(super) templates: Map<String, Value>,
    /// The default test's `options`.
    pub(super) default_options: Value,
}

impl Suite {
    /// The prompts; where there is none, a line is its variables for the task's template.
    pub(super) fn templates(&self) -> Vec<Option<Template>> {
        if self.prompts.is_empty() { vec![None] } else { self.prompts.iter().cloned().map(Some).collect() }
    }
}

/// Reads a file as what its name says it is.
pub(super) fn load(disk: &Disk, path: &Path, skipped: &mut Vec<Skipped>) -> Result<Suite, ImportError> {
    let value = match extension(path).as_str() {
        "csv" => return Ok(Suite { tests: csv_cases::read(disk, path, skipped)?, ..Suite::default() }),
        "jsonl" => return Ok(Suite { tests: jsonl(disk, path)?, ..Suite::default() }),
        _ => document(disk, path)?,
    };
    let Value::Object(config) = value else {
        let mut suite = Suite::default();
        suite.take_tests(disk, path, &value, skipped)?;
        return Ok(suite);
    };
    let mut suite = Suite::default();
    if let Some(Value::Object(templates)) = config.get("assertionTemplates") {
        suite.templates.clone_from(templates);
    }
    let folder = Folder::of(disk, path);
    let default = match config.get("defaultTest") {
        Some(Value::String(name)) if name.starts_with("file://") => match folder.read(name, Take::Value) {
            Ok(default) => default,
            Err(reason) => {
                skipped.push(named(path, "defaultTest", name, reason));
                Value::Null
            }
        },
        other => other.cloned().unwrap_or_default(),
    };
    suite.default_options = default.get("options").cloned().unwrap_or_default();
    suite.default_asserts = case::assertions(default.get("assert"));
    suite.default_threshold = default.get("threshold").and_then(Value::as_f64);
    for prompt in one_or_many(config.get("prompts")) {
        suite.take_prompt(disk, path, &prompt, skipped)?;
    }
    if let Some(tests) = config.get("tests") {
        suite.take_tests(disk, path, tests, skipped)?;
    }
    for key in ["scenarios", "derivedMetrics", "redteam"] {
        if config.contains_key(key) {
            let place = "the config".to_owned();
            let reason = "not supported".to_owned();
            skipped.push(Skipped { file: path.display().to_string(), place, what: key.to_owned(), reason });
        }
    }
    if let Some(Value::Object(vars)) = default.get("vars") {
        for test in &mut suite.tests {
            for (name, value) in vars {
                test.vars.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    Ok(suite)
}

impl Suite {
    fn take_prompt(
        &mut self,
        disk: &Disk,
        path: &Path,
        prompt: &Value,
        skipped: &mut Vec<Skipped>,
    ) -> Result<(), ImportError> {
        let text = match prompt {
            Value::String(text) => text.clone(),
            other => match other.get("raw").or_else(|| other.get("id")).and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => return Ok(()),
            },
        };
        let file = text.strip_prefix("file://").map(str::to_owned);
        let is_file = file.is_some();
        let text = match file {
            None => text,
            Some(name) => match Folder::of(disk, path).path(&name) {
                Ok(file) => utf8(disk, &file)?,
                Err(reason) => {
                    skipped.push(named(path, "prompts", &text, reason));
                    return Ok(());
                }
            },
        };
        // A conversation is a JSON list of turns.
        let messages: Option<Vec<Message>> = serde_json::from_str(&text).ok();
        match messages {
            Some(messages) if !messages.is_empty() => self.prompts.push(Template::Messages(messages)),
            _ if is_file => {
                // Several prompts in one file stand between lines of three dashes.
                let parts = text.split("\n---\n").map(str::trim).filter(|part| !part.is_empty());
                self.prompts.extend(parts.map(|part| Template::Text(part.to_owned())));
            }
            _ => self.prompts.push(Template::Text(text)),
        }
        Ok(())
    }

    fn take_tests(
        &mut self,
        disk: &Disk,
        path: &Path,
        tests: &Value,
        skipped: &mut Vec<Skipped>,
    ) -> Result<(), ImportError> {
        for test in one_or_many(Some(tests)) {
            match &test {
                Value::String(name) => {
                    let file = match Folder::of(disk, path).path(name) {
                        Ok(file) => file,
                        Err(reason) => {
                            skipped.push(named(path, "tests", name, reason));
                            continue;
                        }
                    };
                    match extension(&file).as_str() {
                        "csv" => self.tests.extend(csv_cases::read(disk, &file, skipped)?),
                        "jsonl" => self.tests.extend(jsonl(disk, &file)?),
                        "yaml" | "yml" | "json" => {
                            let found = document(disk, &file)?;
                            self.tests.extend(one_or_many(Some(&found)).iter().map(case::from_value));
                        }
                        _ => skipped.push(Skipped {
                            file: path.display().to_string(),
                            place: "tests".to_owned(),
                            what: name.clone(),
                            reason: "tests from code or a service are not supported: export them as CSV"
                                .to_owned(),
                        }),
                    }
                }
                other => self.tests.push(case::from_value(other)),
            }
        }
        Ok(())
    }
}

fn jsonl(disk: &Disk, path: &Path) -> Result<Vec<Test>, ImportError> {
    let text = utf8(disk, path)?;
    let mut tests = Vec::new();
    let mut faults = Faults::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => tests.push(case::from_value(&value)),
            Err(error) => {
                let excerpt = crate::diag::Excerpt::of_line(at + 1, line, 0..line.len().min(1));
                let fault = Fault::new(path.display().to_string(), crate::config::plain_json_error(&error));
                faults.push(fault.at(excerpt).help("write one JSON object per line"));
            }
        }
    }
    Ok(faults.into_result(tests)?)
}

/// A YAML or JSON document.
pub(in crate::corpus::import) fn document(disk: &Disk, path: &Path) -> Result<Value, ImportError> {
    let shown = path.display().to_string();
    let text = &utf8(disk, path)?;
    let parsed: Result<Value, String> = if extension(path) == "json" {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        yaml(text)
    };
    parsed.map_err(|why| {
        let why = why.lines().next().unwrap_or_default().to_owned();
        let fault = Fault::new(shown, format!("cannot be read: {why}"));
        Faults::from(fault.help("correct the file, or name another format")).into()
    })
}

/// A file that a config names and that is not read.
fn named(path: &Path, place: &str, what: &str, reason: String) -> Skipped {
    Skipped { file: path.display().to_string(), place: place.to_owned(), what: what.to_owned(), reason }
}

fn one_or_many(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(other) => vec![other.clone()],
    }
}
