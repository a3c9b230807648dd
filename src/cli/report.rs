//! `report`: decides and renders a run anew with today's policy, prices and traffic. No calls.

use super::args::{Global, ReportArgs};
use super::evidence::{self, Basis};
use super::exit::{Exit, UsageError};
use super::outputs::{self, Router};
use super::project::Project;
use super::run_record::RunRecord;
use crate::console::{Console, escape};
use crate::ident::OracleRef;

pub(crate) fn run(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    let mut project = Project::load(global)?;
    let folder = project.find_run(&args.run)?;
    let record = RunRecord::read(&folder)?;
    project.config.run.repeats = record.repeats;
    project.config.run.seed = record.seed;
    let corpus = project.corpus(&record.corpus_file(&project.config.root))?;
    if corpus.digest() != record.corpus_digest {
        console.warn(&format!(
            "{} has changed since the run: prompts that were not measured then count as missing",
            escape(&record.corpus)
        ));
    }
    // Today's policy, prices and traffic, but the grades of the run: `grade` is for other oracles.
    let swap: Vec<OracleRef> = record.oracles.keys().cloned().collect();
    let oracles = project.oracles(&corpus, &swap)?;
    same_oracles(&record, &oracles)?;
    let plan = project.plan(&corpus)?;
    let basis = Basis {
        project: &project,
        corpus: &corpus,
        plan: &plan,
        oracles: &oracles,
        corpus_name: record.corpus.clone(),
        id: record.id.clone(),
        answers: vec![evidence::journal_of(&folder)],
        tape: record.tape.clone(),
    };
    let rows = evidence::collect(&basis)?;
    let summary = evidence::summarise(&basis, &rows)?;
    let router = project.router(args.router.as_deref());
    let router = if summary.run.missing == 0 { Router::Write(&router) } else { Router::Withhold };
    outputs::write(&basis, &rows, &summary, &folder, router)?;
    outputs::show(global, console, &summary)?;
    outputs::tell_files(console, &project, &folder, router);
    if summary.run.missing > 0 {
        console.warn(&format!(
            "{} of {} trials have no answer in this run; measure them with `route-prof run {}`",
            summary.run.missing,
            summary.run.trials,
            escape(&record.corpus)
        ));
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Fine)
}

/// Grades are a function of the reply and the oracle's version, so the version must still say what it said.
fn same_oracles(record: &RunRecord, oracles: &crate::grade::OracleSet<'_>) -> anyhow::Result<()> {
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
