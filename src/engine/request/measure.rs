//! A run: sends the trials without an answer, then measures, decides and writes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::config::{Rule, TapeMode};
use crate::corpus::Corpus;
use crate::diag::UsageError;
use crate::dispatch::EndReason;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::event::Event;
use crate::engine::outcome::calls::{CallsReport, QuestionsReport};
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::save::{RouterUpdate, save};
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::basis::{Answers, Basis, Programs, Running};
use crate::engine::run::files::{JOURNAL, JUDGE_JOURNAL, PROGRAM_JOURNAL};
use crate::engine::run::folder::RunFolder;
use crate::engine::run::project::{Calling, Project};
use crate::engine::run::rows::Rows;
use crate::engine::run::source::SourceOptions;
use crate::engine::work::batch::{self, Unknown};
use crate::engine::work::calls::Calls;
use crate::engine::work::oracles::{lock, oracles};
use crate::engine::work::question::{ask, store};
use crate::engine::work::reuse;
use crate::engine::work::send::Sending;
use crate::engine::work::stopping::Stopping;
use crate::grade::OracleSet;
use crate::journal::{self, Index, Journal, Recovery, fetch_at};
use crate::plan::bands::Division;
use crate::plan::{Plan, Repeats};
use crate::summary::Summary;
use crate::units::Usd;

/// What to measure, and how. [`RunRequest::new`] follows the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// The corpus: JSONL or CSV.
    pub corpus: PathBuf,
    /// Where answers come from.
    pub source: SourceOptions,
    /// The most that the run may cost. Calls in flight count at their maximum cost.
    pub max_cost: Option<Usd>,
    /// Whether replies are streamed; `None` follows the configuration.
    pub stream: Option<Streaming>,
    /// Maximum calls in flight per provider; `None` follows the configuration.
    pub concurrency: Option<u16>,
    /// Keep the number of calls in flight fixed instead of adapting it to the server.
    pub pin_concurrency: bool,
    /// With a batch: submit requests again if it is unknown whether the provider received them.
    pub resubmit: bool,
    /// Stop calling a cell once its answers decide it.
    pub stop_early: bool,
    /// With `stop_early`: measure a dearer tier until its own answers decide it, even where a cheaper one is proven.
    pub complete: bool,
    /// Write the answers to this file, as a recording.
    pub record_tape: Option<PathBuf>,
    /// The name of the run and its folder; `None` derives it from the corpus and the models.
    pub run_id: Option<String>,
    /// The routing file to write; `None` takes the project's own.
    pub router: Option<PathBuf>,
}

impl RunRequest {
    /// A run of a corpus as configured.
    ///
    /// ```
    /// use route_prof::engine::RunRequest;
    ///
    /// let request = RunRequest { stop_early: true, ..RunRequest::new("corpora/quickstart.jsonl") };
    /// assert_eq!(request.max_cost, None);
    /// ```
    #[must_use]
    pub fn new(corpus: impl Into<PathBuf>) -> Self {
        Self { corpus: corpus.into(), ..Self::default() }
    }
}

/// Whether replies are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// Streamed: only then is there a time to first token.
    On,
    /// Not streamed.
    Off,
}

/// The result of a run.
#[derive(Debug)]
pub struct RunOutput {
    /// Evidence, decisions and projection.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
    /// Whether `router.toml` was updated.
    pub router: RouterUpdate,
    /// How the calls for trials ended; `None` if none were made.
    pub calls: Option<CallsReport>,
    /// How the questions to judges and strategy models ended.
    pub questions: QuestionsReport,
}

impl Engine {
    /// Measures a corpus: sends the trials without an answer, grades, decides, and writes the run's folder and `router.toml`.
    ///
    /// After an interruption, a kill or an exhausted budget, the same request continues. A trial that has an answer is never
    /// paid for twice.
    ///
    /// # Errors
    /// If an input has faults, or a file cannot be written. Failed calls are no error: see [`RunOutput::calls`].
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, RunRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let output = engine.run(&engine.open(None)?, &RunRequest::new("corpora/quickstart.jsonl"))?;
    /// for task in &output.summary.tasks {
    ///     println!("{}: {}", task.name, task.route.tier);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, project: &Project, request: &RunRequest) -> Result<RunOutput, Error> {
        let mut project = project.clone();
        apply(&mut project, request)?;
        Ok(run(self, &project, request)?)
    }
}

/// Applies the options of a request to a project.
fn apply(project: &mut Project, request: &RunRequest) -> anyhow::Result<()> {
    project.apply(&request.source)?;
    for provider in project.config.providers.values_mut() {
        if let Some(streaming) = request.stream {
            provider.stream = streaming == Streaming::On;
        }
        if let Some(concurrency) = request.concurrency {
            provider.limits.concurrency = concurrency.into();
        }
    }
    project.config.run.pin_concurrency |= request.pin_concurrency;
    project.config.run.stop_early |= request.stop_early;
    project.config.run.complete |= request.complete;
    if request.complete && !project.config.run.stop_early {
        return Err(UsageError::with_help(
            "--complete says how early stopping goes, and this run measures everything",
            "add --stop-early, or leave --complete out",
        ));
    }
    if project.config.run.stop_early && project.calling == Calling::Batch {
        return Err(UsageError::with_help(
            "--stop-early does not work with --batch: a batch is submitted as a whole",
            "run without --batch, or without stop_early",
        ));
    }
    if project.config.run.stop_early && project.config.policy.rule == Rule::NonInferior {
        return Err(UsageError::with_help(
            "--stop-early does not work with rule = \"non_inferior\": it compares tiers on the prompts that both answered",
            "run without --stop-early, or use rule = \"floor\"",
        ));
    }
    Ok(())
}

fn run(engine: &Engine, project: &Project, request: &RunRequest) -> anyhow::Result<RunOutput> {
    let corpus = Arc::new(project.corpus(&request.corpus)?);
    let oracles = oracles(project, &corpus, &[])?;
    lock(engine, project)?;
    let plan = Arc::new(project.plan(&corpus)?);
    let folder = RunFolder::choose(project, &corpus, &plan, request.run_id.as_deref(), request.source.fresh)?;
    // The lock on the journal comes first: two runs in one folder must not both look for answers.
    let opened = Journal::open(project.disk(), &folder.path.join(JOURNAL))?;
    let sources = reuse::others(project, &folder, request.source.fresh)?;
    let running = Running { folder: &folder.path, others: &sources };
    let measuring = Measuring { engine, project, request, oracles: &oracles, folder: &folder, running };
    let calls = measuring.measure(&corpus, &plan, opened)?;
    let basis = measuring.basis(&corpus, &plan);
    let mut rows = collect(engine, &basis)?;
    let ended = calls.as_ref().is_none_or(|calls| calls.ended == EndReason::Complete);
    let asked = measuring.ask(&basis, &mut rows, ended)?;
    let summary = summarise(&basis, &rows)?;
    let router = save(&basis, &rows, &summary, &folder.path, project.router(request.router.as_deref()))?;
    if let Some(path) = &request.record_tape {
        record_tape(engine, &basis, &rows, path)?;
    }
    let questions = QuestionsReport::of(&summary, asked);
    Ok(RunOutput { summary, folder: folder.path, router, calls, questions })
}

/// A run in progress.
struct Measuring<'a> {
    engine: &'a Engine,
    project: &'a Project,
    request: &'a RunRequest,
    oracles: &'a OracleSet<'a>,
    folder: &'a RunFolder,
    running: Running<'a>,
}

impl<'a> Measuring<'a> {
    /// Stage 1: sends the trials without an answer.
    fn measure(
        &self,
        corpus: &Arc<Corpus>,
        plan: &Arc<Plan>,
        (mut journal, mut index, recovery): (Journal, Index, Recovery),
    ) -> anyhow::Result<Option<CallsReport>> {
        let (engine, project) = (self.engine, self.project);
        if recovery.cut > 0 {
            engine.emit(Event::JournalRepaired { file: JOURNAL.to_owned() });
        }
        let before = (0..plan.len()).filter(|at| index.is_answered(&plan.key(*at))).count();
        if before > 0 && before < plan.len() {
            engine.emit(Event::Resuming {
                run: self.folder.id.clone(),
                answered: before as u64,
                trials: plan.len() as u64,
            });
        }
        let copied =
            reuse::copy_answers(project.disk(), &mut journal, &mut index, plan, self.running.others)?;
        self.report_reused(copied, before as u64, plan.len() as u64);
        let early = project.config.run.stop_early;
        let repeats = if early { Repeats::Together } else { Repeats::Spread };
        let order = plan.remaining(project.config.run.seed, repeats, |key| index.is_answered(key));
        if !self.may_call() || order.is_empty() {
            return Ok(None);
        }
        let stopping = if early { Some(self.stopping(corpus, plan)?) } else { None };
        let order = match &stopping {
            Some(stopping) => stopping.in_order(order),
            None => order,
        };
        let submitted = batch::submitted_trials(project.disk(), &self.folder.path)?;
        if project.calling == Calling::Direct && submitted > 0 {
            return Err(UsageError::with_help(
                format!(
                    "{submitted} trials of this run have been submitted to batch APIs, and would be paid for twice"
                ),
                "collect them with --batch, or start again with --fresh",
            ));
        }
        let calls = Arc::new(Calls::new(project, Arc::clone(corpus), Arc::clone(plan), &index, stopping));
        let sending = Sending {
            engine,
            project,
            calls: &calls,
            oracles: self.oracles,
            index: &index,
            folder: self.folder,
            ceiling: self.request.max_cost,
            unknown: if self.request.resubmit { Unknown::Resubmit } else { Unknown::Ask },
        };
        let report = sending.send(&mut journal, order)?;
        let names: Vec<String> = project.config.tiers.iter().map(|tier| tier.name.to_string()).collect();
        Ok(Some(CallsReport::of(report, &names)))
    }

    /// The cells to watch, with the answers of earlier executions of the same command.
    fn stopping(&self, corpus: &Corpus, plan: &Plan) -> anyhow::Result<Stopping> {
        let division = Division::new(&self.project.config, corpus)?;
        let stopping = Stopping::new(self.project, corpus, self.oracles, plan, &division)?;
        stopping.catch_up(&collect(self.engine, &self.basis(corpus, plan))?.observations);
        Ok(stopping)
    }

    fn may_call(&self) -> bool {
        self.project.config.tape.as_ref().is_none_or(|tape| tape.mode == TapeMode::Prefer)
    }

    fn basis<'b>(&self, corpus: &'b Corpus, plan: &'b Plan) -> Basis<'b>
    where
        'a: 'b,
    {
        let project = self.project;
        Basis {
            project,
            corpus,
            plan,
            oracles: self.oracles,
            corpus_name: project.relative(&self.request.corpus),
            id: self.folder.id.clone(),
            answers: vec![Answers::of_run(&self.folder.path)],
            tape: project.config.tape.as_ref().map(|tape| project.relative(&tape.file)),
            programs: Programs::Run(self.running),
        }
    }

    fn report_reused(&self, copied: u64, before: u64, trials: u64) {
        match &self.project.config.tape {
            Some(tape) => self.engine.emit(Event::Replaying {
                recording: self.project.relative(&tape.file),
                answered: copied + before,
                trials,
            }),
            None if copied > 0 => self.engine.emit(Event::AnswersReused { answers: copied }),
            None => {}
        }
    }

    /// Stage 2: asks models the open questions, if calls are allowed and stage 1 completed, and grades again with their answers.
    fn ask(&self, basis: &Basis<'_>, rows: &mut Rows, ended: bool) -> anyhow::Result<Option<ask::AskReport>> {
        if rows.open.is_empty() || !ended || !self.may_call() {
            return Ok(None);
        }
        let asked = ask::ask(
            self.engine,
            self.project,
            &self.folder.path.join(JUDGE_JOURNAL),
            std::mem::take(&mut rows.open),
            self.request.max_cost,
            store::billed(self.project.disk(), &self.folder.path.join(JOURNAL))?,
        )?;
        *rows = collect(self.engine, basis)?;
        Ok(Some(asked))
    }
}

/// Writes the answers of a run, and those of judges and programs, as a recording.
fn record_tape(engine: &Engine, basis: &Basis<'_>, rows: &Rows, path: &Path) -> anyhow::Result<()> {
    let source = basis.answers.first().context("a run has a journal")?;
    let mut file = basis.project.disk().open(&source.path)?;
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
        for attempt in journal::attempts(basis.project.disk(), &path)? {
            let attempt = attempt?;
            if attempt.is_answer() && taken.insert(attempt.key) {
                asked.push(attempt);
            }
        }
    }
    let answers = places.into_iter().map(|offset| fetch_at(&mut *file, offset));
    let written =
        journal::write_tape(basis.project.disk(), path, &note, answers.chain(asked.into_iter().map(Ok)))?;
    engine.emit(Event::RecordingWritten { answers: written, path: path.to_owned() });
    Ok(())
}
