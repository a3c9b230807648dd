//! The journal: appending a batch with its sync, and reading back.
#![allow(clippy::panic, reason = "a benchmark that cannot begin must say so")]

use route_prof::disk::Disk;
use std::collections::BTreeMap;

use route_prof::ident::{Digest, PromptId, TrialKey};
use route_prof::journal::{Journal, Reader};
use route_prof::record::{Attempt, Clocks, Outcome, Usage, Via};

fn main() {
    divan::main();
}

fn attempts(count: u32) -> Vec<Attempt> {
    let attempt = |number: u32| Attempt {
        key: TrialKey::from_digest(&Digest::of(&number.to_le_bytes())),
        prompt: PromptId::new("prompt-1").unwrap_or_else(|error| panic!("{error}")),
        model: "provider/model".parse().unwrap_or_else(|error| panic!("{error}")),
        repeat: 0,
        attempt: 1,
        outcome: Outcome::Reply,
        text: "an answer of some thirty words ".repeat(6),
        tool_calls: serde_json::Value::Null,
        finish: Some("stop".to_owned()),
        served_model: Some("model-2026".to_owned()),
        usage: Usage::default(),
        clocks: Clocks::default(),
        batch: false,
        streamed: true,
        status: Some(200),
        failure: None,
        headers: BTreeMap::new(),
        billed: None,
        at: None,
        via: Via::Live,
    };
    (0..count).map(attempt).collect()
}

#[divan::bench(args = [1, 32, 256])]
fn append_with_sync(bencher: divan::Bencher<'_, '_>, batch: u32) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let (mut journal, ..) = Journal::open(&Disk::real(), &folder.path().join("journal.jsonl"))
        .unwrap_or_else(|error| panic!("{error}"));
    let attempts = attempts(batch);
    bencher.bench_local(|| journal.append(&attempts));
}

#[divan::bench]
fn replay_ten_thousand(bencher: divan::Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("journal.jsonl");
    let (mut journal, ..) = Journal::open(&Disk::real(), &path).unwrap_or_else(|error| panic!("{error}"));
    journal.append(&attempts(10_000)).unwrap_or_else(|error| panic!("{error}"));
    bencher.bench_local(|| Reader::open(&Disk::real(), &path).map(Iterator::count));
}
