//! Decides a run anew with today's policy, prices and traffic, by the grades that it has. No calls.

use std::path::PathBuf;

use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::calls::QuestionsAsked;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::save::{RouterWritten, save};
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::record::RunRecord;
use crate::engine::work::oracles::oracles;
use crate::grade::OracleSet;
use crate::summary::Summary;

/// Which run is decided anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// The routing config to write, else the project's own.
    pub router: Option<PathBuf>,
}

/// A run decided anew.
#[derive(Debug)]
pub struct Reported {
    /// Evidence, decisions and projection of today.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
    /// What became of the routing config.
    pub router: RouterWritten,
    /// Whether the corpus has changed since the run: prompts that were not measured then count as missing.
    pub corpus_changed: bool,
    /// Questions to programs of oracles that have no stored answer: what hangs on them is ungraded.
    pub programs_missing: u64,
    /// Questions to judges that have none.
    pub questions: QuestionsAsked,
}

impl Engine {
    /// Decides a run anew and writes its results and `router.toml`, without a call.
    ///
    /// # Errors
    /// When there is no such run, or an oracle version is not what it was when it graded.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReportRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = ReportRequest { run: "latest".to_owned(), router: None };
    /// let reported = engine.report(&engine.open(None)?, &request)?;
    /// println!("{} prompts", reported.summary.run.prompts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self, project: &Project, request: &ReportRequest) -> Result<Reported, Error> {
        Ok(report(self, project.clone(), request)?)
    }
}

fn report(engine: &Engine, project: Project, request: &ReportRequest) -> anyhow::Result<Reported> {
    let past = PastRun::open(project, &request.run)?;
    let oracles = graded_by(&past)?;
    let basis = past.basis(&oracles);
    let rows = collect(engine, &basis)?;
    let summary = summarise(&basis, &rows)?;
    let router = past.project.router(request.router.as_deref());
    let router = save(&basis, &rows, &summary, &past.folder, router)?;
    Ok(Reported {
        router,
        corpus_changed: past.corpus.digest() != past.record.corpus_digest,
        programs_missing: rows.programs_missing,
        questions: QuestionsAsked::of(&summary, None),
        folder: past.folder.clone(),
        summary,
    })
}

/// The oracle versions that graded a run. Grades are a function of the reply and the oracle's version, so each version must still
/// say what it said.
pub(crate) fn graded_by(past: &PastRun) -> anyhow::Result<OracleSet<'_>> {
    let oracles = oracles(&past.project, &past.corpus, &past.versions())?;
    unchanged(&past.record, &oracles)?;
    Ok(oracles)
}

fn unchanged(record: &RunRecord, oracles: &OracleSet<'_>) -> anyhow::Result<()> {
    for (oracle, digest) in oracles.used() {
        if record.oracles.get(&oracle).is_some_and(|then| *then != digest) {
            return Err(UsageError::with_help(
                format!("{oracle} is not what it was when it graded run {}", record.id),
                "restore it and put the change into a new version, or take the new grades with `route-prof grade --write`",
            ));
        }
    }
    Ok(())
}
