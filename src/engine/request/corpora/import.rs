//! What another tool wrote becomes a corpus, with oracles where it has assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::detect::ImportFormat;
use super::oracle_files::write_oracles;
use crate::corpus::import::mask::Mask;
use crate::corpus::import::promptfoo::Graders;
use crate::corpus::import::rules::{self, TaskOf};
pub use crate::corpus::import::table::Columns;
use crate::corpus::import::{Imported, OracleDraft, Skipped, fold, logs, promptfoo, table, to_jsonl};
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::ident::{ModelRef, TaskName};
use crate::oracle;

/// What is imported, and how.
#[derive(Clone, Debug)]
pub struct CorpusImport {
    /// What wrote it.
    pub from: ImportFormat,
    /// The file (a folder of a benchmark).
    pub file: PathBuf,
    /// The corpus to write (a folder for a benchmark).
    pub out: PathBuf,
    /// The folder for the oracles that assertions become.
    pub oracles: PathBuf,
    /// The task of every prompt, else one from the file's name.
    pub task: Option<TaskName>,
    /// Take the task from this field of a record (names with dots between them) or column.
    pub task_field: Option<String>,
    /// Take the task from rules on the prompt: a TOML file of `[[rule]]` tables with `task` and `match`.
    pub task_rules: Option<PathBuf>,
    /// Fold near-duplicates into one prompt that weighs as much as all of them.
    pub weight_by_frequency: bool,
    /// The share of shingles that near-duplicates have in common.
    pub near: f64,
    /// Mask personal data and keys.
    pub mask: bool,
    /// Who judges a rubric whose grader is not named, or not known here.
    pub judge: Option<ModelRef>,
    /// The embeddings model of a `similar` whose grader is not named, or not known here.
    pub embedding: Option<ModelRef>,
    /// The columns of a CSV.
    pub columns: Columns,
}

/// What an import came to.
#[derive(Debug)]
pub struct CorpusImported {
    /// Lines of the corpus that was written; none: nothing could be imported, and nothing was written.
    pub prompts: u64,
    /// The oracles that were written.
    pub oracles: Vec<PathBuf>,
    /// What has no counterpart, each with its place and the reason.
    pub skipped: Vec<Skipped>,
    /// How much was masked, by kind; `None` where nothing was to be.
    pub masked: Option<BTreeMap<&'static str, u64>>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The tasks of the prompts, each with an oracle where the import made one.
    pub tasks: BTreeMap<String, Option<String>>,
}

impl Engine {
    /// Makes a corpus, and oracles, of what another tool wrote.
    ///
    /// # Errors
    /// When the file cannot be read, or the corpus exists already: nothing is overwritten.
    pub fn import_corpus(&self, request: &CorpusImport) -> Result<CorpusImported, Error> {
        Ok(import(&self.world().disk, request)?)
    }
}

/// Refuses to write over what is there.
pub(super) fn refuse(path: &Path) -> anyhow::Error {
    UsageError::with_help(
        format!("{} is there already", path.display()),
        "name another file with --out, or move it away: nothing is overwritten",
    )
}

fn import(disk: &Disk, request: &CorpusImport) -> anyhow::Result<CorpusImported> {
    if disk.exists(&request.out) {
        return Err(refuse(&request.out));
    }
    let task = fallback_task(request)?;
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
        imported.notes.push(format!("{folded} of {read} prompts were near-duplicates: folded into weights"));
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
    Ok(CorpusImported {
        prompts: imported.lines.len() as u64,
        oracles,
        skipped: imported.skipped,
        masked,
        notes: imported.notes,
        tasks,
    })
}

fn fallback_task(request: &CorpusImport) -> anyhow::Result<TaskName> {
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
    request: &CorpusImport,
    task: &TaskName,
    imported: &mut Imported,
) -> anyhow::Result<()> {
    let task_of = match (&request.task_rules, &request.task_field) {
        (Some(path), _) => TaskOf::Rules(rules::read(disk, path)?),
        // A table has put its column into the lines already; a test suite has no records to look into.
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

/// Whom the oracles ask, because their providers must be in the settings, and what is left to do for drafts.
fn graders_note(oracles: &[OracleDraft]) -> Vec<String> {
    let models: BTreeSet<String> = oracles.iter().flat_map(OracleDraft::models).collect();
    let models: Vec<String> = models.into_iter().collect();
    let mut notes = Vec::new();
    if !models.is_empty() {
        notes.push(format!(
            "the oracles ask {}: the settings need a provider and a price of each",
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
