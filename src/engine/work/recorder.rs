//! Consumes a run's attempts: stores them durably, then grades them for the progress display and early stopping.

use super::calls::Calls;
use super::stopping::CutCell;
use crate::dispatch::{Finished, Sink};
use crate::engine::context::Engine;
use crate::engine::event::{Event, Progress, Stage};
use crate::grade::{OracleSet, grade};
use crate::journal::Journal;
use crate::measure::Grade;
use crate::record::Outcome;

pub(crate) struct Recorder<'a> {
    engine: &'a Engine,
    journal: &'a mut Journal,
    calls: &'a Calls,
    oracles: &'a OracleSet<'a>,
    stages: Vec<Progress>,
    /// The tiers that are reported as paused.
    paused: Vec<bool>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        journal: &'a mut Journal,
        calls: &'a Calls,
        oracles: &'a OracleSet<'a>,
        stages: &[Stage],
    ) -> Self {
        let paused = vec![false; stages.len()];
        let stages = stages.iter().map(|stage| Progress { done: stage.done, ..Progress::default() });
        Self { engine, journal, calls, oracles, stages: stages.collect(), paused }
    }

    /// Reports each long pause of a tier once, with its reason, so that a run that stands still is explained.
    fn report_pause(&mut self, finished: &Finished) {
        let tier = usize::from(finished.tier);
        let Some(known) = self.paused.get_mut(tier) else { return };
        match finished.parked {
            Some(wait) if !*known => {
                if let Some(target) = self.calls.plan.targets().get(tier) {
                    let why = finished.attempt.failure.as_ref().map(|failure| failure.message.clone());
                    self.engine.emit(Event::TierPaused { tier: target.tier.clone(), wait, why });
                }
                *known = true;
            }
            Some(_) => {}
            None => *known = false,
        }
    }

    /// Reports the cells that an answer decides. Their remaining trials are not sent.
    fn watch(&self, finished: &Finished, grade: Grade) {
        let Some(stopping) = &self.calls.stopping else { return };
        report_cut(self.engine, stopping.take(finished.trial, grade, finished.attempt.clocks.total_ms));
    }

    /// The grade of an answer, if its oracle needs no model or program for it.
    fn grade(&self, finished: &Finished) -> Grade {
        let attempt = &finished.attempt;
        let by_outcome = || Grade::of(Some(attempt.outcome), None);
        match attempt.outcome {
            Outcome::Reply | Outcome::Refused => {}
            // No oracle grades these, so the prompt need not be read again.
            Outcome::Truncated | Outcome::Overflow | Outcome::Error => return by_outcome(),
        }
        let prompt = self.calls.plan.spec(finished.trial as usize).prompt as usize;
        let (Some(oracle), Ok(loaded)) = (self.oracles.of(prompt), self.calls.corpus.load(prompt)) else {
            return by_outcome();
        };
        let graded = grade(oracle, attempt, loaded.expected.as_ref(), attempt.billed);
        Grade::of(Some(graded.outcome), graded.verdict.as_ref())
    }
}

/// Reports the cells that need no more calls.
pub(super) fn report_cut(engine: &Engine, cut: Vec<CutCell>) {
    for CutCell { task, tier, stop, spared_by, prompts } in cut {
        let (after, prompts) = (stop.prompts, prompts as u64);
        engine.emit(match spared_by {
            None => Event::CellStoppedEarly { task, tier, band: stop.band, after, prompts },
            Some(by) => Event::CellSpared { task, tier, by, after, prompts },
        });
    }
}

impl Sink for Recorder<'_> {
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()> {
        self.journal.append(batch.iter().map(|finished| &finished.attempt))?;
        for finished in batch {
            let grade = self.grade(finished);
            if finished.last {
                self.watch(finished, grade);
            }
            let tier = usize::from(finished.tier);
            let Some(stage) = self.stages.get_mut(tier) else { continue };
            stage.spent += finished.attempt.billed.unwrap_or_default();
            if finished.last {
                stage.done += 1;
                stage.errors += u64::from(!finished.attempt.outcome.is_answer());
            }
            match grade {
                Grade::Pass => {
                    stage.passed += 1;
                    stage.graded += 1;
                }
                Grade::Fail => stage.graded += 1,
                Grade::Unknown | Grade::Overflow => {}
            }
            self.engine.emit(Event::Progress { stage: tier, progress: *stage });
            self.report_pause(finished);
        }
        Ok(())
    }
}
