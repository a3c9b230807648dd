//! Asks judges what is open: through the same dispatch as any call, so limited, journalled, priced and resumable.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::asking::{self, OpenQuestion, Purpose};
use super::exit::Exit;
use super::project::Project;
use super::run_record::JUDGE_JOURNAL;
use super::send;
use crate::console::{Console, Progress, ProgressFacts};
use crate::diag::Faults;
use crate::dispatch::{self, Budget, Call, Ended, Finished, Lane, Report, Sink, Source};
use crate::ident::{ModelRef, ProviderName, TrialKey};
use crate::journal::{Index, Journal, Reader};
use crate::plan::tokens;
use crate::price::ModelPrice;
use crate::provider::{self, Endpoint};
use crate::record::{Attempt, Via};
use crate::summary::Summary;
use crate::units::Usd;

/// The questions as calls. What dispatch knows as a tier is a judge here.
struct Questions {
    open: Vec<OpenQuestion>,
    judges: Vec<Judge>,
    /// The index in `judges` of each question's.
    of_question: Vec<u16>,
    /// Attempts at questions without an answer, in earlier runs of the same command.
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

    /// What a model is asked as.
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

    /// The questions by provider, each with its endpoint.
    fn lanes(&self, project: &Project) -> anyhow::Result<Vec<Lane>> {
        let mut trials: BTreeMap<ProviderName, Vec<u32>> = BTreeMap::new();
        for (at, question) in self.open.iter().enumerate() {
            trials.entry(question.model.provider.clone()).or_default().push(u32::try_from(at)?);
        }
        let mut faults = Faults::default();
        let mut lanes = Vec::new();
        for (name, trials) in trials {
            let provider = project.config.providers.get(&name).context("a judge of an unknown provider")?;
            match Endpoint::connect(provider, &project.config.run) {
                Ok(endpoint) => {
                    lanes.push(Lane { endpoint: Arc::new(endpoint), limits: provider.limits, trials });
                }
                Err(found) => faults.0.extend(found.0),
            }
        }
        Ok(faults.into_result(lanes)?)
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

/// Makes the answers durable.
struct Recorder<'a> {
    journal: &'a mut Journal,
    progress: &'a Progress,
    facts: Vec<ProgressFacts>,
}

impl Sink for Recorder<'_> {
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()> {
        self.journal.append(batch.iter().map(|finished| &finished.attempt))?;
        for finished in batch {
            let judge = usize::from(finished.tier);
            let Some(facts) = self.facts.get_mut(judge) else { continue };
            facts.spent += finished.attempt.billed.unwrap_or_default();
            if finished.last {
                facts.done += 1;
                facts.errors += u64::from(!finished.attempt.outcome.is_answer());
            }
            self.progress.update(judge, *facts);
        }
        Ok(())
    }
}

/// What asking the judges came to.
pub(crate) struct Asked {
    pub(crate) report: Report,
    /// The judges, in the order of the numbers in the report.
    pub(crate) judges: Vec<ModelRef>,
    /// Whether questions of strategies were among them.
    pub(crate) for_strategies: bool,
}

/// Puts the open questions to their judges, under what is left of a ceiling once `spent` is taken off; the judges' own bill
/// so far comes on top.
pub(crate) fn ask(
    project: &Project,
    console: &Console,
    folder: &Path,
    open: Vec<OpenQuestion>,
    ceiling: Option<Usd>,
    spent: Usd,
) -> anyhow::Result<Asked> {
    put(project, console, &folder.join(JUDGE_JOURNAL), open, ceiling, spent)
}

/// Puts questions to models and their answers into the journal at `path`.
pub(crate) fn put(
    project: &Project,
    console: &Console,
    path: &Path,
    open: Vec<OpenQuestion>,
    ceiling: Option<Usd>,
    spent: Usd,
) -> anyhow::Result<Asked> {
    let (mut journal, index, recovery) = Journal::open(path)?;
    if recovery.cut > 0 {
        let name = path.file_name().unwrap_or_default().display();
        console
            .note(&format!("the last line of {name} was torn and is cut off: its question is asked again"));
    }
    let questions = Arc::new(Questions::new(project, open, &index)?);
    let judges: Vec<ModelRef> = questions.judges.iter().map(|judge| judge.model.clone()).collect();
    let names: Vec<String> = judges.iter().map(ToString::to_string).collect();
    let all = |purpose| questions.open.iter().all(|question| question.purpose == purpose);
    let what = if all(Purpose::Judge) {
        "questions to judges"
    } else if all(Purpose::Writer) {
        "requests for prompts"
    } else {
        "questions to models, of judges and strategies"
    };
    console.note(&format!("{} {what}: {}", questions.open.len(), names.join(", ")));
    let for_strategies = questions.open.iter().any(|question| question.purpose == Purpose::Strategy);
    let lanes = questions.lanes(project)?;
    let count =
        |judge: usize| questions.of_question.iter().filter(|of| usize::from(**of) == judge).count() as u64;
    let totals: Vec<(String, u64, u64)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (format!("{} {name}", questions.role(at)), count(at), 0))
        .collect();
    let progress = Progress::new(console, &totals);
    let budget = Arc::new(Budget::new(ceiling, spent + index.billed()));
    let settings = send::settings(&project.config.run);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let mut recorder = Recorder {
        journal: &mut journal,
        progress: &progress,
        facts: vec![ProgressFacts::default(); totals.len()],
    };
    let report = runtime.block_on(send::until_signal(|listener| {
        dispatch::run(lanes, Arc::clone(&questions), &mut recorder, budget, settings, listener)
    }));
    progress.finish();
    runtime.shutdown_background();
    Ok(Asked { report: report?, judges, for_strategies })
}

/// Copies answers of other runs, or of a recording, into the run's own judge journal, so that its folder is whole by itself.
/// Returns how many.
pub(crate) fn take_over(
    folder: &Path,
    open: &[OpenQuestion],
    sources: &[(PathBuf, Via)],
) -> anyhow::Result<usize> {
    let mut wanted: HashMap<TrialKey, ()> = open.iter().map(|question| (question.key, ())).collect();
    let mut found = Vec::new();
    for (path, via) in sources {
        let Some(path) = asking::stored_file(path, Some(*via), JUDGE_JOURNAL) else { continue };
        for record in Reader::open(&path)? {
            let (_, mut attempt) = record?;
            let reusable = *via == Via::Tape || matches!(attempt.via, Via::Live | Via::Reuse);
            if reusable && attempt.is_answer() && wanted.remove(&attempt.key).is_some() {
                attempt.via = *via;
                attempt.billed = None;
                found.push(attempt);
            }
        }
    }
    if !found.is_empty() {
        let (mut journal, ..) = Journal::open(&folder.join(JUDGE_JOURNAL))?;
        journal.append(&found)?;
    }
    Ok(found.len())
}

/// What a journal's attempts were billed in all.
pub(crate) fn billed(journal: &Path) -> anyhow::Result<Usd> {
    let mut sum = Usd::ZERO;
    if journal.is_file() {
        for record in Reader::open(journal)? {
            sum += record?.1.billed.unwrap_or_default();
        }
    }
    Ok(sum)
}

/// What is left to say of the judges, and the exit code.
pub(crate) fn finish(
    console: &Console,
    summary: &Summary,
    asked: Option<&Asked>,
    ceiling: Option<Usd>,
) -> Exit {
    let missing = summary.spend.judge.as_ref().map_or(0, |judge| judge.missing);
    let scouted = || summary.strategies.iter().flat_map(|strategies| &strategies.asked);
    // What strategies want to know holds nothing up unless it was being asked: no grade hangs on it.
    let missing = missing
        + if asked.is_some_and(|asked| asked.for_strategies) {
            scouted().map(|model| model.missing).sum()
        } else {
            0
        };
    let again = "run the same command again to continue";
    if let Some(asked) = asked {
        for (judge, why) in &asked.report.stopped {
            let name = asked.judges.get(usize::from(*judge)).map(ToString::to_string).unwrap_or_default();
            console.warn(&format!("judge {name} was stopped: {why}"));
        }
        match asked.report.ended {
            Ended::Interrupted => {
                console.note(&format!("interrupted with {missing} questions to judges open; {again}"));
                return Exit::Interrupted;
            }
            Ended::Budget => {
                console.warn(&format!(
                    "stopped before the next question to a judge could exceed {}; {missing} are open: raise --max-cost to continue",
                    ceiling.map(Usd::human).unwrap_or_default()
                ));
                return Exit::Incomplete;
            }
            Ended::Complete => {}
        }
    }
    match (missing, asked) {
        (0, _) => Exit::Fine,
        (missing, Some(_)) => {
            console.warn(&format!("{missing} questions to judges have no answer; {again}"));
            Exit::Incomplete
        }
        (missing, None) => {
            console.warn(&format!(
                "{missing} questions to judges have no answer, so what hangs on them is ungraded: `route-prof grade latest --allow-judge --write` asks them"
            ));
            Exit::Incomplete
        }
    }
}
