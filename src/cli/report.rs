//! `report`: decides and renders a run anew with today's policy, prices and traffic. No calls.

use super::args::{Format, Global, ReportArgs};
use super::evidence;
use super::exit::{Exit, UsageError};
use super::judging;
use super::outputs::{self, Router};
use super::past_run::PastRun;
use super::programs;
use super::run_record::RunRecord;
use crate::console::{Console, escape};
use crate::disk;
use crate::render;
use crate::router;
use crate::summary::{Notice, NoticeLevel, Summary};

pub(crate) fn run(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    if !args.what_if.is_empty() {
        return what_if(global, console, args);
    }
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
    let router = if outputs::is_whole(&rows, &summary) { Router::Write(&router) } else { Router::Withhold };
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
    programs::tell_missing(console, &rows);
    match judging::finish(console, &summary, None, None) {
        Exit::Fine if rows.programs_missing > 0 => Ok(Exit::Incomplete),
        exit => Ok(exit),
    }
}

/// What the run would decide and cost if something were otherwise, beside what it does.
fn what_if(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    let summarise = |past: &PastRun| -> anyhow::Result<Summary> {
        let oracles = past.project.oracles(&past.corpus, &past.versions())?;
        same_oracles(&past.record, &oracles)?;
        let basis = past.basis(&oracles);
        evidence::summarise(&basis, &evidence::collect(&basis)?)
    };
    let mut past = PastRun::open(global, &args.run)?;
    let now = summarise(&past)?;
    let changes = args.what_if.apply(&mut past.project)?;
    let mut then = summarise(&past)?;
    then.notices.insert(
        0,
        Notice {
            level: NoticeLevel::Warning,
            code: "what-if".to_owned(),
            text: format!("This is what would be, not what is: {}.", changes.join("; ")),
        },
    );
    let files = |summary: &Summary| router::parse(&router::write(summary));
    let diff = router::diff(&files(&now)?, &files(&then)?);
    if let Some(folder) = &args.what_if.out {
        for renderer in render::RENDERERS {
            disk::replace(&folder.join(renderer.file), &(renderer.render)(&then)?)?;
        }
        for chart in render::charts::all(&then)? {
            disk::replace(&folder.join("charts").join(chart.file), chart.svg.as_bytes())?;
        }
        console.note(&format!("wrote {}", past.project.shown(&folder.join("report.html"))));
    }
    if let Some(router) = &args.router {
        disk::replace(router, router::write(&then).as_bytes())?;
        console.note(&format!("wrote {}, the routes of the what-if", past.project.shown(router)));
    }
    outputs::show(global, console, &then)?;
    if global.format == Format::Human {
        let month = |summary: &Summary| {
            summary
                .projection
                .total
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), |total| total.month.mean.human())
        };
        let mut text = format!("\nWhat if: {}\n", escape(&changes.join("; ")));
        text.push_str(&format!("a month as routed: {} now, {} then\n", month(&now), month(&then)));
        text.push_str(&if diff.is_empty() { "no decision flips\n".to_owned() } else { diff.to_text() });
        console.out(&text)?;
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
