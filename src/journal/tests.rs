//! Tests of the journal: nothing whole is lost, nothing torn is kept.

use proptest::prelude::*;

use super::*;
use crate::ident::{Digest, PromptId, TrialKey};
use crate::record::{Clocks, Outcome, Usage, Via};

fn attempt(number: u8, outcome: Outcome, text: &str) -> Attempt {
    Attempt {
        key: TrialKey::from_digest(&Digest::of(&[number])),
        prompt: PromptId::new("p").unwrap(),
        model: "p/m".parse().unwrap(),
        repeat: 0,
        attempt: 1,
        outcome,
        text: text.to_owned(),
        tool_calls: serde_json::Value::Null,
        finish: Some("stop".to_owned()),
        served_model: None,
        usage: Usage::default(),
        clocks: Clocks::default(),
        streamed: true,
        status: Some(200),
        failure: None,
        headers: [("x-request-id".to_owned(), "r".to_owned())].into(),
        billed: Some("0.001".parse().unwrap()),
        at: None,
        via: Via::Live,
    }
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    (folder, path)
}

#[test]
fn what_was_appended_is_found_again() {
    let (_folder, path) = scratch();
    let (mut journal, index, recovery) = Journal::open(&path).unwrap();
    assert!(index.is_empty());
    assert_eq!(recovery, Recovery::default());
    let hostile = "\u{2028}\u{0}\n\"}{\u{1b}[31m😀";
    journal.append(&[attempt(1, Outcome::Error, ""), attempt(2, Outcome::Reply, hostile)]).unwrap();
    journal.append(&[attempt(1, Outcome::Reply, "first"), attempt(1, Outcome::Reply, "second")]).unwrap();
    drop(journal);
    let (_journal, index, recovery) = Journal::open(&path).unwrap();
    assert_eq!((recovery.records, recovery.cut, index.len()), (4, 0, 2));
    assert_eq!(index.billed(), "0.004".parse().unwrap());
    let mut file = disk_file(&path);
    let one = index.get(&attempt(1, Outcome::Reply, "").key).unwrap();
    assert_eq!(one.attempts, 3);
    assert_eq!(fetch_at(&mut file, one.offset).unwrap().text, "first");
    let two = index.get(&attempt(2, Outcome::Reply, "").key).unwrap();
    assert_eq!(fetch_at(&mut file, two.offset).unwrap().text, hostile);
}

fn disk_file(path: &Path) -> std::fs::File {
    crate::disk::open(path).unwrap()
}

#[test]
fn two_writers_are_refused() {
    let (_folder, path) = scratch();
    let first = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Append(AppendError::Locked(_)))));
    drop(first);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn a_newer_journal_and_a_file_that_is_none_are_refused() {
    let (_folder, path) = scratch();
    crate::disk::replace(&path, b"{\"route-prof\":\"journal\",\"version\":9,\"x\":1}\n").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Newer { found: 9, .. })));
    crate::disk::replace(&path, b"id,task,prompt\n").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::NoJournal(_))));
}

#[test]
fn damage_before_the_end_is_an_error_that_names_its_line() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = Journal::open(&path).unwrap();
    journal.append(&[attempt(1, Outcome::Reply, "a"), attempt(2, Outcome::Reply, "b")]).unwrap();
    drop(journal);
    let text = String::from_utf8(crate::disk::read(&path).unwrap()).unwrap();
    crate::disk::replace(&path, text.replacen("\"key\"", "\"kay\"", 1).as_bytes()).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { line: 2, .. })));
}

#[test]
fn a_tape_is_a_journal_without_what_belongs_to_a_day() {
    let (folder, path) = scratch();
    let tape = folder.path().join("tape.jsonl");
    let written = write_tape(&tape, "a note", [Ok(attempt(1, Outcome::Reply, "x"))]).unwrap();
    assert_eq!(written, 1);
    let mut reader = Reader::open(&tape).unwrap();
    assert_eq!(reader.header().note.as_deref(), Some("a note"));
    let (_, read) = reader.next().unwrap().unwrap();
    assert!(read.headers.is_empty() && read.billed.is_none());
    let failed = write_tape(&path, "", [Err(JournalError::NoJournal(tape))]);
    assert!(failed.is_err() && !path.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_journal_cut_anywhere_keeps_every_whole_record_and_goes_on(texts in prop::collection::vec("\\PC{0,20}", 1..6), cut in 0.0f64..1.0) {
        let (_folder, path) = scratch();
        let (mut journal, ..) = Journal::open(&path).unwrap();
        let attempts: Vec<Attempt> =
            texts.iter().enumerate().map(|(n, text)| attempt(u8::try_from(n).unwrap(), Outcome::Reply, text)).collect();
        journal.append(&attempts).unwrap();
        drop(journal);
        let whole = crate::disk::read(&path).unwrap();
        let at = (cut * whole.len() as f64) as usize;
        let breaks = whole[..at].iter().filter(|byte| **byte == b'\n').count();
        crate::disk::replace(&path, &whole[..at]).unwrap();
        let (mut journal, _, recovery) = Journal::open(&path).unwrap();
        prop_assert_eq!(recovery.records as usize, breaks.saturating_sub(1));
        journal.append(&[attempt(200, Outcome::Reply, "after")]).unwrap();
        drop(journal);
        let read: Result<Vec<_>, _> = Reader::open(&path).unwrap().collect();
        let read: Vec<Attempt> = read.unwrap().into_iter().map(|(_, attempt)| attempt).collect();
        prop_assert_eq!(read.len(), breaks.saturating_sub(1) + 1);
        prop_assert_eq!(&read[..read.len() - 1], &attempts[..read.len() - 1]);
    }
}
