//! The seam to the disk, and the only file that writes to it: atomic replacement, durable append, lock against a second writer.
//!
//! Everything above reaches files through a [`Disk`]. It is the file system of the machine unless a caller puts another
//! [`FileSystem`] in its place: a simulated one, say, that loses what was not synced.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// A file that is open for reading.
pub trait Readable: Read + Seek + Send + Debug {}

impl<T: Read + Seek + Send + Debug> Readable for T {}

/// A file that is open for appending, by this holder alone until it is dropped.
pub trait Appendable: Send + Debug {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When they could not be written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once what was written would survive a power cut.
    ///
    /// # Errors
    /// When that cannot be promised.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to its first `len` bytes.
    ///
    /// # Errors
    /// When that cannot be done.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file of so many bytes.
    File(u64),
    /// A folder, or anything else.
    Other,
}

/// Writes the contents of a file.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// What a disk is: the operations that everything else is made of.
pub trait FileSystem: Send + Sync + Debug {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Readable>>;

    /// What stands at a path; `None` where there is nothing, or nothing that may be seen.
    fn entry(&self, path: &Path) -> Option<Entry>;

    /// The names in a folder.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// A path with its links followed.
    ///
    /// # Errors
    /// When nothing is there.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// When that cannot be done.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Puts what `fill` writes at a path, whole or not at all, and durably.
    ///
    /// # Errors
    /// When that cannot be done; what was there before is then still there.
    fn replace(&self, path: &Path, fill: Fill<'_>) -> io::Result<()>;

    /// Opens a file for appending, making it if need be, and locks it. An error of the kind `WouldBlock` says that another
    /// holder has it.
    ///
    /// # Errors
    /// When it cannot be opened or locked.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Appendable>>;
}

/// A disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<dyn FileSystem>);

impl Default for Disk {
    fn default() -> Self {
        Self::real()
    }
}

impl Disk {
    /// The file system of this machine.
    #[must_use]
    pub fn real() -> Self {
        Self::over(Machine)
    }

    /// Another file system in its place.
    #[must_use]
    pub fn over(system: impl FileSystem + 'static) -> Self {
        Self(Arc::new(system))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        self.read_io(path).context("read", path)
    }

    /// The bytes of a file, or `None` when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_if_present(&self, path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
        match self.read_io(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", path),
        }
    }

    fn read_io(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, path: &Path) -> Result<Box<dyn Readable>, DiskError> {
        self.0.open(path).context("open", path)
    }

    /// Whether there is a file at a path.
    #[must_use]
    pub fn is_file(&self, path: &Path) -> bool {
        matches!(self.0.entry(path), Some(Entry::File(_)))
    }

    /// Whether there is anything at a path.
    #[must_use]
    pub fn exists(&self, path: &Path) -> bool {
        self.0.entry(path).is_some()
    }

    /// Whether there is a folder at a path.
    #[must_use]
    pub fn is_folder(&self, path: &Path) -> bool {
        self.0.entry(path) == Some(Entry::Other)
    }

    /// The bytes that a file takes; 0 where there is none.
    #[must_use]
    pub fn length(&self, path: &Path) -> u64 {
        match self.0.entry(path) {
            Some(Entry::File(length)) => length,
            Some(Entry::Other) | None => 0,
        }
    }

    /// A path with its links followed.
    ///
    /// # Errors
    /// When nothing is there.
    pub fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.canonical(path)
    }

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn make_folder(&self, path: &Path) -> Result<(), DiskError> {
        self.0.make_folder(path).context("make the folder", path)
    }

    /// The names of a folder's entries, sorted; none when the folder is not there.
    ///
    /// # Errors
    /// When it is there and cannot be listed.
    pub fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        let mut names = match self.0.list(path) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context("list", path),
        };
        names.sort();
        Ok(names)
    }

    /// Puts `bytes` at `path`, whole or not at all: written beside it, synced, renamed over it.
    ///
    /// # Errors
    /// When that cannot be done; what was there before is then still there.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        self.replace_with(path, |file| file.write_all(bytes))
    }

    /// Like [`Disk::replace`], for contents too large to hold: `fill` writes them.
    ///
    /// # Errors
    /// When that cannot be done; what was there before is then still there.
    pub fn replace_with(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DiskError> {
        self.make_folder(folder_of(path))?;
        let mut fill = Some(fill);
        let mut once = |into: &mut dyn Write| match fill.take() {
            Some(fill) => fill(into),
            None => Err(io::Error::other("the contents are written once")),
        };
        self.0.replace(path, &mut once).context("write", path)
    }

    /// Opens a file for appending, making it if need be, and locks it until the value is dropped.
    ///
    /// # Errors
    /// When another process holds the lock, or the file cannot be opened.
    pub fn append(&self, path: &Path) -> Result<Appender, AppendError> {
        if let Some(folder) = path.parent() {
            self.make_folder(folder)?;
        }
        match self.0.append(path) {
            Ok(file) => Ok(Appender { file, path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(AppendError::Locked(path.to_owned()))
            }
            Err(source) => Err(DiskError { action: "open", path: path.to_owned(), source }.into()),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that only grows, with one writer at a time.
#[derive(Debug)]
pub struct Appender {
    file: Box<dyn Appendable>,
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
    /// Appends bytes and returns once they would survive a power cut.
    ///
    /// # Errors
    /// When they could not be written or synced.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write(bytes).context("append to", &self.path)?;
        self.file.sync().context("sync", &self.path)
    }

    /// Cuts the file to its first `len` bytes: what a torn write left behind goes.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn truncate(&mut self, len: u64) -> Result<(), DiskError> {
        self.file.truncate(len).context("cut", &self.path)
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file system of this machine.
#[derive(Debug)]
struct Machine;

impl FileSystem for Machine {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Readable>> {
        Ok(Box::new(File::open(path)?))
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let found = fs::metadata(path).ok()?;
        Some(if found.is_file() { Entry::File(found.len()) } else { Entry::Other })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "this is the file that writes")]
        fs::create_dir_all(path)
    }

    fn replace(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        let folder = folder_of(path);
        let mut temporary = tempfile::Builder::new().prefix(".route-prof-").tempfile_in(folder)?;
        {
            let mut buffer = io::BufWriter::new(temporary.as_file_mut());
            fill(&mut buffer)?;
            buffer.flush()?;
        }
        let mode = fs::metadata(path).ok().map_or_else(default_permissions, |meta| Some(meta.permissions()));
        if let Some(mode) = mode {
            temporary.as_file().set_permissions(mode)?;
        }
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|failed| failed.error)?;
        sync_folder(folder);
        Ok(())
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Appendable>> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }
}

impl Appendable for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.sync_all()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_leaves_whole_files_only() {
        let (disk, folder) = (Disk::real(), tempfile::tempdir().unwrap());
        let path = folder.path().join("a/b.txt");
        disk.replace(&path, b"one").unwrap();
        disk.replace(&path, b"two").unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"two");
        let failed = disk.replace_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(disk.read(&path).unwrap(), b"two");
        assert_eq!(disk.list(&folder.path().join("a")).unwrap(), ["b.txt"]);
    }

    #[test]
    fn one_writer_at_a_time() {
        let (disk, folder) = (Disk::real(), tempfile::tempdir().unwrap());
        let path = folder.path().join("journal.jsonl");
        let mut first = disk.append(&path).unwrap();
        first.append(b"x\n").unwrap();
        assert!(matches!(disk.append(&path), Err(AppendError::Locked(_))));
        drop(first);
        disk.append(&path).unwrap().append(b"y\n").unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"x\ny\n");
    }

    #[test]
    fn a_missing_file_is_none_and_a_failure_names_the_path() {
        let (disk, folder) = (Disk::real(), tempfile::tempdir().unwrap());
        let path = folder.path().join("nothing");
        assert_eq!(disk.read_if_present(&path).unwrap(), None);
        let message = disk.read(&path).unwrap_err().to_string();
        assert!(message.ends_with("nothing: no such file or folder"), "{message}");
    }
}
