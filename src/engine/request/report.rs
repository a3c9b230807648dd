//! Recomputes a run's routes with today's policy, prices and traffic, from its grades. Makes no calls.

use std::path::PathBuf;

use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::calls::QuestionsReport;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::save::{RouterUpdate, save};
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::record::RunRecord;
use crate::engine::work::oracles::oracles;
use crate::grade::OracleSet;
use crate::summary::Summary;

/// Which run to recompute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// The routing file to write; `None` takes the project's own.
    pub router: Option<PathBuf>,
}

/// The recomputed run.
#[derive(Debug)]
pub struct ReportOutput {
    /// Evidence, decisions and projection.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
    /// Whether `router.toml` was updated.
    pub router: RouterUpdate,
    /// Whether the corpus has changed since the run. Prompts that were not measured count as missing.
    pub corpus_changed: bool,
    /// Questions to oracle programs without a stored answer; their replies are ungraded.
    pub programs_missing: u64,
    /// Questions to judges without a stored answer.
    pub questions: QuestionsReport,
}

impl Engine {
    /// Recomputes a run's routes, and writes its results and `router.toml`. Makes no calls.
    ///
    /// # Errors
    /// If the run does not exist, or an oracle version that graded it was edited.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReportRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = ReportRequest { run: "latest".to_owned(), router: None };
    /// let output = engine.report(&engine.open(None)?, &request)?;
    /// println!("{} prompts", output.summary.run.prompts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self, project: &Project, request: &ReportRequest) -> Result<ReportOutput, Error> {
        Ok(report(self, project.clone(), request)?)
    }
}

fn report(engine: &Engine, project: Project, request: &ReportRequest) -> anyhow::Result<ReportOutput> {
    let past = PastRun::open(project, &request.run)?;
    let oracles = graded_by(&past)?;
    let basis = past.basis(&oracles);
    let rows = collect(engine, &basis)?;
    let summary = summarise(&basis, &rows)?;
    let router = past.project.router(request.router.as_deref());
    let router = save(&basis, &rows, &summary, &past.folder, router)?;
    Ok(ReportOutput {
        router,
        corpus_changed: past.corpus.digest() != past.record.corpus_digest,
        programs_missing: rows.programs_missing,
        questions: QuestionsReport::of(&summary, None),
        folder: past.folder.clone(),
        summary,
    })
}

/// The oracle versions that graded a run. A grade depends on the reply and the oracle's version, so the versions must be
/// unchanged.
pub(crate) fn graded_by(past: &PastRun) -> anyhow::Result<OracleSet<'_>> {
    let oracles = oracles(&past.project, &past.corpus, &past.versions())?;
    unchanged(&past.record, &oracles)?;
    Ok(oracles)
}

fn unchanged(record: &RunRecord, oracles: &OracleSet<'_>) -> anyhow::Result<()> {
    for (oracle, digest) in oracles.used() {
        if record.oracles.get(&oracle).is_some_and(|then| *then != digest) {
            return Err(UsageError::with_help(
                format!("{oracle} was edited after it graded run {}", record.id),
                "restore it and put the change into a new version, or save the new grades with `route-prof grade --write`",
            ));
        }
    }
    Ok(())
}
