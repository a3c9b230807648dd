//! `--stop-early`: watches the cells of a run in one fixed random order of their prompts, and says which trials still matter.
//!
//! Answers come in any order, and the slow ones are not like the fast ones. So a cell is looked at along the drawn order, as
//! far as it is answered without a gap: what was settled does not hang on which answer happened to be quick.

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

/// A cell that has just been settled.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) task: TaskName,
    pub(crate) tier: TierName,
    pub(crate) settled: EarlyStop,
    pub(crate) prompts: usize,
}

/// The cells of a run that may be settled early.
pub(crate) struct Stopping {
    tiers: Vec<TierName>,
    tasks: Vec<Watched>,
    /// Targets a prompt and repeats a target, as the plan numbers its trials.
    targets: usize,
    repeats: usize,
    /// The position in `tasks` of each prompt's task.
    task_of: Vec<u16>,
    /// The first trial with the same key, where that is another one.
    twins: HashMap<u32, u32>,
    /// The trials that answer for several prompts: always wanted.
    shared: HashSet<u32>,
    settled: Vec<AtomicBool>,
    state: Mutex<State>,
}

struct Watched {
    name: TaskName,
    /// The prompts in the drawn order, with their weights; none where the task is not watched.
    prompts: Vec<(u32, f64)>,
    /// Why it is not.
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
    /// Watches every task whose oracles settle replies by themselves.
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
        let (mut first, mut twins) = (HashMap::with_capacity(plan.len()), HashMap::new());
        for at in 0..plan.len() {
            let trial = u32::try_from(at)?;
            let found = *first.entry(plan.key(at)).or_insert(trial);
            if found != trial {
                twins.insert(trial, found);
            }
        }
        Ok(Self {
            settled: cells.iter().map(|_| AtomicBool::new(false)).collect(),
            tiers,
            tasks,
            targets: plan.targets().len().max(1),
            repeats,
            task_of,
            shared: twins.iter().flat_map(|(twin, first)| [*twin, *first]).collect(),
            twins,
            state: Mutex::new(State { grades: vec![None; plan.len()], cells }),
        })
    }

    /// Takes in what earlier calls of the same command have answered.
    pub(crate) fn catch_up(&self, observations: &[Observation]) {
        for (trial, seen) in (0..).zip(observations) {
            // What ended in an error is asked again, and has said nothing yet.
            if let Some(outcome) = seen.outcome.filter(|outcome| outcome.is_answer()) {
                self.take(trial, Grade::of(Some(outcome), seen.verdict.as_ref()));
            }
        }
    }

    /// Takes in the trials that do not fit their model's window and are not sent.
    pub(crate) fn hold_back(&self, plan: &Plan, overflow: &[Attempt]) -> anyhow::Result<()> {
        let held: HashSet<TrialKey> = overflow.iter().map(|attempt| attempt.key).collect();
        for at in (0..plan.len()).filter(|at| held.contains(&plan.key(*at))) {
            self.take(u32::try_from(at)?, Grade::Overflow);
        }
        Ok(())
    }

    /// Whether a trial's answer still matters.
    pub(crate) fn wanted(&self, trial: u32) -> bool {
        let cell = self.cell_of(trial).filter(|_| !self.shared.contains(&trial));
        cell.and_then(|cell| self.settled.get(cell)).is_none_or(|settled| !settled.load(Ordering::Relaxed))
    }

    /// Takes in what a trial came to, and returns the cells that are settled by it.
    pub(crate) fn take(&self, trial: u32, grade: Grade) -> Vec<News> {
        let mut state = self.lock();
        let at = self.twins.get(&trial).copied().unwrap_or(trial);
        if let Some(slot) = state.grades.get_mut(at as usize) {
            *slot = Some(grade);
        }
        let Some(tier) = self.cell_of(trial).map(|cell| cell % self.tiers.len()) else { return Vec::new() };
        (0..self.tasks.len()).filter_map(|task| self.advance(&mut state, task, tier)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has left grades, not half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of a trial; `None` where it belongs to what stands beside the ladder.
    fn cell_of(&self, trial: u32) -> Option<usize> {
        let at = trial as usize / self.repeats;
        let tier = at % self.targets;
        let task = usize::from(*self.task_of.get(at / self.targets)?);
        (tier < self.tiers.len()).then_some(task * self.tiers.len() + tier)
    }

    /// The trials of a prompt at a tier.
    fn trials(&self, prompt: u32, tier: usize) -> Range<usize> {
        let from = (prompt as usize * self.targets + tier) * self.repeats;
        from..from + self.repeats
    }

    /// What the trials of a prompt at a tier came to: `None` while one of them is open.
    fn grades(&self, state: &State, prompt: u32, tier: usize) -> Option<Vec<Grade>> {
        self.trials(prompt, tier)
            .map(|trial| {
                let trial = u32::try_from(trial).ok()?;
                let trial = self.twins.get(&trial).copied().unwrap_or(trial);
                state.grades.get(trial as usize).copied().flatten()
            })
            .collect()
    }

    /// Looks at the prompts of a cell up to the first one that is open.
    fn advance(&self, state: &mut State, task: usize, tier: usize) -> Option<News> {
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
                return Some(News { task, tier, settled, prompts: watched.prompts.len() });
            }
        }
    }

    /// What stored answers settle. `Replay::Recording` forgets what a recording holds beyond that: the run that stops early
    /// would not have asked for it.
    pub(crate) fn replay(self, observations: &mut [Observation], replay: Replay) -> Stopped {
        let mut state = self.lock();
        for (slot, seen) in state.grades.iter_mut().zip(observations.iter()) {
            *slot = seen.outcome.map(|outcome| Grade::of(Some(outcome), seen.verdict.as_ref()));
        }
        let mut stopped = Stopped {
            cells: vec![vec![None; self.tiers.len()]; self.tasks.len()],
            spared: HashSet::new(),
            forgotten: Vec::new(),
            whole: self.tasks.iter().filter(|task| task.is_asked).map(|task| task.name.clone()).collect(),
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
                        // Answers that were on their way when the cell was settled are paid for, and count.
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
                    // Everything is answered: then nothing was stopped, and the evidence is that of any run.
                    continue;
                }
                if let Some(slot) = stopped.cells.get_mut(task).and_then(|cells| cells.get_mut(tier)) {
                    *slot = watch.early_stop();
                }
                stopped.spared.extend(open);
            }
        }
        if replay == Replay::Recording {
            stopped.forgotten = stopped.spared.iter().copied().collect();
            for row in &stopped.forgotten {
                if let Some(seen) = observations.get_mut(*row) {
                    forget(seen);
                }
            }
        }
        drop(state);
        stopped
    }
}

/// Has a watch look at a prompt.
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

/// A row as if its trial had never been sent.
fn forget(seen: &mut Observation) {
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
    /// Calls that were made for this run: each of them counts.
    Run,
    /// A recording, which holds more than the run would have asked for.
    Recording,
}
