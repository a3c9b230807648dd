//! What oracles ask programs about stored replies: looked up where it is stored, run where that is wanted, and kept with the
//! run, so that nothing is asked of a program twice and two reports of one run cannot differ.

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

/// How many questions are held at a time: what a program reads may be long.
const HELD: usize = 256;

/// A question that stored replies raise.
struct Wanted {
    id: Digest,
    /// The command line.
    line: String,
    /// Tries that are stored.
    tries: u32,
    /// What went wrong in the last of them.
    failed: Option<Answer>,
}

/// The files of a program: as they are looked for, and as they are today.
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
    /// The programs that are looked for in place of today's.
    then: Option<&'a ProgramFiles>,
    book: AnswerBook,
}

impl Questions for ProgramQuestions<'_> {
    const JOURNAL: &'static str = PROGRAM_JOURNAL;

    fn is_open(&self, key: &TrialKey) -> bool {
        self.wanted.get(key).is_some_and(|wanted| !self.book.has(&wanted.id))
    }

    /// What a program said is true of the same program and the same reply, however the reply came.
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
    /// The command line as it is written into files, and the key of a question to it.
    fn key(&mut self, id: &Digest, question: &ProgramQuestion) -> anyhow::Result<(String, TrialKey)> {
        let line = serde_json::to_string(&question.argv)?;
        let files = match self.files.get(&line) {
            Some(files) => *files,
            None => {
                let today = program::fingerprint(self.disk, self.root, &question.argv)?;
                let then = self.then.and_then(|then| then.get(&line)).copied();
                let files = Files { wanted: then.or(today), today };
                self.files.insert(line.clone(), files);
                files
            }
        };
        Ok((line, program::key(id, files.wanted.as_ref())))
    }

    /// Whether a command line is to be looked for as it is today, and so may be run.
    fn is_todays(&self, line: &str) -> bool {
        self.files.get(line).is_some_and(|files| files.wanted == files.today)
    }
}

/// What programs say of the replies. Sets in the rows how many questions have no answer, and which programs graded: those of
/// today where they have seen all replies, else those that graded the run before.
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
        then: match basis.programs {
            Programs::AsThen { then, .. } => Some(then),
            Programs::Stored { .. } | Programs::Run { .. } => None,
        },
        book: AnswerBook::default(),
    };
    let nothing = AnswerBook::default();
    replies.each(rows, |_, matter, oracle| {
        for question in grade::questions(oracle, matter, &nothing) {
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
            // Where there is an answer, too, that one stands.
            Some(failed) => book.put(wanted.id, failed),
            None if book.has(&wanted.id) => {}
            None => {
                rows.programs_missing += 1;
                unanswered.insert(wanted.line);
            }
        }
    }
    let before = basis.programs.before();
    for (line, files) in files {
        let then = before.filter(|_| unanswered.contains(&line)).map(|then| then.get(&line).copied());
        if let Some(files) = then.unwrap_or(files.wanted) {
            rows.programs.insert(line, files);
        }
    }
    Ok(book)
}

/// A question that is to be put to its program.
struct Due {
    key: TrialKey,
    prompt: PromptId,
    question: ProgramQuestion,
}

/// Runs the program on every reply that has no answer of it yet, and stores what it says as it comes.
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
            !in_vain && !questions.book.has(&wanted.id) && questions.is_todays(&wanted.line)
        };
        questions.wanted.iter().filter(open).map(|(key, _)| *key).collect()
    };
    if due.is_empty() {
        return Ok(());
    }
    let mut journal = store::keep::<ProgramQuestions<'_>>(basis.project.disk(), running.folder)?;
    let open = due.len() as u64;
    engine.tell(Event::RunsPrograms { questions: open });
    engine.tell(Event::Begins { stages: vec![Stage { name: "programs".to_owned(), total: open, done: 0 }] });
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
            engine.tell(Event::Progress { stage: 0, progress });
            anyhow::Ok(())
        })?;
        if stop.load(Ordering::Relaxed) {
            return Err(Interruption { open: open - progress.done }.into());
        }
        anyhow::Ok(())
    };
    let mut held: Vec<Due> = Vec::new();
    // What was asked before anything is answered is what is asked here, whatever the answers are.
    let nothing = AnswerBook::default();
    let stop = engine.stop().flag();
    replies.each(rows, |_, matter, oracle| {
        for question in grade::questions(oracle, matter, &nothing) {
            let id = question.id();
            let Question::Program(program) = question else { continue };
            let (_, key) = questions.key(&id, &program)?;
            if due.remove(&key) {
                held.push(Due { key, prompt: matter.prompt.id.clone(), question: program });
            }
        }
        if held.len() >= HELD {
            keep(&mut held, questions, stop)?;
        }
        Ok(())
    })?;
    keep(&mut held, questions, stop)?;
    engine.tell(Event::Ends);
    Ok(())
}
