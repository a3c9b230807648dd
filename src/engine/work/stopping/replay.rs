//! What stored answers stop early: the same decisions as those of the run that asked for them.

use std::collections::HashSet;

use super::cells::{Answer, State, Stopping};
use crate::engine::run::stopped::Stopped;
use crate::measure::{Grade, Observation};
use crate::policy::EarlyStop;
use crate::record::Outcome;

impl Stopping {
    /// Finds the cells that stored answers stop early. `Replay::Recording` ignores what a recording holds beyond that, because
    /// a run with early stopping would not have asked for it.
    pub(crate) fn replay(self, observations: &mut [Observation], replay: Replay) -> Stopped {
        let mut state = self.lock();
        for (slot, seen) in state.answers.iter_mut().zip(observations.iter()) {
            let grade = |outcome| Grade::of(Some(outcome), seen.verdict.as_ref());
            *slot = seen.outcome.map(|outcome| Answer { grade: grade(outcome), total: seen.total });
        }
        let mut stopped = Stopped {
            cells: vec![vec![None; self.tiers.len()]; self.tasks.len()],
            saved: HashSet::new(),
            ignored: Vec::new(),
            in_full: self
                .tasks
                .iter()
                .filter(|task| task.is_asked)
                .map(|task| task.task.name.clone())
                .collect(),
        };
        for task in 0..self.tasks.len() {
            // The proven tier that needed the fewest units, and how many: where a run in step would have spared the dearer ones.
            let mut proven: Option<(usize, usize)> = None;
            for tier in 0..self.tiers.len() {
                let limit = match replay {
                    Replay::Run => usize::MAX,
                    Replay::Recording => proven.map_or(usize::MAX, |(units, _)| units),
                };
                self.advance(&mut state, task, tier, limit);
                if let Some((stop, open)) = self.stop_of(&state, observations, replay, (task, tier), proven)
                    && let Some(slot) = stopped.cells.get_mut(task).and_then(|cells| cells.get_mut(tier))
                {
                    *slot = Some(stop);
                    stopped.saved.extend(open);
                }
                let next = state.cells.get(task * self.tiers.len() + tier).map_or(0, |cell| cell.next);
                if self.proves(&state, task, tier) && proven.is_none_or(|(units, _)| next < units) {
                    proven = Some((next, tier));
                }
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
        self.weigh(observations, &stopped);
        stopped
    }

    /// How a cell was stopped, and the rows that were not asked for because of it; `None` where there are none: then the
    /// evidence is that of any run.
    fn stop_of(
        &self,
        state: &State,
        observations: &[Observation],
        replay: Replay,
        (task, tier): (usize, usize),
        proven: Option<(usize, usize)>,
    ) -> Option<(EarlyStop, Vec<usize>)> {
        let cell = state.cells.get(task * self.tiers.len() + tier)?;
        if !cell.watch.is_decided() && proven.is_none() {
            return None;
        }
        let drawn = &self.tasks.get(task)?.drawn;
        let is_open = |row: &usize| match replay {
            Replay::Run => observations.get(*row).is_some_and(|seen| !is_answered(seen)),
            Replay::Recording => true,
        };
        let (mut watch, mut open) = (cell.watch.clone(), Vec::new());
        for unit in drawn.units.get(cell.next..).unwrap_or_default() {
            if replay == Replay::Run
                && let Some(Some(seen)) = self.unit(state, unit, tier)
                && seen.worst >= seen.best
            {
                // Answers to calls in flight when the cell was stopped are paid for, and count.
                watch.take(seen);
            }
            open.extend(
                unit.prompts.iter().flat_map(|(prompt, _)| self.trials(*prompt, tier)).filter(is_open),
            );
        }
        open.extend(drawn.rest.iter().flat_map(|prompt| self.trials(*prompt, tier)).filter(is_open));
        let spared = || proven.map(|(_, by)| watch.spared(by));
        let stop = if cell.watch.is_decided() { watch.early_stop() } else { spared() };
        stop.filter(|_| !open.is_empty()).map(|stop| (stop, open))
    }

    /// What was stopped was drawn in proportion to weight, so that each drawn unit counts alike in its means. What was measured to its
    /// last prompt keeps the weights of the corpus.
    fn weigh(&self, observations: &mut [Observation], stopped: &Stopped) {
        for seen in observations {
            let (task, tier) = (usize::from(seen.task), usize::from(seen.tier));
            let cell = stopped.cells.get(task).and_then(|cells| cells.get(tier)).copied().flatten();
            if cell.is_some() {
                seen.drawn = self.tasks.get(task).and_then(|watched| watched.drawn.weight(seen.prompt));
            }
        }
    }
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
        cluster: seen.cluster,
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
