//! Replies to verdicts: which oracle grades which prompt, and what it says. Makes no calls.

pub mod labels;
pub mod program;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::config::Config;
use crate::corpus::{Corpus, Prompt};
use crate::diag::{Excerpt, Faults};
use crate::disk::Disk;
use crate::ident::{Digest, OracleRef};
use crate::oracle::library::Library;
use crate::oracle::{AnswerBook, Asked, Facts, Judgement, Oracle, Question, Sample};
use crate::record::{Attempt, Outcome, Verdict};
use crate::units::Usd;

/// What grading an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    /// What the trial ended in: a refusal that its oracle asks for, or has yet to ask about, is a reply like any other.
    pub outcome: Outcome,
    /// The oracle's word; of a reply only.
    pub verdict: Option<Verdict>,
    /// Whether production would let the reply through: `None` when there is no gate, or nothing to check.
    pub gate_passed: Option<bool>,
    /// Whether the truth part alone would pass it, where it can be told.
    pub truth_passed: Option<bool>,
}

/// Grades an attempt that cost so much, where that is known, by what its oracle can settle by itself. A refusal or truncation
/// never passes the gate, unless a refusal is what the oracle asks for; an error or overflow says nothing.
#[must_use]
pub fn grade(oracle: &Oracle, attempt: &Attempt, expected: Option<&Value>, cost: Option<Usd>) -> Graded {
    let sample = Sample { output: &attempt.text, expected, facts: Facts::of(attempt, cost) };
    graded(oracle, attempt, || oracle.criterion.judge(&sample))
}

/// An attempt that an oracle has questions about.
#[derive(Clone, Copy, Debug)]
pub struct GradedReply<'a> {
    /// The attempt.
    pub attempt: &'a Attempt,
    /// What it answers.
    pub prompt: &'a Prompt,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
}

impl GradedReply<'_> {
    fn sample(&self) -> Sample<'_> {
        Sample {
            output: &self.attempt.text,
            expected: self.prompt.expected.as_ref(),
            facts: Facts::of(self.attempt, self.cost),
        }
    }
}

/// Grades an attempt with the answers to what its oracle asks.
#[must_use]
pub fn grade_with(oracle: &Oracle, reply: GradedReply<'_>, answers: &AnswerBook) -> Graded {
    let asked = Asked { prompt: Some(reply.prompt), answers };
    graded(oracle, reply.attempt, || oracle.criterion.judge_with(&reply.sample(), &asked))
}

/// What must be answered before an attempt can be graded.
#[must_use]
pub fn questions(oracle: &Oracle, reply: GradedReply<'_>, answers: &AnswerBook) -> Vec<Question> {
    let open = match reply.attempt.outcome {
        Outcome::Reply => !is_empty(reply.attempt),
        Outcome::Refused => oracle.criterion.grades_refusals(),
        Outcome::Truncated | Outcome::Overflow | Outcome::Error => false,
    };
    if !open {
        return Vec::new();
    }
    oracle.criterion.questions(&reply.sample(), &Asked { prompt: Some(reply.prompt), answers })
}

fn is_empty(attempt: &Attempt) -> bool {
    attempt.text.trim().is_empty() && attempt.tool_calls.is_null()
}

fn graded(oracle: &Oracle, attempt: &Attempt, judge: impl FnOnce() -> Judgement) -> Graded {
    let outcome = attempt.outcome;
    match outcome {
        Outcome::Refused if oracle.criterion.grades_refusals() => {
            let judgement = judge();
            match judgement.verdict {
                Verdict::Pass | Verdict::Ungraded(_) => of_reply(judgement),
                // It counts among the refusals then, which says more than a reason among the fails.
                Verdict::Fail(_) => rejected(outcome),
            }
        }
        Outcome::Refused | Outcome::Truncated => rejected(outcome),
        Outcome::Overflow | Outcome::Error => {
            Graded { outcome, verdict: None, gate_passed: None, truth_passed: None }
        }
        Outcome::Reply if is_empty(attempt) => {
            Graded { verdict: Some(Verdict::Fail("empty answer".to_owned())), ..rejected(outcome) }
        }
        Outcome::Reply => of_reply(judge()),
    }
}

const fn rejected(outcome: Outcome) -> Graded {
    Graded { outcome, verdict: None, gate_passed: Some(false), truth_passed: None }
}

fn of_reply(judgement: Judgement) -> Graded {
    let decided = |verdict: Verdict| match verdict {
        Verdict::Pass => Some(true),
        Verdict::Fail(_) => Some(false),
        Verdict::Ungraded(_) => None,
    };
    Graded {
        outcome: Outcome::Reply,
        gate_passed: judgement.gate.and_then(decided),
        truth_passed: judgement.truth.and_then(decided),
        verdict: Some(judgement.verdict),
    }
}

/// The oracle of every prompt of a corpus.
#[derive(Debug)]
pub struct OracleSet<'a> {
    oracles: Vec<&'a Oracle>,
    /// The index in `oracles` of each prompt's.
    of_prompt: Vec<u16>,
    /// The index in `oracles` of each task's own, in the order of the settings.
    of_task: Vec<Option<u16>>,
}

impl<'a> OracleSet<'a> {
    /// Finds the oracle of every prompt: its own, else its task's. A version in `swap` replaces every version of the same name.
    ///
    /// # Errors
    /// When one is missing: a fault of the line that names it.
    pub fn resolve(
        library: &'a Library,
        config: &Config,
        corpus: &Corpus,
        swap: &[OracleRef],
    ) -> Result<Self, Faults> {
        let mut set =
            Self { oracles: Vec::new(), of_prompt: Vec::new(), of_task: vec![None; config.tasks.len()] };
        let mut numbers: BTreeMap<OracleRef, u16> = BTreeMap::new();
        let mut faults = Faults::default();
        let mut missing: BTreeSet<OracleRef> = BTreeSet::new();
        let mut find = |wanted: &OracleRef, named_in: &str, line: Option<usize>, faults: &mut Faults| {
            let swapped = || swap.iter().find(|other| other.name == wanted.name).unwrap_or(wanted);
            // A run may have used several versions of one oracle; what is among them stays.
            let wanted = if swap.contains(wanted) { wanted } else { swapped() };
            if let Some(number) = numbers.get(wanted) {
                return Some(*number);
            }
            match library.get(wanted, named_in) {
                Ok(oracle) => {
                    let number = u16::try_from(set.oracles.len()).ok()?;
                    set.oracles.push(oracle);
                    numbers.insert(wanted.clone(), number);
                    Some(number)
                }
                Err(fault) => {
                    if missing.insert(wanted.clone()) {
                        faults.push(
                            match line.and_then(|line| excerpt(library.disk(), config, line, wanted)) {
                                Some(excerpt) => fault.at(excerpt),
                                None => fault,
                            },
                        );
                    }
                    None
                }
            }
        };
        let settings = config.path.display().to_string();
        for index in corpus.used_tasks() {
            let at = usize::from(index);
            if let (Some(task), Some(slot)) = (config.tasks.get(at), set.of_task.get_mut(at)) {
                *slot = find(&task.oracle, &settings, Some(task.line), &mut faults);
            }
        }
        for entry in corpus.entries() {
            let number = match &entry.oracle {
                Some(own) => find(own, corpus.shown(), None, &mut faults),
                None => set.of_task.get(usize::from(entry.task)).copied().flatten(),
            };
            set.of_prompt.push(number.unwrap_or_default());
        }
        faults.into_result(set)
    }

    /// The oracle of a prompt, by its index in the corpus.
    #[must_use]
    pub fn of(&self, prompt: usize) -> Option<&'a Oracle> {
        self.of_prompt.get(prompt).and_then(|number| self.oracles.get(usize::from(*number))).copied()
    }

    /// The oracle of a task, by its index in the settings; `None` when no prompt is of that task.
    #[must_use]
    pub fn of_task(&self, task: u16) -> Option<&'a Oracle> {
        let number = self.of_task.get(usize::from(task)).copied().flatten()?;
        self.oracles.get(usize::from(number)).copied()
    }

    /// The oracles that grade.
    pub fn iter(&self) -> impl Iterator<Item = &'a Oracle> + '_ {
        self.oracles.iter().copied()
    }

    /// The versions that grade, with their digests.
    pub fn used(&self) -> impl Iterator<Item = (OracleRef, Digest)> + '_ {
        self.oracles.iter().map(|oracle| (oracle.id.clone(), oracle.digest))
    }
}

/// The line of the settings that names an oracle, at or below the line of its task.
fn excerpt(disk: &Disk, config: &Config, line: usize, wanted: &OracleRef) -> Option<Excerpt> {
    let source = String::from_utf8(disk.read(&config.path).ok()?).ok()?;
    let name = wanted.to_string();
    let mut lines = source.lines().enumerate().skip(line.saturating_sub(1));
    let (number, text) = lines.find(|(_, text)| text.contains(&name))?;
    let at = text.find(&name)?;
    Some(Excerpt::of_line(number + 1, text, at..at + name.len()))
}
