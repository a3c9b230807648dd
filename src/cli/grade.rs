//! `grade`: grades a run's stored replies with today's oracles, and lists what flips. No calls.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::{Format, Global, GradeArgs};
use super::asking::Purpose;
use super::evidence::{self, Basis, Rows};
use super::exit::{Exit, UsageError};
use super::judging;
use super::outputs::{self, Router};
use super::past_run::PastRun;
use super::run_record::JOURNAL;
use crate::console::{Align, Console, escape};
use crate::disk;
use crate::ident::{PromptId, TaskName, TierName};
use crate::journal::fetch_at;
use crate::router::{self, RouterDiff};
use crate::summary::Summary;

/// The most replies of which a flip is shown.
const SHOWN: usize = 20;

/// What a new grading comes to.
#[derive(Debug, Serialize)]
struct Regrade {
    run: String,
    replies: u64,
    flips: Vec<Flip>,
    cells: Vec<CellChange>,
    routes: RouterDiff,
    written: bool,
}

/// A reply whose verdict is another now.
#[derive(Debug, Serialize)]
struct Flip {
    prompt: PromptId,
    task: TaskName,
    tier: TierName,
    before: &'static str,
    after: &'static str,
    reason: Option<String>,
    /// The beginning of the reply, for the first flips only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
    /// The reference answer, for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<serde_json::Value>,
}

/// A pass rate that is another now.
#[derive(Debug, Serialize)]
struct CellChange {
    task: TaskName,
    tier: TierName,
    before: Option<f64>,
    after: Option<f64>,
}

pub(crate) fn run(global: &Global, console: &Console, args: &GradeArgs) -> anyhow::Result<Exit> {
    let past = PastRun::open(global, &args.run)?;
    let (project, folder, record) = (&past.project, &past.folder, &past.record);
    let oracles = project.oracles(&past.corpus, &args.oracle)?;
    // The grades of the run itself, where its oracle versions are still there as they were.
    let before_oracles = project.oracles(&past.corpus, &past.versions()).map_err(|error| {
        error.context(UsageError::with_help(
            "the oracle versions that graded the run are needed to say what flips",
            "restore them: a version is never deleted while a run refers to it",
        ))
    })?;
    let before_basis = past.graded_basis(console, &before_oracles);
    let before_rows = evidence::collect(&before_basis)?;
    let before = evidence::summarise(&before_basis, &before_rows)?;

    let basis = past.grading_basis(console, &oracles);
    let mut after_rows = evidence::collect(&basis)?;
    let mut asked = None;
    let mut open = std::mem::take(&mut after_rows.open);
    open.retain(|question| question.purpose == Purpose::Judge);
    if args.allow_judge && !open.is_empty() {
        let spent = judging::billed(&folder.join(JOURNAL))?;
        asked = Some(judging::ask(project, console, folder, open, args.max_cost, spent)?);
        after_rows = evidence::collect(&basis)?;
    }
    let after = evidence::summarise(&basis, &after_rows)?;

    let parse = |summary: &Summary| router::parse(&router::write(summary));
    let result = Regrade {
        run: record.id.to_string(),
        replies: after.run.answered,
        flips: flips(&basis, &before_rows, &after_rows, args.samples)?,
        cells: cells(&before, &after),
        routes: router::diff(&parse(&before)?, &parse(&after)?),
        written: args.write,
    };
    if args.write {
        let router = project.router(None);
        let router =
            if outputs::is_whole(&after_rows, &after) { Router::Write(&router) } else { Router::Withhold };
        outputs::write(&basis, &after_rows, &after, folder, router)?;
        project.lock_oracles(console)?;
        outputs::tell_files(console, project, folder, router);
    }
    match global.format {
        Format::Json => console.out(&format!("{}\n", serde_json::to_string_pretty(&result)?))?,
        Format::Human => show(console, &result)?,
    }
    let differs = !result.flips.is_empty() || !result.routes.is_empty();
    if differs && !args.write {
        console.note("nothing was written; add --write to make these the grades of the run");
    }
    Ok(judging::finish(console, &after, asked.as_ref(), args.max_cost))
}

/// How much of a reply is shown, in characters.
const SAMPLE: usize = 300;

fn flips(basis: &Basis<'_>, before: &Rows, after: &Rows, samples: usize) -> anyhow::Result<Vec<Flip>> {
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
                let attempt = fetch_at(&mut disk::open(&answers.path)?, offset)?;
                reply = Some(attempt.text.chars().take(SAMPLE).collect());
                expected = basis.corpus.load(new.prompt as usize)?.expected;
            }
            flips.push(Flip {
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

fn cells(before: &Summary, after: &Summary) -> Vec<CellChange> {
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
                changes.push(CellChange {
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

fn show(console: &Console, result: &Regrade) -> anyhow::Result<()> {
    let mut text = format!("{} replies graded, {} verdicts flip\n", result.replies, result.flips.len());
    if !result.flips.is_empty() {
        let rows: Vec<Vec<String>> = result
            .flips
            .iter()
            .take(SHOWN)
            .map(|flip| {
                vec![
                    escape(flip.prompt.as_str()).into_owned(),
                    flip.task.to_string(),
                    flip.tier.to_string(),
                    format!("{} -> {}", flip.before, flip.after),
                    escape(flip.reason.as_deref().unwrap_or_default()).into_owned(),
                ]
            })
            .collect();
        let headers = ["prompt", "task", "tier", "verdict", "reason"];
        text.push_str(&console.table(&headers, &rows, &[Align::Left; 5]));
        if let Some(more) = result.flips.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("and {more} more: see --format json\n"));
        }
        for flip in &result.flips {
            let Some(reply) = &flip.reply else { continue };
            let shown: String = reply.split_whitespace().collect::<Vec<_>>().join(" ");
            let expected = flip.expected.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            text.push_str(&format!(
                "\n{} at {}, {} -> {}; expected {}\n  {}\n",
                escape(flip.prompt.as_str()),
                flip.tier,
                flip.before,
                flip.after,
                escape(&expected),
                escape(&shown)
            ));
        }
    }
    if !result.cells.is_empty() {
        let percent =
            |rate: Option<f64>| rate.map_or("unknown".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
        let rows: Vec<Vec<String>> = result
            .cells
            .iter()
            .map(|cell| {
                vec![cell.task.to_string(), cell.tier.to_string(), percent(cell.before), percent(cell.after)]
            })
            .collect();
        let align = [Align::Left, Align::Left, Align::Right, Align::Right];
        text.push_str(&console.table(&["task", "tier", "pass rate then", "now"], &rows, &align));
    }
    text.push_str(&if result.routes.is_empty() {
        "no decision flips\n".to_owned()
    } else {
        result.routes.to_text()
    });
    console.out(&text)?;
    Ok(())
}
