//! `--stop-early`: watches the cells of a run in one fixed random order of their prompts, and tells which trials still matter.
//!
//! Answers arrive in any order, and slow ones may differ from fast ones. So the test looks at a cell's prompts in the drawn order,
//! up to the first one without an answer: the decision does not depend on which answers happened to arrive first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use crate::corpus::Corpus;
use crate::engine::run::project::Project;
use crate::engine::run::stopped::Stopped;
use crate::grade::OracleSet;
use crate::ident::{TaskName, TierName, TrialKey};
use crate::measure::{Grade, Observation};
use crate::plan::Plan;
use crate::policy::{EarlyStop, Watch, Weights};
use crate::record::{Attempt, Outcome};

/// A cell that has just been decided.
#[derive(Clone, Debug)]
pub(crate) struct DecidedCell {
    pub(crate) task: TaskName,
    pub(crate) tier: TierName,
    pub(crate) settled: EarlyStop,
    pub(crate) prompts: usize,
}

/// The cells of a run that may be stopped early.
pub(crate) struct Stopping {
    tiers: Vec<TierName>,
    tasks: Vec<Watched>,
    /// Targets per prompt and repeats per target, as the plan numbers its trials.
    targets: usize,
    repeats: usize,
    /// The position in `tasks` of each prompt's task.
    task_of: Vec<u16>,
    /// The first trial with the same key, if it is another one.
    duplicates: HashMap<u32, u32>,
    /// The trials that answer several prompts; they are always sent.
    shared: HashSet<u32>,
    settled: Vec<AtomicBool>,
    state: Mutex<State>,
}

struct Watched {
    name: TaskName,
    /// The prompts in the drawn order, with their weights; empty if the task is not watched.
    prompts: Vec<(u32, f64)>,
    /// Whether its oracles ask models or programs, so that it is not watched.
    is_asked: bool,
}

struct State {
    grades: Vec<Option<Grade>>,
    /// By task, then tier.
    cells: Vec<Cell>,
}

struct Cell {
    watch: Watch,
    next: usize,
}

impl Stopping {
    /// Watches every task whose oracles grade replies without asking a model or a program.
    pub(crate) fn new(
        project: &Project,
        corpus: &Corpus,
        oracles: &OracleSet<'_>,
        plan: &Plan,
    ) -> anyhow::Result<Self> {
        let config = &project.config;
        let tiers: Vec<TierName> = config.ladder().iter().map(|tier| tier.name.clone()).collect();
        let used: Vec<u16> = corpus.used_tasks();
        let mut task_of = Vec::with_capacity(corpus.len());
        let mut asked = BTreeSet::new();
        for (at, entry) in corpus.entries().iter().enumerate() {
            task_of.push(u16::try_from(used.binary_search(&entry.task).unwrap_or_default())?);
            if oracles.of(at).is_none_or(|oracle| !oracle.criterion.asks().is_empty()) {
                asked.insert(entry.task);
            }
        }
        let mut tasks = Vec::new();
        let mut cells = Vec::new();
        for index in &used {
            let task = config.tasks.get(usize::from(*index)).context("a task of other settings")?;
            let is_asked = asked.contains(index);
            tasks.push(Watched { name: task.name.clone(), prompts: Vec::new(), is_asked });
        }
        for prompt in plan.prompt_order(config.run.seed) {
            let at = task_of.get(prompt as usize).copied().context("a prompt of another corpus")?;
            let entry = corpus.entries().get(prompt as usize).context("a prompt of another corpus")?;
            if let Some(watched) = tasks.get_mut(usize::from(at)).filter(|task| !task.is_asked) {
                watched.prompts.push((prompt, entry.weight.get()));
            }
        }
        let repeats = config.run.repeats.max(1) as usize;
        for (index, watched) in used.iter().zip(&tasks) {
            let task = config.tasks.get(usize::from(*index)).context("a task of other settings")?;
            let heaviest = watched.prompts.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
            let even = repeats == 1 && watched.prompts.iter().all(|(_, weight)| *weight == heaviest);
            let weights = if even { Weights::Even } else { Weights::Uneven(heaviest) };
            let watch = Watch::new(task, &config.policy, weights, tasks.len() * tiers.len());
            cells.extend(tiers.iter().map(|_| Cell { watch: watch.clone(), next: 0 }));
        }
        let (mut first, mut duplicates) = (HashMap::with_capacity(plan.len()), HashMap::new());
        for at in 0..plan.len() {
            let trial = u32::try_from(at)?;
            let found = *first.entry(plan.key(at)).or_insert(trial);
            if found != trial {
                duplicates.insert(trial, found);
            }
        }
        Ok(Self {
            settled: cells.iter().map(|_| AtomicBool::new(false)).collect(),
            tiers,
            tasks,
            targets: plan.targets().len().max(1),
            repeats,
            task_of,
            shared: duplicates.iter().flat_map(|(duplicate, first)| [*duplicate, *first]).collect(),
            duplicates,
            state: Mutex::new(State { grades: vec![None; plan.len()], cells }),
        })
    }

    /// Adds the answers of earlier executions of the same command.
    pub(crate) fn catch_up(&self, observations: &[Observation]) {
        for (trial, seen) in (0..).zip(observations) {
            // A trial that ended in an error is sent again and is no evidence yet.
            if let Some(outcome) = seen.outcome.filter(|outcome| outcome.is_answer()) {
                self.take(trial, Grade::of(Some(outcome), seen.verdict.as_ref()));
            }
        }
    }

    /// Adds the trials that do not fit their model's context window and are not sent.
    pub(crate) fn add_overflow(&self, plan: &Plan, overflow: &[Attempt]) -> anyhow::Result<()> {
        let held: HashSet<TrialKey> = overflow.iter().map(|attempt| attempt.key).collect();
        for at in (0..plan.len()).filter(|at| held.contains(&plan.key(*at))) {
            self.take(u32::try_from(at)?, Grade::Overflow);
        }
        Ok(())
    }

    /// Whether a trial still needs to be sent.
    pub(crate) fn wanted(&self, trial: u32) -> bool {
        let cell = self.cell_of(trial).filter(|_| !self.shared.contains(&trial));
        cell.and_then(|cell| self.settled.get(cell)).is_none_or(|settled| !settled.load(Ordering::Relaxed))
    }

    /// Adds the grade of a trial, and returns the cells that it decides.
    pub(crate) fn take(&self, trial: u32, grade: Grade) -> Vec<DecidedCell> {
        let mut state = self.lock();
        let at = self.duplicates.get(&trial).copied().unwrap_or(trial);
        if let Some(slot) = state.grades.get_mut(at as usize) {
            *slot = Some(grade);
        }
        let Some(tier) = self.cell_of(trial).map(|cell| cell % self.tiers.len()) else { return Vec::new() };
        (0..self.tasks.len()).filter_map(|task| self.advance(&mut state, task, tier)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
    fn trials(&self, prompt: u32, tier: usize) -> Range<usize> {
        let from = (prompt as usize * self.targets + tier) * self.repeats;
        from..from + self.repeats
    }

    /// The grades of the trials of a prompt on a tier; `None` while one of them has no answer.
    fn grades(&self, state: &State, prompt: u32, tier: usize) -> Option<Vec<Grade>> {
        self.trials(prompt, tier)
            .map(|trial| {
                let trial = u32::try_from(trial).ok()?;
                let trial = self.duplicates.get(&trial).copied().unwrap_or(trial);
                state.grades.get(trial as usize).copied().flatten()
            })
            .collect()
    }

    /// Tests the prompts of a cell up to the first one without an answer.
    fn advance(&self, state: &mut State, task: usize, tier: usize) -> Option<DecidedCell> {
        let at = task * self.tiers.len() + tier;
        let watched = self.tasks.get(task)?;
        loop {
            let cell = state.cells.get(at)?;
            if cell.watch.is_decided() {
                return None;
            }
            let (prompt, weight) = *watched.prompts.get(cell.next)?;
            let grades = self.grades(state, prompt, tier)?;
            let cell = state.cells.get_mut(at)?;
            cell.next += 1;
            look(&mut cell.watch, &grades, weight);
            if let Some(settled) = cell.watch.early_stop() {
                self.settled.get(at)?.store(true, Ordering::Relaxed);
                let (task, tier) = (watched.name.clone(), self.tiers.get(tier)?.clone());
                return Some(DecidedCell { task, tier, settled, prompts: watched.prompts.len() });
            }
        }
    }

    /// Finds the cells that stored answers decide early. `Replay::Recording` ignores what a recording holds beyond that, because
    /// a run with early stopping would not have asked for it.
    pub(crate) fn replay(self, observations: &mut [Observation], replay: Replay) -> Stopped {
        let mut state = self.lock();
        for (slot, seen) in state.grades.iter_mut().zip(observations.iter()) {
            *slot = seen.outcome.map(|outcome| Grade::of(Some(outcome), seen.verdict.as_ref()));
        }
        let mut stopped = Stopped {
            cells: vec![vec![None; self.tiers.len()]; self.tasks.len()],
            saved: HashSet::new(),
            ignored: Vec::new(),
            in_full: self.tasks.iter().filter(|task| task.is_asked).map(|task| task.name.clone()).collect(),
        };
        for (task, watched) in self.tasks.iter().enumerate() {
            for tier in 0..self.tiers.len() {
                self.advance(&mut state, task, tier);
                let Some(cell) = state.cells.get(task * self.tiers.len() + tier) else { continue };
                if !cell.watch.is_decided() {
                    continue;
                }
                let (mut watch, mut open) = (cell.watch.clone(), Vec::new());
                for (prompt, weight) in watched.prompts.get(cell.next..).unwrap_or_default() {
                    let rows = self.trials(*prompt, tier);
                    match (replay, self.grades(&state, *prompt, tier)) {
                        // Answers to calls in flight when the cell was decided are paid for, and count.
                        (Replay::Run, Some(grades)) if !grades.contains(&Grade::Unknown) => {
                            look(&mut watch, &grades, *weight);
                        }
                        (Replay::Run, _) => open.extend(
                            rows.filter(|row| observations.get(*row).is_some_and(|seen| !is_answered(seen))),
                        ),
                        (Replay::Recording, _) => open.extend(rows),
                    }
                }
                if open.is_empty() {
                    // Everything is answered: nothing was stopped, and the evidence is that of any run.
                    continue;
                }
                if let Some(slot) = stopped.cells.get_mut(task).and_then(|cells| cells.get_mut(tier)) {
                    *slot = watch.early_stop();
                }
                stopped.saved.extend(open);
            }
        }
        if replay == Replay::Recording {
            stopped.ignored = stopped.saved.iter().copied().collect();
            for row in &stopped.ignored {
                if let Some(seen) = observations.get_mut(*row) {
                    reset(seen);
                }
            }
        }
        drop(state);
        stopped
    }
}

/// Shows a prompt's grades to a test.
fn look(watch: &mut Watch, grades: &[Grade], weight: f64) {
    if grades.iter().all(|grade| *grade == Grade::Overflow) {
        return;
    }
    let passed = grades.iter().filter(|grade| **grade == Grade::Pass).count();
    let graded = passed + grades.iter().filter(|grade| **grade == Grade::Fail).count();
    watch.take((graded > 0).then(|| passed as f64 / graded as f64), weight);
}

fn is_answered(seen: &Observation) -> bool {
    seen.outcome.is_some_and(Outcome::is_answer)
}

/// Resets a row as if its trial had never been sent.
fn reset(seen: &mut Observation) {
    *seen = Observation {
        prompt: seen.prompt,
        task: seen.task,
        tier: seen.tier,
        repeat: seen.repeat,
        weight: seen.weight,
        ..Observation::default()
    };
}

/// Where stored answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Calls made for this run: each of them counts.
    Run,
    /// A recording, which may hold more answers than the run would have asked for.
    Recording,
}
