//! The corpus: an index of weighted prompts. The prompts themselves stay on disk and are read again when needed, so that
//! memory does not grow with their length.

mod csv_form;
pub mod import;
mod jsonl;
mod line;
pub mod near;
pub mod sample;
pub mod stats;
pub mod synth;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::config::{Config, Task};
use crate::diag::{Excerpt, Fault, Faults, nearest};
use crate::disk::{self, DiskError};
use crate::ident::{Digest, Digester, OracleRef, PromptId, TaskName};
use crate::record::{Message, canonical_json};
use crate::units::{Tokens, Weight};

pub use self::line::{RawPrompt, json_schema};

/// A prompt with everything that its line of the corpus says.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Its stable id.
    pub id: PromptId,
    /// Its task.
    pub task: TaskName,
    /// What is said.
    pub content: Content,
    /// A system text in place of the task's.
    pub system: Option<String>,
    /// The reference answer.
    pub expected: Option<Value>,
    /// Its share of the traffic, relative to the others.
    pub weight: Weight,
    /// Marks such as `adversarial`.
    pub tags: Vec<String>,
    /// An oracle in place of the task's.
    pub oracle: Option<OracleRef>,
    /// A cap on output tokens in place of the task's.
    pub max_output_tokens: Option<Tokens>,
    /// Request parameters over the task's.
    pub params: BTreeMap<String, Value>,
}

/// What a prompt says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A single user turn.
    Text(String),
    /// A whole conversation, passed through.
    Messages(Vec<Message>),
    /// Variables for the task's template.
    Vars(BTreeMap<String, Value>),
}

impl Content {
    /// The text of it, for lengths and duplicates: the prompt, the messages' texts, or the variables' values.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Messages(messages) => messages.iter().map(Message::plain).collect::<Vec<_>>().join("\n"),
            Self::Vars(vars) => vars
                .values()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    fn digest_text(&self) -> String {
        let value = match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Messages(messages) => serde_json::to_value(messages).unwrap_or_default(),
            Self::Vars(vars) => serde_json::to_value(vars).unwrap_or_default(),
        };
        canonical_json(&value)
    }
}

impl Prompt {
    /// The digest of what the prompt asks and how it is graded; two lines that differ in spelling alone share it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new("route-prof prompt 1");
        digester.part(self.id.as_str().as_bytes()).part(self.task.as_str().as_bytes());
        digester.part(self.content.digest_text().as_bytes());
        digester.part(self.system.as_deref().unwrap_or_default().as_bytes());
        digester.part(self.expected.as_ref().map(canonical_json).unwrap_or_default().as_bytes());
        digester.part(&self.weight.get().to_bits().to_le_bytes());
        for tag in &self.tags {
            digester.part(tag.as_bytes());
        }
        let oracle = self.oracle.as_ref().map(ToString::to_string).unwrap_or_default();
        digester.part(oracle.as_bytes());
        digester.part(&self.max_output_tokens.map_or(0, |cap| cap.0).to_le_bytes());
        for (name, value) in &self.params {
            digester.part(name.as_bytes()).part(canonical_json(value).as_bytes());
        }
        digester.finish()
    }
}

/// What stays in memory of a prompt.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: PromptId,
    /// The index of its task in the settings.
    pub task: u16,
    /// Its weight.
    pub weight: Weight,
    /// Whether it carries the tag `adversarial`.
    pub adversarial: bool,
    /// An oracle in place of the task's.
    pub oracle: Option<OracleRef>,
    /// Where its record begins.
    offset: u64,
    /// How many bytes it has.
    len: u32,
    /// The number of its line, from 1.
    line: u32,
    /// The beginning of its digest, to notice when the file changes under a run.
    digest: [u8; 16],
}

/// Why a corpus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// What is written there is wrong.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not what it was when it was opened.
    #[error("{path} has changed while it was in use (line {line}): run the command again")]
    Changed {
        /// The file.
        path: String,
        /// The line.
        line: u32,
    },
}

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
    file: Mutex<File>,
    task_names: Vec<TaskName>,
}

/// The longest line that is read: 16 MiB.
const LONGEST: usize = 16 << 20;

impl Corpus {
    /// Opens and checks the corpus at `path`, called `shown` in messages. JSONL or CSV, by its extension, else by its
    /// first character.
    ///
    /// # Errors
    /// Every fault of the file, or that it cannot be read.
    pub fn open(path: &Path, shown: &str, config: &Config) -> Result<Self, CorpusError> {
        let mut file = disk::open(path).map_err(|error| {
            Faults::from(Fault::new(shown, error.to_string()).help("name a JSONL or CSV file"))
        })?;
        if path.is_dir() {
            let fault = Fault::new(shown, "this is a folder").help("name a JSONL or CSV file");
            return Err(Faults::from(fault).into());
        }
        let mut index = Index::new(shown, config);
        let form = if is_csv(path, &mut file)? {
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
            file: Mutex::new(disk::open(path)?),
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

    /// The indices, in the settings, of the tasks that have prompts, ascending.
    #[must_use]
    pub fn used_tasks(&self) -> Vec<u16> {
        let used: BTreeSet<u16> = self.entries.iter().map(|entry| entry.task).collect();
        used.into_iter().collect()
    }

    /// Reads the prompt at an index again.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it was.
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

fn is_csv(path: &Path, file: &mut File) -> Result<bool, CorpusError> {
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

/// A corpus while it is being read: entries, and every fault so far.
struct Index<'a> {
    shown: &'a str,
    config: &'a Config,
    tasks: HashMap<&'a str, u16>,
    seen: HashMap<PromptId, u32>,
    templates: HashMap<u16, BTreeSet<String>>,
    entries: Vec<Entry>,
    digests: Vec<[u8; 32]>,
    faults: Faults,
}

/// Where a record stands.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    len: usize,
    line: u32,
}

impl<'a> Index<'a> {
    fn new(shown: &'a str, config: &'a Config) -> Self {
        let tasks = config.tasks.iter().enumerate();
        Self {
            shown,
            config,
            tasks: tasks
                .filter_map(|(at, task)| Some((task.name.as_str(), u16::try_from(at).ok()?)))
                .collect(),
            seen: HashMap::new(),
            templates: HashMap::new(),
            entries: Vec::new(),
            digests: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Adds a fault of a line; `span` is in bytes of that line.
    fn fault(&mut self, line: u32, text: &str, span: std::ops::Range<usize>, message: String, help: String) {
        self.faults
            .push(Fault::new(self.shown, message).at(Excerpt::of_line(line as usize, text, span)).help(help));
    }

    /// Checks a record and keeps its entry; `text` is what a fault shows.
    fn add(&mut self, raw: RawPrompt, place: Place, text: &str) {
        let wide = text.len() - text.trim_start().len()..text.trim_end().len();
        let task_name = raw.task.clone().or_else(|| match self.config.tasks.as_slice() {
            // With a single task there is nothing to choose.
            [only] => Some(only.name.to_string()),
            _ => None,
        });
        let Some(task_name) = task_name else {
            let help = format!("add \"task\": one of {}", self.task_list());
            self.fault(place.line, text, wide, "the prompt names no task".to_owned(), help);
            return;
        };
        let Some((task, settings)) = self
            .tasks
            .get(task_name.as_str())
            .and_then(|at| Some((*at, self.config.tasks.get(usize::from(*at))?)))
        else {
            let near = nearest(&task_name, self.config.tasks.iter().map(|task| task.name.as_str()));
            let help = match near {
                Some(near) => {
                    format!("did you mean `{near}`? (or define [task.{task_name}] in route-prof.toml)")
                }
                None => format!("the tasks of route-prof.toml are {}", self.task_list()),
            };
            let span = find(text, &task_name).unwrap_or(wide);
            self.fault(place.line, text, span, format!("unknown task `{}`", task_name.escape_debug()), help);
            return;
        };
        let prompt = match line::prompt(raw, Some(&settings.name)) {
            Ok(prompt) => prompt,
            Err(problem) => {
                let span = problem.at.as_deref().and_then(|at| find(text, at)).unwrap_or(wide);
                self.fault(place.line, text, span, problem.message, problem.help);
                return;
            }
        };
        if let Some(problem) = self.template_problem(task, settings, &prompt.content) {
            self.fault(place.line, text, wide, problem.message, problem.help);
            return;
        }
        if let Some(first) = self.seen.insert(prompt.id.clone(), place.line) {
            let span = find(text, prompt.id.as_str()).unwrap_or(wide);
            let message = format!("the id `{}` is taken by line {first}", prompt.id.as_str().escape_debug());
            self.fault(place.line, text, span, message, "give each prompt an id of its own".to_owned());
            return;
        }
        let digest = prompt.digest();
        let mut short = [0; 16];
        short.copy_from_slice(&digest.bytes()[..16]);
        self.digests.push(*digest.bytes());
        self.entries.push(Entry {
            id: prompt.id,
            task,
            weight: prompt.weight,
            adversarial: prompt.tags.iter().any(|tag| tag == "adversarial"),
            oracle: prompt.oracle,
            offset: place.offset,
            len: u32::try_from(place.len).unwrap_or(u32::MAX),
            line: place.line,
            digest: short,
        });
    }

    fn task_list(&self) -> String {
        self.config.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What is wrong between a prompt's variables and its task's template.
    fn template_problem(&mut self, task: u16, settings: &Task, content: &Content) -> Option<line::Problem> {
        let Content::Vars(vars) = content else { return None };
        let Some(template) = &settings.template else {
            return Some(line::Problem {
                message: format!("`vars` need a template, and task `{}` has none", settings.name),
                help: "add `template` to the task in route-prof.toml, or write the prompt out".to_owned(),
                at: None,
            });
        };
        let wanted = self.templates.entry(task).or_insert_with(|| {
            let engine = minijinja::Environment::new();
            let names = engine.template_from_str(template).map(|t| t.undeclared_variables(false));
            names.unwrap_or_default().into_iter().collect()
        });
        let missing: Vec<&str> =
            wanted.iter().filter(|name| !vars.contains_key(*name)).map(String::as_str).collect();
        (!missing.is_empty()).then(|| line::Problem {
            message: format!("the template of task `{}` needs {}", settings.name, missing.join(", ")),
            help: "add them to `vars`".to_owned(),
            at: None,
        })
    }

    fn finish(mut self) -> Result<(Vec<Entry>, Digest), CorpusError> {
        if self.entries.is_empty() && self.faults.0.is_empty() {
            let help = "add a prompt a line, such as {\"id\": \"p1\", \"task\": \"...\", \"prompt\": \"...\", \"expected\": \"...\"}";
            self.faults.push(Fault::new(self.shown, "the corpus is empty").help(help));
        }
        if self.faults.0.is_empty() {
            let mut weight = vec![(0.0, false); self.config.tasks.len()];
            for entry in &self.entries {
                if let Some(sum) = weight.get_mut(usize::from(entry.task)) {
                    *sum = (sum.0 + entry.weight.get(), true);
                }
            }
            for ((sum, used), task) in weight.into_iter().zip(&self.config.tasks) {
                if used && sum <= 0.0 {
                    let message = format!("all prompts of task `{}` have weight 0", task.name);
                    self.faults
                        .push(Fault::new(self.shown, message).help("give at least one of them some weight"));
                }
            }
        }
        // In any order of the lines the corpus is the same corpus.
        self.digests.sort_unstable();
        let mut digester = Digester::new("route-prof corpus 1");
        for digest in &self.digests {
            digester.part(digest);
        }
        let digest = digester.finish();
        Ok(self.faults.into_result((self.entries, digest))?)
    }
}

/// Where a text stands in a line, as JSON or as it is.
fn find(line: &str, text: &str) -> Option<std::ops::Range<usize>> {
    if text.is_empty() {
        return None;
    }
    let quoted = Value::String(text.to_owned()).to_string();
    let at = line.find(&quoted).map(|at| at..at + quoted.len());
    at.or_else(|| line.find(text).map(|at| at..at + text.len()))
}
