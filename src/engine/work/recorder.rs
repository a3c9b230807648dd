//! The consumer of a run's attempts: makes them durable, then grades them for whoever watches.

use super::calls::Calls;
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
    /// The tiers that are known to wait.
    parked: Vec<bool>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        journal: &'a mut Journal,
        calls: &'a Calls,
        oracles: &'a OracleSet<'a>,
        stages: &[Stage],
    ) -> Self {
        let parked = vec![false; stages.len()];
        let stages = stages.iter().map(|stage| Progress { done: stage.done, ..Progress::default() });
        Self { engine, journal, calls, oracles, stages: stages.collect(), parked }
    }

    /// Says once for each long wait that a tier waits, and for how long: a run that stands still must say why.
    fn tell_parked(&mut self, finished: &Finished) {
        let tier = usize::from(finished.tier);
        let Some(known) = self.parked.get_mut(tier) else { return };
        match finished.parked {
            Some(wait) if !*known => {
                if let Some(target) = self.calls.plan.targets().get(tier) {
                    let why = finished.attempt.failure.as_ref().map(|failure| failure.message.clone());
                    self.engine.tell(Event::TierWaits { tier: target.tier.clone(), wait, why });
                }
                *known = true;
            }
            Some(_) => {}
            None => *known = false,
        }
    }

    /// Says which cells are settled by an answer: their trials are not sent any more.
    fn watch(&self, finished: &Finished, grade: Grade) {
        let Some(stopping) = &self.calls.stopping else { return };
        for news in stopping.take(finished.trial, grade) {
            self.engine.tell(Event::CellDecided {
                task: news.task,
                tier: news.tier,
                band: news.settled.band,
                after: news.settled.prompts,
                prompts: news.prompts as u64,
            });
        }
    }

    /// What an answer comes to, as far as its oracle settles that by itself.
    fn grade(&self, finished: &Finished) -> Grade {
        let attempt = &finished.attempt;
        let by_outcome = || Grade::of(Some(attempt.outcome), None);
        match attempt.outcome {
            Outcome::Reply | Outcome::Refused => {}
            // No oracle looks at these, so the prompt need not be read again.
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
            self.engine.tell(Event::Progress { stage: tier, progress: *stage });
            self.tell_parked(finished);
        }
        Ok(())
    }
}
