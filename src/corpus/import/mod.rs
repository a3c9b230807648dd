//! Corpora out of what other tools wrote: test suites, logs, tables, recorded benchmarks. An importer reads text and gives
//! drafts; it writes nothing, and what it has no counterpart for it lists.

pub mod fold;
pub mod logs;
pub mod mask;
pub mod oracle_draft;
pub mod promptfoo;
pub mod recorded;
pub mod rules;
pub mod table;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::RawPrompt;
use crate::diag::{Fault, Faults};
use crate::disk::{Disk, DiskError};

pub use self::oracle_draft::OracleDraft;

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The lines of the corpus.
    pub lines: Vec<RawPrompt>,
    /// The records that the lines were made of, where a task may be read from a field of theirs; else none.
    pub records: Vec<Value>,
    /// The oracles that grade them.
    pub oracles: Vec<OracleDraft>,
    /// What has no counterpart here.
    pub skipped: Vec<Skipped>,
    /// What is worth knowing of the rest.
    pub notes: Vec<String>,
}

/// Something that was not imported, or only in part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// Where in the file: a test, a line, a span.
    pub place: String,
    /// What it is.
    pub what: String,
    /// Why it has no counterpart.
    pub reason: String,
}

/// Why nothing can be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What is written there is wrong.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The corpus as JSON Lines.
#[must_use]
pub fn to_jsonl(lines: &[RawPrompt]) -> String {
    let mut text = String::new();
    for line in lines {
        // A line holds texts, numbers and JSON alone, which can always be written.
        text.push_str(&serde_json::to_string(line).unwrap_or_default());
        text.push('\n');
    }
    text
}

impl Imported {
    /// Lists something of a line that was not imported.
    fn skip(&mut self, path: &Path, line: usize, what: &str, reason: &str) {
        self.skipped.push(Skipped {
            file: path.display().to_string(),
            place: format!("line {line}"),
            what: what.to_owned(),
            reason: reason.to_owned(),
        });
    }
}

/// Every JSON value of a file with its line: JSON Lines, one document, or CSV rows as objects. Lines that are no JSON, and
/// rows that are no CSV, are listed.
fn json_lines(
    disk: &Disk,
    path: &Path,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<(usize, Value)>, ImportError> {
    let bytes = disk.read(path)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let is = |ending: &str| path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case(ending));
    if is("csv") {
        return csv_rows(path, bytes, skipped);
    }
    let whole = serde_json::from_slice::<Value>(bytes);
    let error = match whole {
        Ok(value) => return Ok(vec![(1, value)]),
        Err(error) => error,
    };
    let mut skip = |line: usize, reason: String| {
        let (file, place) = (path.display().to_string(), format!("line {line}"));
        skipped.push(Skipped { file, place, what: "the line".to_owned(), reason });
    };
    let mut values = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !is_blank(line)) {
        match serde_json::from_slice(line) {
            Ok(value) => values.push((at + 1, value)),
            Err(error) => {
                let why = match std::str::from_utf8(line) {
                    Ok(_) => format!("it is not JSON: {}", crate::config::plain_json_error(&error)),
                    Err(_) => "it is not UTF-8".to_owned(),
                };
                skip(at + 1, why);
            }
        }
    }
    // A document over many lines that breaks off has one fault, not one a line.
    if values.is_empty() && error.line() > 0 {
        skipped.clear();
        let shown = format!("{}:{}", path.display(), error.line());
        let fault = Fault::new(shown, format!("not valid JSON: {}", crate::config::plain_json_error(&error)));
        return Err(Faults::from(fault.help("write one JSON document, or one per line")).into());
    }
    Ok(values)
}

/// The text of a file, without a byte order mark.
fn utf8(disk: &Disk, path: &Path) -> Result<String, ImportError> {
    match String::from_utf8(disk.read(path)?) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count();
            let fault = Fault::new(format!("{}:{line}", path.display()), "not UTF-8");
            Err(Faults::from(fault.help("save the file as UTF-8")).into())
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

/// The rows of a CSV file as objects, each with the line that it begins on.
fn csv_rows(
    path: &Path,
    bytes: &[u8],
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<(usize, Value)>, ImportError> {
    let shown = path.display().to_string();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers = reader.headers().cloned().map_err(|error| {
        Faults::from(Fault::new(shown.clone(), error.to_string()).help("save it as CSV in UTF-8"))
    })?;
    let mut values = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| {
            Faults::from(Fault::new(shown.clone(), error.to_string()).help("check its quotes"))
        })?;
        let line =
            record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        match csv::StringRecord::from_byte_record(record) {
            Ok(record) => {
                let cells = headers.iter().zip(&record);
                let map = cells.map(|(key, text)| (key.to_owned(), Value::String(text.to_owned())));
                values.push((line, Value::Object(map.collect())));
            }
            Err(_) => skipped.push(Skipped {
                file: shown.clone(),
                place: format!("line {line}"),
                what: "the row".to_owned(),
                reason: "it is not UTF-8".to_owned(),
            }),
        }
    }
    Ok(values)
}
