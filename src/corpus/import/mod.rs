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

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::RawPrompt;
use crate::diag::Faults;
use crate::disk::{self, DiskError};

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

/// Every JSON value of a file with its line: JSON Lines, one document, or CSV rows as objects. Lines that are no JSON are
/// listed.
fn json_lines(path: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<(usize, Value)>, ImportError> {
    let bytes = disk::read(path)?;
    if path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("csv")) {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        let rows = reader.deserialize::<BTreeMap<String, String>>().enumerate();
        let values = rows.filter_map(|(at, row)| {
            let map = row.ok()?.into_iter().map(|(key, text)| (key, Value::String(text)));
            Some((at + 2, Value::Object(map.collect())))
        });
        return Ok(values.collect());
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Ok(vec![(1, value)]);
    }
    let mut values = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(value) => values.push((at + 1, value)),
            Err(error) => skipped.push(Skipped {
                file: path.display().to_string(),
                place: format!("line {}", at + 1),
                what: "the line".to_owned(),
                reason: format!("it is no JSON: {}", crate::config::plain_json_error(&error)),
            }),
        }
    }
    Ok(values)
}
