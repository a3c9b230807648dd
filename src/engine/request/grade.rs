//! Grades a run's stored replies with today's oracles, and lists what flips. Makes no calls unless judges may be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::calls::QuestionsReport;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::save::{RouterUpdate, save};
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::basis::Basis;
use crate::engine::run::files::{JOURNAL, JUDGE_JOURNAL};
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::question::Purpose;
use crate::engine::run::rows::Rows;
use crate::engine::work::oracles::{lock, oracles};
use crate::engine::work::question::{ask, store};
use crate::ident::{OracleRef, PromptId, TaskName, TierName};
use crate::journal::fetch_at;
use crate::router::{self, RouterDiff};
use crate::summary::Summary;
use crate::units::Usd;

/// Which run to grade, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GradeRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// Versions that replace every other version of the same oracle.
    pub oracles: Vec<OracleRef>,
    /// The maximum number of flips that come with their reply.
    pub samples: usize,
    /// Whether to call judges where no verdict of theirs is stored.
    pub allow_judge: bool,
    /// The most that the run may cost, judges included.
    pub max_cost: Option<Usd>,
    /// Whether to save the new grades as those of the run.
    pub write: bool,
}

/// The result of grading a run again.
#[derive(Debug)]
pub struct GradeOutput {
    /// What changes.
    pub regrade: Regrade,
    /// The summary with the new grades.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
    /// Whether `router.toml` was updated; `None` if nothing was to be written.
    pub router: Option<RouterUpdate>,
    /// How the questions to judges ended.
    pub questions: QuestionsReport,
}

/// What changes with the new grades.
#[derive(Debug, Serialize)]
pub struct Regrade {
    /// The run.
    pub run: String,
    /// Number of graded replies.
    pub replies: u64,
    /// Verdicts that flip.
    pub flips: Vec<VerdictFlip>,
    /// Pass rates that change.
    pub cells: Vec<PassRateChange>,
    /// What changes in the routes.
    pub routes: RouterDiff,
    /// Whether the new grades were saved as those of the run.
    pub written: bool,
}

/// A reply whose verdict changes.
#[derive(Debug, Serialize)]
pub struct VerdictFlip {
    /// The prompt.
    pub prompt: PromptId,
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The verdict before.
    pub before: &'static str,
    /// The verdict now.
    pub after: &'static str,
    /// Why.
    pub reason: Option<String>,
    /// The beginning of the reply; only for the first flips.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The reference answer; only for the first flips.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<serde_json::Value>,
}

/// A pass rate that changes.
#[derive(Debug, Serialize)]
pub struct PassRateChange {
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The pass rate before; `None` without a graded trial.
    pub before: Option<f64>,
    /// The pass rate now.
    pub after: Option<f64>,
}

impl Engine {
    /// Grades a run's stored replies with today's oracles, and lists the verdicts, pass rates and routes that change.
    ///
    /// # Errors
    /// If the run does not exist, or an oracle has faults.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, GradeRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = GradeRequest { run: "latest".to_owned(), ..GradeRequest::default() };
    /// let output = engine.grade(&engine.open(None)?, &request)?;
    /// println!("{} verdicts flip", output.regrade.flips.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn grade(&self, project: &Project, request: &GradeRequest) -> Result<GradeOutput, Error> {
        Ok(grade(self, project.clone(), request)?)
    }
}

fn grade(engine: &Engine, project: Project, request: &GradeRequest) -> anyhow::Result<GradeOutput> {
    let past = PastRun::open(project, &request.run)?;
    let (project, folder, record) = (&past.project, &past.folder, &past.record);
    let oracles_after = oracles(project, &past.corpus, &request.oracles)?;
    // The grades of the run itself, by its own oracle versions.
    let oracles_before = oracles(project, &past.corpus, &past.versions()).map_err(|error| {
        error.context(UsageError::with_help(
            "the oracle versions that graded the run are needed to list what flips",
            "restore them: a version must not be deleted while a run refers to it",
        ))
    })?;
    let before_basis = past.graded_basis(&oracles_before);
    let before_rows = collect(engine, &before_basis)?;
    let before = summarise(&before_basis, &before_rows)?;

    let basis = past.grading_basis(&oracles_after);
    let mut rows = collect(engine, &basis)?;
    let mut asked = None;
    let mut open = std::mem::take(&mut rows.open);
    open.retain(|question| question.purpose == Purpose::Judge);
    if request.allow_judge && !open.is_empty() {
        let spent = store::billed(project.disk(), &folder.join(JOURNAL))?;
        let journal = folder.join(JUDGE_JOURNAL);
        asked = Some(ask::ask(engine, project, &journal, open, request.max_cost, spent)?);
        rows = collect(engine, &basis)?;
    }
    let summary = summarise(&basis, &rows)?;

    let parse = |summary: &Summary| router::parse(&router::write(summary));
    let regrade = Regrade {
        run: record.id.to_string(),
        replies: summary.run.answered,
        flips: flips(&basis, &before_rows, &rows, request.samples)?,
        cells: cells(&before, &summary),
        routes: router::diff(&parse(&before)?, &parse(&summary)?),
        written: request.write,
    };
    let mut router = None;
    if request.write {
        router = Some(save(&basis, &rows, &summary, folder, project.router(None))?);
        lock(engine, project)?;
    }
    let questions = QuestionsReport::of(&summary, asked);
    let folder = past.folder.clone();
    Ok(GradeOutput { regrade, summary, folder, router, questions })
}

/// How much of a reply is shown, in characters.
const SAMPLE: usize = 300;

fn flips(basis: &Basis<'_>, before: &Rows, after: &Rows, samples: usize) -> anyhow::Result<Vec<VerdictFlip>> {
    let config = &basis.project.config;
    let mut flips = Vec::new();
    for (at, (old, new)) in before.observations.iter().zip(&after.observations).enumerate() {
        let (Some(was), Some(is)) = (&old.verdict, &new.verdict) else { continue };
        if was.name() == is.name() {
            continue;
        }
        let entry = basis.corpus.entries().get(new.prompt as usize);
        let task = entry.and_then(|entry| config.tasks.get(usize::from(entry.task)));
        let tier = config.tiers.get(usize::from(new.tier));
        if let (Some(entry), Some(task), Some(tier)) = (entry, task, tier) {
            let (mut reply, mut expected) = (None, None);
            if flips.len() < samples
                && let Some((number, offset)) = after.places.get(at).copied().flatten()
                && let Some(answers) = basis.answers.get(usize::from(number))
            {
                let attempt = fetch_at(&mut *basis.project.disk().open(&answers.path)?, offset)?;
                reply = Some(attempt.text.chars().take(SAMPLE).collect());
                expected = basis.corpus.load(new.prompt as usize)?.expected;
            }
            flips.push(VerdictFlip {
                reply,
                expected,
                prompt: entry.id.clone(),
                task: task.name.clone(),
                tier: tier.name.clone(),
                before: was.name(),
                after: is.name(),
                reason: is.reason().or_else(|| was.reason()).map(str::to_owned),
            });
        }
    }
    Ok(flips)
}

fn cells(before: &Summary, after: &Summary) -> Vec<PassRateChange> {
    let mut old = BTreeMap::new();
    for task in &before.tasks {
        for cell in &task.cells {
            old.insert((task.name.clone(), cell.tier.clone()), cell.pass_rate.map(|rate| rate.mean));
        }
    }
    let mut changes = Vec::new();
    for task in &after.tasks {
        for cell in &task.cells {
            let now = cell.pass_rate.map(|rate| rate.mean);
            let was = old.get(&(task.name.clone(), cell.tier.clone())).copied().flatten();
            if was != now {
                changes.push(PassRateChange {
                    task: task.name.clone(),
                    tier: cell.tier.clone(),
                    before: was,
                    after: now,
                });
            }
        }
    }
    changes
}
