//! Corpora out of what other tools wrote: test suites, logs, tables, recorded benchmarks. An importer reads text and gives
//! drafts; it writes nothing, and what it has no counterpart for it lists.

pub mod oracle_draft;
pub mod recorded;

use serde::Serialize;

use super::RawPrompt;
use crate::diag::Faults;
use crate::disk::DiskError;

pub use self::oracle_draft::OracleDraft;

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The lines of the corpus.
    pub lines: Vec<RawPrompt>,
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
