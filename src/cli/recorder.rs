//! The consumer of a run's attempts: makes them durable, then grades them for the progress display.

use super::send::Calls;
use crate::console::{Progress, ProgressFacts};
use crate::dispatch::{Finished, Sink};
use crate::grade::{OracleSet, grade};
use crate::journal::Journal;
use crate::measure::Grade;
use crate::policy::Band;
use crate::record::Outcome;
use crate::units::Millis;

pub(crate) struct Recorder<'a> {
    journal: &'a mut Journal,
    calls: &'a Calls,
    oracles: &'a OracleSet<'a>,
    progress: &'a Progress,
    facts: Vec<ProgressFacts>,
    /// The tiers that are known to wait.
    parked: Vec<bool>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        journal: &'a mut Journal,
        calls: &'a Calls,
        oracles: &'a OracleSet<'a>,
        progress: &'a Progress,
        totals: &[(String, u64, u64)],
    ) -> Self {
        let facts =
            totals.iter().map(|(_, _, done)| ProgressFacts { done: *done, ..ProgressFacts::default() });
        Self { journal, calls, oracles, progress, facts: facts.collect(), parked: vec![false; totals.len()] }
    }

    /// Says once for each long wait that a tier waits, and for how long: a run that stands still must say why.
    fn tell_parked(&mut self, finished: &Finished) {
        let tier = usize::from(finished.tier);
        let Some(known) = self.parked.get_mut(tier) else { return };
        match finished.parked {
            Some(wait) if !*known => {
                let name = self.calls.plan.targets().get(tier).map(|target| target.tier.to_string());
                let why = finished.attempt.failure.as_ref().map(|failure| failure.message.as_str());
                self.progress.message(&format!(
                    "tier {} waits for {}: {}; the other tiers go on",
                    name.unwrap_or_default(),
                    Millis::from(wait),
                    why.unwrap_or("the server asks for it")
                ));
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
            self.progress.message(&format!(
                "settled early: {} {} for {}, after {} of {} prompts",
                news.tier,
                match news.settled.band {
                    Band::Route => "is good enough",
                    Band::Monitor => "is good enough with monitoring",
                    Band::Below => "is not good enough",
                    Band::Undecided => "is undecided",
                },
                news.task,
                news.settled.prompts,
                news.prompts
            ));
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
            let Some(facts) = self.facts.get_mut(tier) else { continue };
            facts.spent += finished.attempt.billed.unwrap_or_default();
            if finished.last {
                facts.done += 1;
                facts.errors += u64::from(!finished.attempt.outcome.is_answer());
            }
            match grade {
                Grade::Pass => {
                    facts.passed += 1;
                    facts.graded += 1;
                }
                Grade::Fail => facts.graded += 1,
                Grade::Unknown | Grade::Overflow => {}
            }
            self.progress.update(tier, *facts);
            self.tell_parked(finished);
        }
        Ok(())
    }
}
