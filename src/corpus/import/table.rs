//! Plain CSV with columns that the user names, and the JSONL of OpenAI's evals (`input`, `ideal`).

use std::path::Path;

use serde_json::Value;

use super::{ImportError, Imported, Skipped};
use crate::corpus::RawPrompt;
use crate::diag::{Fault, Faults};
use crate::disk::Disk;
use crate::record::Message;

/// Which column is what.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The prompt.
    pub prompt: String,
    /// The reference answer.
    pub expected: Option<String>,
    /// The id.
    pub id: Option<String>,
    /// The task.
    pub task: Option<String>,
    /// The weight.
    pub weight: Option<String>,
    /// The system text.
    pub system: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { prompt: "prompt".to_owned(), expected: None, id: None, task: None, weight: None, system: None }
    }
}

/// Imports a CSV file. Rows without a prompt are listed.
///
/// # Errors
/// If it cannot be read, or lacks a column that was named.
pub fn csv(disk: &Disk, path: &Path, columns: &Columns) -> Result<Imported, ImportError> {
    let bytes = disk.read(path)?;
    let shown = path.display().to_string();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let broken = |error: csv::Error| {
        Faults::from(Fault::new(shown.clone(), error.to_string()).help("save it as CSV in UTF-8"))
    };
    let headers = reader.headers().map_err(broken)?.clone();
    let column = |name: &String| -> Result<usize, ImportError> {
        let at = headers.iter().position(|header| header.trim().trim_start_matches('\u{feff}') == name);
        at.ok_or_else(|| {
            let fault =
                Fault::new(shown.clone(), format!("there is no column `{}`", crate::diag::escape(name)));
            let names: Vec<_> = headers.iter().map(crate::diag::escape).collect();
            Faults::from(fault.help(format!("use one of: {}", names.join(", ")))).into()
        })
    };
    let optional = |name: &Option<String>| name.as_ref().map(column).transpose();
    let prompt = column(&columns.prompt)?;
    let (expected, id, task) =
        (optional(&columns.expected)?, optional(&columns.id)?, optional(&columns.task)?);
    let (weight, system) = (optional(&columns.weight)?, optional(&columns.system)?);
    let mut imported = Imported::default();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(broken)?;
        let cell = |column: Option<usize>| {
            column
                .and_then(|column| record.get(column))
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        let mut skip = |what: &str, reason: &str| {
            let (place, what) = (format!("record {}", at + 1), what.to_owned());
            imported.skipped.push(Skipped { file: shown.clone(), place, what, reason: reason.to_owned() });
        };
        let Some(prompt) = cell(Some(prompt)) else {
            skip("the row", "its prompt is empty");
            continue;
        };
        let number = cell(weight).and_then(|text| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Some(number),
            Ok(_) | Err(_) => {
                skip("its weight", "it is not a number of 0 or more");
                None
            }
        });
        imported.lines.push(RawPrompt {
            id: cell(id),
            task: cell(task),
            prompt: Some(prompt),
            expected: cell(expected).map(Value::String),
            weight: number,
            system: cell(system),
            ..RawPrompt::default()
        });
    }
    Ok(imported)
}

/// Imports the JSONL of OpenAI's evals: `input` is a text or a list of messages, `ideal` one answer or several.
///
/// # Errors
/// If it cannot be read.
pub fn evals(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    for (number, value) in super::json_lines(disk, path, &mut imported.skipped)? {
        let mut line = RawPrompt::default();
        match value.get("input") {
            Some(Value::String(text)) if !text.trim().is_empty() => line.prompt = Some(text.clone()),
            Some(Value::Array(turns)) if !turns.is_empty() => {
                let messages: Vec<Message> = turns.iter().filter_map(turn).collect();
                // A conversation without one of its turns is another conversation.
                if messages.len() < turns.len() {
                    imported.skip(
                        path,
                        number,
                        "the line",
                        "a turn of its `input` has no role or no content",
                    );
                    continue;
                }
                line.messages = Some(messages);
            }
            _ => {
                imported.skip(path, number, "the line", "it has no `input`");
                continue;
            }
        }
        line.expected = value.get("ideal").filter(|ideal| !ideal.is_null()).cloned();
        imported.lines.push(line);
    }
    Ok(imported)
}

/// A turn of a conversation, from an object with a role and a content.
pub(super) fn turn(value: &Value) -> Option<Message> {
    let role = value.get("role")?.as_str()?.to_owned();
    let content = value.get("content").filter(|content| content.is_string() || content.is_array())?.clone();
    Some(Message { role, content })
}
