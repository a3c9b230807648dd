//! Which task a record is of: one task for all, a field of the record, or rules on what is asked.

use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{ImportError, Imported, Skipped, fold};
use crate::diag::{Fault, Faults};
use crate::disk::Disk;
use crate::ident::TaskName;

/// How a record's task is found.
#[derive(Debug)]
pub enum TaskOf {
    /// It is always the same.
    One(TaskName),
    /// It stands in a field: names with dots between them.
    Field(String),
    /// The first rule that fits.
    Rules(Vec<Rule>),
}

/// A rule: prompts that match are of the task.
#[derive(Debug)]
pub struct Rule {
    task: TaskName,
    matches: Regex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    task: TaskName,
    #[serde(rename = "match")]
    matches: toml::Spanned<String>,
}

/// Reads rules: `[[rule]]` tables with `task` and `match`, a regular expression on what is asked.
///
/// # Errors
/// All that is wrong with the file.
pub fn read(disk: &Disk, path: &Path) -> Result<Vec<Rule>, ImportError> {
    let source = String::from_utf8_lossy(&disk.read(path)?).into_owned();
    let shown = path.display().to_string();
    let raw: RawRules =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    let mut faults = Faults::default();
    let mut rules = Vec::new();
    for rule in raw.rule {
        match Regex::new(rule.matches.get_ref()) {
            Ok(matches) => rules.push(Rule { task: rule.task, matches }),
            Err(_) => {
                let excerpt = crate::diag::Excerpt::of(&source, rule.matches.span());
                let fault = Fault::new(&shown, "this is not a regular expression").at(excerpt);
                faults.push(fault.help("use the syntax of Rust's regex crate"));
            }
        }
    }
    Ok(faults.into_result(rules)?)
}

/// Gives every line its task; lines of which no task is known are listed and go.
pub fn apply(imported: &mut Imported, file: &str, task_of: &TaskOf) {
    let mut kept = Vec::new();
    for (at, mut line) in std::mem::take(&mut imported.lines).into_iter().enumerate() {
        let task = match task_of {
            TaskOf::One(task) => Some(task.clone()),
            TaskOf::Field(path) => imported
                .records
                .get(at)
                .and_then(|record| field(record, path))
                .and_then(|text| TaskName::new(&slug(&text)).ok()),
            TaskOf::Rules(rules) => {
                let text = fold::text(&line);
                rules.iter().find(|rule| rule.matches.is_match(&text)).map(|rule| rule.task.clone())
            }
        };
        match task {
            Some(task) => {
                line.task = Some(task.to_string());
                kept.push(line);
            }
            None => imported.skipped.push(Skipped {
                file: file.to_owned(),
                place: format!("record {}", at + 1),
                what: "the record".to_owned(),
                reason: match task_of {
                    TaskOf::Field(field) => format!("it has no field `{field}`"),
                    TaskOf::One(_) | TaskOf::Rules(_) => "no rule matches it".to_owned(),
                },
            }),
        }
    }
    imported.lines = kept;
}

/// The text of a field. A key with dots of its own is found, too; attributes are a list in OpenTelemetry.
fn field(record: &Value, path: &str) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let attribute = |record: &Value| {
        let all = record.get("attributes")?.as_array()?;
        let found = all.iter().find(|item| item.get("key").and_then(Value::as_str) == Some(path))?;
        text(found.get("value")?.as_object()?.values().next()?)
    };
    let below = path.split('.').try_fold(record, |value, name| value.get(name)).and_then(text);
    below
        .or_else(|| text(record.get(path)?))
        .or_else(|| text(record.get("attributes")?.get(path)?))
        .or_else(|| attribute(record))
}

/// A text as a task's name.
fn slug(text: &str) -> String {
    let plain: String = text
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '-' })
        .collect();
    plain.trim_matches(['-', '.']).chars().take(64).collect()
}
