//! Answers to a summary: looks every planned trial up in journals, grades what it finds, and has it measured and decided.
//! `run`, `report`, `grade` and `check` all come through here, so that none can disagree with another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::asking::{self, OpenQuestion};
use super::programs::{ProgramFiles, Programs};
use super::project::Project;
use super::scouting;
use super::stopping::{Replay, Stopped, Stopping};
use crate::config::{Rule, TierRole};
use crate::corpus::Corpus;
use crate::disk;
use crate::grade::labels::{self, JudgeStanding};
use crate::grade::{OracleSet, grade};
use crate::ident::{Digest, RunId, TrialKey};
use crate::journal::Reader;
use crate::measure::Observation;
use crate::oracle::{Asks, Oracle};
use crate::plan::Plan;
use crate::policy::strategies::asked::Asked;
use crate::record::{Attempt, Outcome, Via};
use crate::summary::asked::AskedModel;
use crate::summary::beside::Tally;
use crate::summary::build::{Gate, Inputs, MeasuredTask, build};
use crate::summary::strategies::Texts;
use crate::summary::{Evidence, JudgeSpend, Notice, NoticeLevel, RunFacts, Source, Spend, Summary};
use crate::units::Usd;

/// No further row has the same key.
const NONE: u32 = u32::MAX;

/// A journal to look trials up in.
pub(crate) struct Answers {
    /// The file.
    pub(crate) path: PathBuf,
    /// What its records are, where they do not say so themselves: a tape's are live calls of another day.
    pub(crate) via: Option<Via>,
}

/// All planned trials in canonical order (prompt, tier, repeat), with what was found of each.
pub(crate) struct Rows {
    pub(crate) observations: Vec<Observation>,
    /// Where the answering attempt of each row stands: the number of the journal and the offset in it.
    pub(crate) places: Vec<Option<(u16, u64)>>,
    /// The rows that the context guard held back and nothing has answered since.
    guarded: BTreeSet<usize>,
    /// Which models served the replies of routers.
    served: Tally,
    vias: BTreeSet<Via>,
    pub(crate) billed: Usd,
    /// What the oracles asked; `None` where none of them asks a model.
    pub(crate) judged: Option<JudgeSpend>,
    /// What the oracles ask programs and nobody has answered.
    pub(crate) programs_missing: u64,
    /// The programs that graded.
    pub(crate) programs: ProgramFiles,
    /// What the oracles ask models and nobody has answered.
    pub(crate) open: Vec<OpenQuestion>,
    /// What was settled before all of it was answered; `None` without `--stop-early`.
    pub(crate) stopped: Option<Stopped>,
    /// What models said of the prompts themselves, and what that took.
    pub(crate) asked: Asked,
    pub(crate) scouted: Vec<AskedModel>,
    /// The next row with the same key: prompts of the same text share their trials.
    next_same: Vec<u32>,
    by_key: HashMap<TrialKey, u32>,
}

impl Rows {
    /// A row for every planned trial, empty so far.
    fn new(corpus: &Corpus, plan: &Plan) -> anyhow::Result<Self> {
        let trials = plan.len();
        let mut rows = Self {
            observations: Vec::with_capacity(trials),
            places: vec![None; trials],
            guarded: BTreeSet::new(),
            served: Tally::new(),
            vias: BTreeSet::new(),
            billed: Usd::ZERO,
            judged: None,
            programs_missing: 0,
            programs: ProgramFiles::new(),
            open: Vec::new(),
            stopped: None,
            asked: Asked::default(),
            scouted: Vec::new(),
            next_same: vec![NONE; trials],
            by_key: HashMap::with_capacity(trials),
        };
        let measured = corpus.used_tasks();
        for at in 0..trials {
            let spec = plan.spec(at);
            let entry =
                corpus.entries().get(spec.prompt as usize).context("the plan is of another corpus")?;
            rows.observations.push(Observation {
                prompt: spec.prompt,
                // The statistics count only the tasks that have prompts.
                task: u16::try_from(measured.binary_search(&entry.task).unwrap_or_default())?,
                tier: spec.target,
                repeat: spec.repeat,
                weight: entry.weight.get(),
                ..Observation::default()
            });
            let here = u32::try_from(at).context("too many trials")?;
            if let Some(before) = rows.by_key.insert(plan.key(at), here) {
                rows.next_same[at] = before;
            }
        }
        Ok(rows)
    }

    /// Takes an attempt in; the first answer of a trial stands.
    fn take(
        &mut self,
        project: &Project,
        corpus: &Corpus,
        oracles: &OracleSet<'_>,
        attempt: &Attempt,
        place: (u16, u64),
    ) -> anyhow::Result<()> {
        let mut at = self.by_key.get(&attempt.key).copied().unwrap_or(NONE);
        let mut first = true;
        while at != NONE {
            let row = at as usize;
            at = self.next_same[row];
            let Some(seen) = self.observations.get_mut(row) else { break };
            if seen.outcome.is_some_and(Outcome::is_answer) && !self.guarded.contains(&row) {
                continue;
            }
            self.guarded.remove(&row);
            if !attempt.was_sent() {
                self.guarded.insert(row);
            }
            let price = project.prices.get(usize::from(seen.tier)).context("a tier without a price")?;
            let cost = price.cost(&attempt.usage);
            seen.attempts += u32::from(attempt.was_sent());
            seen.outcome = Some(attempt.outcome);
            if first {
                first = false;
                self.billed += attempt.billed.filter(|_| attempt.via == Via::Live).unwrap_or_default();
            }
            if !attempt.outcome.is_answer() {
                match cost {
                    Some(cost) => seen.wasted += cost.billed,
                    None if attempt.may_be_billed() => seen.unpriced += 1,
                    None => {}
                }
                continue;
            }
            self.vias.insert(attempt.via);
            self.places[row] = Some(place);
            if attempt.outcome == Outcome::Overflow {
                continue;
            }
            let prompt = corpus.load(seen.prompt as usize)?;
            let oracle = oracles.of(seen.prompt as usize).context("a prompt without an oracle")?;
            let graded = grade(oracle, attempt, prompt.expected.as_ref(), cost.map(|cost| cost.billed));
            let tier = usize::from(seen.tier);
            if project.config.tiers.get(tier).is_some_and(|tier| tier.role == TierRole::Router) {
                let model = attempt.served_model.clone().unwrap_or_else(|| "unknown".to_owned());
                *self.served.entry(tier).or_default().entry(model).or_default() += 1;
            }
            seen.outcome = Some(graded.outcome);
            seen.verdict = graded.verdict;
            seen.gate_passed = graded.gate_passed;
            seen.truth_passed = graded.truth_passed;
            seen.total = attempt.clocks.total_ms;
            seen.first_content = attempt.clocks.first_content_ms;
            seen.input = attempt.usage.all_input();
            seen.output = attempt.usage.output;
            seen.cost = cost.map(|cost| cost.billed);
            seen.cost_uncached = cost.map(|cost| cost.uncached);
            if cost.is_none() {
                seen.unpriced += 1;
            }
        }
        Ok(())
    }
}

/// What a summary is made from, beside the project.
pub(crate) struct Basis<'a> {
    pub(crate) project: &'a Project,
    pub(crate) corpus: &'a Corpus,
    pub(crate) plan: &'a Plan,
    pub(crate) oracles: &'a OracleSet<'a>,
    /// The corpus as written into files.
    pub(crate) corpus_name: String,
    pub(crate) id: RunId,
    /// Journals, in the order in which they are asked.
    pub(crate) answers: Vec<Answers>,
    /// The recording that answers with `Via::Tape` come from, as written into files.
    pub(crate) tape: Option<String>,
    /// Where what programs of `command` oracles say comes from, and whether they may be run.
    pub(crate) programs: Programs<'a>,
}

/// Looks every planned trial up and grades it.
pub(crate) fn collect(basis: &Basis<'_>) -> anyhow::Result<Rows> {
    let mut rows = Rows::new(basis.corpus, basis.plan)?;
    for (number, answers) in basis.answers.iter().enumerate() {
        let number = u16::try_from(number).context("too many journals")?;
        for record in Reader::open(&answers.path)? {
            let (offset, mut attempt) = record?;
            if let Some(via) = answers.via {
                attempt.via = via;
                attempt.billed = None;
            }
            rows.take(basis.project, basis.corpus, basis.oracles, &attempt, (number, offset))?;
        }
    }
    // All answers are in: what finds a trial by its key is a tenth of a large run's memory.
    rows.by_key = HashMap::new();
    rows.next_same = Vec::new();
    asking::settle(basis, &mut rows)?;
    // Under any other rule what was settled by floors is not settled, and what was not asked is missing.
    let config = &basis.project.config;
    if config.run.stop_early && config.policy.rule == Rule::Floor {
        stop_early(basis, &mut rows)?;
    }
    scouting::settle(basis, &mut rows)?;
    Ok(rows)
}

/// Finds the cells that were settled early; of a recording, only what a run that stops early would have asked for stays.
fn stop_early(basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    let stopping = Stopping::new(basis.project, basis.corpus, basis.oracles, basis.plan)?;
    let recorded = rows.vias.iter().eq([&Via::Tape]);
    let replay = if recorded { Replay::Recording } else { Replay::Run };
    let stopped = stopping.replay(&mut rows.observations, replay);
    for row in &stopped.forgotten {
        if let Some(place) = rows.places.get_mut(*row) {
            *place = None;
        }
    }
    rows.stopped = Some(stopped);
    Ok(())
}

/// The digests of everything that the result depends on.
pub(crate) fn evidence(
    project: &Project,
    corpus: &Corpus,
    oracles: &OracleSet<'_>,
) -> anyhow::Result<Evidence> {
    let config = &project.config;
    let models: Vec<_> = config.tiers.iter().map(|tier| tier.model.clone()).collect();
    let folder = config.root.join(&config.run.oracles);
    let mut labels = BTreeMap::new();
    for oracle in oracles.iter().filter(|oracle| asks_a_model(oracle)) {
        if let Some(bytes) = disk::read_if_present(&labels::file(&folder, &oracle.id))? {
            labels.insert(oracle.id.clone(), Digest::of(&bytes));
        }
    }
    Ok(Evidence {
        corpus: corpus.digest(),
        tiers: config.tiers_digest(),
        tasks: config.tasks_digest(),
        policy: config.policy_digest(),
        prices: project.catalogue.prices_digest(&models),
        price_source: project.catalogue.source(),
        price_note: config.prices.note.clone(),
        oracles: oracles.used().collect(),
        labels,
    })
}

/// Whether a model judges, or is asked for embeddings.
fn asks_a_model(oracle: &Oracle) -> bool {
    oracle.criterion.asks().iter().any(|asks| matches!(asks, Asks::Model { .. }))
}

/// Measures, decides and projects.
pub(crate) fn summarise(basis: &Basis<'_>, rows: &Rows) -> anyhow::Result<Summary> {
    let (project, corpus) = (basis.project, basis.corpus);
    let spared = |row: usize| rows.stopped.as_ref().is_some_and(|stopped| stopped.spares(row));
    let count = |wanted: fn(&Observation) -> bool| {
        let rows = rows.observations.iter().enumerate();
        rows.filter(|(at, row)| wanted(row) && !spared(*at)).count() as u64
    };
    let source = source(basis, rows);
    let run = RunFacts {
        id: basis.id.clone(),
        corpus: basis.corpus_name.clone(),
        prompts: corpus.len() as u64,
        trials: rows.observations.len() as u64,
        answered: count(|row| row.outcome.is_some_and(Outcome::is_answer)),
        errors: count(|row| row.outcome == Some(Outcome::Error)),
        missing: count(|row| row.outcome.is_none()),
        repeats: project.config.run.repeats,
        seed: project.config.run.seed,
        source,
        stop_early: rows
            .stopped
            .as_ref()
            .map(|stopped| stopped.account(&rows.observations, project.config.policy.stop_alpha.get())),
    };
    let mut notices = Vec::new();
    for (tier, price) in project.config.tiers.iter().zip(&project.prices) {
        if let Some(day) = &price.deprecated {
            notices.push(Notice {
                level: NoticeLevel::Warning,
                code: "deprecated-model".to_owned(),
                text: format!("{} ({}) is announced to go on {day}.", tier.name, tier.model),
            });
        }
    }
    notices.extend(same_class_notices(project));
    let mut tasks = Vec::new();
    for index in corpus.used_tasks() {
        let task = project.config.tasks.get(usize::from(index)).context("a task of other settings")?;
        let of_task = || corpus.entries().iter().filter(|entry| entry.task == index);
        let has_gate = basis.oracles.of_task(index).is_some_and(|oracle| oracle.criterion.has_gate());
        tasks.push(MeasuredTask {
            task,
            gate: if has_gate { Gate::Present } else { Gate::Absent },
            prompts: of_task().count() as u64,
            adversarial: of_task().filter(|entry| entry.adversarial).count() as u64,
            judge: judge_standing(basis, index)?,
        });
    }
    let mut texts = Texts::default();
    for prompt in 0..corpus.len() {
        texts.push(&corpus.load(prompt)?.content.plain());
    }
    let inputs = Inputs {
        config: &project.config,
        tool: TOOL.to_owned(),
        spend: spend(rows),
        run,
        evidence: evidence(project, corpus, basis.oracles)?,
        tasks: &tasks,
        prices: &project.prices,
        observations: &rows.observations,
        texts: Some(&texts),
        asked: &rows.asked,
        scouted: &rows.scouted,
        served: &rows.served,
        stopped: rows.stopped.as_ref().map_or(&[], |stopped| &stopped.cells),
        notices,
    };
    Ok(build(inputs)?)
}

/// How far the judges of a task can be trusted: the one that can be trusted least, where its prompts name several.
fn judge_standing(basis: &Basis<'_>, task: u16) -> anyhow::Result<Option<JudgeStanding>> {
    let config = &basis.project.config;
    let folder = config.root.join(&config.run.oracles);
    let mut judges = BTreeMap::new();
    for (at, entry) in basis.corpus.entries().iter().enumerate() {
        let Some(oracle) = basis.oracles.of(at).filter(|_| entry.task == task) else { continue };
        if !judges.contains_key(&oracle.id) && asks_a_model(oracle) {
            let labels = labels::read(&labels::file(&folder, &oracle.id))?;
            let needed = config.policy.judge_min_labels;
            judges.insert(&oracle.id, JudgeStanding::of(oracle.id.clone(), oracle.digest, &labels, needed));
        }
    }
    let capped = judges.values().find(|standing| standing.cap().is_some());
    Ok(capped.or_else(|| judges.values().next()).cloned())
}

/// What is wrong with the tiers' fallbacks of the same class, measured or not.
fn same_class_notices(project: &Project) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut unmeasured = Vec::new();
    for (tier, price) in project.config.ladder().iter().zip(&project.prices) {
        let own = tier.context_window.or(price.context_window);
        for model in &tier.same_class {
            if !project.fallbacks() {
                unmeasured.push(model.to_string());
            }
            let window = project.catalogue.price(model).ok().and_then(|price| price.context_window);
            if let (Some(own), Some(window)) = (own, window)
                && window < own
            {
                notices.push(Notice {
                    level: NoticeLevel::Error,
                    code: "same-class-window".to_owned(),
                    text: format!(
                        "{model} stands in for {} of tier {}, but its context window of {window} tokens is smaller than \
                         {own}: what fits the one fails at the other. Name another model, or state context_window.",
                        tier.model, tier.name
                    ),
                });
            }
        }
    }
    if !unmeasured.is_empty() {
        notices.push(Notice {
            level: NoticeLevel::Note,
            code: "fallback-unmeasured".to_owned(),
            text: format!(
                "Fallbacks without evidence: {}. Measure them with --fallbacks.",
                unmeasured.join(", ")
            ),
        });
    }
    notices
}

/// The program as its files name it.
pub(crate) const TOOL: &str = concat!("route-prof ", env!("CARGO_PKG_VERSION"));

fn spend(rows: &Rows) -> Spend {
    let seen = || rows.observations.iter();
    Spend {
        attempts: seen().map(|row| u64::from(row.attempts)).sum(),
        retries: seen().map(|row| u64::from(row.attempts.saturating_sub(1))).sum(),
        list: seen().map(|row| row.cost.unwrap_or_default() + row.wasted).sum(),
        billed: rows.billed,
        unpriced: seen().map(|row| u64::from(row.unpriced)).sum(),
        judge: rows.judged.clone(),
    }
}

fn source(basis: &Basis<'_>, rows: &Rows) -> Source {
    let recording = || Source::Recording(basis.tape.clone().unwrap_or_else(|| "a recording".to_owned()));
    let vias: Vec<Via> = rows.vias.iter().copied().collect();
    match vias.as_slice() {
        // An answer of an earlier run of this project is a call to a model like any other.
        [] | [Via::Live] | [Via::Reuse] | [Via::Live, Via::Reuse] => Source::Live,
        [Via::Tape] => recording(),
        [Via::Script] => Source::Script,
        _ => Source::Mixed,
    }
}

/// The journal of a run's folder as a source of answers.
pub(crate) fn journal_of(folder: &Path) -> Answers {
    Answers { path: folder.join(super::run_record::JOURNAL), via: None }
}
