//! `check`: is `router.toml` what today's inputs give, and does it still hold? A gate for CI; makes no calls.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{CheckArgs, Format, Global};
use super::evidence::{self, Answers, Basis};
use super::exit::{Exit, UsageError};
use super::programs::{ProgramFiles, Programs};
use super::project::Project;
use super::run_record::{JOURNAL, RunRecord};
use crate::console::{Console, escape};
use crate::corpus::Corpus;
use crate::disk;
use crate::ident::RunId;
use crate::record::Via;
use crate::router::{self, RouterDiff, RouterFile};
use crate::summary::NoticeLevel;

/// What the check found.
#[derive(Debug, Serialize)]
struct CheckReport {
    /// Whether the committed routes hold.
    fresh: bool,
    /// What the routes were computed from again; `None` when only digests could be compared.
    against: Option<String>,
    /// Trials that today's inputs ask for and that have no answer there.
    missing: u64,
    /// Questions to programs of oracles that have no answer there: `check` runs none.
    programs_missing: u64,
    /// How they get one, in words.
    #[serde(skip)]
    programs_remedy: &'static str,
    /// What must be mended before the routes serve anybody.
    errors: Vec<String>,
    diff: RouterDiff,
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

pub(crate) fn run(global: &Global, console: &Console, args: &CheckArgs) -> anyhow::Result<Exit> {
    let mut project = Project::load(global)?;
    let router_path = project.router(args.router.as_deref());
    let Some(committed) = disk::read_if_present(&router_path)? else {
        return Err(UsageError::with_help(
            format!("there is no {}", project.shown(&router_path)),
            "write it with `route-prof run CORPUS`, and commit it",
        ));
    };
    let committed_text = String::from_utf8_lossy(&committed).into_owned();
    let committed_file = router::parse(&committed_text).map_err(|error| {
        UsageError::with_help(
            format!("{} cannot be read: {error}", project.shown(&router_path)),
            "write it anew with `route-prof report latest`",
        )
    })?;
    let report = match find_against(&project, args, &committed_file)? {
        Some(against) => recompute(&mut project, args, against, &committed_text, &committed_file)?,
        None => digests_only(console, &project, args, &committed_file)?,
    };
    match global.format {
        Format::Json => console.out(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        Format::Human => console.out(&text(&project, &report, &router_path))?,
    }
    Ok(if report.fresh && report.errors.is_empty() { Exit::Fine } else { Exit::Gate })
}

fn find_against(
    project: &Project,
    args: &CheckArgs,
    committed: &RouterFile,
) -> anyhow::Result<Option<Against>> {
    let of_run = |folder: PathBuf| -> anyhow::Result<Against> {
        let record = RunRecord::read(&folder)?;
        Ok(Against {
            name: format!("run {}", record.id),
            corpus: record.corpus_file(&project.config.root),
            id: record.id.clone(),
            answers: evidence::journal_of(&folder),
            tape: record.tape.clone(),
            record: Some(record),
        })
    };
    if let Some(name) = &args.against {
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
        Some(folder) if folder.join(JOURNAL).is_file() => of_run(folder).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// Computes the routes again from stored answers and today's inputs.
fn recompute(
    project: &mut Project,
    args: &CheckArgs,
    against: Against,
    committed_text: &str,
    committed: &RouterFile,
) -> anyhow::Result<CheckReport> {
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
    let path = args.corpus.clone().unwrap_or(against.corpus);
    let corpus = Corpus::open(&path, &project.shown(&path), &project.config)?;
    let oracles = project.oracles(&corpus, &[])?;
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
    let rows = evidence::collect(&basis)?;
    let summary = evidence::summarise(&basis, &rows)?;
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
    Ok(CheckReport {
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
    })
}

/// Without answers at hand, what can be said is whether the inputs are those that the routes were made from.
fn digests_only(
    console: &Console,
    project: &Project,
    args: &CheckArgs,
    committed: &RouterFile,
) -> anyhow::Result<CheckReport> {
    console
        .note("there are no stored answers here: comparing digests only, without computing the routes again");
    let named = || project.config.root.join(&committed.evidence.corpus_file);
    let path = args.corpus.clone().unwrap_or_else(named);
    let corpus = Corpus::open(&path, &project.shown(&path), &project.config)?;
    let oracles = project.oracles(&corpus, &[])?;
    let today = evidence::evidence(project, &corpus, &oracles)?;
    let diff = router::diff_evidence(&committed.evidence, &today);
    Ok(CheckReport {
        fresh: diff.is_empty(),
        against: None,
        missing: 0,
        programs_missing: 0,
        programs_remedy: "",
        errors: Vec::new(),
        diff,
    })
}

fn text(project: &Project, report: &CheckReport, router: &Path) -> String {
    let router = project.shown(router);
    let against = report
        .against
        .as_deref()
        .map(|name| format!(" (computed from {})", escape(name)))
        .unwrap_or_default();
    let errors: String = report.errors.iter().map(|error| format!("error: {}\n", escape(error))).collect();
    if report.fresh {
        return format!("{router} is what today's inputs give{against}\n{errors}");
    }
    let mut text =
        errors + &format!("{router} is not what today's inputs give{against}\n{}", report.diff.to_text());
    if report.missing > 0 {
        text.push_str(&format!(
            "{} trials of today's inputs have no answer: measure them with `route-prof run`\n",
            report.missing
        ));
    } else if report.programs_missing > 0 {
        text.push_str(&format!(
            "{} questions to programs have no stored answer, because they never ran or have changed since: {}\n",
            report.programs_missing, report.programs_remedy
        ));
    } else {
        text.push_str("write it anew with `route-prof run` or `route-prof report latest`, look at the change, and commit it\n");
    }
    text
}
