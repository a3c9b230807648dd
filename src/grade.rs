//! Turns replies into verdicts: which oracle grades which prompt, and with which result. Makes no calls.

pub mod labels;
pub mod program;
pub mod standing;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::config::Config;
use crate::corpus::{Corpus, Prompt};
use crate::diag::{Excerpt, Faults};
use crate::disk::Disk;
use crate::ident::{Digest, OracleRef};
use crate::oracle::library::Library;
use crate::oracle::{AnswerBook, Facts, Judgement, Oracle, Question, QuestionContext, Sample};
use crate::record::{Attempt, Outcome, Verdict};
use crate::units::Usd;

/// The result of grading an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    /// The outcome of the trial. A refusal that its oracle expects, or has questions about, counts as a reply.
    pub outcome: Outcome,
    /// The verdict; only for a reply.
    pub verdict: Option<Verdict>,
    /// Whether the gate accepts the reply; `None` without a gate, or with nothing to check.
    pub gate_passed: Option<bool>,
    /// Whether the part of the oracle that needs the reference answer passes it; `None` if unknown.
    pub truth_passed: Option<bool>,
}

/// Grades an attempt as far as its oracle can without asking. `cost` is the attempt's cost, if known. A refusal or truncation
/// never passes the gate, unless the oracle expects a refusal. An error or overflow is no evidence.
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
    /// The prompt.
    pub prompt: &'a Prompt,
    /// The cost of the attempt, if known.
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

/// Grades an attempt with the answers to its oracle's questions.
#[must_use]
pub fn grade_with(oracle: &Oracle, reply: GradedReply<'_>, answers: &AnswerBook) -> Graded {
    let asked = QuestionContext { prompt: Some(reply.prompt), answers };
    graded(oracle, reply.attempt, || oracle.criterion.judge_with(&reply.sample(), &asked))
}

/// The questions that must be answered before an attempt can be graded.
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
    oracle.criterion.questions(&reply.sample(), &QuestionContext { prompt: Some(reply.prompt), answers })
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
    /// The index in `oracles` for each prompt.
    of_prompt: Vec<u16>,
    /// The index in `oracles` for each task, in the order of the configuration.
    of_task: Vec<Option<u16>>,
}

impl<'a> OracleSet<'a> {
    /// Finds the oracle of every prompt: its own, else its task's. A version in `swap` replaces every version of the same name.
    ///
    /// # Errors
    /// If one is missing: a fault of the line that names it.
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

    /// The oracle of a task, by its index in the configuration; `None` if the task has no prompts.
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

/// The line of the configuration that names an oracle, at or below the line of its task.
fn excerpt(disk: &Disk, config: &Config, line: usize, wanted: &OracleRef) -> Option<Excerpt> {
    let source = String::from_utf8(disk.read(&config.path).ok()?).ok()?;
    let name = wanted.to_string();
    let mut lines = source.lines().enumerate().skip(line.saturating_sub(1));
    let (number, text) = lines.find(|(_, text)| text.contains(&name))?;
    let at = text.find(&name)?;
    Some(Excerpt::of_line(number + 1, text, at..at + name.len()))
}
