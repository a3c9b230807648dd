//! What the programs of `command` oracles say of stored replies: looked up where it is stored, run where that is wanted, and
//! stored with the run, so that nothing is asked of a program twice and two reports of one run cannot differ.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use anyhow::Context;

use super::asking::{self, Replies};
use super::evidence::{Basis, Rows};
use super::run_record::PROGRAM_JOURNAL;
use crate::console::Console;
use crate::grade::{self, program};
use crate::ident::{Digest, PromptId, TrialKey};
use crate::journal::{Journal, Reader};
use crate::oracle::ask::ProgramQuestion;
use crate::oracle::{Answer, AnswerBook, Asks, Question};
use crate::record::Via;

/// How many questions are held at a time: what a program reads may be long.
const HELD: usize = 256;

/// Where a command has what programs say from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Programs<'a> {
    /// From what is stored beside the answers. None is run.
    Stored,
    /// What is stored nowhere, or failed, is run.
    Run {
        /// The folder of the run, which keeps it.
        folder: &'a Path,
        /// The journals of other runs, or a recording, whose words are taken over.
        others: &'a [(PathBuf, Via)],
    },
}

/// A question that stored replies raise.
struct Wanted {
    id: Digest,
    /// Tries that are stored.
    tries: u32,
    /// What went wrong in the last of them.
    failed: Option<Answer>,
}

/// The questions to programs, by their keys.
struct Questions {
    wanted: HashMap<TrialKey, Wanted>,
    /// The digest of each command line's files.
    files: HashMap<Vec<String>, Option<Digest>>,
    root: PathBuf,
}

impl Questions {
    fn key(&mut self, id: &Digest, question: &ProgramQuestion) -> anyhow::Result<TrialKey> {
        if !self.files.contains_key(&question.argv) {
            let files = program::fingerprint(&self.root, &question.argv)?;
            self.files.insert(question.argv.clone(), files);
        }
        Ok(program::key(id, self.files.get(&question.argv).and_then(Option::as_ref)))
    }
}

/// What programs say of the replies, and how many questions have no answer.
pub(super) fn settle(
    basis: &Basis<'_>,
    replies: &mut Replies<'_>,
    rows: &Rows,
) -> anyhow::Result<(AnswerBook, u64)> {
    let mut book = AnswerBook::default();
    let asks = |asks: &Asks| matches!(asks, Asks::Program);
    if !basis.oracles.iter().any(|oracle| oracle.criterion.asks().iter().any(asks)) {
        return Ok((book, 0));
    }
    let mut questions =
        Questions { wanted: HashMap::new(), files: HashMap::new(), root: basis.project.config.root.clone() };
    replies.each(rows, |_, matter, oracle| {
        for question in grade::questions(oracle, matter, &book) {
            if let Question::Program(program) = &question {
                let id = question.id();
                let key = questions.key(&id, program)?;
                questions.wanted.entry(key).or_insert(Wanted { id, tries: 0, failed: None });
            }
        }
        Ok(())
    })?;
    for path in asking::stored_files(basis, PROGRAM_JOURNAL) {
        for record in Reader::open(&path)? {
            let (_, attempt) = record?;
            let Some(wanted) = questions.wanted.get_mut(&attempt.key) else { continue };
            wanted.tries += 1;
            let answered = attempt.is_answer();
            let answer = program::stored_answer(attempt);
            if answered {
                book.put(wanted.id, answer);
            } else {
                wanted.failed = Some(answer);
            }
        }
    }
    match basis.programs {
        Programs::Stored => {}
        Programs::Run { folder, others } => {
            take_over(&mut questions, folder, others, &mut book)?;
            run(basis, replies, rows, &mut questions, folder, &mut book)?;
        }
    }
    let mut missing = 0;
    for wanted in questions.wanted.into_values() {
        match wanted.failed {
            // Where there is an answer, too, that one stands.
            Some(failed) => book.put(wanted.id, failed),
            None => missing += u64::from(!book.has(&wanted.id)),
        }
    }
    Ok((book, missing))
}

/// Copies what programs have said in other runs, or in a recording, into the run's own folder, so that it is whole by itself.
fn take_over(
    questions: &mut Questions,
    folder: &Path,
    others: &[(PathBuf, Via)],
    book: &mut AnswerBook,
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (path, via) in others {
        let path = if *via == Via::Tape { path.clone() } else { path.with_file_name(PROGRAM_JOURNAL) };
        if !path.is_file() {
            continue;
        }
        for record in Reader::open(&path)? {
            let (_, mut attempt) = record?;
            let Some(wanted) = questions.wanted.get_mut(&attempt.key) else { continue };
            if attempt.is_answer() && !book.has(&wanted.id) {
                attempt.via = *via;
                wanted.failed = None;
                book.put(wanted.id, program::stored_answer(attempt.clone()));
                found.push(attempt);
            }
        }
    }
    if !found.is_empty() {
        Journal::open(&folder.join(PROGRAM_JOURNAL))?.0.append(&found)?;
    }
    Ok(())
}

/// A question that is to be put to its program.
struct Due {
    key: TrialKey,
    prompt: PromptId,
    question: ProgramQuestion,
}

/// Runs the program on every reply that has no answer of it yet, and stores what it says as it comes.
fn run(
    basis: &Basis<'_>,
    replies: &mut Replies<'_>,
    rows: &Rows,
    questions: &mut Questions,
    folder: &Path,
    book: &mut AnswerBook,
) -> anyhow::Result<()> {
    let mut journal = None;
    let mut due: HashMap<TrialKey, ()> = HashMap::new();
    {
        let tried = basis.project.programs_tried.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(key, wanted): &(&TrialKey, &Wanted)| {
            let in_vain = wanted.failed.is_some() && tried.contains(*key);
            !in_vain && !book.has(&wanted.id)
        };
        due.extend(questions.wanted.iter().filter(open).map(|(key, _)| (*key, ())));
    }
    if due.is_empty() {
        return Ok(());
    }
    let mut held: Vec<Due> = Vec::new();
    // What was asked before anything is answered is what is asked here, whatever the answers are.
    let nothing = AnswerBook::default();
    replies.each(rows, |_, matter, oracle| {
        for question in grade::questions(oracle, matter, &nothing) {
            let id = question.id();
            let Question::Program(program) = question else { continue };
            let key = questions.key(&id, &program)?;
            if due.remove(&key).is_some() {
                held.push(Due { key, prompt: matter.prompt.id.clone(), question: program });
            }
        }
        if held.len() >= HELD {
            put(basis, &mut held, questions, folder, &mut journal, book)?;
        }
        Ok(())
    })?;
    put(basis, &mut held, questions, folder, &mut journal, book)
}

/// Puts the questions to their programs.
fn put(
    basis: &Basis<'_>,
    held: &mut Vec<Due>,
    questions: &mut Questions,
    folder: &Path,
    journal: &mut Option<Journal>,
    book: &mut AnswerBook,
) -> anyhow::Result<()> {
    let due = std::mem::take(held);
    if due.is_empty() {
        return Ok(());
    }
    let journal = match journal {
        Some(journal) => journal,
        None => journal.insert(Journal::open(&folder.join(PROGRAM_JOURNAL))?.0),
    };
    let asked: Vec<&ProgramQuestion> = due.iter().map(|due| &due.question).collect();
    program::run_each(&questions.root, &asked, |ready| {
        let mut attempts = Vec::with_capacity(ready.len());
        for ran in ready {
            let due = due.get(ran.question).context("an answer to another question")?;
            let wanted = questions.wanted.get_mut(&due.key).context("an answer to another question")?;
            wanted.tries += 1;
            match ran.printed {
                Ok(_) => {
                    wanted.failed = None;
                    book.put(wanted.id, ran.answer());
                }
                Err(_) => {
                    wanted.failed = Some(ran.answer());
                    let mut tried =
                        basis.project.programs_tried.lock().unwrap_or_else(PoisonError::into_inner);
                    tried.insert(due.key);
                }
            }
            let prompt = due.prompt.clone();
            attempts.push(ran.into_attempt(due.key, prompt, &due.question.argv, wanted.tries)?);
        }
        anyhow::Ok(journal.append(&attempts)?)
    })
}

/// Says that replies hang on programs that a command does not run; silent where none does.
pub(crate) fn tell_missing(console: &Console, rows: &Rows) {
    if rows.programs_missing > 0 {
        console.warn(&format!(
            "{} replies have no verdict of their program, because it never ran on them or has changed since; what hangs on them is ungraded: `route-prof grade latest --write` runs it",
            rows.programs_missing
        ));
    }
}
