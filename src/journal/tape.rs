//! Writes a recording: a journal with answers only, in a given order.

use std::io;
use std::path::Path;

use super::error::JournalError;
use super::header::Header;
use crate::disk::Disk;
use crate::record::{Attempt, Via};

/// Writes answers as a recording, atomically. Leaves out what belongs to a day or an account: wall-clock times, request ids and
/// costs.
///
/// # Errors
/// If an attempt cannot be read, or the file cannot be written.
pub fn write_tape(
    disk: &Disk,
    path: &Path,
    note: &str,
    attempts: impl IntoIterator<Item = Result<Attempt, JournalError>>,
) -> Result<u64, JournalError> {
    let mut failed = None;
    let mut written = 0;
    let done = disk.replace_with(path, |into| {
        let mut line = |bytes: serde_json::Result<Vec<u8>>| -> io::Result<()> {
            into.write_all(&bytes?)?;
            into.write_all(b"\n")
        };
        line(serde_json::to_vec(&Header::new(Some(note.to_owned()))))?;
        for attempt in attempts {
            match attempt {
                Ok(mut attempt) => {
                    attempt.at = None;
                    attempt.billed = None;
                    attempt.headers.clear();
                    attempt.attempt = attempt.attempt.min(1);
                    attempt.via = Via::Live;
                    line(serde_json::to_vec(&attempt))?;
                    written += 1;
                }
                Err(error) => {
                    failed = Some(error);
                    return Err(io::Error::other("an answer is missing"));
                }
            }
        }
        Ok(())
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(done.map(|()| written)?),
    }
}
