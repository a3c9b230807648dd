//! Runs the programs of `command` oracles: several at a time, each in a private folder and with limits, and kills each with all
//! its children at the end. Also turns their output into journal records, and computes the keys by which those are found.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::disk::{Disk, DiskError};
use crate::ident::{Digest, Digester, ModelRef, NameError, PromptId, TrialKey};
use crate::oracle::Answer;
use crate::oracle::ask::ProgramQuestion;
use crate::record::{Attempt, Clocks, ErrorKind, Failure, Outcome, Usage, Via};

/// The most bytes of stderr that are kept for the reason.
const STDERR: usize = 4096;

/// The fewest bytes of an environment variable's value that is kept out of what a program is quoted with: a shorter one is no
/// secret, and would blot out ordinary words.
const SECRET: usize = 8;

/// One run of a program on a question.
#[derive(Debug)]
pub struct ProgramRun {
    /// The number of the question.
    pub question: usize,
    /// Its output, or what went wrong.
    pub printed: Result<String, Failure>,
    /// How long it ran.
    pub took: Duration,
}

impl ProgramRun {
    /// The answer to the question. A failure is a reason, never a verdict.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match &self.printed {
            Ok(printed) => Answer::Text(printed.clone()),
            Err(failure) => Answer::Failed(failure.message.clone()),
        }
    }

    /// The journal record; `attempt` counts from 1.
    ///
    /// # Errors
    /// If the program's name in the journal is no name, which what it is made of rules out.
    pub fn into_attempt(
        self,
        key: TrialKey,
        prompt: PromptId,
        argv: &[String],
        attempt: u32,
    ) -> Result<Attempt, NameError> {
        let (text, failure) = match self.printed {
            Ok(printed) => (printed, None),
            Err(failure) => (String::new(), Some(failure)),
        };
        Ok(Attempt {
            key,
            prompt,
            model: label(argv)?,
            repeat: 0,
            attempt,
            outcome: if failure.is_none() { Outcome::Reply } else { Outcome::Error },
            text,
            tool_calls: serde_json::Value::Null,
            finish: None,
            served_model: None,
            usage: Usage::default(),
            clocks: Clocks { total_ms: Some(self.took.into()), ..Clocks::default() },
            streamed: false,
            batch: false,
            status: None,
            failure,
            headers: std::collections::BTreeMap::new(),
            billed: None,
            at: None,
            via: Via::Live,
        })
    }
}

/// The answer in a journal record of a question to a program.
#[must_use]
pub fn stored_answer(attempt: Attempt) -> Answer {
    match (attempt.outcome, attempt.failure) {
        (Outcome::Reply, _) => Answer::Text(attempt.text),
        (_, Some(failure)) => Answer::Failed(failure.message),
        (outcome, None) => Answer::Failed(outcome.name().to_owned()),
    }
}

/// The name of a program among the models of a journal, for people: `program/` and its file's name.
fn label(argv: &[String]) -> Result<ModelRef, NameError> {
    let named = argv.first().map(String::as_str).unwrap_or_default();
    let file = Path::new(named).file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = file.chars().map(plain).take(64).collect();
    format!("program/{}", if name.is_empty() { "-" } else { &name }).parse()
}

/// The digest of the files that a command line names: the program itself, unless it is looked up in `PATH`, and arguments that
/// are absolute paths of files. `None` if it names none.
///
/// # Errors
/// If one is there and cannot be read.
pub fn fingerprint(disk: &Disk, root: &Path, argv: &[String]) -> Result<Option<Digest>, DiskError> {
    let own = argv.first().filter(|named| !is_bare(named)).map(|named| program(root, named));
    let others = argv.iter().skip(1).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut digester = Digester::new("route-prof program files 1");
    let mut any = false;
    for path in own.into_iter().chain(others).filter(|path| disk.is_file(path)) {
        any = true;
        digester.part(&disk.read(&path)?);
    }
    Ok(any.then(|| digester.finish()))
}

/// The key of a question to a program whose files have this digest. It covers everything known that the answer depends on. Of the
/// environment, only the names of variables count, because the values may be secrets.
#[must_use]
pub fn key(question: &Digest, fingerprint: Option<&Digest>) -> TrialKey {
    let mut digester = Digester::new("route-prof program 1");
    digester.part(question.bytes());
    if let Some(files) = fingerprint {
        digester.part(files.bytes());
    }
    TrialKey::from_digest(&digester.finish())
}

/// Runs a program for each question, as many at a time as there are cores, and passes finished runs to `take` in no particular
/// order. Relative paths of programs are relative to `root`. Once `stop` is set, running programs are killed without a result, and
/// no more are started.
///
/// # Errors
/// The first one of `take`; then no further program is started.
pub fn run_each<E>(
    root: &Path,
    questions: &[&ProgramQuestion],
    stop: &AtomicBool,
    mut take: impl FnMut(Vec<ProgramRun>) -> Result<(), E>,
) -> Result<(), E> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(questions.len());
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(question) = questions.get(number) else { break };
                    let begun = Instant::now();
                    let printed = run(root, question, stop);
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let finished = ProgramRun { question: number, printed, took: begun.elapsed() };
                    // Nobody listens any more once something went wrong.
                    if sender.send(finished).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        while let Ok(first) = receiver.recv() {
            let mut ready = vec![first];
            ready.extend(receiver.try_iter());
            if let Err(error) = take(ready) {
                drop(receiver);
                return Err(error);
            }
        }
        Ok(())
    })
}

/// Runs one program. The values of its environment variables are redacted from its quoted output.
fn run(root: &Path, question: &ProgramQuestion, stop: &AtomicBool) -> Result<String, Failure> {
    let values: Vec<String> = question
        .env
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .filter(|value| value.len() >= SECRET)
        .collect();
    let without = |text: String| values.iter().fold(text, |text, value| text.replace(value.as_str(), "***"));
    attempt(root, question, stop)
        .map(without)
        .map_err(|(kind, message)| Failure { kind, message: without(message) })
}

fn is_bare(named: &str) -> bool {
    Path::new(named).components().count() == 1 && !named.starts_with('.')
}

fn program(root: &Path, named: &str) -> PathBuf {
    let path = Path::new(named);
    if is_bare(named) || path.is_absolute() {
        return path.to_owned();
    }
    let full = root.join(path);
    std::path::absolute(&full).unwrap_or(full)
}

fn attempt(
    root: &Path,
    question: &ProgramQuestion,
    stop: &AtomicBool,
) -> Result<String, (ErrorKind, String)> {
    let connect = |message: String| (ErrorKind::Connect, message);
    let (named, args) =
        question.argv.split_first().ok_or_else(|| connect("there is no program".to_owned()))?;
    let folder = tempfile::tempdir()
        .map_err(|error| connect(format!("cannot create a private folder: {}", error.kind())))?;
    let mut command = Command::new(program(root, named));
    command
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in question.env.iter().map(String::as_str).chain(["PATH"]) {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("TMPDIR", folder.path());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child =
        command.spawn().map_err(|error| connect(format!("{named} cannot be started: {}", error.kind())))?;
    let deadline = Instant::now() + Duration::from_secs_f64(question.timeout_s.min(86_400.0));

    let (mut stdin, input) = (child.stdin.take(), question.input.clone());
    // Threads of their own, which nobody waits for: a program may leave a pipe full, or open in a child that got away.
    std::thread::spawn(move || {
        if let Some(stdin) = &mut stdin {
            // A program that does not read its input may know enough without.
            let _ = stdin.write_all(input.as_bytes());
        }
    });
    let printed = child.stdout.take().map(|pipe| reader(pipe, question.max_output_bytes.saturating_add(1)));
    let complained = child.stderr.take().map(|pipe| reader(pipe, STDERR));

    let end = wait(&mut child, deadline, printed.as_ref(), question.max_output_bytes, stop);
    if !matches!(end, ProcessEnd::By(..)) {
        kill(&mut child);
    }
    let output = match end {
        ProcessEnd::Late => {
            return Err((ErrorKind::Timeout, format!("{named} took more than {} s", question.timeout_s)));
        }
        ProcessEnd::TooLong => {
            let message = format!("{named} printed more than {} bytes", question.max_output_bytes);
            return Err((ErrorKind::Protocol, message));
        }
        ProcessEnd::Lost(why) => return Err((ErrorKind::Server, why)),
        ProcessEnd::By(status, output) => {
            if !status.success() {
                let said = complained.and_then(|pipe| pipe.recv_timeout(Duration::from_millis(200)).ok());
                let said = said.map(|bytes| last_line(&bytes)).unwrap_or_default();
                return Err((ErrorKind::Server, format!("{named} failed ({status}){said}")));
            }
            output
        }
    };
    String::from_utf8(output).map_err(|_| (ErrorKind::Protocol, format!("{named} printed what is not UTF-8")))
}

/// Reads a pipe up to a limit, in the background.
fn reader(pipe: impl Read + Send + 'static, limit: usize) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(limit as u64).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

enum ProcessEnd {
    By(ExitStatus, Vec<u8>),
    Late,
    TooLong,
    Lost(String),
}

/// Waits for the end of a program, of its output, or of its time.
fn wait(
    child: &mut Child,
    deadline: Instant,
    printed: Option<&mpsc::Receiver<Vec<u8>>>,
    most: usize,
    stop: &AtomicBool,
) -> ProcessEnd {
    let mut output: Option<Vec<u8>> = None;
    let mut pause = Duration::from_millis(1);
    loop {
        if output.is_none() {
            output = printed.and_then(|printed| printed.try_recv().ok());
        }
        if output.as_ref().is_some_and(|bytes| bytes.len() > most) {
            return ProcessEnd::TooLong;
        }
        match child.try_wait() {
            Err(error) => return ProcessEnd::Lost(format!("it cannot be waited for: {}", error.kind())),
            Ok(Some(status)) => {
                // What it started in the background must not keep its pipe open.
                kill(child);
                let rest = || printed.and_then(|pipe| pipe.recv_timeout(Duration::from_secs(1)).ok());
                let output = output.or_else(rest).unwrap_or_default();
                return if output.len() > most {
                    ProcessEnd::TooLong
                } else {
                    ProcessEnd::By(status, output)
                };
            }
            Ok(None) if Instant::now() >= deadline => return ProcessEnd::Late,
            Ok(None) if stop.load(Ordering::Relaxed) => return ProcessEnd::Lost("interrupted".to_owned()),
            Ok(None) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
        }
    }
}

/// Kills a program and everything in its process group.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // A group that is gone is what is wanted.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// `: LINE`, with the last line of stderr.
fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line: String =
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(200).collect();
    if line.is_empty() { line } else { format!(": {}", line.trim()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::{Journal, Reader};

    proptest! {
        #[test]
        fn whatever_a_program_is_called_and_says_reads_back_from_the_journal(
            argv in proptest::collection::vec(".*", 0..3), said in ".*", fails in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("programs.jsonl");
            let failure = || Failure { kind: ErrorKind::Server, message: said.clone() };
            let printed = if fails { Err(failure()) } else { Ok(said.clone()) };
            let finished = ProgramRun { question: 0, printed, took: Duration::from_millis(3) };
            let answer = finished.answer();
            let key = key(&Digest::of(said.as_bytes()), None);
            let attempt = finished.into_attempt(key, PromptId::new("p").unwrap(), &argv, 1).unwrap();
            Journal::open(&Disk::real(), &path).unwrap().0.append([&attempt]).unwrap();
            let (_, read) = Reader::open(&Disk::real(), &path).unwrap().next().unwrap().unwrap();
            prop_assert_eq!((read.key, read.is_answer()), (key, !fails));
            prop_assert_eq!(stored_answer(read), answer);
        }
    }

    #[test]
    fn a_programs_file_counts_and_what_is_found_in_path_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| Disk::real().replace(&root.join(name), text.as_bytes()).unwrap();
        let print = |argv: &[&str]| {
            fingerprint(&Disk::real(), root, &argv.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
                .unwrap()
        };
        write("checks/a", "one");
        write("words", "two");
        let words = root.join("words").display().to_string();
        let before = [print(&["checks/a"]), print(&["sh", &words]), print(&["checks/a", "words"])];
        assert!(before.iter().all(Option::is_some) && before[0] != before[1] && before[0] == before[2]);
        write("words", "three");
        assert_eq!(print(&["checks/a"]), before[0]);
        assert_ne!(print(&["sh", &words]), before[1]);
        assert_eq!((print(&["sh", "words"]), print(&["checks/none"]), print(&[])), (None, None, None));
        let question = Digest::of(b"q");
        assert_ne!(key(&question, None), key(&question, before[0].as_ref()));
    }
}
