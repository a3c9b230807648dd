//! A run: sends what has no answer yet, then measures, decides and writes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::config::{Rule, TapeMode};
use crate::corpus::Corpus;
use crate::diag::UsageError;
use crate::dispatch::Ended;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::event::Event;
use crate::engine::outcome::calls::{CallsMade, QuestionsAsked};
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::save::{RouterWritten, save};
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
use crate::journal::{self, Index, Journal, Reader, Recovery, fetch_at};
use crate::plan::{Plan, Repeats};
use crate::summary::Summary;
use crate::units::Usd;

/// What is to be measured, and how. [`RunRequest::new`] asks for what the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// The prompts: JSONL or CSV.
    pub corpus: PathBuf,
    /// Where answers come from.
    pub source: SourceOptions,
    /// The most that the run may cost; calls in flight count at the most that they could cost.
    pub max_cost: Option<Usd>,
    /// Whether replies are streamed, over the settings.
    pub stream: Option<Streaming>,
    /// Calls in flight per provider, over the settings.
    pub concurrency: Option<u16>,
    /// Keep to that number of calls at a time instead of following what the server bears.
    pub pin_concurrency: bool,
    /// With a batch: hand requests over anew of which nobody knows whether the provider got them.
    pub resubmit: bool,
    /// Stop calling a cell once its answers decide.
    pub stop_early: bool,
    /// Write the answers as a recording.
    pub record_tape: Option<PathBuf>,
    /// The name of the run's folder, else one from the corpus and the models.
    pub run_id: Option<String>,
    /// The routing config to write, else the project's own.
    pub router: Option<PathBuf>,
}

impl RunRequest {
    /// A run of a corpus as the settings say.
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
    /// As they come: only then is there a time to first token.
    On,
    /// Whole.
    Off,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// Evidence, decisions and projection.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
    /// What became of the routing config.
    pub router: RouterWritten,
    /// How the calls of trials ended; `None` where none was made.
    pub calls: Option<CallsMade>,
    /// What became of questions to judges and strategies' models.
    pub questions: QuestionsAsked,
}

impl Engine {
    /// Measures a corpus: sends what has no answer yet, grades, decides, and writes the run's folder and `router.toml`.
    ///
    /// Interrupted, killed or out of budget, the same request goes on; a trial that has an answer is never paid for twice.
    ///
    /// # Errors
    /// When an input is at fault, or a file cannot be written. That calls failed is no error: see [`Ran::calls`].
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, RunRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let ran = engine.run(&engine.open(None)?, &RunRequest::new("corpora/quickstart.jsonl"))?;
    /// for task in &ran.summary.tasks {
    ///     println!("{}: {}", task.name, task.route.tier);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, project: &Project, request: &RunRequest) -> Result<Ran, Error> {
        let mut project = project.clone();
        apply(&mut project, request)?;
        Ok(run(self, &project, request)?)
    }
}

/// Makes a project what a request wants it to be.
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
    Ok(())
}

fn run(engine: &Engine, project: &Project, request: &RunRequest) -> anyhow::Result<Ran> {
    let corpus = Arc::new(project.corpus(&request.corpus)?);
    let oracles = oracles(project, &corpus, &[])?;
    lock(engine, project)?;
    let plan = Arc::new(project.plan(&corpus)?);
    let folder = RunFolder::choose(project, &corpus, &plan, request.run_id.as_deref(), request.source.fresh)?;
    // The lock on the journal comes first: two runs of one folder must not both look for answers.
    let opened = Journal::open(project.disk(), &folder.path.join(JOURNAL))?;
    let sources = reuse::others(project, &folder, request.source.fresh)?;
    let running = Running { folder: &folder.path, others: &sources };
    let measuring = Measuring { engine, project, request, oracles: &oracles, folder: &folder, running };
    let calls = measuring.measure(&corpus, &plan, opened)?;
    let basis = measuring.basis(&corpus, &plan);
    let mut rows = collect(engine, &basis)?;
    let ended = calls.as_ref().is_none_or(|calls| calls.ended == Ended::Complete);
    let asked = measuring.ask(&basis, &mut rows, ended)?;
    let summary = summarise(&basis, &rows)?;
    let router = save(&basis, &rows, &summary, &folder.path, project.router(request.router.as_deref()))?;
    if let Some(path) = &request.record_tape {
        record_tape(engine, &basis, &rows, path)?;
    }
    let questions = QuestionsAsked::of(&summary, asked);
    Ok(Ran { summary, folder: folder.path, router, calls, questions })
}

/// A run under way.
struct Measuring<'a> {
    engine: &'a Engine,
    project: &'a Project,
    request: &'a RunRequest,
    oracles: &'a OracleSet<'a>,
    folder: &'a RunFolder,
    running: Running<'a>,
}

impl<'a> Measuring<'a> {
    /// The first stage: sends the trials that have no answer.
    fn measure(
        &self,
        corpus: &Arc<Corpus>,
        plan: &Arc<Plan>,
        (mut journal, mut index, recovery): (Journal, Index, Recovery),
    ) -> anyhow::Result<Option<CallsMade>> {
        let (engine, project) = (self.engine, self.project);
        if recovery.cut > 0 {
            engine.tell(Event::JournalRepaired { file: JOURNAL.to_owned() });
        }
        let before = (0..plan.len()).filter(|at| index.is_answered(&plan.key(*at))).count();
        if before > 0 && before < plan.len() {
            engine.tell(Event::Continues {
                run: self.folder.id.clone(),
                answered: before as u64,
                trials: plan.len() as u64,
            });
        }
        let copied =
            reuse::copy_answers(project.disk(), &mut journal, &mut index, plan, self.running.others)?;
        self.tell_copied(copied, before as u64, plan.len() as u64);
        let early = project.config.run.stop_early;
        let repeats = if early { Repeats::Together } else { Repeats::Spread };
        let order = plan.remaining(project.config.run.seed, repeats, |key| index.is_answered(key));
        if !self.may_call() || order.is_empty() {
            return Ok(None);
        }
        let stopping = if early { Some(self.stopping(corpus, plan)?) } else { None };
        let handed = batch::handed_over(project.disk(), &self.folder.path)?;
        if project.calling == Calling::Direct && handed > 0 {
            return Err(UsageError::with_help(
                format!("{handed} trials of this run are with batch APIs, and would be paid for twice"),
                "go on with --batch, which collects them; or begin anew with --fresh",
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
        Ok(Some(CallsMade::of(report, &names)))
    }

    /// The cells to watch, with what earlier calls of the same command have answered.
    fn stopping(&self, corpus: &Corpus, plan: &Plan) -> anyhow::Result<Stopping> {
        let stopping = Stopping::new(self.project, corpus, self.oracles, plan)?;
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

    fn tell_copied(&self, copied: u64, before: u64, trials: u64) {
        match &self.project.config.tape {
            Some(tape) => self.engine.tell(Event::Replays {
                recording: self.project.relative(&tape.file),
                answered: copied + before,
                trials,
            }),
            None if copied > 0 => self.engine.tell(Event::AnswersReused { answers: copied }),
            None => {}
        }
    }

    /// The second stage: asks models what is open, where calls may be made and the first stage came to its end, and grades
    /// anew with what came of it.
    fn ask(&self, basis: &Basis<'_>, rows: &mut Rows, ended: bool) -> anyhow::Result<Option<ask::Asked>> {
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
        if !basis.project.disk().is_file(&path) {
            continue;
        }
        for record in Reader::open(basis.project.disk(), &path)? {
            let (_, attempt) = record?;
            if attempt.is_answer() && taken.insert(attempt.key) {
                asked.push(attempt);
            }
        }
    }
    let answers = places.into_iter().map(|offset| fetch_at(&mut *file, offset));
    let written =
        journal::write_tape(basis.project.disk(), path, &note, answers.chain(asked.into_iter().map(Ok)))?;
    engine.tell(Event::Recorded { answers: written, path: path.to_owned() });
    Ok(())
}
