//! Imports another tool's file as a corpus, with oracles made from its assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::detect::ImportFormat;
use super::oracle_files::write_oracles;
use crate::corpus::import::mask::Mask;
use crate::corpus::import::promptfoo::Graders;
use crate::corpus::import::rules::{self, TaskOf};
pub use crate::corpus::import::table::Columns;
use crate::corpus::import::{Imported, OracleDraft, Skipped, fold, logs, promptfoo, table, to_jsonl};
use crate::corpus::near::NEAR_DUPLICATE;
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::ident::{ModelRef, TaskName};
use crate::oracle;

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct CorpusImportRequest {
    /// The format.
    pub from: ImportFormat,
    /// The file.
    pub file: PathBuf,
    /// The corpus to write.
    pub out: PathBuf,
    /// The folder for the oracles made from assertions.
    pub oracles: PathBuf,
    /// The task of every prompt; `None` derives it from the file's name.
    pub task: Option<TaskName>,
    /// Takes the task from this field of a record (`a.b.c`) or this column.
    pub task_field: Option<String>,
    /// Takes the task from rules on the prompt: a TOML file of `[[rule]]` tables with `task` and `match`.
    pub task_rules: Option<PathBuf>,
    /// Merges duplicates and near-duplicates into one prompt with the weight of all of them.
    pub weight_by_frequency: bool,
    /// The share of three-word sequences that near-duplicates have in common.
    pub near: f64,
    /// Masks personal data and keys.
    pub mask: bool,
    /// The judge for rubrics whose grader is missing or unknown.
    pub judge: Option<ModelRef>,
    /// The embeddings model for `similar` assertions whose grader is missing or unknown.
    pub embedding: Option<ModelRef>,
    /// The columns of a CSV.
    pub columns: Columns,
}

impl CorpusImportRequest {
    /// An import of a file as it is, with oracles beside the new corpus.
    #[must_use]
    pub fn new(from: ImportFormat, file: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        let out = out.into();
        Self {
            from,
            file: file.into(),
            oracles: out.with_file_name("oracles"),
            out,
            task: None,
            task_field: None,
            task_rules: None,
            weight_by_frequency: false,
            near: NEAR_DUPLICATE,
            mask: false,
            judge: None,
            embedding: None,
            columns: Columns::default(),
        }
    }
}

/// The result of an import.
#[derive(Debug)]
pub struct CorpusImportOutput {
    /// Prompts in the corpus that was written; 0 if nothing could be imported, and no corpus was written.
    pub prompts: u64,
    /// The oracles that were written.
    pub oracles: Vec<PathBuf>,
    /// What could not be converted, with its place and the reason.
    pub skipped: Vec<Skipped>,
    /// What was masked, counted by kind; `None` if masking was not asked for.
    pub masked: Option<BTreeMap<&'static str, u64>>,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// The tasks of the prompts, each with its oracle if the import made one.
    pub tasks: BTreeMap<String, Option<String>>,
}

impl Engine {
    /// Imports another tool's file as a corpus and oracles.
    ///
    /// # Errors
    /// If the file cannot be read, or the corpus already exists: nothing is overwritten.
    ///
    /// ```
    /// use route_prof::engine::{CorpusImportRequest, Engine, ImportFormat};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let (file, out) = (folder.path().join("evals.jsonl"), folder.path().join("sums.jsonl"));
    /// std::fs::write(&file, r#"{"input": [{"role": "user", "content": "2 + 2?"}], "ideal": "4"}"#)?;
    /// let request = CorpusImportRequest::new(ImportFormat::Evals, file, &out);
    /// assert_eq!(Engine::new().import_corpus(&request)?.prompts, 1);
    /// assert!(out.is_file());
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_corpus(&self, request: &CorpusImportRequest) -> Result<CorpusImportOutput, Error> {
        Ok(import(&self.world().disk, request)?)
    }
}

/// The refusal to overwrite a file.
pub(super) fn refuse(path: &Path) -> anyhow::Error {
    UsageError::with_help(
        format!("{} already exists", path.display()),
        "choose another file with --out, or move this one: nothing is overwritten",
    )
}

fn import(disk: &Disk, request: &CorpusImportRequest) -> anyhow::Result<CorpusImportOutput> {
    if disk.exists(&request.out) {
        return Err(refuse(&request.out));
    }
    let task = default_task(request)?;
    let mut imported = match request.from {
        ImportFormat::Promptfoo => promptfoo::import(
            disk,
            &request.file,
            task.as_str(),
            &Graders { judge: request.judge.clone(), embedding: request.embedding.clone() },
        )?,
        ImportFormat::Evals => table::evals(disk, &request.file)?,
        ImportFormat::Csv => table::csv(disk, &request.file, &request.columns)?,
        ImportFormat::Litellm => logs::litellm(disk, &request.file)?,
        ImportFormat::Otel => logs::otel(disk, &request.file)?,
        ImportFormat::Langfuse => logs::langfuse(disk, &request.file)?,
        ImportFormat::Zeroeval | ImportFormat::Routellm => Imported::default(),
    };
    give_tasks(disk, request, &task, &mut imported)?;
    let mut masked = None;
    if request.mask {
        let mut mask = Mask::default();
        imported.lines.iter_mut().for_each(|line| mask.line(line));
        masked = Some(mask.counts().clone());
    }
    let read = imported.lines.len();
    if request.weight_by_frequency {
        let (lines, folded) = fold::fold(std::mem::take(&mut imported.lines), request.near);
        imported.lines = lines;
        imported.notes.push(format!("merged {folded} duplicates and near-duplicates of {read} into weights"));
    }
    let good = usable(&request.file, &mut imported);
    imported.notes.extend(graders_note(&good));
    let oracles = write_oracles(disk, &request.oracles, &good)?;
    if !imported.lines.is_empty() {
        disk.replace(&request.out, to_jsonl(&imported.lines).as_bytes())?;
        imported.skipped.sort();
    }
    let mut tasks: BTreeMap<String, Option<String>> = BTreeMap::new();
    for line in &imported.lines {
        let oracle = tasks.entry(line.task.clone().unwrap_or_default()).or_default();
        if oracle.is_none() {
            oracle.clone_from(&line.oracle);
        }
    }
    Ok(CorpusImportOutput {
        prompts: imported.lines.len() as u64,
        oracles,
        skipped: imported.skipped,
        masked,
        notes: imported.notes,
        tasks,
    })
}

fn default_task(request: &CorpusImportRequest) -> anyhow::Result<TaskName> {
    if let Some(task) = &request.task {
        return Ok(task.clone());
    }
    let stem = request.file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    Ok(TaskName::new(plain.trim_matches('-')).or_else(|_| TaskName::new("imported"))?)
}

fn give_tasks(
    disk: &Disk,
    request: &CorpusImportRequest,
    task: &TaskName,
    imported: &mut Imported,
) -> anyhow::Result<()> {
    let task_of = match (&request.task_rules, &request.task_field) {
        (Some(path), _) => TaskOf::Rules(rules::read(disk, path)?),
        // A table has already put its column into the lines; a test suite has no records.
        (None, Some(field)) if !imported.records.is_empty() => TaskOf::Field(field.clone()),
        (None, Some(_)) => return Ok(()),
        (None, None) => TaskOf::One(task.clone()),
    };
    rules::apply(imported, &request.file.display().to_string(), &task_of);
    Ok(())
}

/// The oracles that this program can read and whose self-tests come out as promptfoo's documentation says. The others are
/// listed, and their lines go to their task's oracle.
fn usable(file: &Path, imported: &mut Imported) -> Vec<OracleDraft> {
    let mut good = Vec::new();
    for draft in std::mem::take(&mut imported.oracles) {
        let id = draft.id.to_string();
        let why = match draft.to_toml() {
            None => Some("it holds null, which TOML cannot say".to_owned()),
            Some(text) => match oracle::file::read(&id, &id, &text) {
                Ok(oracle) => oracle
                    .self_test(&oracle::AnswerBook::default())
                    .first()
                    .map(|failure| format!("its self-test fails: {}", failure.why)),
                Err(faults) => faults.0.first().map(|fault| fault.message.clone()),
            },
        };
        let Some(reason) = why else {
            good.push(draft);
            continue;
        };
        let lines = imported.lines.iter_mut().filter(|line| line.oracle.as_deref() == Some(&id));
        let names: Vec<String> = lines
            .map(|line| {
                line.oracle = None;
                line.id.clone().unwrap_or_default()
            })
            .collect();
        imported.skipped.push(Skipped {
            file: file.display().to_string(),
            place: names.join(", "),
            what: draft.description,
            reason,
        });
    }
    good
}

/// Whom the oracles ask, because their providers must be in the configuration, and what is left to do for drafts.
fn graders_note(oracles: &[OracleDraft]) -> Vec<String> {
    let models: BTreeSet<String> = oracles.iter().flat_map(OracleDraft::models).collect();
    let models: Vec<String> = models.into_iter().collect();
    let mut notes = Vec::new();
    if !models.is_empty() {
        notes.push(format!(
            "the oracles ask {}: route-prof.toml needs a provider and a price for each",
            models.join(", ")
        ));
    }
    let drafts = oracles.iter().filter(|oracle| oracle.is_draft()).count();
    if drafts > 0 {
        notes.push(format!(
            "drafts among the oracles: {drafts}, because only people know which answers meet a rubric; `route-prof oracle check` \
             says which examples each lacks"
        ));
    }
    notes
}
