//! The journal: the append-only record of a run's attempts, and looking a trial key up in one.
//!
//! JSON Lines: a header, then an [`Attempt`] a line. Resume, re-grade, replay of a tape and reuse of an earlier run are all
//! the same thing, a look-up by trial key. A torn last line (a kill, a power cut) is cut off when the journal is opened for
//! writing; a damaged line anywhere else is an error, because nothing that was paid for is skipped in silence.

mod index;
mod reader;
mod tape;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::index::{Index, Stored};
pub use self::reader::{Reader, fetch_at};
pub use self::tape::write_tape;

use crate::disk::{AppendError, Appender, DiskError};
use crate::record::{Attempt, JOURNAL_VERSION};

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What the file is: `journal`.
    #[serde(rename = "route-prof")]
    pub kind: String,
    /// The version of the format.
    pub version: u32,
    /// For people: of a tape, what was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Header {
    fn new(note: Option<String>) -> Self {
        Self { kind: "journal".to_owned(), version: JOURNAL_VERSION, note }
    }
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process is writing it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It was written by a newer program.
    #[error("{} is a journal of version {found}, newer than the {JOURNAL_VERSION} that this program knows: update route-prof", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It does not begin with a journal's header.
    #[error("{} is no journal: its first line is no header", .0.display())]
    NoJournal(PathBuf),
    /// A line that is not the last cannot be read.
    #[error("{}:{line}: this line of the journal is damaged ({why}); restore the file, or take the line out to pay for its trial again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An attempt is longer than any line that a reader takes.
    #[error("the attempt at prompt `{prompt}` takes {bytes} bytes, more than a line of the journal may hold")]
    TooLong {
        /// The prompt.
        prompt: String,
        /// How long its line would be.
        bytes: usize,
    },
    /// An attempt cannot be written as JSON.
    #[error("an attempt cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
}

/// What opening a journal for writing found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Attempts that it holds.
    pub records: u64,
    /// Bytes of a torn last line that were cut off.
    pub cut: u64,
}

/// A journal that is open for writing, by this process alone.
#[derive(Debug)]
pub struct Journal {
    appender: Appender,
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens the journal at `path`, making it if need be, cuts off a torn last line, and indexes what is there.
    ///
    /// # Errors
    /// When another process writes it, when it is damaged before its end, or newer than this program.
    pub fn open(path: &Path) -> Result<(Self, Index, Recovery), JournalError> {
        let mut appender = Appender::open(path)?;
        let mut index = Index::default();
        let mut recovery = Recovery::default();
        let length = std::fs::metadata(path).map(|meta| meta.len()).unwrap_or_default();
        let mut good = 0;
        if length > 0 {
            match Reader::open(path) {
                Ok(mut reader) => {
                    for record in &mut reader {
                        let (offset, attempt) = record?;
                        recovery.records += 1;
                        index.take(offset, &attempt);
                    }
                    good = reader.good();
                }
                // A header that was torn: nothing was recorded yet.
                Err(JournalError::NoJournal(_)) if reader::is_torn_header(path)? => {}
                Err(error) => return Err(error),
            }
            recovery.cut = length - good;
            if recovery.cut > 0 {
                appender.truncate(good)?;
            }
        }
        let mut journal = Self { appender, buffer: Vec::new() };
        if good == 0 {
            let mut line = serde_json::to_vec(&Header::new(None))?;
            line.push(b'\n');
            journal.appender.append(&line)?;
        }
        Ok((journal, index, recovery))
    }

    /// Appends attempts with one write and one sync; once this returns they survive a power cut.
    ///
    /// # Errors
    /// When they could not be written, or a reader would not take them: then none of them is.
    pub fn append<'a>(
        &mut self,
        attempts: impl IntoIterator<Item = &'a Attempt>,
    ) -> Result<(), JournalError> {
        self.buffer.clear();
        for attempt in attempts {
            let start = self.buffer.len();
            serde_json::to_writer(&mut self.buffer, &*readable(attempt))?;
            let bytes = self.buffer.len() - start;
            if bytes as u64 >= reader::LONGEST {
                return Err(JournalError::TooLong { prompt: attempt.prompt.to_string(), bytes });
            }
            self.buffer.push(b'\n');
        }
        if !self.buffer.is_empty() {
            self.appender.append(&self.buffer)?;
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.appender.path()
    }
}

/// The deepest JSON of a server's that is kept as JSON. A reader gives up at 128 levels, and the record around it counts.
const DEEPEST: usize = 64;

/// The attempt as it can be read again: a server may send JSON so deep that the journal could not be opened any more.
/// Such a value is kept as the text of its JSON.
fn readable(attempt: &Attempt) -> Cow<'_, Attempt> {
    let mut attempt = Cow::Borrowed(attempt);
    if is_deep(&attempt.usage.raw, DEEPEST) {
        let text = attempt.usage.raw.to_string();
        attempt.to_mut().usage.raw = Value::String(text);
    }
    if is_deep(&attempt.tool_calls, DEEPEST) {
        let text = attempt.tool_calls.to_string();
        attempt.to_mut().tool_calls = Value::String(text);
    }
    attempt
}

fn is_deep(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deep(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| is_deep(field, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
