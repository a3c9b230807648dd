//! Stores the answers to questions as trials are stored: looked up by key, reused from other runs, and written before anything
//! depends on them.

use std::collections::HashMap;
use std::path::Path;

use crate::disk::Disk;
use crate::engine::run::basis::{Answers, Basis, Running};
use crate::ident::TrialKey;
use crate::journal::{Journal, attempts};
use crate::oracle::Answer;
use crate::price::Catalogue;
use crate::record::{Attempt, Outcome, Via};
use crate::units::Usd;

/// Questions of one kind, and their known answers.
pub(crate) trait Questions {
    /// The journal of their answers, beside the run's own.
    const JOURNAL: &'static str;

    /// Whether the key belongs to a question without an answer.
    fn is_open(&self, key: &TrialKey) -> bool;

    /// Whether any question has no answer.
    fn any_open(&self) -> bool;

    /// Whether an answer of another run may be reused. Replayed and scripted answers are no measurement.
    fn may_reuse(attempt: &Attempt) -> bool {
        matches!(attempt.via, Via::Live | Via::Reuse)
    }

    /// Adds an attempt at a question, and ignores any other attempt. The first answer counts.
    fn take(&mut self, attempt: Attempt);
}

/// Finds stored answers: beside the run's own journal, in its recording, or in other runs if the request may use those. Returns
/// the number of answers reused from other runs.
pub(crate) fn resolve(basis: &Basis<'_>, questions: &mut impl Questions) -> anyhow::Result<u64> {
    for answers in &basis.answers {
        look_up(basis.project.disk(), answers, questions)?;
    }
    match basis.programs.running() {
        Some(running) => reuse(basis.project.disk(), running, questions),
        None => Ok(0),
    }
}

fn look_up<Q: Questions>(disk: &Disk, answers: &Answers, questions: &mut Q) -> anyhow::Result<()> {
    for attempt in attempts(disk, &answers.beside(Q::JOURNAL))? {
        questions.take(attempt?);
    }
    Ok(())
}

/// Copies answers of other runs, or of a recording, into the run's own folder, so that it is complete by itself.
fn reuse<Q: Questions>(disk: &Disk, running: Running<'_>, questions: &mut Q) -> anyhow::Result<u64> {
    let mut found = Vec::new();
    for (path, via) in running.others {
        if !questions.any_open() {
            break;
        }
        let path = Answers { path: path.clone(), via: Some(*via) }.beside(Q::JOURNAL);
        for attempt in attempts(disk, &path)? {
            let mut attempt = attempt?;
            let reusable = *via == Via::Tape || Q::may_reuse(&attempt);
            if reusable && attempt.is_answer() && questions.is_open(&attempt.key) {
                attempt.via = *via;
                attempt.billed = None;
                questions.take(attempt.clone());
                found.push(attempt);
            }
        }
    }
    if !found.is_empty() {
        open_journal::<Q>(disk, running.folder)?.append(&found)?;
    }
    Ok(found.len() as u64)
}

/// Opens the journal in a run's folder for the answers to questions of a kind.
pub(crate) fn open_journal<Q: Questions>(disk: &Disk, folder: &Path) -> anyhow::Result<Journal> {
    Ok(Journal::open(disk, &folder.join(Q::JOURNAL))?.0)
}

/// The answer in a model's attempt at a question; `None` if it must be asked again.
pub(crate) fn answer(attempt: &Attempt) -> Option<Answer> {
    match attempt.outcome {
        Outcome::Reply => Some(Answer::Text(attempt.text.clone())),
        Outcome::Refused | Outcome::Truncated | Outcome::Overflow => {
            attempt.was_sent().then(|| Answer::Failed(attempt.outcome.name().to_owned()))
        }
        Outcome::Error => None,
    }
}

/// Every answer in a journal of questions to models, by key.
pub(crate) fn answers_in(disk: &Disk, journal: &Path) -> anyhow::Result<HashMap<TrialKey, Answer>> {
    let mut answers = HashMap::new();
    for attempt in attempts(disk, journal)? {
        let attempt = attempt?;
        if let Some(answer) = answer(&attempt) {
            answers.entry(attempt.key).or_insert(answer);
        }
    }
    Ok(answers)
}

/// The total cost billed for a journal's attempts.
pub(crate) fn billed(disk: &Disk, journal: &Path) -> anyhow::Result<Usd> {
    let mut sum = Usd::ZERO;
    for attempt in attempts(disk, journal)? {
        sum += attempt?.billed.unwrap_or_default();
    }
    Ok(sum)
}

/// The cost of attempts at questions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bill {
    /// Number of calls, failed ones included.
    pub(crate) attempts: u64,
    /// Cost at list prices.
    pub(crate) list: Usd,
    /// Cost billed for calls of this run.
    pub(crate) billed: Usd,
    /// Calls that may have been billed, with unknown cost.
    pub(crate) unpriced: u64,
}

impl Bill {
    /// Adds an attempt. Returns its cost at list prices, if known.
    pub(crate) fn take(&mut self, catalogue: &Catalogue, attempt: &Attempt) -> Option<Usd> {
        self.attempts += u64::from(attempt.was_sent());
        self.billed += attempt.billed.filter(|_| attempt.via == Via::Live).unwrap_or_default();
        let price = catalogue.price(&attempt.model).ok();
        let cost = price.and_then(|price| price.cost(&attempt.usage)).map(|cost| cost.billed);
        match cost {
            Some(cost) => self.list += cost,
            None => self.unpriced += u64::from(attempt.may_be_billed()),
        }
        cost
    }
}
