//! Reading a journal, line by line, in bounded memory and without its lock.

use std::io::{BufRead, BufReader, Read, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::header::Header;
use crate::disk::{Disk, Readable};
use crate::record::{Attempt, JOURNAL_VERSION};

/// The longest line that is read, well above the longest reply that a provider is allowed.
pub(super) const LONGEST: u64 = if cfg!(test) { 64 << 10 } else { 128 << 20 };

/// The attempts of a journal with their offsets, in the order in which they were written. Stops before a torn last line.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: BufReader<Box<dyn Readable>>,
    header: Header,
    line: u64,
    /// Where the next line begins: up to here all is whole.
    good: u64,
    done: bool,
}

impl Reader {
    /// Opens a journal.
    ///
    /// # Errors
    /// If it cannot be read, is no journal, or is newer than this program.
    pub fn open(disk: &Disk, path: &Path) -> Result<Self, JournalError> {
        let mut file = BufReader::with_capacity(1 << 16, disk.open(path)?);
        let mut line = Vec::new();
        let read = |source| JournalError::Read { path: path.to_owned(), source };
        (&mut file).take(LONGEST).read_until(b'\n', &mut line).map_err(read)?;
        // The version first and alone: a newer header may hold what this program does not know.
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
        if !line.ends_with(b"\n") || value["route-prof"] != "journal" {
            return Err(JournalError::NoJournal(path.to_owned()));
        }
        let version =
            value["version"].as_u64().and_then(|version| u32::try_from(version).ok()).unwrap_or_default();
        if version > JOURNAL_VERSION {
            return Err(JournalError::Newer { path: path.to_owned(), found: version });
        }
        let header = serde_json::from_value(value).map_err(|_| JournalError::NoJournal(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), file, header, line: 1, good: line.len() as u64, done: false })
    }

    /// The first line.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes, from the start, were read and found whole.
    #[must_use]
    pub const fn good(&self) -> u64 {
        self.good
    }

    fn next_attempt(&mut self) -> Result<Option<(u64, Attempt)>, JournalError> {
        loop {
            let mut bytes = Vec::new();
            let read = |source| JournalError::Read { path: self.path.clone(), source };
            let taken = (&mut self.file).take(LONGEST).read_until(b'\n', &mut bytes).map_err(read)?;
            if taken == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !bytes.ends_with(b"\n") {
                if taken as u64 == LONGEST {
                    // Not torn: what follows may be whole, and must not be cut off with it.
                    let why = format!("longer than {LONGEST} bytes");
                    return Err(JournalError::Damaged { path: self.path.clone(), line: self.line, why });
                }
                // Without its line break the line was never whole, whatever it reads as.
                return Ok(None);
            }
            let offset = self.good;
            match serde_json::from_slice(&bytes) {
                Ok(attempt) => {
                    self.good += taken as u64;
                    return Ok(Some((offset, attempt)));
                }
                Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => self.good += taken as u64,
                Err(error) => {
                    // A power cut can leave a torn line with a line break; only the last line may be torn.
                    let mut rest = [0; 1];
                    let more = self
                        .file
                        .read(&mut rest)
                        .map_err(|source| JournalError::Read { path: self.path.clone(), source })?;
                    if more == 0 {
                        return Ok(None);
                    }
                    let why = crate::config::plain_json_error(&error);
                    return Err(JournalError::Damaged { path: self.path.clone(), line: self.line, why });
                }
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<(u64, Attempt), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.next_attempt().transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Every attempt of a journal, in its order; none if there is no such file.
///
/// # Errors
/// If the file is there and cannot be read, is no journal, or is newer than this program.
pub fn attempts(
    disk: &Disk,
    path: &Path,
) -> Result<impl Iterator<Item = Result<Attempt, JournalError>> + use<>, JournalError> {
    let reader = disk.is_file(path).then(|| Reader::open(disk, path)).transpose()?;
    Ok(reader.into_iter().flatten().map(|record| record.map(|(_, attempt)| attempt)))
}

/// Reads the attempt that begins at an offset.
///
/// # Errors
/// If there is none.
pub fn fetch_at(file: &mut dyn Readable, offset: u64) -> Result<Attempt, JournalError> {
    let failed = |source| JournalError::Read { path: PathBuf::from("the journal"), source };
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    BufReader::with_capacity(4096, file.take(LONGEST)).read_until(b'\n', &mut bytes).map_err(failed)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Whether a file holds nothing but the beginning of a journal's first line.
pub(super) fn is_torn_header(disk: &Disk, path: &Path) -> Result<bool, JournalError> {
    let mut head = Vec::new();
    let read = disk.open(path)?.take(4096).read_to_end(&mut head);
    read.map_err(|source| JournalError::Read { path: path.to_owned(), source })?;
    let line = serde_json::to_vec(&Header::new(None))?;
    Ok(line.starts_with(&head) || head == line)
}
