//! Checks whether `router.toml` matches today's inputs. Makes no calls.

use std::path::PathBuf;

use serde::Serialize;

use crate::corpus::Corpus;
use crate::diag::{self, UsageError};
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::event::Event;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::evidence::evidence;
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::basis::{Answers, Basis, ProgramFiles, Programs};
use crate::engine::run::files::JOURNAL;
use crate::engine::run::project::Project;
use crate::engine::run::record::RunRecord;
use crate::engine::work::oracles::oracles;
use crate::ident::RunId;
use crate::record::Via;
use crate::router::{self, RouterDiff, RouterEvidence, RouterFile};
use crate::summary::NoticeLevel;

/// What to check, and against which answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRequest {
    /// The run whose answers are used; `None` takes the configured recording, else the latest run.
    pub against: Option<String>,
    /// The corpus; `None` takes the one named by the run or by `router.toml`.
    pub corpus: Option<PathBuf>,
    /// The routing file; `None` takes the project's own.
    pub router: Option<PathBuf>,
}

/// The result of a check.
#[derive(Debug, Serialize)]
pub struct CheckOutput {
    /// Whether `router.toml` is up to date.
    pub fresh: bool,
    /// What the routes were recomputed from; `None` if only digests could be compared.
    pub against: Option<String>,
    /// Trials of today's inputs without a stored answer.
    pub missing: u64,
    /// Questions to oracle programs without a stored answer; `check` runs no program.
    pub programs_missing: u64,
    /// What to do about them.
    #[serde(skip)]
    pub programs_remedy: &'static str,
    /// Problems that must be fixed before the routes are deployed.
    pub errors: Vec<String>,
    /// Days since the oldest answer; `None` where no answer has a date, and for a recording, whose answers do not age.
    pub evidence_days: Option<u64>,
    /// When the answers came.
    #[serde(skip)]
    measured: Measured,
    /// What changed.
    pub diff: RouterDiff,
    /// The path of the routing file, for messages.
    #[serde(skip)]
    pub router: String,
}

/// Where answers come from, and for which corpus.
struct Against {
    name: String,
    corpus: PathBuf,
    id: RunId,
    answers: Answers,
    tape: Option<String>,
    record: Option<RunRecord>,
}

impl Engine {
    /// Recomputes the routes from stored answers and today's inputs, and compares `router.toml` with them.
    ///
    /// # Errors
    /// If there is no `router.toml`, or an input has faults. An outdated file is no error: see [`CheckOutput::fresh`].
    ///
    /// ```no_run
    /// # use route_prof::engine::{CheckRequest, Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let output = engine.check(&engine.open(None)?, &CheckRequest::default())?;
    /// assert!(output.fresh, "{}", output.diff.to_text());
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self, project: &Project, request: &CheckRequest) -> Result<CheckOutput, Error> {
        Ok(check(self, project.clone(), request)?)
    }
}

fn check(engine: &Engine, mut project: Project, request: &CheckRequest) -> anyhow::Result<CheckOutput> {
    let path = project.router(request.router.as_deref());
    let shown = diag::shown(&path);
    let Some(committed) = project.disk().read_if_present(&path)? else {
        return Err(UsageError::with_help(
            format!("there is no {shown}"),
            "write it with `route-prof run CORPUS`, and commit it",
        ));
    };
    let text = String::from_utf8_lossy(&committed).into_owned();
    let file = router::parse(&text).map_err(|error| {
        UsageError::with_help(
            format!("{shown} cannot be read: {error}"),
            "write it again with `route-prof report latest`",
        )
    })?;
    let checked = match find_against(&project, request, &file)? {
        Some(against) => recompute(engine, &mut project, request, against, &text, &file)?,
        None => digests_only(engine, &project, request, &file)?,
    };
    let (mut errors, evidence_days) = (checked.errors, age(engine, &checked.measured));
    let most = u64::from(project.config.policy.evidence_max_days);
    if let Some((days, measured)) = evidence_days.zip(checked.measured.day.as_ref())
        && most > 0
        && days > most
    {
        errors.push(format!(
            "the evidence is {days} days old (its oldest answer is of {measured}), and policy.evidence_max_days allows {most}: \
             measure again with `route-prof run {} --fresh`",
            file.evidence.corpus_file
        ));
    }
    Ok(CheckOutput { router: shown, errors, evidence_days, ..checked })
}

/// When the answers came, and whether they are a replay: models change, a recording does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Measured {
    day: Option<String>,
    replayed: bool,
}

impl Measured {
    fn of(evidence: &RouterEvidence) -> Self {
        let replayed = evidence.source.starts_with("recording") || evidence.source == "script";
        Self { day: evidence.measured.clone(), replayed }
    }
}

/// The days since the oldest answer; `None` where no date is known, and for a replay.
fn age(engine: &Engine, measured: &Measured) -> Option<u64> {
    let day: jiff::civil::Date = measured.day.as_ref().filter(|_| !measured.replayed)?.parse().ok()?;
    let today = engine.world().clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    Some(u64::try_from(day.until(today).ok()?.get_days()).unwrap_or(0))
}

fn find_against(
    project: &Project,
    request: &CheckRequest,
    committed: &RouterFile,
) -> anyhow::Result<Option<Against>> {
    let of_run = |folder: PathBuf| -> anyhow::Result<Against> {
        let record = RunRecord::read(project.disk(), &folder)?;
        Ok(Against {
            name: format!("run {}", record.id),
            corpus: record.corpus_file(&project.config.root),
            id: record.id.clone(),
            answers: Answers::of_run(&folder),
            tape: record.tape.clone(),
            record: Some(record),
        })
    };
    if let Some(name) = &request.against {
        return of_run(project.find_run(name)?).map(Some);
    }
    if let Some(tape) = &project.config.tape {
        project.require_tape(&tape.file)?;
        let name = project.relative(&tape.file);
        return Ok(Some(Against {
            name: format!("recording {name}"),
            corpus: project.config.root.join(&committed.evidence.corpus_file),
            id: RunId::new("check")?,
            answers: Answers { path: tape.file.clone(), via: Some(Via::Tape) },
            tape: Some(name),
            record: None,
        }));
    }
    match project.latest()? {
        Some(folder) if project.disk().is_file(&folder.join(JOURNAL)) => of_run(folder).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// Recomputes the routes from stored answers and today's inputs.
fn recompute(
    engine: &Engine,
    project: &mut Project,
    request: &CheckRequest,
    against: Against,
    committed_text: &str,
    committed: &RouterFile,
) -> anyhow::Result<CheckOutput> {
    match &against.record {
        Some(record) => record.apply(project)?,
        // `router.toml` shows whether the fallbacks were measured too, and whether the run stopped early.
        None => {
            if committed.route.values().any(|route| !route.same_class.is_empty()) {
                project.measure_fallbacks()?;
            }
            project.config.run.stop_early = committed.evidence.stop_alpha.is_some();
            project.config.run.complete = committed.evidence.stop_complete.unwrap_or_default();
        }
    }
    let project = &*project;
    let path = request.corpus.clone().unwrap_or(against.corpus);
    let corpus = Corpus::open(project.disk(), &path, &diag::shown(&path), &project.config)?;
    let oracles = oracles(project, &corpus, &[])?;
    let plan = project.plan(&corpus)?;
    let no_programs = ProgramFiles::new();
    let basis = Basis {
        project,
        corpus: &corpus,
        plan: &plan,
        oracles: &oracles,
        corpus_name: project.relative(&path),
        id: against.id,
        answers: vec![against.answers],
        tape: against.tape,
        programs: Programs::Stored { graded_by: &no_programs },
    };
    let rows = collect(engine, &basis)?;
    let summary = summarise(&basis, &rows)?;
    let fresh_text = router::write(&summary);
    let fresh = router::parse(&fresh_text)?;
    // Line endings aside: a checkout may have converted them.
    let same = committed_text.replace("\r\n", "\n") == fresh_text;
    let mut diff = router::diff(committed, &fresh);
    if !same && diff.is_empty() {
        diff.changed.push("the file's text (another version of route-prof, or an edit by hand)".to_owned());
    }
    let errors = summary.notices.iter().filter(|notice| notice.level == NoticeLevel::Error);
    let errors = errors.map(|notice| notice.text.clone()).collect();
    Ok(CheckOutput {
        fresh: same,
        against: Some(against.name),
        missing: summary.run.missing,
        programs_missing: rows.programs_missing,
        programs_remedy: if basis.tape.is_some() {
            "replay the recording with `route-prof run`, and record it again with --record-tape"
        } else {
            "run them with `route-prof run` or `route-prof grade --write`"
        },
        errors,
        evidence_days: None,
        measured: Measured::of(&fresh.evidence),
        diff,
        router: String::new(),
    })
}

/// Compares digests: without stored answers, all that can be checked is whether the inputs are those of the routes.
fn digests_only(
    engine: &Engine,
    project: &Project,
    request: &CheckRequest,
    committed: &RouterFile,
) -> anyhow::Result<CheckOutput> {
    engine.emit(Event::ComparingDigests);
    let named = || project.config.root.join(&committed.evidence.corpus_file);
    let path = request.corpus.clone().unwrap_or_else(named);
    let corpus = Corpus::open(project.disk(), &path, &diag::shown(&path), &project.config)?;
    let oracles = oracles(project, &corpus, &[])?;
    let today = evidence(project, &corpus, &oracles)?;
    let diff = router::diff_evidence(&committed.evidence, &today);
    Ok(CheckOutput {
        fresh: diff.is_empty(),
        against: None,
        missing: 0,
        programs_missing: 0,
        programs_remedy: "",
        errors: Vec::new(),
        evidence_days: None,
        measured: Measured::of(&committed.evidence),
        diff,
        router: String::new(),
    })
}
