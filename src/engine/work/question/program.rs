//! The questions of oracles to programs about stored replies. Verdicts are looked up, or obtained by running the program if the
//! request allows it, and stored with the run, so that no program runs twice on a reply and two reports of a run never differ.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::replies::Replies;
use super::store::{self, Questions};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Interruption;
use crate::engine::event::{Event, Progress, Stage};
use crate::engine::run::basis::{Basis, ProgramFiles, Programs, Running};
use crate::engine::run::files::PROGRAM_JOURNAL;
use crate::engine::run::rows::Rows;
use crate::grade::{self, program};
use crate::ident::{Digest, PromptId, TrialKey};
use crate::oracle::ask::ProgramQuestion;
use crate::oracle::{Answer, AnswerBook, Question};
use crate::record::Attempt;

/// Questions held in memory at a time; their texts may be long.
const CHUNK: usize = 256;

/// A question raised by stored replies.
struct Wanted {
    id: Digest,
    /// The command line.
    line: String,
    /// Number of stored attempts.
    tries: u32,
    /// The failure of the last attempt.
    failed: Option<Answer>,
}

/// The digest of a program's files: the one that is looked up, and today's.
#[derive(Clone, Copy)]
struct Files {
    wanted: Option<Digest>,
    today: Option<Digest>,
}

/// The questions to programs, by their keys, and the answers.
struct ProgramQuestions<'a> {
    wanted: HashMap<TrialKey, Wanted>,
    /// The files of each command line.
    files: BTreeMap<String, Files>,
    disk: &'a Disk,
    root: &'a Path,
    /// The programs that are looked up instead of today's.
    graded_by: Option<&'a ProgramFiles>,
    book: AnswerBook,
}

impl Questions for ProgramQuestions<'_> {
    const JOURNAL: &'static str = PROGRAM_JOURNAL;

    fn is_open(&self, key: &TrialKey) -> bool {
        self.wanted.get(key).is_some_and(|wanted| !self.book.has(&wanted.id))
    }

    /// A verdict holds for the same program and reply, however the reply was obtained.
    fn may_reuse(_attempt: &Attempt) -> bool {
        true
    }

    fn any_open(&self) -> bool {
        self.wanted.values().any(|wanted| !self.book.has(&wanted.id))
    }

    fn take(&mut self, attempt: Attempt) {
        let Some(wanted) = self.wanted.get_mut(&attempt.key) else { return };
        wanted.tries += 1;
        let answered = attempt.is_answer();
        let answer = program::stored_answer(attempt);
        if answered {
            wanted.failed = None;
            self.book.put(wanted.id, answer);
        } else {
            wanted.failed = Some(answer);
        }
    }
}

impl ProgramQuestions<'_> {
    /// The command line as written into files, and the key of a question to it.
    fn key(&mut self, id: &Digest, question: &ProgramQuestion) -> anyhow::Result<(String, TrialKey)> {
        let line = serde_json::to_string(&question.argv)?;
        let files = match self.files.get(&line) {
            Some(files) => *files,
            None => {
                let today = program::fingerprint(self.disk, self.root, &question.argv)?;
                let before = self.graded_by.and_then(|files| files.get(&line)).copied();
                let files = Files { wanted: before.or(today), today };
                self.files.insert(line.clone(), files);
                files
            }
        };
        Ok((line, program::key(id, files.wanted.as_ref())))
    }

    /// Whether today's program is the one that is looked up, so that it may be run.
    fn is_current(&self, line: &str) -> bool {
        self.files.get(line).is_some_and(|files| files.wanted == files.today)
    }
}

/// Resolves the questions to programs. Sets in the rows the number of questions without an answer, and the programs that graded:
/// today's if they have answered everything, otherwise those that graded the run before.
pub(super) fn resolve(
    engine: &Engine,
    basis: &Basis<'_>,
    replies: &mut Replies<'_>,
    rows: &mut Rows,
) -> anyhow::Result<AnswerBook> {
    if !basis.oracles.iter().any(|oracle| oracle.asks_a_program()) {
        return Ok(AnswerBook::default());
    }
    let mut questions = ProgramQuestions {
        wanted: HashMap::new(),
        files: BTreeMap::new(),
        disk: basis.project.disk(),
        root: &basis.project.config.root,
        graded_by: match basis.programs {
            Programs::AsGraded { graded_by, .. } => Some(graded_by),
            Programs::Stored { .. } | Programs::Run { .. } => None,
        },
        book: AnswerBook::default(),
    };
    let nothing = AnswerBook::default();
    replies.each(rows, |_, reply, oracle| {
        for question in grade::questions(oracle, reply, &nothing) {
            if let Question::Program(program) = &question {
                let id = question.id();
                let (line, key) = questions.key(&id, program)?;
                questions.wanted.entry(key).or_insert(Wanted { id, line, tries: 0, failed: None });
            }
        }
        Ok(())
    })?;
    store::resolve(basis, &mut questions)?;
    if let Some(running) = basis.programs.running() {
        run(engine, basis, replies, rows, &mut questions, running)?;
    }
    let ProgramQuestions { wanted, files, mut book, .. } = questions;
    let mut unanswered = BTreeSet::new();
    for wanted in wanted.into_values() {
        match wanted.failed {
            // If there is also an answer, the answer counts.
            Some(failed) => book.put(wanted.id, failed),
            None if book.has(&wanted.id) => {}
            None => {
                rows.programs_missing += 1;
                unanswered.insert(wanted.line);
            }
        }
    }
    let before = basis.programs.graded_by();
    for (line, files) in files {
        let then = before.filter(|_| unanswered.contains(&line)).map(|then| then.get(&line).copied());
        if let Some(files) = then.unwrap_or(files.wanted) {
            rows.programs.insert(line, files);
        }
    }
    Ok(book)
}

/// A question to run the program on.
struct Due {
    key: TrialKey,
    prompt: PromptId,
    question: ProgramQuestion,
}

/// Runs the programs on every question without an answer, and stores the verdicts as they arrive.
fn run(
    engine: &Engine,
    basis: &Basis<'_>,
    replies: &mut Replies<'_>,
    rows: &Rows,
    questions: &mut ProgramQuestions<'_>,
    running: Running<'_>,
) -> anyhow::Result<()> {
    let mut due: HashSet<TrialKey> = {
        let tried = basis.project.programs_tried.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(key, wanted): &(&TrialKey, &Wanted)| {
            let in_vain = wanted.failed.is_some() && tried.contains(*key);
            !in_vain && !questions.book.has(&wanted.id) && questions.is_current(&wanted.line)
        };
        questions.wanted.iter().filter(open).map(|(key, _)| *key).collect()
    };
    if due.is_empty() {
        return Ok(());
    }
    let mut journal = store::open_journal::<ProgramQuestions<'_>>(basis.project.disk(), running.folder)?;
    let open = due.len() as u64;
    engine.emit(Event::RunningPrograms { questions: open });
    engine.emit(Event::CallsStarted {
        stages: vec![Stage { name: "programs".to_owned(), total: open, done: 0 }],
    });
    let mut progress = Progress::default();
    let mut keep = |held: &mut Vec<Due>, questions: &mut ProgramQuestions<'_>, stop: &AtomicBool| {
        let due = std::mem::take(held);
        let asked: Vec<&ProgramQuestion> = due.iter().map(|due| &due.question).collect();
        program::run_each(questions.root, &asked, stop, |ready| {
            let mut attempts = Vec::with_capacity(ready.len());
            for ran in ready {
                let due = due.get(ran.question).context("an answer to another question")?;
                let wanted = questions.wanted.get_mut(&due.key).context("an answer to another question")?;
                wanted.tries += 1;
                progress.done += 1;
                if ran.printed.is_ok() {
                    wanted.failed = None;
                    questions.book.put(wanted.id, ran.answer());
                } else {
                    progress.errors += 1;
                    wanted.failed = Some(ran.answer());
                    let tried = basis.project.programs_tried.lock();
                    tried.unwrap_or_else(PoisonError::into_inner).insert(due.key);
                }
                let prompt = due.prompt.clone();
                attempts.push(ran.into_attempt(due.key, prompt, &due.question.argv, wanted.tries)?);
            }
            journal.append(&attempts)?;
            engine.emit(Event::Progress { stage: 0, progress });
            anyhow::Ok(())
        })?;
        if stop.load(Ordering::Relaxed) {
            return Err(Interruption { open: open - progress.done }.into());
        }
        anyhow::Ok(())
    };
    let mut held: Vec<Due> = Vec::new();
    // The questions are those raised before any answer, whatever the answers are.
    let nothing = AnswerBook::default();
    let stop = engine.stop().flag();
    replies.each(rows, |_, reply, oracle| {
        for question in grade::questions(oracle, reply, &nothing) {
            let id = question.id();
            let Question::Program(program) = question else { continue };
            let (_, key) = questions.key(&id, &program)?;
            if due.remove(&key) {
                held.push(Due { key, prompt: reply.prompt.id.clone(), question: program });
            }
        }
        if held.len() >= CHUNK {
            keep(&mut held, questions, stop)?;
        }
        Ok(())
    })?;
    keep(&mut held, questions, stop)?;
    engine.emit(Event::CallsFinished);
    Ok(())
}
