//! `run`: sends what has no answer yet, then measures, decides and writes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::args::{Global, RunArgs, Switch};
use super::batch::{self, BatchRun, Unknown};
use super::evidence::{self, Basis};
use super::exit::{Exit, UsageError};
use super::judging;
use super::outputs::{self, Router};
use super::programs::{Programs, Running};
use super::project::{Calling, Project};
use super::recorder::Recorder;
use super::run_folder::{RunFolder, answered_in};
use super::run_record::{JOURNAL, JUDGE_JOURNAL, PROGRAM_JOURNAL};
use super::send::{self, Calls};
use super::stopping::Stopping;
use crate::config::{Rule, TapeMode};
use crate::console::{Console, Progress, escape};
use crate::disk;
use crate::dispatch::{Ended, Report};
use crate::ident::TrialKey;
use crate::journal::{self, Index, Journal, Reader, fetch_at};
use crate::plan::{Plan, Repeats};
use crate::record::{Attempt, Outcome, Via};

/// The journals to look a trial up in before it is sent: the recording, else earlier runs of the project.
fn others(project: &Project, folder: &RunFolder, fresh: bool) -> anyhow::Result<Vec<(PathBuf, Via)>> {
    if let Some(tape) = &project.config.tape {
        project.require_tape(&tape.file)?;
        return Ok(vec![(tape.file.clone(), Via::Tape)]);
    }
    if fresh {
        return Ok(Vec::new());
    }
    let runs = project.runs()?.into_iter().filter(|name| name != folder.id.as_str());
    Ok(runs
        .map(|name| (project.reports().join(name).join(JOURNAL), Via::Reuse))
        .filter(|(path, _)| path.is_file())
        .collect())
}

/// The trials that a run would not have to send.
pub(crate) fn answered_elsewhere(
    project: &Project,
    folder: &RunFolder,
    plan: &Plan,
    fresh: bool,
) -> anyhow::Result<HashSet<TrialKey>> {
    let mut answered = answered_in(&folder.path.join(JOURNAL))?;
    for (path, via) in others(project, folder, fresh)? {
        if via == Via::Reuse && reused_is_tape(&path)? {
            continue;
        }
        answered.extend(answered_in(&path)?);
    }
    answered.retain({
        let planned: HashSet<TrialKey> = (0..plan.len()).map(|at| plan.key(at)).collect();
        move |key| planned.contains(key)
    });
    Ok(answered)
}

/// Whether a run's journal holds answers of a recording: those are nobody's measurement of today.
fn reused_is_tape(path: &std::path::Path) -> anyhow::Result<bool> {
    let mut first = Reader::open(path)?;
    Ok(first.next().transpose()?.is_some_and(|(_, attempt)| attempt.via == Via::Tape))
}

/// Copies answers into the run's own journal, so that its folder is whole by itself. Returns how many.
fn copy_answers(
    journal: &mut Journal,
    index: &mut Index,
    plan: &Plan,
    sources: &[(PathBuf, Via)],
) -> anyhow::Result<u64> {
    let planned: HashSet<TrialKey> = (0..plan.len()).map(|at| plan.key(at)).collect();
    let mut copied = 0;
    for (path, via) in sources {
        let mut batch = Vec::new();
        let mut end = 0;
        for record in Reader::open(path)? {
            let (_, mut attempt) = record?;
            let wanted = attempt.outcome.is_answer()
                && planned.contains(&attempt.key)
                && !index.is_answered(&attempt.key)
                // A recording may hold what was too long to be sent; it is no answer, and needed once.
                && (attempt.is_answer() || (*via == Via::Tape && index.get(&attempt.key).is_none()))
                // What was replayed or scripted once is no measurement to be reused.
                && (*via == Via::Tape || matches!(attempt.via, Via::Live | Via::Reuse));
            if !wanted {
                continue;
            }
            attempt.via = *via;
            attempt.billed = None;
            index.take(end, &attempt);
            end += 1;
            copied += 1;
            batch.push(attempt);
            if batch.len() == 1024 {
                journal.append(&batch)?;
                batch.clear();
            }
        }
        journal.append(&batch)?;
    }
    Ok(copied)
}

pub(crate) fn run(global: &Global, console: &Console, args: &RunArgs) -> anyhow::Result<Exit> {
    let mut project = Project::load(global)?;
    project.apply(&args.source)?;
    for provider in project.config.providers.values_mut() {
        if let Some(switch) = args.stream {
            provider.stream = switch == Switch::On;
        }
        if let Some(concurrency) = args.concurrency {
            provider.limits.concurrency = concurrency.into();
        }
    }
    project.config.run.pin_concurrency |= args.pin_concurrency;
    project.config.run.stop_early |= args.stop_early;
    if project.config.run.stop_early && project.calling == Calling::Batch {
        return Err(UsageError::with_help(
            "a batch is handed over as a whole: there is nothing to stop early",
            "run without --batch, or without stop_early in [run]",
        ));
    }
    if project.config.run.stop_early && project.config.policy.rule == Rule::NonInferior {
        return Err(UsageError::with_help(
            "rule = \"non_inferior\" compares tiers on the prompts that both answered: no cell is settled by itself",
            "run without --stop-early, or decide by floors",
        ));
    }
    let project = project;
    let corpus = project.corpus(&args.corpus)?;
    let oracles = project.oracles(&corpus, &[])?;
    project.lock_oracles(console)?;
    let plan = Arc::new(project.plan(&corpus)?);
    let folder = RunFolder::choose(&project, &corpus, &plan, args.run_id.as_deref(), args.source.fresh)?;
    let (mut journal, mut index, recovery) = Journal::open(&folder.path.join(JOURNAL))?;
    if recovery.cut > 0 {
        console.note("the journal's last line was torn and is cut off: its trial is sent again");
    }
    let before = (0..plan.len()).filter(|at| index.is_answered(&plan.key(*at))).count();
    if before > 0 && before < plan.len() {
        console.note(&format!(
            "continuing run {}: {before} of {} trials are answered",
            folder.id,
            plan.len()
        ));
    }
    let sources = others(&project, &folder, args.source.fresh)?;
    let copied = copy_answers(&mut journal, &mut index, &plan, &sources)?;
    tell_copied(console, &project, copied, before, &plan);

    let may_call = project.config.tape.as_ref().is_none_or(|tape| tape.mode == TapeMode::Prefer);
    let running = Running { console, folder: &folder.path, others: &sources };
    let early = project.config.run.stop_early;
    let repeats = if early { Repeats::Together } else { Repeats::Spread };
    let order = plan.remaining(project.config.run.seed, repeats, |key| index.is_answered(key));
    let mut report = None;
    let stopping = match early && may_call && !order.is_empty() {
        true => Some(Stopping::continued(&project, &corpus, &oracles, &plan, &folder, running)?),
        false => None,
    };
    let context = Arc::new(Calls::new(&project, corpus, Arc::clone(&plan), &index, stopping));
    if may_call && !order.is_empty() {
        let handed = batch::handed_over(&folder.path)?;
        if project.calling == Calling::Direct && handed > 0 {
            return Err(UsageError::with_help(
                format!("{handed} trials of this run are with batch APIs, and would be paid for twice"),
                "go on with --batch, which collects them; or begin anew with --fresh",
            ));
        }
        let run = Measurement {
            project: &project,
            console,
            args,
            calls: &context,
            oracles: &oracles,
            index: &index,
        };
        report = Some(run.measure(&folder, &mut journal, order)?);
    }
    // What comes is a stage of its own, and the largest one.
    drop((journal, index));

    let basis = Basis {
        project: &project,
        corpus: &context.corpus,
        plan: &plan,
        oracles: &oracles,
        corpus_name: project.relative(&args.corpus),
        id: folder.id.clone(),
        answers: vec![evidence::journal_of(&folder.path)],
        tape: project.config.tape.as_ref().map(|tape| project.relative(&tape.file)),
        programs: Programs::Run(running),
    };
    let mut rows = evidence::collect(&basis)?;
    let interrupted = report.as_ref().is_some_and(|report| report.ended != Ended::Complete);
    let judging = Judging { console, basis: &basis, folder: &folder.path, sources: &sources };
    let asked = judging.settle(&mut rows, args.max_cost, may_call && !interrupted)?;
    let summary = evidence::summarise(&basis, &rows)?;
    let router = project.router(args.router.as_deref());
    let router = if outputs::is_whole(&rows, &summary) { Router::Write(&router) } else { Router::Withhold };
    outputs::write(&basis, &rows, &summary, &folder.path, router)?;
    if let Some(path) = &args.record_tape {
        record_tape(console, &basis, &rows, path)?;
    }
    outputs::show(global, console, &summary)?;
    outputs::tell_files(console, &project, &folder.path, router);
    let exit = finish(console, &summary, report.as_ref(), args);
    Ok(if exit == Exit::Fine {
        judging::finish(console, &summary, asked.as_ref(), args.max_cost)
    } else {
        exit
    })
}

/// The second stage of a run: what the oracles ask of models.
struct Judging<'a> {
    console: &'a Console,
    basis: &'a Basis<'a>,
    folder: &'a std::path::Path,
    sources: &'a [(PathBuf, Via)],
}

impl Judging<'_> {
    /// Has the open questions answered, by earlier runs where they can be and by calls where those may be made, and grades
    /// anew with what came of it.
    fn settle(
        &self,
        rows: &mut evidence::Rows,
        ceiling: Option<crate::units::Usd>,
        may_call: bool,
    ) -> anyhow::Result<Option<judging::Asked>> {
        if rows.open.is_empty() {
            return Ok(None);
        }
        let taken = judging::take_over(self.folder, &rows.open, self.sources)?;
        if taken > 0 {
            self.console.note(&format!("{taken} answers of judges are taken over"));
            *rows = evidence::collect(self.basis)?;
        }
        if rows.open.is_empty() || !may_call {
            return Ok(None);
        }
        let open = std::mem::take(&mut rows.open);
        let asked = judging::ask(
            self.basis.project,
            self.console,
            self.folder,
            open,
            ceiling,
            judging::billed(&self.folder.join(JOURNAL))?,
        )?;
        *rows = evidence::collect(self.basis)?;
        Ok(Some(asked))
    }
}

fn tell_copied(console: &Console, project: &Project, copied: u64, before: usize, plan: &Plan) {
    match &project.config.tape {
        Some(tape) => {
            let answered = copied + before as u64;
            console.note(&format!(
                "replaying the recording {}: {answered} of {} trials; no model is called",
                escape(&project.relative(&tape.file)),
                plan.len()
            ));
        }
        None if copied > 0 => {
            console.note(&format!("{copied} answers of earlier runs are taken over; --fresh measures anew"));
        }
        None => {}
    }
}

/// What a measurement works with.
struct Measurement<'a> {
    project: &'a Project,
    console: &'a Console,
    args: &'a RunArgs,
    calls: &'a Arc<Calls>,
    oracles: &'a crate::grade::OracleSet<'a>,
    index: &'a Index,
}

impl Measurement<'_> {
    /// Sends what is left, and has it recorded and graded as it comes.
    fn measure(&self, folder: &RunFolder, journal: &mut Journal, order: Vec<u32>) -> anyhow::Result<Report> {
        let (project, console, calls) = (self.project, self.console, self.calls);
        let (order, overflow) = send::split_overflow(calls, order)?;
        if !overflow.is_empty() {
            console.note(&format!(
                "{} trials do not fit their model's context window and are not sent",
                overflow.len()
            ));
            let known = |attempt: &&Attempt| {
                self.index.get(&attempt.key).is_none_or(|stored| stored.outcome != Outcome::Overflow)
            };
            journal.append(overflow.iter().filter(known))?;
            if let Some(stopping) = &calls.stopping {
                stopping.hold_back(&calls.plan, &overflow)?;
            }
        }
        // What judges have cost before is part of the same bill.
        let spent = self.index.billed() + judging::billed(&folder.path.join(JUDGE_JOURNAL))?;
        let ceiling = self.args.max_cost;
        if let Some(ceiling) = ceiling.filter(|ceiling| *ceiling <= spent) {
            console.warn(&format!(
                "this run has cost {} before, the ceiling is {}",
                spent.human(),
                ceiling.human()
            ));
        }
        let totals = send::progress_totals(project, calls, &order);
        let progress = Progress::new(console, &totals);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
        let report = match project.calling {
            Calling::Direct => {
                let lanes = send::lanes(project, calls, order)?;
                let mut recorder = Recorder::new(journal, calls, self.oracles, &progress, &totals);
                let settings = send::settings(&project.config.run);
                let budget = Arc::new(crate::dispatch::Budget::new(ceiling, spent));
                runtime.block_on(send::until_signal(|listener| {
                    crate::dispatch::run(lanes, Arc::clone(calls), &mut recorder, budget, settings, listener)
                }))
            }
            Calling::Batch => {
                let batch = BatchRun {
                    project,
                    console,
                    progress: &progress,
                    calls,
                    index: self.index,
                    folder: &folder.path,
                    run: &folder.id,
                    ceiling,
                    spent,
                    unknown: if self.args.resubmit { Unknown::Resubmit } else { Unknown::Ask },
                };
                runtime
                    .block_on(send::until_signal(|listener| batch.measure(journal, order, &totals, listener)))
            }
        };
        progress.finish();
        // A worker that is still reading a corpse's socket must not hold the process.
        runtime.shutdown_background();
        report
    }
}

fn record_tape(
    console: &Console,
    basis: &Basis<'_>,
    rows: &evidence::Rows,
    path: &std::path::Path,
) -> anyhow::Result<()> {
    let source = basis.answers.first().context("a run has a journal")?;
    let mut file = disk::open(&source.path)?;
    let mut taken = HashSet::new();
    let places: Vec<u64> = rows
        .places
        .iter()
        .enumerate()
        .filter(|(at, _)| taken.insert(basis.plan.key(*at)))
        .filter_map(|(_, place)| place.map(|(_, offset)| offset))
        .collect();
    let note = format!("answers of {} models to {}", basis.plan.targets().len(), basis.corpus_name);
    let mut asked = Vec::new();
    for name in [JUDGE_JOURNAL, PROGRAM_JOURNAL] {
        let path = source.path.with_file_name(name);
        if !path.is_file() {
            continue;
        }
        for record in Reader::open(&path)? {
            let (_, attempt) = record?;
            if attempt.is_answer() && taken.insert(attempt.key) {
                asked.push(attempt);
            }
        }
    }
    let answers = places.into_iter().map(|offset| fetch_at(&mut file, offset));
    let written = journal::write_tape(path, &note, answers.chain(asked.into_iter().map(Ok)))?;
    console.note(&format!("recorded {written} answers in {}", basis.project.shown(path)));
    Ok(())
}

/// What is left to say, and the exit code.
fn finish(
    console: &Console,
    summary: &crate::summary::Summary,
    report: Option<&Report>,
    args: &RunArgs,
) -> Exit {
    let open = summary.run.missing + summary.run.errors;
    let again = "run the same command again to continue";
    if let Some(report) = report {
        if let Some(lowest) = report.throttled_to {
            console.note(&format!(
                "a server turned calls away for coming too fast: down to {} at a time; set its limits in route-prof.toml to spare it",
                lowest
            ));
        }
        for (tier, why) in &report.stopped {
            let name =
                summary.tiers.get(usize::from(*tier)).map_or_else(String::new, |tier| tier.name.to_string());
            console.warn(&format!("tier {name} was stopped: {why}"));
        }
        match report.ended {
            Ended::Interrupted => {
                console.note(&format!("interrupted with {open} trials open; {again}"));
                return Exit::Interrupted;
            }
            Ended::Budget => {
                let ceiling = args.max_cost.map(crate::units::Usd::human).unwrap_or_default();
                console.warn(&format!(
                    "stopped before the next call could exceed {ceiling} ({} spent); {open} trials are open: raise --max-cost to continue",
                    summary.spend.billed.human()
                ));
                return Exit::Incomplete;
            }
            Ended::Complete => {}
        }
    }
    if open == 0 {
        return Exit::Fine;
    }
    if report.is_none() && summary.run.missing > 0 {
        console.warn(&format!(
            "{} trials are not on the recording: measure them with --live, or set mode = \"prefer\" in [tape]",
            summary.run.missing
        ));
    } else {
        console.warn(&format!("{open} of {} trials have no answer; {again}", summary.run.trials));
    }
    Exit::Incomplete
}
