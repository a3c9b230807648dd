//! Twenty thousand calls to a server of which every fifth reply is some fault: every trial ends answered or accounted for, no
//! call leaves before its time, and the rate is kept.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::server::{Act, Server};
use common::{ORACLE, Scratch};
use serde_json::{Value, json};

const PROMPTS: usize = 10_000;
const PER_MINUTE: usize = 24_000;
/// A wait that is long beside what a packet takes, for the few replies by which the gate of the whole endpoint is judged.
const LONG_WAIT: Duration = Duration::from_millis(400);
const SHORT_WAIT: Duration = Duration::from_millis(20);
/// A call that had left before its neighbour was told to wait may arrive this much later, on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Log {
    /// When each prompt of each model arrived, and how long it was then told to wait.
    calls: HashMap<String, Vec<(Instant, Option<Duration>)>>,
    /// When the whole endpoint was told to wait for long.
    gates: Vec<Instant>,
    faults: usize,
}

/// A number that depends on the prompt and the attempt only.
fn draw(key: &str, before: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain(before.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 20) % 1000
}

fn act(log: &Mutex<Log>, body: &Value, before: usize) -> Act {
    let text = body["messages"][0]["content"].as_str().unwrap().to_owned();
    let key = format!("{} {text}", body["model"]);
    let throttled = |wait: Duration| {
        Act::Status(
            429,
            vec![("retry-after-ms".into(), wait.as_millis().to_string())],
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#.into(),
        )
    };
    let status = |status, text: &str| Act::Status(status, Vec::new(), text.to_owned());
    let (act, wait) = match draw(&key, before) {
        0..2 => (throttled(LONG_WAIT), Some(LONG_WAIT)),
        2..30 => (throttled(SHORT_WAIT), Some(SHORT_WAIT)),
        30..80 => (status(500, "{\"error\":{\"message\":\"oops\"}}"), None),
        80..110 => (status(503, "<html>busy</html>"), None),
        110..140 => (Act::BreakOff, None),
        140..160 => (status(200, "<html>a captive portal</html>"), None),
        160..180 => {
            (status(200, "{\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded_error\"}}"), None)
        }
        180..265 => (status(529, ""), None),
        // Refused for good, each in words of its own: five times the same would stop the tier.
        265..275 => (status(400, &json!({"error": {"message": format!("not {text}")}}).to_string()), None),
        _ => (Act::say("red"), None),
    };
    let mut log = log.lock().unwrap();
    let now = Instant::now();
    log.faults += usize::from(!matches!(act, Act::Say(..)));
    if wait == Some(LONG_WAIT) {
        log.gates.push(now);
    }
    log.calls.entry(key).or_default().push((now, wait));
    act
}

#[test]
fn twenty_thousand_calls_with_a_fifth_of_faults_lose_nothing_and_keep_every_promise() {
    let log: Arc<Mutex<Log>> = Arc::default();
    let shared = Arc::clone(&log);
    let server = Server::start(move |body, before| act(&shared, body, before));
    let scratch = Scratch::empty();
    scratch.write(
        "route-prof.toml",
        format!(
            "version = 1\n[[tier]]\nname = \"small\"\nmodel = \"s/pup\"\n[[tier]]\nname = \"large\"\nmodel = \"s/hound\"\n\
             [provider.s]\napi = \"openai\"\nbase_url = \"{}\"\nlimits = {{ concurrency = 32, requests_per_minute = {PER_MINUTE} }}\n\
             [prices.model.\"s/pup\"]\ninput = 1\noutput = 2\n[prices.model.\"s/hound\"]\ninput = 10\noutput = 20\n\
             [task.colour]\noracle = \"colour@1\"\n[policy]\nbootstrap_resamples = 100\n",
            server.base_url()
        ),
    );
    scratch.write("oracles/colour@1.toml", ORACLE);
    let corpus: String = (0..PROMPTS)
        .map(|n| format!("{}\n", json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}"), "expected": "red"})))
        .collect();
    scratch.write("corpus.jsonl", corpus);

    let began = Instant::now();
    let ran = scratch.run(&["run", "corpus.jsonl", "--quiet"]).exits(3);
    let took = began.elapsed();
    assert!(!ran.stderr.contains("was stopped"), "{}", ran.stderr);
    let run = scratch.read("reports/latest");
    let folder = format!("reports/{}", run.trim());
    let summary: Value = serde_json::from_str(&scratch.read(&format!("{folder}/summary.json"))).unwrap();
    let count = |name: &str| usize::try_from(summary["run"][name].as_u64().unwrap()).unwrap();
    assert_eq!((count("trials"), count("missing")), (2 * PROMPTS, 0));
    assert_eq!(count("answered") + count("errors"), 2 * PROMPTS, "every trial is answered or accounted for");
    // One in a hundred is refused for good at its first attempt, and some more later; few run out of attempts.
    assert!((100..700).contains(&count("errors")), "{}", count("errors"));

    let log = log.lock().unwrap();
    let asked: usize = log.calls.values().map(Vec::len).sum();
    let lines = scratch.read(&format!("{folder}/journal.jsonl")).lines().count() - 1;
    assert_eq!(asked, lines, "every call that was made is in the journal, and no other");
    assert!(log.faults * 5 >= asked, "{} faults in {asked} calls", log.faults);

    for (key, calls) in &log.calls {
        for pair in calls.windows(2) {
            if let Some(wait) = pair[0].1 {
                assert!(pair[1].0 - pair[0].0 >= wait, "{key} came back after {:?}", pair[1].0 - pair[0].0);
            }
        }
    }
    let mut arrivals: Vec<Instant> = log.calls.values().flatten().map(|(at, _)| *at).collect();
    arrivals.sort();
    for gate in &log.gates {
        let early =
            arrivals.iter().filter(|at| **at > *gate + ON_ITS_WAY && **at < *gate + LONG_WAIT).count();
        assert_eq!(early, 0, "the whole endpoint waits");
    }
    let mut first = 0;
    for (last, at) in arrivals.iter().enumerate() {
        while *at - arrivals[first] >= Duration::from_secs(60) {
            first += 1;
        }
        assert!(last - first < PER_MINUTE, "{} requests within a minute", last - first + 1);
    }
    eprintln!("{asked} calls, {} faults, {} gates, {took:?}", log.faults, log.gates.len());
}
