//! Runs the programs that `command` oracles ask for: several at a time, each in a private folder, with limits, and killed
//! with all its children when it is over.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::ident::Digest;
use crate::oracle::Answer;
use crate::oracle::ask::ProgramQuestion;

/// The most bytes of stderr that are kept for the reason.
const STDERR: usize = 4096;

/// Runs a program for each question, as many at a time as there are cores. `root` is the folder that relative paths of
/// programs are relative to.
#[must_use]
pub fn run_all(root: &Path, questions: &[(Digest, ProgramQuestion)]) -> Vec<(Digest, Answer)> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(questions.len());
    let next = AtomicUsize::new(0);
    let mut answers: Vec<(Digest, Answer)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some((id, question)) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((*id, run(root, question)));
            }
            done
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
    });
    answers.sort_by_key(|(id, _)| *id.bytes());
    answers
}

/// Runs one program. Whatever goes wrong is a reason, never a verdict.
fn run(root: &Path, question: &ProgramQuestion) -> Answer {
    match attempt(root, question) {
        Ok(printed) => Answer::Text(printed),
        Err(why) => Answer::Failed(why),
    }
}

fn program(root: &Path, named: &str) -> PathBuf {
    let path = Path::new(named);
    let is_bare = path.components().count() == 1 && !named.starts_with('.');
    if is_bare || path.is_absolute() {
        return path.to_owned();
    }
    let full = root.join(path);
    std::path::absolute(&full).unwrap_or(full)
}

fn attempt(root: &Path, question: &ProgramQuestion) -> Result<String, String> {
    let (named, args) = question.argv.split_first().ok_or("there is no program")?;
    let folder = tempfile::tempdir().map_err(|error| format!("no private folder: {}", error.kind()))?;
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
        command.spawn().map_err(|error| format!("{named} cannot be started: {}", error.kind()))?;
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

    let ended = wait(&mut child, deadline, printed.as_ref(), question.max_output_bytes);
    if !matches!(ended, Ended::By(..)) {
        kill(&mut child);
    }
    let output = match ended {
        Ended::Late => return Err(format!("{named} took more than {} s", question.timeout_s)),
        Ended::TooLong => {
            return Err(format!("{named} printed more than {} bytes", question.max_output_bytes));
        }
        Ended::Lost(why) => return Err(why),
        Ended::By(status, output) => {
            if !status.success() {
                let said = complained.and_then(|pipe| pipe.recv_timeout(Duration::from_millis(200)).ok());
                let said = said.map(|bytes| last_line(&bytes)).unwrap_or_default();
                return Err(format!("{named} failed ({status}){said}"));
            }
            output
        }
    };
    String::from_utf8(output).map_err(|_| format!("{named} printed what is not UTF-8"))
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

enum Ended {
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
) -> Ended {
    let mut output: Option<Vec<u8>> = None;
    let mut pause = Duration::from_millis(1);
    loop {
        if output.is_none() {
            output = printed.and_then(|printed| printed.try_recv().ok());
        }
        if output.as_ref().is_some_and(|bytes| bytes.len() > most) {
            return Ended::TooLong;
        }
        match child.try_wait() {
            Err(error) => return Ended::Lost(format!("it cannot be waited for: {}", error.kind())),
            Ok(Some(status)) => {
                // What it started in the background must not keep its pipe open.
                kill(child);
                let rest = || printed.and_then(|pipe| pipe.recv_timeout(Duration::from_secs(1)).ok());
                let output = output.or_else(rest).unwrap_or_default();
                return if output.len() > most { Ended::TooLong } else { Ended::By(status, output) };
            }
            Ok(None) if Instant::now() >= deadline => return Ended::Late,
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

/// `: what it said last`, from stderr.
fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line: String =
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(200).collect();
    if line.is_empty() { line } else { format!(": {}", line.trim()) }
}
