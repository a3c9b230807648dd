//! Asks models open questions, through the same dispatch as any call: limited, journalled, priced and resumable.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::dispatch::{self, Budget, Call, Finished, Report, Sink, Source};
use crate::engine::context::Engine;
use crate::engine::event::{Event, Progress, QuestionPurpose, Stage};
use crate::engine::run::project::Project;
use crate::engine::run::question::{OpenQuestion, Purpose};
use crate::engine::work::{calls, runtime};
use crate::ident::{ModelRef, ProviderName, TrialKey};
use crate::journal::{Index, Journal};
use crate::plan::tokens;
use crate::price::ModelPrice;
use crate::provider;
use crate::record::Attempt;
use crate::units::Usd;

/// The questions as calls. A model takes the place of a tier in the dispatch.
struct Questions {
    open: Vec<OpenQuestion>,
    judges: Vec<Judge>,
    /// The index in `judges` for each question.
    of_question: Vec<u16>,
    /// Attempts at questions without an answer, in earlier executions of the same command.
    attempts: HashMap<TrialKey, u32>,
}

struct Judge {
    model: ModelRef,
    price: ModelPrice,
    exact_model: bool,
}

impl Questions {
    fn new(project: &Project, open: Vec<OpenQuestion>, index: &Index) -> anyhow::Result<Self> {
        let mut judges: Vec<Judge> = Vec::new();
        let mut of_question = Vec::with_capacity(open.len());
        for question in &open {
            let known = judges.iter().position(|judge| judge.model == question.model);
            let at = match known {
                Some(at) => at,
                None => {
                    let provider = project.config.providers.get(&question.model.provider);
                    judges.push(Judge {
                        model: question.model.clone(),
                        price: project.catalogue.price(&question.model)?,
                        exact_model: provider.is_none_or(provider::insists_on_model),
                    });
                    judges.len() - 1
                }
            };
            of_question.push(u16::try_from(at).context("too many judges")?);
        }
        let attempts = open
            .iter()
            .filter_map(|question| Some((question.key, index.get(&question.key)?.attempts)))
            .collect();
        Ok(Self { open, judges, of_question, attempts })
    }

    fn judge(&self, number: u16) -> anyhow::Result<&Judge> {
        self.judges.get(usize::from(number)).context("a judge of another run")
    }

    /// The role of a model.
    fn role(&self, judge: usize) -> &'static str {
        let own = || self.open.iter().zip(&self.of_question).filter(|(_, of)| usize::from(**of) == judge);
        let any = |purpose| own().any(|(question, _)| question.purpose == purpose);
        if any(Purpose::Judge) {
            "judge"
        } else if any(Purpose::Strategy) {
            "strategy"
        } else {
            "writer"
        }
    }

    /// The questions by provider.
    fn by_provider(&self) -> anyhow::Result<BTreeMap<ProviderName, Vec<u32>>> {
        let mut trials: BTreeMap<ProviderName, Vec<u32>> = BTreeMap::new();
        for (at, question) in self.open.iter().enumerate() {
            trials.entry(question.model.provider.clone()).or_default().push(u32::try_from(at)?);
        }
        Ok(trials)
    }

    /// The stages of progress: one per model.
    fn stages(&self) -> Vec<Stage> {
        let count =
            |judge: usize| self.of_question.iter().filter(|of| usize::from(**of) == judge).count() as u64;
        let judges = self.judges.iter().enumerate();
        judges
            .map(|(at, judge)| Stage {
                name: format!("{} {}", self.role(at), judge.model),
                total: count(at),
                done: 0,
            })
            .collect()
    }

    /// The purpose of the questions.
    fn purpose(&self) -> QuestionPurpose {
        let all = |purpose| self.open.iter().all(|question| question.purpose == purpose);
        if all(Purpose::Judge) {
            QuestionPurpose::Judges
        } else if all(Purpose::Writer) {
            QuestionPurpose::Prompts
        } else {
            QuestionPurpose::JudgesAndStrategies
        }
    }
}

impl Source for Questions {
    fn load(&self, trial: u32) -> anyhow::Result<Call> {
        let question = self.open.get(trial as usize).context("a question of another run")?;
        let tier = self.tier(trial);
        let judge = self.judge(tier)?;
        let request = question.request.clone();
        let bound = tokens::bound(&request);
        let reserve = judge
            .price
            .ceiling(bound, request.max_output_tokens)
            .context("a price too large to count with")?;
        Ok(Call {
            key: question.key,
            prompt: question.prompt.clone(),
            tier,
            model: question.model.clone(),
            repeat: 0,
            exact_model: judge.exact_model,
            tokens: bound.0 / 4 + request.max_output_tokens.0,
            reserve,
            attempts_before: self.attempts.get(&question.key).copied().unwrap_or_default(),
            request,
        })
    }

    fn price(&self, tier: u16, attempt: &Attempt) -> Option<Usd> {
        self.judge(tier).ok()?.price.cost(&attempt.usage).map(|cost| cost.billed)
    }

    fn tier(&self, trial: u32) -> u16 {
        self.of_question.get(trial as usize).copied().unwrap_or_default()
    }
}

/// Stores the answers durably.
struct Recorder<'a> {
    engine: &'a Engine,
    journal: &'a mut Journal,
    stages: Vec<Progress>,
}

impl Sink for Recorder<'_> {
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()> {
        self.journal.append(batch.iter().map(|finished| &finished.attempt))?;
        for finished in batch {
            let judge = usize::from(finished.tier);
            let Some(stage) = self.stages.get_mut(judge) else { continue };
            stage.spent += finished.attempt.billed.unwrap_or_default();
            if finished.last {
                stage.done += 1;
                stage.errors += u64::from(!finished.attempt.outcome.is_answer());
            }
            self.engine.emit(Event::Progress { stage: judge, progress: *stage });
        }
        Ok(())
    }
}

/// The result of asking.
pub(crate) struct AskReport {
    pub(crate) report: Report,
    /// The models, by their index in the report.
    pub(crate) models: Vec<ModelRef>,
    /// Whether queries of strategies were among the questions.
    pub(crate) for_strategies: bool,
}

/// Asks models questions, and stores their answers in the journal at `path`. `spent` and the earlier costs in the journal count
/// towards `ceiling`.
pub(crate) fn ask(
    engine: &Engine,
    project: &Project,
    path: &Path,
    open: Vec<OpenQuestion>,
    ceiling: Option<Usd>,
    spent: Usd,
) -> anyhow::Result<AskReport> {
    let (mut journal, index, recovery) = Journal::open(project.disk(), path)?;
    if recovery.cut > 0 {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        engine.emit(Event::JournalRepaired { file });
    }
    let questions = Arc::new(Questions::new(project, open, &index)?);
    let models: Vec<ModelRef> = questions.judges.iter().map(|judge| judge.model.clone()).collect();
    engine.emit(Event::AskingModels {
        questions: questions.open.len() as u64,
        purpose: questions.purpose(),
        models: models.clone(),
    });
    let for_strategies = questions.open.iter().any(|question| question.purpose == Purpose::Strategy);
    let lanes = calls::lanes_of(project, questions.by_provider()?)?;
    let stages = questions.stages();
    let budget = Arc::new(Budget::new(ceiling, spent + index.billed()));
    let settings = calls::settings(project);
    let runtime = runtime::new(engine)?;
    let mut recorder =
        Recorder { engine, journal: &mut journal, stages: vec![Progress::default(); stages.len()] };
    engine.emit(Event::CallsStarted { stages });
    let stop_mode = engine.stop().stop_mode();
    let report = runtime.block_on(dispatch::run(
        lanes,
        Arc::clone(&questions),
        &mut recorder,
        budget,
        settings,
        stop_mode,
    ));
    engine.emit(Event::CallsFinished);
    runtime.shutdown_background();
    Ok(AskReport { report: report?, models, for_strategies })
}
