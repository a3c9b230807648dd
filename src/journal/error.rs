//! Why a journal cannot be used.

use std::path::PathBuf;

use crate::disk::{AppendError, DiskError};
use crate::record::JOURNAL_VERSION;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file system error.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process is writing it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It was written by a newer program.
    #[error("{} is a journal of version {found}, but this route-prof reads only up to version {JOURNAL_VERSION}: update it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It does not begin with a journal's header.
    #[error("{} is not a journal: its first line is not a header", .0.display())]
    NoJournal(PathBuf),
    /// A line that is not the last cannot be read.
    #[error("{}:{line}: this line of the journal is damaged ({why}); restore the file, or remove the line and pay for its trial again", path.display())]
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
        /// The system's error.
        source: std::io::Error,
    },
    /// An attempt is longer than any line that a reader takes.
    #[error("the attempt at prompt `{prompt}` takes {bytes} bytes, more than a line of the journal can hold")]
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
