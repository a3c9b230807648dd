//! The corpus: an index of weighted prompts. The prompts themselves stay on disk and are read again when needed, so that
//! memory does not grow with their length.

mod csv_form;
pub mod import;
mod index;
mod jsonl;
mod line;
pub mod near;
mod prompt;
pub mod sample;
pub mod stats;
pub mod synth;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::Config;
use crate::diag::{Fault, Faults};
use crate::disk::{Disk, Readable};
use crate::ident::{Digest, TaskName};

use self::index::Index;
pub use self::index::{CorpusError, Entry};
pub use self::line::{RawPrompt, json_schema};
pub use self::prompt::{Content, Prompt};

/// How the prompts are written.
#[derive(Clone, Debug)]
enum Form {
    Jsonl,
    /// With the names of its columns.
    Csv(Vec<line::Column>),
}

/// A checked corpus.
#[derive(Debug)]
pub struct Corpus {
    shown: String,
    path: PathBuf,
    form: Form,
    entries: Vec<Entry>,
    digest: Digest,
    file: Mutex<Box<dyn Readable>>,
    task_names: Vec<TaskName>,
}

impl Corpus {
    /// Opens and checks the corpus at `path`, called `shown` in messages. JSONL or CSV, by its extension, else by its
    /// first character.
    ///
    /// # Errors
    /// Every fault of the file, or that it cannot be read.
    pub fn open(disk: &Disk, path: &Path, shown: &str, config: &Config) -> Result<Self, CorpusError> {
        let mut file = disk.open(path).map_err(|error| {
            Faults::from(Fault::new(shown, error.to_string()).help("name a JSONL or CSV file"))
        })?;
        if disk.is_folder(path) {
            let fault = Fault::new(shown, "this is a folder").help("name a JSONL or CSV file");
            return Err(Faults::from(fault).into());
        }
        let mut index = Index::new(shown, config);
        let form = if is_csv(path, &mut *file)? {
            Form::Csv(csv_form::index(file, &mut index)?)
        } else {
            jsonl::index(file, &mut index)?;
            Form::Jsonl
        };
        let (entries, digest) = index.finish()?;
        Ok(Self {
            shown: shown.to_owned(),
            path: path.to_owned(),
            form,
            entries,
            digest,
            file: Mutex::new(disk.open(path)?),
            task_names: config.tasks.iter().map(|task| task.name.clone()).collect(),
        })
    }

    /// The prompts, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many prompts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: an empty corpus is a fault.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digest of all prompts; their order does not matter.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The path as the user named it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The indices, in the configuration, of the tasks that have prompts, ascending.
    #[must_use]
    pub fn used_tasks(&self) -> Vec<u16> {
        let used: BTreeSet<u16> = self.entries.iter().map(|entry| entry.task).collect();
        used.into_iter().collect()
    }

    /// How many prompts a task has, and the weights of its clusters: the prompts that differ.
    #[must_use]
    pub fn cluster_weights(&self, task: u16) -> (u64, Vec<f64>) {
        let mut weights: BTreeMap<u32, f64> = BTreeMap::new();
        let mut prompts = 0;
        for entry in self.entries.iter().filter(|entry| entry.task == task) {
            prompts += 1;
            *weights.entry(entry.cluster).or_default() += entry.weight.get();
        }
        (prompts, weights.into_values().collect())
    }

    /// Reads the prompt at an index again.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn load(&self, index: usize) -> Result<Prompt, CorpusError> {
        let Some(entry) = self.entries.get(index) else {
            return Err(CorpusError::Changed { path: self.shown.clone(), line: 0 });
        };
        let changed = || CorpusError::Changed { path: self.shown.clone(), line: entry.line };
        let mut bytes = vec![0; entry.len as usize];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(entry.offset)).map_err(|_| changed())?;
            file.read_exact(&mut bytes).map_err(|_| changed())?;
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| changed())?;
        let raw = match &self.form {
            Form::Jsonl => serde_json::from_str(text).map_err(|_| changed())?,
            Form::Csv(columns) => csv_form::record(text, columns).ok_or_else(changed)?,
        };
        let task = self.task_names.get(usize::from(entry.task)).ok_or_else(changed)?;
        let prompt = line::prompt(raw, Some(task)).map_err(|_| changed())?;
        if prompt.digest().bytes()[..16] == entry.digest { Ok(prompt) } else { Err(changed()) }
    }
}

fn is_csv(path: &Path, file: &mut dyn Readable) -> Result<bool, CorpusError> {
    match path.extension().and_then(|ext| ext.to_str()).map(str::to_lowercase).as_deref() {
        Some("csv") => Ok(true),
        Some("jsonl" | "ndjson") => Ok(false),
        Some(_) | None => {
            let mut head = [0; 512];
            let read = file.read(&mut head).unwrap_or_default();
            file.seek(SeekFrom::Start(0))
                .map_err(|_| CorpusError::Changed { path: path.display().to_string(), line: 0 })?;
            let text = head[..read].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head[..read]);
            let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
            Ok(first.is_some_and(|byte| *byte != b'{'))
        }
    }
}
