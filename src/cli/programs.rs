//! What the programs of `command` oracles say of stored replies: looked up where it is stored, run where that is wanted, and
//! stored with the run, so that nothing is asked of a program twice and two reports of one run cannot differ.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::asking::{self, Replies};
use super::evidence::{Basis, Rows};
use super::exit::Interruption;
use super::run_record::PROGRAM_JOURNAL;
use super::send;
use crate::console::{Console, Progress, ProgressFacts};
use crate::grade::{self, program};
use crate::ident::{Digest, PromptId, TrialKey};
use crate::journal::{Journal, Reader};
use crate::oracle::ask::ProgramQuestion;
use crate::oracle::{Answer, AnswerBook, Asks, Question};
use crate::record::Via;

/// How many questions are held at a time: what a program reads may be long.
const HELD: usize = 256;

/// The digests of the files of programs, by their command lines as JSON.
pub(crate) type ProgramFiles = BTreeMap<String, Digest>;

/// Where a command has what programs say from.
#[derive(Clone, Copy)]
pub(crate) enum Programs<'a> {
    /// From what is stored beside the answers of the programs as they are today. None is run.
    Stored {
        /// The programs that graded the run.
        then: &'a ProgramFiles,
    },
    /// From what is stored of the programs that graded the run. One that is still the same is run where nothing is stored.
    AsThen {
        /// How they are run.
        running: Running<'a>,
        /// The programs that graded the run.
        then: &'a ProgramFiles,
    },
    /// What is stored nowhere, or failed, is run.
    Run(Running<'a>),
}

/// How programs are run.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    /// Where it is said how far they are.
    pub(crate) console: &'a Console,
    /// The folder of the run, which keeps what they say.
    pub(crate) folder: &'a Path,
    /// The journals of other runs, or a recording, whose words are taken over.
    pub(crate) others: &'a [(PathBuf, Via)],
}

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

/// The questions to programs, by their keys.
struct Questions<'a> {
    wanted: HashMap<TrialKey, Wanted>,
    /// The files of each command line.
    files: BTreeMap<String, Files>,
    root: &'a Path,
    /// The programs that are looked for in place of today's.
    then: Option<&'a ProgramFiles>,
}

impl Questions<'_> {
    /// The command line as it is written into files, and the key of a question to it.
    fn key(&mut self, id: &Digest, question: &ProgramQuestion) -> anyhow::Result<(String, TrialKey)> {
        let line = serde_json::to_string(&question.argv)?;
        let files = match self.files.get(&line) {
            Some(files) => *files,
            None => {
                let today = program::fingerprint(self.root, &question.argv)?;
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

/// What came of looking for what programs say.
#[derive(Default)]
pub(super) struct Heard {
    /// What they say.
    pub(super) book: AnswerBook,
    /// How many questions have no answer.
    pub(super) missing: u64,
    /// The programs that graded: those of today where they have seen all replies, else those that graded the run before.
    pub(super) files: ProgramFiles,
}

/// What programs say of the replies.
pub(super) fn settle(basis: &Basis<'_>, replies: &mut Replies<'_>, rows: &Rows) -> anyhow::Result<Heard> {
    let mut heard = Heard::default();
    let asks = |asks: &Asks| matches!(asks, Asks::Program);
    if !basis.oracles.iter().any(|oracle| oracle.criterion.asks().iter().any(asks)) {
        return Ok(heard);
    }
    let book = &mut heard.book;
    let mut questions = Questions {
        wanted: HashMap::new(),
        files: BTreeMap::new(),
        root: &basis.project.config.root,
        then: match basis.programs {
            Programs::AsThen { then, .. } => Some(then),
            Programs::Stored { .. } | Programs::Run { .. } => None,
        },
    };
    replies.each(rows, |_, matter, oracle| {
        for question in grade::questions(oracle, matter, book) {
            if let Question::Program(program) = &question {
                let id = question.id();
                let (line, key) = questions.key(&id, program)?;
                questions.wanted.entry(key).or_insert(Wanted { id, line, tries: 0, failed: None });
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
    let before = match basis.programs {
        Programs::Stored { then } => Some(then),
        Programs::AsThen { running, then } => {
            run(basis, replies, rows, &mut questions, running, book)?;
            Some(then)
        }
        Programs::Run(running) => {
            take_over(&mut questions, running, book)?;
            run(basis, replies, rows, &mut questions, running, book)?;
            None
        }
    };
    let mut unheard = BTreeSet::new();
    for wanted in questions.wanted.into_values() {
        match wanted.failed {
            // Where there is an answer, too, that one stands.
            Some(failed) => heard.book.put(wanted.id, failed),
            None if heard.book.has(&wanted.id) => {}
            None => {
                heard.missing += 1;
                unheard.insert(wanted.line);
            }
        }
    }
    for (line, files) in questions.files {
        let then = before.filter(|_| unheard.contains(&line)).map(|then| then.get(&line).copied());
        if let Some(files) = then.unwrap_or(files.wanted) {
            heard.files.insert(line, files);
        }
    }
    Ok(heard)
}

/// Copies what programs have said in other runs, or in a recording, into the run's own folder, so that it is whole by itself.
fn take_over(
    questions: &mut Questions<'_>,
    running: Running<'_>,
    book: &mut AnswerBook,
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for (path, via) in running.others {
        let Some(path) = asking::stored_file(path, Some(*via), PROGRAM_JOURNAL) else { continue };
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
        Journal::open(&running.folder.join(PROGRAM_JOURNAL))?.0.append(&found)?;
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
    questions: &mut Questions<'_>,
    running: Running<'_>,
    book: &mut AnswerBook,
) -> anyhow::Result<()> {
    let mut due: HashSet<TrialKey> = {
        let tried = basis.project.programs_tried.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(key, wanted): &(&TrialKey, &Wanted)| {
            let in_vain = wanted.failed.is_some() && tried.contains(*key);
            !in_vain && !book.has(&wanted.id) && questions.is_todays(&wanted.line)
        };
        questions.wanted.iter().filter(open).map(|(key, _)| *key).collect()
    };
    if due.is_empty() {
        return Ok(());
    }
    let (mut journal, ..) = Journal::open(&running.folder.join(PROGRAM_JOURNAL))?;
    running.console.note(&format!("{} questions to programs of oracles", due.len()));
    let progress = Progress::new(running.console, &[("programs".to_owned(), due.len() as u64, 0)]);
    let mut facts = ProgressFacts::default();
    let open = due.len() as u64;
    let mut keep = |held: &mut Vec<Due>, questions: &mut Questions<'_>, stop: &AtomicBool| {
        let due = std::mem::take(held);
        let asked: Vec<&ProgramQuestion> = due.iter().map(|due| &due.question).collect();
        program::run_each(questions.root, &asked, stop, |ready| {
            let mut attempts = Vec::with_capacity(ready.len());
            for ran in ready {
                let due = due.get(ran.question).context("an answer to another question")?;
                let wanted = questions.wanted.get_mut(&due.key).context("an answer to another question")?;
                wanted.tries += 1;
                facts.done += 1;
                if ran.printed.is_ok() {
                    wanted.failed = None;
                    book.put(wanted.id, ran.answer());
                } else {
                    facts.errors += 1;
                    wanted.failed = Some(ran.answer());
                    let tried = basis.project.programs_tried.lock();
                    tried.unwrap_or_else(PoisonError::into_inner).insert(due.key);
                }
                let prompt = due.prompt.clone();
                attempts.push(ran.into_attempt(due.key, prompt, &due.question.argv, wanted.tries)?);
            }
            journal.append(&attempts)?;
            progress.update(0, facts);
            anyhow::Ok(())
        })?;
        if stop.load(Ordering::Relaxed) {
            return Err(Interruption { open: open - facts.done }.into());
        }
        anyhow::Ok(())
    };
    let mut held: Vec<Due> = Vec::new();
    // What was asked before anything is answered is what is asked here, whatever the answers are.
    let nothing = AnswerBook::default();
    send::unless_signalled(|stop| {
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
        keep(&mut held, questions, stop)
    })??;
    progress.finish();
    Ok(())
}

/// Says that replies hang on programs that a command does not run; silent where none does.
pub(crate) fn tell_missing(console: &Console, rows: &Rows) {
    if rows.programs_missing > 0 {
        console.warn(&format!(
            "{} questions to programs have no stored answer, because they never ran or have changed since; what hangs on them is ungraded: `route-prof grade latest --write` asks them",
            rows.programs_missing
        ));
    }
}
