//! Watches the cells of a run, and tells which trials still matter.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use super::drawn::{Drawn, Unit};
use crate::config::{DataLocation, Policy, Task};
use crate::corpus::Corpus;
use crate::engine::run::project::Project;
use crate::grade::OracleSet;
use crate::ident::{TaskName, TierName, TrialKey};
use crate::measure::{Grade, Observation};
use crate::plan::Plan;
use crate::plan::bands::Division;
use crate::policy::{self, EarlyStop, Known, Watch};
use crate::record::Attempt;
use crate::units::Millis;

/// A cell that needs no more calls from now on.
#[derive(Clone, Debug)]
pub(crate) struct CutCell {
    pub(crate) task: TaskName,
    pub(crate) tier: TierName,
    pub(crate) stop: EarlyStop,
    /// The cheaper tier that is proven, where the cell itself is not decided.
    pub(crate) spared_by: Option<TierName>,
    /// All prompts of the task.
    pub(crate) prompts: usize,
}

/// The cells of a run that may be stopped early.
pub(crate) struct Stopping {
    pub(super) tiers: Vec<TierName>,
    locations: Vec<DataLocation>,
    policy: Policy,
    pub(super) tasks: Vec<Watched>,
    /// Whether a cell is measured until it is decided itself, whatever is proven of cheaper tiers.
    complete: bool,
    /// Targets per prompt and repeats per target, as the plan numbers its trials.
    targets: usize,
    repeats: usize,
    /// The position in `tasks` of each prompt's task.
    task_of: Vec<u16>,
    /// Each prompt's place in the order of sending.
    rank: Vec<u32>,
    /// The first trial with the same key, if it is another one.
    duplicates: HashMap<u32, u32>,
    /// The trials that answer several prompts; they are always sent.
    shared: HashSet<u32>,
    settled: Vec<AtomicBool>,
    state: Mutex<State>,
}

pub(super) struct Watched {
    pub(super) task: Task,
    /// The prompts as they were drawn; empty if the task is not watched.
    pub(super) drawn: Drawn,
    /// A cell that has seen nothing.
    pub(super) watch: Watch,
    /// Whether its oracles ask models or programs, so that it is not watched.
    pub(super) is_asked: bool,
}

pub(super) struct State {
    /// By trial.
    pub(super) answers: Vec<Option<Answer>>,
    /// By task, then tier.
    pub(super) cells: Vec<Cell>,
}

/// What early stopping needs to know of an answer.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) grade: Grade,
    pub(super) total: Option<Millis>,
}

#[derive(Clone)]
pub(super) struct Cell {
    pub(super) watch: Watch,
    /// Units that the watch has seen.
    pub(super) next: usize,
    spared_by: Option<usize>,
}

impl Cell {
    fn new(watched: &Watched) -> Self {
        Self { watch: watched.watch.clone(), next: 0, spared_by: None }
    }
}

impl Stopping {
    /// Watches every task whose oracles grade replies without asking a model or a program.
    pub(crate) fn new(
        project: &Project,
        corpus: &Corpus,
        oracles: &OracleSet<'_>,
        plan: &Plan,
        division: &Division,
    ) -> anyhow::Result<Self> {
        let config = &project.config;
        let tiers: Vec<TierName> = config.ladder().iter().map(|tier| tier.name.clone()).collect();
        let parts = &division.parts;
        let mut task_of = Vec::with_capacity(corpus.len());
        let mut asked = BTreeSet::new();
        for at in 0..corpus.len() {
            let part = division.of(at);
            task_of.push(part);
            if oracles.of(at).is_none_or(|oracle| !oracle.criterion.asks().is_empty()) {
                asked.insert(part);
            }
        }
        let mut prompts = vec![Vec::new(); parts.len()];
        let mut rank = vec![0; corpus.len()];
        for (place, prompt) in (0u32..).zip(plan.prompt_order(config.run.seed)) {
            let at = task_of.get(prompt as usize).copied().context("a prompt of another corpus")?;
            let entry = corpus.entries().get(prompt as usize).context("a prompt of another corpus")?;
            if let Some(slot) = rank.get_mut(prompt as usize) {
                *slot = place;
            }
            if let Some(of_task) = prompts.get_mut(usize::from(at)) {
                of_task.push((prompt, entry.cluster, entry.weight.get()));
            }
        }
        let mut tasks = Vec::new();
        for ((at, part), prompts) in (0_u16..).zip(parts).zip(&prompts) {
            let is_asked = asked.contains(&at);
            // Each band of a task is drawn with coins of its own.
            let stream = u64::from(part.index) | u64::from(part.number) << 16;
            let drawn = Drawn::new(if is_asked { &[] } else { prompts }, config.run.seed, stream);
            // A unit is finished before the next one; what was not drawn comes after everything that was.
            for unit in &drawn.units {
                let first = unit.prompts.first().and_then(|(prompt, _)| rank.get(*prompt as usize)).copied();
                for (prompt, _) in &unit.prompts {
                    rank.get_mut(*prompt as usize)
                        .zip(first)
                        .into_iter()
                        .for_each(|(slot, first)| *slot = first);
                }
            }
            let last = u32::try_from(corpus.len())?;
            for prompt in &drawn.rest {
                rank.get_mut(*prompt as usize).into_iter().for_each(|slot| *slot = slot.saturating_add(last));
            }
            let watch = Watch::new(&part.task, &config.policy, parts.len() * tiers.len());
            tasks.push(Watched { task: part.task.clone(), drawn, watch, is_asked });
        }
        let cells: Vec<Cell> =
            tasks.iter().flat_map(|watched| tiers.iter().map(|_| Cell::new(watched))).collect();
        let (mut first, mut duplicates) = (HashMap::with_capacity(plan.len()), HashMap::new());
        for at in 0..plan.len() {
            let trial = u32::try_from(at)?;
            let found = *first.entry(plan.key(at)).or_insert(trial);
            if found != trial {
                duplicates.insert(trial, found);
            }
        }
        // An unknown provider counts as external.
        let location = |tier: &crate::config::Tier| {
            let provider = config.providers.get(&tier.model.provider);
            provider.map_or(DataLocation::External, |provider| provider.data_location)
        };
        Ok(Self {
            settled: cells.iter().map(|_| AtomicBool::new(false)).collect(),
            tiers,
            locations: config.ladder().iter().map(location).collect(),
            policy: config.policy.clone(),
            tasks,
            complete: config.run.complete,
            targets: plan.targets().len().max(1),
            repeats: config.run.repeats.max(1) as usize,
            task_of,
            rank,
            shared: duplicates.iter().flat_map(|(duplicate, first)| [*duplicate, *first]).collect(),
            duplicates,
            state: Mutex::new(State { answers: vec![None; plan.len()], cells }),
        })
    }

    /// Trials in the order in which they are to be sent: unit by unit as they were drawn, then those that were not drawn.
    pub(crate) fn in_order(&self, mut trials: Vec<u32>) -> Vec<u32> {
        let place = |trial: &u32| self.rank.get(*trial as usize / self.repeats / self.targets).copied();
        // Stable: within a unit the tiers alternate as planned.
        trials.sort_by_key(place);
        trials
    }

    /// Adds the answers of earlier executions of the same command.
    pub(crate) fn catch_up(&self, observations: &[Observation]) {
        let mut state = self.lock();
        for (trial, seen) in (0..).zip(observations) {
            // A trial that ended in an error is sent again and is no evidence yet.
            if let Some(outcome) = seen.outcome.filter(|outcome| outcome.is_answer()) {
                let grade = Grade::of(Some(outcome), seen.verdict.as_ref());
                self.note(&mut state, trial, Answer { grade, total: seen.total });
            }
        }
    }

    /// Adds the trials that do not fit their model's context window and are not sent.
    pub(crate) fn add_overflow(&self, plan: &Plan, overflow: &[Attempt]) -> anyhow::Result<()> {
        let held: HashSet<TrialKey> = overflow.iter().map(|attempt| attempt.key).collect();
        let mut state = self.lock();
        for at in (0..plan.len()).filter(|at| held.contains(&plan.key(*at))) {
            self.note(&mut state, u32::try_from(at)?, Answer { grade: Grade::Overflow, total: None });
        }
        Ok(())
    }

    /// Looks at what is known before the first call, and returns the cells that need none.
    pub(crate) fn begin(&self) -> Vec<CutCell> {
        let mut state = self.lock();
        (0..self.tasks.len()).flat_map(|task| self.spare(&mut state, task)).collect()
    }

    /// Whether a trial still needs to be sent.
    pub(crate) fn wanted(&self, trial: u32) -> bool {
        let cell = self.cell_of(trial).filter(|_| !self.shared.contains(&trial));
        cell.and_then(|cell| self.settled.get(cell)).is_none_or(|settled| !settled.load(Ordering::Relaxed))
    }

    /// Adds the grade of a trial and how long it took, and returns the cells that need no more calls.
    pub(crate) fn take(&self, trial: u32, grade: Grade, total: Option<Millis>) -> Vec<CutCell> {
        let mut state = self.lock();
        let mut cut = self.note(&mut state, trial, Answer { grade, total });
        // What is known of a tier does not change after its cell is decided.
        if !cut.is_empty() {
            cut.extend((0..self.tasks.len()).flat_map(|task| self.spare(&mut state, task)));
        }
        cut
    }

    /// Adds an answer, and returns the cells that it decides.
    fn note(&self, state: &mut State, trial: u32, answer: Answer) -> Vec<CutCell> {
        let at = self.duplicates.get(&trial).copied().unwrap_or(trial);
        if let Some(slot) = state.answers.get_mut(at as usize) {
            *slot = Some(answer);
        }
        let Some(tier) = self.cell_of(trial).map(|cell| cell % self.tiers.len()) else { return Vec::new() };
        // One answer may count for prompts of several tasks.
        (0..self.tasks.len()).filter_map(|task| self.advance(state, task, tier, usize::MAX)).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Grades are consistent even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of a trial; `None` for a target outside the ladder.
    fn cell_of(&self, trial: u32) -> Option<usize> {
        let at = trial as usize / self.repeats;
        let tier = at % self.targets;
        let task = usize::from(*self.task_of.get(at / self.targets)?);
        (tier < self.tiers.len()).then_some(task * self.tiers.len() + tier)
    }

    /// The trials of a prompt on a tier.
    pub(super) fn trials(&self, prompt: u32, tier: usize) -> Range<usize> {
        let from = (prompt as usize * self.targets + tier) * self.repeats;
        from..from + self.repeats
    }

    /// The answers to a prompt on a tier; `None` while one of them is missing.
    fn answers(&self, state: &State, prompt: u32, tier: usize) -> Option<Vec<Answer>> {
        self.trials(prompt, tier)
            .map(|trial| {
                let trial = u32::try_from(trial).ok()?;
                let trial = self.duplicates.get(&trial).copied().unwrap_or(trial);
                state.answers.get(trial as usize).copied().flatten()
            })
            .collect()
    }

    /// The evidence of a unit on a tier: `None` while an answer is missing, nothing in it where no prompt fits the tier.
    pub(super) fn unit(&self, state: &State, unit: &Unit, tier: usize) -> Option<Option<policy::Unit>> {
        let (mut worst, mut best, mut total) = (0.0, 0.0, 0.0);
        let mut seen = policy::Unit { is_graded: false, prompts: 0, ..policy::Unit::ungraded() };
        for (prompt, weight) in &unit.prompts {
            let answers = self.answers(state, *prompt, tier)?;
            let of = |grade: Grade| answers.iter().filter(|answer| answer.grade == grade).count();
            let (passed, failed, unknown) = (of(Grade::Pass), of(Grade::Fail), of(Grade::Unknown));
            let trials = (passed + failed + unknown) as f64;
            if trials > 0.0 {
                worst += weight * passed as f64 / trials;
                best += weight * (passed + unknown) as f64 / trials;
                total += weight;
                seen.is_graded |= passed + failed > 0;
                seen.prompts += 1;
            }
        }
        Some((total > 0.0).then(|| policy::Unit { worst: worst / total, best: best / total, ..seen }))
    }

    /// Tests the units of a cell up to the first one without an answer, `limit` of them at the most.
    pub(super) fn advance(
        &self,
        state: &mut State,
        task: usize,
        tier: usize,
        limit: usize,
    ) -> Option<CutCell> {
        let at = task * self.tiers.len() + tier;
        let watched = self.tasks.get(task)?;
        loop {
            let cell = state.cells.get(at)?;
            if cell.watch.is_decided() || cell.next >= limit {
                return None;
            }
            let seen = self.unit(state, watched.drawn.units.get(cell.next)?, tier)?;
            let cell = state.cells.get_mut(at)?;
            cell.next += 1;
            if let Some(unit) = seen {
                cell.watch.take(unit);
            }
            if cell.watch.is_decided() {
                let stop = cell.watch.early_stop()?;
                // A cell that was spared has been reported, and its last answers may still decide it.
                let known = self.settled.get(at)?.swap(true, Ordering::Relaxed);
                return self.cut(task, tier, stop).filter(|_| !known);
            }
        }
    }

    /// Stops the tiers above the ones that are proven.
    fn spare(&self, state: &mut State, task: usize) -> Vec<CutCell> {
        let mut cut = Vec::new();
        let mut by = None;
        for tier in 0..self.tiers.len() {
            let at = task * self.tiers.len() + tier;
            let is_open = self.settled.get(at).is_some_and(|settled| !settled.load(Ordering::Relaxed));
            if let (Some(by), true) = (by, is_open)
                && let Some(cell) = state.cells.get_mut(at)
            {
                cell.spared_by = Some(by);
                self.settled.get(at).into_iter().for_each(|settled| settled.store(true, Ordering::Relaxed));
                cut.extend(self.cut(task, tier, cell.watch.spared(by)));
            }
            if by.is_none() && self.proves(state, task, tier) {
                by = Some(tier);
            }
        }
        cut
    }

    /// Whether a tier is proven and can serve the task as far as is known, so that dearer ones need not be measured.
    pub(super) fn proves(&self, state: &State, task: usize, tier: usize) -> bool {
        let cell = state.cells.get(task * self.tiers.len() + tier);
        let (Some(cell), Some(watched), Some(location)) =
            (cell.filter(|cell| cell.watch.is_proven()), self.tasks.get(task), self.locations.get(tier))
        else {
            return false;
        };
        !self.complete
            && self.known(state, watched, tier, cell.next, *location).can_serve(&watched.task, &self.policy)
    }

    fn known(
        &self,
        state: &State,
        watched: &Watched,
        tier: usize,
        looked: usize,
        location: DataLocation,
    ) -> Known {
        let drawn = &watched.drawn;
        // What does not fit is known of all prompts before the first call. In proportion to weight, each unit counts alike.
        let overflow = |unit: &Unit| {
            let part = |prompt: u32, weight: f64| {
                let rows = self.trials(prompt, tier);
                let fits = rows.into_iter().all(|row| {
                    state
                        .answers
                        .get(row)
                        .is_none_or(|answer| answer.is_none_or(|a| a.grade != Grade::Overflow))
                });
                if fits { 0.0 } else { weight }
            };
            let whole: f64 = unit.prompts.iter().map(|(_, weight)| weight).sum();
            unit.prompts.iter().map(|(prompt, weight)| part(*prompt, *weight)).sum::<f64>() / whole
        };
        let seen = drawn.units.iter().take(looked).flat_map(|unit| &unit.prompts);
        let times: Vec<Millis> = seen
            .filter_map(|(prompt, _)| self.answers(state, *prompt, tier))
            .flatten()
            .filter_map(|answer| answer.total)
            .collect();
        let limit = watched.task.latency_p95;
        Known {
            location,
            overflow_share: drawn.units.iter().map(overflow).sum::<f64>() / drawn.units.len().max(1) as f64,
            timed: times.len() as u64,
            in_time: times.iter().filter(|time| limit.is_none_or(|limit| **time <= limit)).count() as u64,
        }
    }

    fn cut(&self, task: usize, tier: usize, stop: EarlyStop) -> Option<CutCell> {
        let watched = self.tasks.get(task)?;
        Some(CutCell {
            task: watched.task.name.clone(),
            tier: self.tiers.get(tier)?.clone(),
            stop,
            spared_by: stop.spared_by.and_then(|by| self.tiers.get(by)).cloned(),
            prompts: watched.drawn.prompts(),
        })
    }
}
