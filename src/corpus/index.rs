//! A corpus while it is being read: the entry that stays of each prompt, and every fault of the file.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::line::{self, RawPrompt};
use super::near::{Finder, NEAR_DUPLICATE, Sketch};
use super::prompt::Content;
use crate::config::{Config, Task};
use crate::diag::{Excerpt, Fault, Faults, nearest};
use crate::disk::DiskError;
use crate::ident::{Digest, Digester, OracleRef, PromptId};
use crate::units::Weight;

/// What stays in memory of a prompt.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: PromptId,
    /// The index of its task in the configuration.
    pub task: u16,
    /// Its weight.
    pub weight: Weight,
    /// The index of a prompt that stands for its cluster: the unit of evidence. Prompts of a task are of one cluster where they name
    /// the same one, or, where they name none, are near-duplicates.
    pub cluster: u32,
    /// Whether it carries the tag `adversarial`.
    pub adversarial: bool,
    /// An oracle in place of the task's.
    pub oracle: Option<OracleRef>,
    /// Where its record begins.
    pub(super) offset: u64,
    /// How many bytes it has.
    pub(super) len: u32,
    /// The number of its line, from 1.
    pub(super) line: u32,
    /// The beginning of its digest, to notice when the file changes under a run.
    pub(super) digest: [u8; 16],
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

/// The longest line that is read: 16 MiB.
pub(super) const LONGEST: usize = 16 << 20;

/// A corpus while it is being read: entries, and every fault so far.
pub(super) struct Index<'a> {
    pub(super) shown: &'a str,
    config: &'a Config,
    tasks: HashMap<&'a str, u16>,
    seen: HashMap<PromptId, u32>,
    templates: HashMap<u16, BTreeSet<String>>,
    entries: Vec<Entry>,
    digests: Vec<[u8; 32]>,
    alike: Vec<Alike>,
    faults: Faults,
}

/// The place of a record.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) line: u32,
}

impl<'a> Index<'a> {
    pub(super) fn new(shown: &'a str, config: &'a Config) -> Self {
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
            alike: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// Adds a fault of a line; `span` is in bytes of that line.
    pub(super) fn fault(
        &mut self,
        line: u32,
        text: &str,
        span: std::ops::Range<usize>,
        message: String,
        help: String,
    ) {
        self.faults
            .push(Fault::new(self.shown, message).at(Excerpt::of_line(line as usize, text, span)).help(help));
    }

    /// Checks a record and keeps its entry; `text` is what a fault shows.
    pub(super) fn add(&mut self, raw: RawPrompt, place: Place, text: &str) {
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
            let message =
                format!("the id `{}` is already used on line {first}", prompt.id.as_str().escape_debug());
            self.fault(place.line, text, span, message, "give each prompt its own id".to_owned());
            return;
        }
        let digest = prompt.digest();
        let mut short = [0; 16];
        short.copy_from_slice(&digest.bytes()[..16]);
        self.digests.push(*digest.bytes());
        self.alike.push(match prompt.cluster {
            Some(name) => Alike::Named(name),
            None => Alike::Text(Sketch::of(&prompt.content.of_user())),
        });
        self.entries.push(Entry {
            cluster: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
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
                help: "add `template` to the task in route-prof.toml, or use `prompt` instead".to_owned(),
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

    pub(super) fn finish(mut self) -> Result<(Vec<Entry>, Digest), CorpusError> {
        if self.entries.is_empty() && self.faults.0.is_empty() {
            let help = "add one prompt per line, such as {\"id\": \"p1\", \"task\": \"...\", \"prompt\": \"...\", \"expected\": \"...\"}";
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
                    self.faults.push(
                        Fault::new(self.shown, message).help("give at least one of them a weight above 0"),
                    );
                }
            }
        }
        self.form_clusters();
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

impl Index<'_> {
    /// Finds the cluster of each prompt. Near-duplicates are looked for in the order of the digests, so that the order of the lines
    /// does not matter.
    fn form_clusters(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_unstable_by_key(|at| self.digests.get(*at));
        let mut named: HashMap<(u16, &str), usize> = HashMap::new();
        let mut finders: HashMap<u16, Finder<'_>> = HashMap::new();
        for at in order {
            let (Some(alike), Some(entry)) = (self.alike.get(at), self.entries.get_mut(at)) else { continue };
            let cluster = match alike {
                Alike::Named(name) => *named.entry((entry.task, name)).or_insert(at),
                Alike::Text(sketch) => {
                    let finder = finders.entry(entry.task).or_insert_with(|| Finder::new(NEAR_DUPLICATE));
                    finder.place(at, sketch)
                }
            };
            entry.cluster = u32::try_from(cluster).unwrap_or(u32::MAX);
        }
    }
}

/// What a prompt's cluster is found by.
enum Alike {
    /// The name that the corpus gives.
    Named(String),
    /// What the user says.
    Text(Sketch),
}

/// The place of a text in a line, as JSON or verbatim.
pub(super) fn find(line: &str, text: &str) -> Option<std::ops::Range<usize>> {
    if text.is_empty() {
        return None;
    }
    let quoted = Value::String(text.to_owned()).to_string();
    let at = line.find(&quoted).map(|at| at..at + quoted.len());
    at.or_else(|| line.find(text).map(|at| at..at + text.len()))
}
