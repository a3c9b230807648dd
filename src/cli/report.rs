//! `report`: decides and renders a run anew with today's policy, prices and traffic. No calls.

use super::args::{Global, ReportArgs};
use super::evidence;
use super::exit::{Exit, UsageError};
use super::judging;
use super::outputs::{self, Router};
use super::past_run::PastRun;
use super::run_record::RunRecord;
use crate::console::{Console, escape};

pub(crate) fn run(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    let past = PastRun::open(global, &args.run)?;
    let (project, record) = (&past.project, &past.record);
    if past.corpus.digest() != record.corpus_digest {
        console.warn(&format!(
            "{} has changed since the run: prompts that were not measured then count as missing",
            escape(&record.corpus)
        ));
    }
    // Today's policy, prices and traffic, but the grades of the run: `grade` is for other oracles.
    let oracles = project.oracles(&past.corpus, &past.versions())?;
    same_oracles(record, &oracles)?;
    let basis = past.basis(&oracles);
    let rows = evidence::collect(&basis)?;
    let summary = evidence::summarise(&basis, &rows)?;
    let router = project.router(args.router.as_deref());
    let router = if outputs::is_whole(&summary) { Router::Write(&router) } else { Router::Withhold };
    outputs::write(&basis, &rows, &summary, &past.folder, router)?;
    outputs::show(global, console, &summary)?;
    outputs::tell_files(console, project, &past.folder, router);
    if summary.run.missing > 0 {
        console.warn(&format!(
            "{} of {} trials have no answer in this run; measure them with `route-prof run {}`",
            summary.run.missing,
            summary.run.trials,
            escape(&record.corpus)
        ));
        return Ok(Exit::Incomplete);
    }
    Ok(judging::finish(console, &summary, None, None))
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
