//! The consumer of a run's attempts: makes them durable, then grades them for the progress display.

use super::send::Calls;
use crate::console::{Progress, ProgressFacts};
use crate::dispatch::{Finished, Sink};
use crate::grade::{OracleSet, grade};
use crate::journal::Journal;
use crate::record::{Outcome, Verdict};

pub(crate) struct Recorder<'a> {
    journal: &'a mut Journal,
    calls: &'a Calls,
    oracles: &'a OracleSet<'a>,
    progress: &'a Progress,
    facts: Vec<ProgressFacts>,
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
        Self { journal, calls, oracles, progress, facts: facts.collect() }
    }

    fn grade(&self, finished: &Finished) -> Option<Verdict> {
        let attempt = &finished.attempt;
        if attempt.outcome == Outcome::Reply {
            let prompt = self.calls.plan.spec(finished.trial as usize).prompt as usize;
            let expected = self.calls.corpus.load(prompt).ok()?.expected;
            return grade(self.oracles.of(prompt)?, attempt, expected.as_ref()).verdict;
        }
        let failed = matches!(attempt.outcome, Outcome::Refused | Outcome::Truncated);
        failed.then(|| Verdict::Fail(attempt.outcome.name().to_owned()))
    }
}

impl Sink for Recorder<'_> {
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()> {
        self.journal.append(batch.iter().map(|finished| &finished.attempt))?;
        for finished in batch {
            let verdict = self.grade(finished);
            let tier = usize::from(finished.tier);
            let Some(facts) = self.facts.get_mut(tier) else { continue };
            facts.spent += finished.attempt.billed.unwrap_or_default();
            if finished.last {
                facts.done += 1;
                facts.errors += u64::from(!finished.attempt.outcome.is_answer());
            }
            match verdict {
                Some(Verdict::Pass) => {
                    facts.passed += 1;
                    facts.graded += 1;
                }
                Some(Verdict::Fail(_)) => facts.graded += 1,
                Some(Verdict::Ungraded(_)) | None => {}
            }
            self.progress.update(tier, *facts);
        }
        Ok(())
    }
}
