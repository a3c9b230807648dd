//! Tests of the journal: nothing whole is lost, nothing torn is kept.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::disk::AppendError;
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
        tool_calls: Value::Null,
        finish: Some("stop".to_owned()),
        served_model: None,
        usage: Usage::default(),
        clocks: Clocks::default(),
        batch: false,
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
    let (mut journal, index, recovery) = Journal::open(&Disk::real(), &path).unwrap();
    assert!(index.is_empty());
    assert_eq!(recovery, Recovery::default());
    let hostile = "\u{2028}\u{0}\n\"}{\u{1b}[31m😀";
    journal.append(&[attempt(1, Outcome::Error, ""), attempt(2, Outcome::Reply, hostile)]).unwrap();
    journal.append(&[attempt(1, Outcome::Reply, "first"), attempt(1, Outcome::Reply, "second")]).unwrap();
    drop(journal);
    let (_journal, index, recovery) = Journal::open(&Disk::real(), &path).unwrap();
    assert_eq!((recovery.records, recovery.cut, index.len()), (4, 0, 2));
    assert_eq!(index.billed(), "0.004".parse().unwrap());
    let mut file = disk_file(&path);
    let one = index.get(&attempt(1, Outcome::Reply, "").key).unwrap();
    assert_eq!(one.attempts, 3);
    assert_eq!(fetch_at(&mut *file, one.offset).unwrap().text, "first");
    let two = index.get(&attempt(2, Outcome::Reply, "").key).unwrap();
    assert_eq!(fetch_at(&mut *file, two.offset).unwrap().text, hostile);
}

fn disk_file(path: &Path) -> Box<dyn crate::disk::Readable> {
    Disk::real().open(path).unwrap()
}

#[test]
fn two_writers_are_refused() {
    let (_folder, path) = scratch();
    let first = Journal::open(&Disk::real(), &path).unwrap();
    assert!(matches!(Journal::open(&Disk::real(), &path), Err(JournalError::Append(AppendError::Locked(_)))));
    drop(first);
    assert!(Journal::open(&Disk::real(), &path).is_ok());
}

#[test]
fn a_newer_journal_and_a_file_that_is_none_are_refused() {
    let (_folder, path) = scratch();
    Disk::real().replace(&path, b"{\"route-prof\":\"journal\",\"version\":9,\"x\":1}\n").unwrap();
    assert!(matches!(Journal::open(&Disk::real(), &path), Err(JournalError::Newer { found: 9, .. })));
    Disk::real().replace(&path, b"id,task,prompt\n").unwrap();
    assert!(matches!(Journal::open(&Disk::real(), &path), Err(JournalError::NoJournal(_))));
}

#[test]
fn damage_before_the_end_is_an_error_that_names_its_line() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
    journal.append(&[attempt(1, Outcome::Reply, "a"), attempt(2, Outcome::Reply, "b")]).unwrap();
    drop(journal);
    let text = String::from_utf8(Disk::real().read(&path).unwrap()).unwrap();
    Disk::real().replace(&path, text.replacen("\"key\"", "\"kay\"", 1).as_bytes()).unwrap();
    assert!(matches!(Journal::open(&Disk::real(), &path), Err(JournalError::Damaged { line: 2, .. })));
}

#[test]
fn a_tape_is_a_journal_without_what_belongs_to_a_day() {
    let (folder, path) = scratch();
    let tape = folder.path().join("tape.jsonl");
    let written = write_tape(&Disk::real(), &tape, "a note", [Ok(attempt(1, Outcome::Reply, "x"))]).unwrap();
    assert_eq!(written, 1);
    let mut reader = Reader::open(&Disk::real(), &tape).unwrap();
    assert_eq!(reader.header().note.as_deref(), Some("a note"));
    let (_, read) = reader.next().unwrap().unwrap();
    assert!(read.headers.is_empty() && read.billed.is_none());
    let failed = write_tape(&Disk::real(), &path, "", [Err(JournalError::NoJournal(tape))]);
    assert!(failed.is_err() && !path.exists());
}

/// JSON of so many arrays within each other.
fn nested(levels: usize) -> Value {
    (1..levels).fold(serde_json::json!([]), |inner, _| serde_json::json!([inner]))
}

#[test]
fn json_as_deep_as_a_server_can_send_does_not_close_the_journal() {
    for levels in [DEEPEST - 1, DEEPEST, DEEPEST + 1, 126] {
        let (_folder, path) = scratch();
        let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
        let mut deep = attempt(1, Outcome::Reply, "a");
        deep.usage.raw = nested(levels);
        deep.tool_calls = nested(levels);
        journal.append(&[deep.clone(), attempt(2, Outcome::Reply, "b")]).unwrap();
        drop(journal);
        let read: Vec<Attempt> =
            Reader::open(&Disk::real(), &path).unwrap().map(|record| record.unwrap().1).collect();
        assert_eq!(read.len(), 2, "{levels}");
        let kept = if levels > DEEPEST { deep.usage.raw.to_string().into() } else { deep.usage.raw };
        assert_eq!((&read[0].usage.raw, &read[0].tool_calls), (&kept, &kept), "{levels}");
    }
}

#[test]
fn a_line_that_is_too_long_takes_nothing_with_it() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
    let long = attempt(2, Outcome::Reply, &"x".repeat(usize::try_from(reader::LONGEST).unwrap()));
    let refused = journal.append(&[attempt(1, Outcome::Reply, "a"), long.clone()]);
    assert!(matches!(refused, Err(JournalError::TooLong { .. })));
    journal.append(&[attempt(1, Outcome::Reply, "a")]).unwrap();
    drop(journal);
    // Written by another program: what follows the line must not be cut off as if it were torn.
    let mut bytes = Disk::real().read(&path).unwrap();
    for line in [&long, &attempt(3, Outcome::Reply, "paid for")] {
        bytes.extend(serde_json::to_vec(line).unwrap());
        bytes.push(b'\n');
    }
    Disk::real().replace(&path, &bytes).unwrap();
    assert!(matches!(Journal::open(&Disk::real(), &path), Err(JournalError::Damaged { line: 3, .. })));
    assert_eq!(Disk::real().read(&path).unwrap(), bytes);
}

#[test]
fn what_the_guard_held_back_has_no_answer_and_gives_way_to_one() {
    let mut held = attempt(1, Outcome::Overflow, "");
    held.attempt = 0;
    let mut index = Index::default();
    index.take(10, &held);
    assert!(!index.is_answered(&held.key));
    index.take(20, &attempt(1, Outcome::Reply, "sent after all"));
    index.take(30, &held);
    let stored = index.get(&held.key).unwrap();
    assert_eq!((stored.offset, stored.outcome, stored.attempts), (20, Outcome::Reply, 1));
}

#[test]
fn a_journal_cut_at_any_byte_keeps_every_whole_record_and_goes_on() {
    let (_folder, path) = scratch();
    let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
    let attempts = [attempt(1, Outcome::Reply, "ü"), attempt(2, Outcome::Error, "")];
    journal.append(&attempts).unwrap();
    drop(journal);
    let whole = Disk::real().read(&path).unwrap();
    for at in 0..=whole.len() {
        Disk::real().replace(&path, &whole[..at]).unwrap();
        let lines = whole[..at].iter().filter(|byte| **byte == b'\n').count();
        let (mut journal, _, recovery) = Journal::open(&Disk::real(), &path).unwrap();
        assert_eq!(recovery.records as usize, lines.saturating_sub(1), "cut at {at}");
        let rest = whole[..at].rsplit(|byte| *byte == b'\n').next().unwrap().len();
        assert_eq!(recovery.cut as usize, rest, "cut at {at}");
        journal.append(&[attempt(3, Outcome::Reply, "after")]).unwrap();
        drop(journal);
        let texts: Vec<String> =
            Reader::open(&Disk::real(), &path).unwrap().map(|record| record.unwrap().1.text).collect();
        assert_eq!(texts.len(), lines.saturating_sub(1) + 1, "cut at {at}");
        assert_eq!(texts.last().unwrap(), "after");
    }
}

/// Text that trips readers of lines and of JSON: line breaks of every kind, quotes, NULs, what looks like escapes.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\u{2028}".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n{\"key\":".to_owned()),
        Just("\\ud800".to_owned()),
        Just("\u{0}\u{7f}\u{feff}".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(pieces, 0..4).prop_map(|pieces| pieces.concat())
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let facts = (any::<u8>(), outcome, hostile(), prop::option::of(hostile()), any::<u32>(), any::<u32>());
    (facts, prop::option::of(0..=u64::MAX), prop::option::of(0..1u64 << 50)).prop_map(
        |((number, outcome, text, finish, repeat, tries), tokens, micros)| {
            let mut made = attempt(number, outcome, &text);
            made.usage.raw = serde_json::json!({ text.clone(): [tokens, text, null_of(tries)] });
            made.usage.output = tokens.map(crate::units::Tokens);
            made.clocks.total_ms = micros.map(crate::units::Millis::from_micros);
            (made.finish, made.repeat, made.attempt) = (finish, repeat, tries);
            made
        },
    )
}

fn null_of(number: u32) -> Value {
    if number.is_multiple_of(2) { Value::Null } else { number.into() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_attempt_reads_back_as_it_was(attempts in prop::collection::vec(any_attempt(), 0..6)) {
        let (_folder, path) = scratch();
        let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
        journal.append(&attempts).unwrap();
        drop(journal);
        let mut file = disk_file(&path);
        let mut read = Vec::new();
        for record in Reader::open(&Disk::real(), &path).unwrap() {
            let (offset, attempt) = record.unwrap();
            prop_assert_eq!(&fetch_at(&mut *file, offset).unwrap(), &attempt);
            read.push(attempt);
        }
        prop_assert_eq!(read, attempts);
    }

    #[test]
    fn no_bytes_after_the_header_panic_or_lose_what_stands_before_them(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_folder, path) = scratch();
        let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap();
        journal.append(&[attempt(1, Outcome::Reply, "paid for")]).unwrap();
        drop(journal);
        let mut bytes = Disk::real().read(&path).unwrap();
        bytes.extend(&noise);
        Disk::real().replace(&path, &bytes).unwrap();
        match Journal::open(&Disk::real(), &path) {
            Ok((_, index, _)) => prop_assert_eq!(index.len(), 1),
            Err(JournalError::Damaged { line, .. }) => {
                prop_assert!(line > 2);
                prop_assert_eq!(Disk::real().read(&path).unwrap(), bytes);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
