//! The only file that writes to disk: atomic replacement, durable append, lock against a second writer.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A failure of the file system, with the path and what was being done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {}", path.display(), describe(source))]
pub struct DiskError {
    action: &'static str,
    /// The path.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The system's words without its error numbers.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "no space left".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is a file".to_owned(),
        _ => error.to_string(),
    }
}

trait Context<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError { action, path: path.to_owned(), source })
    }
}

/// The bytes of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    fs::read(path).context("read", path)
}

/// The bytes of a file, or `None` when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_if_present(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}

/// Opens a file for reading.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<File, DiskError> {
    File::open(path).context("open", path)
}

/// Makes a folder and those above it.
///
/// # Errors
/// When that cannot be done.
pub fn make_folder(path: &Path) -> Result<(), DiskError> {
    #[expect(clippy::disallowed_methods, reason = "this is the file that writes")]
    fs::create_dir_all(path).context("make the folder", path)
}

/// The names of a folder's entries, sorted; none when the folder is not there.
///
/// # Errors
/// When it is there and cannot be listed.
pub fn list(path: &Path) -> Result<Vec<String>, DiskError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", path),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.context("list", path)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Puts `bytes` at `path`, whole or not at all: written beside it, synced, renamed over it. A file that already
/// holds these bytes is left alone.
///
/// # Errors
/// When that cannot be done; what was there before is then still there.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    replace_with(path, |file| file.write_all(bytes))
}

/// Like [`replace`], for contents too large to hold: `fill` writes them.
///
/// # Errors
/// When that cannot be done; what was there before is then still there.
pub fn replace_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DiskError> {
    const ACTION: &str = "write";
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(folder)?;
    let mut temporary =
        tempfile::Builder::new().prefix(".route-prof-").tempfile_in(folder).context(ACTION, path)?;
    {
        let mut buffer = io::BufWriter::new(temporary.as_file_mut());
        fill(&mut buffer).context(ACTION, path)?;
        buffer.flush().context(ACTION, path)?;
    }
    let mode = fs::metadata(path).ok().map_or_else(default_permissions, |meta| Some(meta.permissions()));
    if let Some(mode) = mode {
        temporary.as_file().set_permissions(mode).context(ACTION, path)?;
    }
    temporary.as_file().sync_all().context(ACTION, path)?;
    temporary.persist(path).map_err(|failed| failed.error).context(ACTION, path)?;
    sync_folder(folder);
    Ok(())
}

/// A temporary file is made private; a report is an ordinary file.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode to set")]
fn default_permissions() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn default_permissions() -> Option<fs::Permissions> {
    None
}

/// Makes a rename durable. Not every file system lets a folder be synced, and none is worse off for the attempt.
fn sync_folder(folder: &Path) {
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
}

/// A file that only grows, with one writer at a time.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
}

/// Why a file cannot be opened for appending.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process is writing it.
    #[error("{} is being written by another process; wait for it to end, or stop it", .0.display())]
    Locked(PathBuf),
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Appender {
    /// Opens `path` for appending, making it if need be, and locks it until the value is dropped.
    ///
    /// # Errors
    /// When another process holds the lock, or the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, AppendError> {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let file =
            OpenOptions::new().create(true).read(true).append(true).open(path).context("open", path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path: path.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(AppendError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => {
                Err(DiskError { action: "lock", path: path.to_owned(), source }.into())
            }
        }
    }

    /// Appends bytes and returns once they would survive a power cut.
    ///
    /// # Errors
    /// When they could not be written or synced.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_all(bytes).context("append to", &self.path)?;
        self.file.sync_data().context("sync", &self.path)
    }

    /// Cuts the file to its first `len` bytes: what a torn write left behind goes.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        self.file.set_len(len).context("cut", &self.path)?;
        self.file.sync_all().context("sync", &self.path)
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle for reading the same file from its start.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn reader(&self) -> Result<File, DiskError> {
        open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_leaves_whole_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        let failed = replace_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(list(&folder.path().join("a")).unwrap(), ["b.txt"]);
    }

    #[test]
    fn one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut first = Appender::open(&path).unwrap();
        first.append(b"x\n").unwrap();
        assert!(matches!(Appender::open(&path), Err(AppendError::Locked(_))));
        drop(first);
        Appender::open(&path).unwrap().append(b"y\n").unwrap();
        assert_eq!(read(&path).unwrap(), b"x\ny\n");
    }

    #[test]
    fn a_missing_file_is_none_and_a_failure_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nothing");
        assert_eq!(read_if_present(&path).unwrap(), None);
        let message = read(&path).unwrap_err().to_string();
        assert!(message.ends_with("nothing: no such file or folder"), "{message}");
    }
}
