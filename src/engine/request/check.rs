//! Is `router.toml` what today's inputs give, and does it still hold? Makes no calls.

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
use crate::router::{self, RouterDiff, RouterFile};
use crate::summary::NoticeLevel;

/// What is checked, against what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRequest {
    /// The run whose answers are used, else the settings' recording, else the latest run.
    pub against: Option<String>,
    /// The corpus, else the one that the run, or `router.toml`, names.
    pub corpus: Option<PathBuf>,
    /// The routing config, else the project's own.
    pub router: Option<PathBuf>,
}

/// What the check found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether the committed routes hold.
    pub fresh: bool,
    /// What the routes were computed from again; `None` when only digests could be compared.
    pub against: Option<String>,
    /// Trials that today's inputs ask for and that have no answer there.
    pub missing: u64,
    /// Questions to programs of oracles that have no answer there: `check` runs none.
    pub programs_missing: u64,
    /// How they get one, in words.
    #[serde(skip)]
    pub programs_remedy: &'static str,
    /// What must be mended before the routes serve anybody.
    pub errors: Vec<String>,
    /// What changed.
    pub diff: RouterDiff,
    /// The routing config, as it is shown.
    #[serde(skip)]
    pub router: String,
}

/// Where answers come from, and of which corpus.
struct Against {
    name: String,
    corpus: PathBuf,
    id: RunId,
    answers: Answers,
    tape: Option<String>,
    record: Option<RunRecord>,
}

impl Engine {
    /// Computes the routes again from stored answers and today's inputs, and holds `router.toml` against them.
    ///
    /// # Errors
    /// When there is no `router.toml`, or an input is at fault. That it is stale is no error: see [`Checked::fresh`].
    ///
    /// ```no_run
    /// # use route_prof::engine::{CheckRequest, Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let checked = engine.check(&engine.open(None)?, &CheckRequest::default())?;
    /// assert!(checked.fresh, "{}", checked.diff.to_text());
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self, project: &Project, request: &CheckRequest) -> Result<Checked, Error> {
        Ok(check(self, project.clone(), request)?)
    }
}

fn check(engine: &Engine, mut project: Project, request: &CheckRequest) -> anyhow::Result<Checked> {
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
            "write it anew with `route-prof report latest`",
        )
    })?;
    let checked = match find_against(&project, request, &file)? {
        Some(against) => recompute(engine, &mut project, request, against, &text, &file)?,
        None => digests_only(engine, &project, request, &file)?,
    };
    Ok(Checked { router: shown, ..checked })
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

/// Computes the routes again from stored answers and today's inputs.
fn recompute(
    engine: &Engine,
    project: &mut Project,
    request: &CheckRequest,
    against: Against,
    committed_text: &str,
    committed: &RouterFile,
) -> anyhow::Result<Checked> {
    match &against.record {
        Some(record) => record.apply(project)?,
        // The file itself says whether the recording was asked for the fallbacks too, and how much of it.
        None => {
            if committed.route.values().any(|route| !route.same_class.is_empty()) {
                project.measure_fallbacks()?;
            }
            project.config.run.stop_early = committed.evidence.stop_alpha.is_some();
        }
    }
    let project = &*project;
    let path = request.corpus.clone().unwrap_or(against.corpus);
    let corpus = Corpus::open(project.disk(), &path, &diag::shown(&path), &project.config)?;
    let oracles = oracles(project, &corpus, &[])?;
    let plan = project.plan(&corpus)?;
    let then = ProgramFiles::new();
    let basis = Basis {
        project,
        corpus: &corpus,
        plan: &plan,
        oracles: &oracles,
        corpus_name: project.relative(&path),
        id: against.id,
        answers: vec![against.answers],
        tape: against.tape,
        programs: Programs::Stored { then: &then },
    };
    let rows = collect(engine, &basis)?;
    let summary = summarise(&basis, &rows)?;
    let fresh_text = router::write(&summary);
    let fresh = router::parse(&fresh_text)?;
    // Line breaks aside: a checkout may have made them its own.
    let same = committed_text.replace("\r\n", "\n") == fresh_text;
    let mut diff = router::diff(committed, &fresh);
    if !same && diff.is_empty() {
        diff.changed.push("the file's text (another version of route-prof, or an edit by hand)".to_owned());
    }
    let errors = summary.notices.iter().filter(|notice| notice.level == NoticeLevel::Error);
    let errors = errors.map(|notice| notice.text.clone()).collect();
    Ok(Checked {
        fresh: same,
        against: Some(against.name),
        missing: summary.run.missing,
        programs_missing: rows.programs_missing,
        programs_remedy: if basis.tape.is_some() {
            "replay the recording with `route-prof run`, and have it written anew with --record-tape"
        } else {
            "ask them with `route-prof run` or `route-prof grade --write`"
        },
        errors,
        diff,
        router: String::new(),
    })
}

/// Without answers at hand, what can be said is whether the inputs are those that the routes were made from.
fn digests_only(
    engine: &Engine,
    project: &Project,
    request: &CheckRequest,
    committed: &RouterFile,
) -> anyhow::Result<Checked> {
    engine.tell(Event::DigestsOnly);
    let named = || project.config.root.join(&committed.evidence.corpus_file);
    let path = request.corpus.clone().unwrap_or_else(named);
    let corpus = Corpus::open(project.disk(), &path, &diag::shown(&path), &project.config)?;
    let oracles = oracles(project, &corpus, &[])?;
    let today = evidence(project, &corpus, &oracles)?;
    let diff = router::diff_evidence(&committed.evidence, &today);
    Ok(Checked {
        fresh: diff.is_empty(),
        against: None,
        missing: 0,
        programs_missing: 0,
        programs_remedy: "",
        errors: Vec::new(),
        diff,
        router: String::new(),
    })
}
