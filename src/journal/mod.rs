//! The journal: the append-only record of a run's attempts, and looking a trial key up in one.
//!
//! JSON Lines: a header, then one [`Attempt`] per line. Resuming, regrading, replaying a recording and reusing an earlier run all
//! look up trial keys. An incomplete last line (after a kill or a power cut) is removed when the journal is opened for writing. A
//! damaged line anywhere else is an error, because nothing that was paid for is skipped silently.

mod error;
mod header;
mod index;
mod reader;
mod tape;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;

pub use self::error::JournalError;
pub use self::header::Header;
pub use self::index::{Index, Stored};
pub use self::reader::{Reader, attempts, fetch_at};
pub use self::tape::write_tape;

use crate::disk::{Appender, Disk};
use crate::record::Attempt;

/// The state of a journal when it was opened for writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Attempts that it holds.
    pub records: u64,
    /// Bytes of an incomplete last line that were removed.
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
    /// If another process writes it, when it is damaged before its end, or newer than this program.
    pub fn open(disk: &Disk, path: &Path) -> Result<(Self, Index, Recovery), JournalError> {
        let mut appender = disk.append(path)?;
        let mut index = Index::default();
        let mut recovery = Recovery::default();
        let length = disk.length(path);
        let mut good = 0;
        if length > 0 {
            match Reader::open(disk, path) {
                Ok(mut reader) => {
                    for record in &mut reader {
                        let (offset, attempt) = record?;
                        recovery.records += 1;
                        index.take(offset, &attempt);
                    }
                    good = reader.good();
                }
                // A header that was torn: nothing was recorded yet.
                Err(JournalError::NoJournal(_)) if reader::is_torn_header(disk, path)? => {}
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
    /// If they could not be written, or a reader would not take them: then none of them is.
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

/// The deepest JSON from a server that is kept as JSON. A reader stops at 128 levels, including the record around it.
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
