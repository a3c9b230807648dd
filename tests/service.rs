//! Needs beside quality, through the whole program: latency that is open or too slow, tiers that do not answer, gates that reject too
//! much, evidence that is old.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::server::{Act, Server};
use common::world::{Host, Memory, completion};
use common::{ORACLE, Ran, Scratch};
use route_prof::clock::Clock;
use route_prof::disk::Disk;
use route_prof::engine::{CheckRequest, Engine, RunRequest};
use route_prof::world::World;
use serde_json::{Value, json};

const NAMES: [&str; 12] = [
    "amber", "basalt", "cinder", "dune", "ember", "fjord", "glacier", "harbour", "island", "juniper", "kelp",
    "lagoon",
];

/// Prompts that have nothing in common, each its own cluster; the answer to all is blue.
fn corpus(prompts: usize) -> String {
    let line = |n: usize| {
        let (first, second) = (NAMES[n % 12], NAMES[(n / 12) % 12]);
        let text = format!("{n}: which colour has the {first} by the {second}?");
        let line = json!({"id": format!("p{n}"), "task": "colour", "prompt": text, "expected": "blue", "cluster": format!("c{n}")});
        format!("{line}\n")
    };
    (0..prompts).map(line).collect()
}

/// The number of the prompt that a request is about.
fn number(body: &Value) -> usize {
    let text = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    text.split(':').next().unwrap().parse().unwrap()
}

/// Runs two tiers at a server on so many prompts; `task` are further keys of the task.
fn run(server: &Server, prompts: usize, task: &str) -> (Scratch, Ran) {
    let scratch = Scratch::empty();
    scratch.write("route-prof.toml", common::two_tiers_at(&server.base_url(), task));
    scratch.write("oracles/colour@1.toml", ORACLE);
    scratch.write("corpus.jsonl", corpus(prompts));
    let mut command = scratch.command(&["run", "corpus.jsonl"]);
    command.env("TEST_KEY", "key-of-the-test-1234567890");
    let ran = scratch.ran(&command.output().unwrap());
    (scratch, ran)
}

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest").trim().to_owned();
    serde_json::from_str(&scratch.read(&format!("reports/{run}/summary.json"))).unwrap()
}

fn route(summary: &Value) -> (String, String, String) {
    let route = &summary["tasks"][0]["route"];
    let text = |key: &str| route[key].as_str().unwrap().to_owned();
    (text("tier"), text("decision"), text("reason"))
}

/// The small model is late at the first so many prompts, the large one never.
fn late(prompts: usize, small: usize, large: bool) -> Server {
    Server::start(move |body, _| {
        let slow =
            if body["model"] == "pup" { number(body) < small } else { large && number(body) < prompts };
        Act::Say("blue".to_owned(), Duration::from_millis(if slow { 2300 } else { 1 }))
    })
}

#[test]
fn a_latency_that_is_not_proven_is_open_and_one_shown_to_be_too_slow_is_infeasible() {
    // 48 of 50 in time: neither proven nor disproven. The large model is always late.
    let (scratch, ran) = run(&late(8, 2, true), 50, "latency_p95_ms = 2000\n");
    let (tier, decision, reason) = route(&summary(&scratch));
    assert_eq!((tier.as_str(), decision.as_str()), ("small", "undecided"), "{reason}");
    assert!(reason.contains("p95 latency not proven: 48 of 50 prompts within 2.0 s; "), "{reason}");
    assert!(reason.contains(" more within it would decide, which has a probability of 0."), "{reason}");
    assert!(ran.stdout.contains("up to 8 calls in flight"), "{}", ran.stdout);
    let cell = &summary(&scratch)["tasks"][0]["cells"][0];
    assert!(
        cell["latency"]["p95_low"].is_number() && cell["latency"]["p95_high"].is_null(),
        "{}",
        cell["latency"]
    );
    assert!(scratch.read("router.toml").contains("concurrency = 8"));

    // 40 of 50 are too few: the small model cannot serve.
    let (scratch, _) = run(&late(0, 10, false), 50, "latency_p95_ms = 2000\n");
    let summary = summary(&scratch);
    assert!(summary["tasks"][0]["cells"][0]["infeasible"][0]["latency"].is_array());
    assert_eq!(route(&summary).0, "large");
    assert_eq!(route(&summary).1, "route");
}

/// A model fails at the first try of one prompt in fourteen, and is busy once for everybody.
fn failing(model: &'static str) -> Server {
    Server::start(move |body, before| {
        let error = |status| Act::Status(status, vec![("retry-after-ms".into(), "1".into())], "{}".into());
        match before {
            0 if body["model"] == model && number(body).is_multiple_of(14) => error(500),
            _ => Act::say("blue"),
        }
    })
}

#[test]
fn a_tier_that_does_not_answer_needs_a_fallback() {
    let (scratch, ran) = run(&failing("pup"), 140, "");
    let found = summary(&scratch);
    let seen = &found["tasks"][0]["cells"][0]["availability"];
    assert_eq!(
        (&seen["attempts"], &seen["failed"], &seen["throttled"]),
        (&json!(150), &json!(10), &json!(0))
    );
    let (tier, decision, reason) = route(&found);
    assert_eq!((tier.as_str(), decision.as_str()), ("small", "monitor"), "{reason}");
    assert!(
        reason.contains("below the availability floor of 0.99, so it serves only with its fallback"),
        "{reason}"
    );
    assert_eq!(found["tasks"][0]["route"]["fallback"], json!(["large"]));
    assert!(found["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "availability"));
    assert!(
        ran.stdout.contains("93.3 % available") || ran.stdout.contains("93.3 %\u{a0}available"),
        "{}",
        ran.stdout
    );
    assert!(scratch.read("router.toml").contains("availability = { mean = 0.933333"));
    // A later run reuses the answers, and remembers what failed before them.
    scratch.write("corpus.jsonl", corpus(141));
    let mut again = scratch.command(&["run", "corpus.jsonl"]);
    again.env("TEST_KEY", "key-of-the-test-1234567890");
    scratch.ran(&again.output().unwrap()).exits(0);
    let later = summary(&scratch);
    let seen = &later["tasks"][0]["cells"][0]["availability"];
    assert_eq!((&seen["attempts"], &seen["failed"]), (&json!(152), &json!(11)));
    // Quality stays what it was: every prompt was answered, and right.
    assert_eq!(found["tasks"][0]["cells"][0]["pass_rate"]["mean"], json!(1.0));

    // The last tier has nobody behind it.
    let (scratch, _) = run(&failing("hound"), 140, "route_floor = 0.99\nmonitor_floor = 0.98\n");
    let found = summary(&scratch);
    assert_eq!(found["tasks"][0]["cells"][1]["infeasible"], json!([{ "availability": [140, 150] }]));
    assert_eq!(route(&found).0, "small");
}

#[test]
fn a_rate_limit_is_no_failure_of_the_tier() {
    let server = Server::start(|body, before| match before {
        0 if number(body).is_multiple_of(5) => {
            Act::Status(429, vec![("retry-after-ms".into(), "1".into())], "{}".into())
        }
        _ => Act::say("blue"),
    });
    let (scratch, _) = run(&server, 60, "");
    let found = summary(&scratch);
    let seen = &found["tasks"][0]["cells"][0]["availability"];
    assert_eq!((&seen["failed"], &seen["throttled"]), (&json!(0), &json!(12)), "{seen}");
    assert_eq!(route(&found).1, "route");
}

#[test]
fn a_gate_that_rejects_more_than_it_may_is_told_before_the_route_serves() {
    // Every fourth answer of the small model is no colour of the set.
    let server = Server::start(|body, _| {
        let odd = body["model"] == "pup" && number(body).is_multiple_of(4);
        Act::say(if odd { "a kind of purple" } else { "blue" })
    });
    let keys = "escalate_above = 0.05\nroute_floor = 0.5\nmonitor_floor = 0.5\n";
    let (scratch, _) = run(&server, 80, keys);
    let found = summary(&scratch);
    assert_eq!(route(&found).0, "small");
    let notice =
        found["notices"].as_array().unwrap().iter().find(|notice| notice["code"] == "escalate-above");
    let text = notice.expect("a notice")["text"].as_str().unwrap();
    assert!(
        text.contains("more than escalate_above = 0.05 allows for colour: 25.0 % of 80 replies"),
        "{text}"
    );
    let escalation = &found["tasks"][0]["route"]["escalation"];
    assert_eq!((&escalation["escalate_above"], &escalation["baseline"]), (&json!(0.05), &json!(0.25)));
    let detector = &escalation["detector"];
    assert_eq!((&detector["rise"], &detector["run_length"]), (&json!(2.0), &json!(200_000)));
    assert!(detector["found_within"].as_u64().unwrap() < 300, "{detector}");
    assert!(
        scratch
            .read("router.toml")
            .contains("escalate_above = 0.05, detector = { baseline = 0.25, reference = ")
    );
}

/// A clock that stands still at a moment.
#[derive(Debug)]
struct At(&'static str);

impl Clock for At {
    fn now(&self) -> jiff::Timestamp {
        self.0.parse().unwrap()
    }

    fn runtime(&self) -> io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
    }
}

#[test]
fn check_asks_for_a_new_measurement_once_the_evidence_is_too_old() {
    const CONFIG: &str = "/nowhere/route-prof.toml";
    let memory = Memory::default();
    let settings =
        common::two_tiers_at("https://host.invalid/v1", "").replace("api_key_env = \"TEST_KEY\"\n", "");
    memory.put(CONFIG, &settings);
    memory.put("/nowhere/oracles/colour@1.toml", ORACLE);
    memory.put("/nowhere/corpus.jsonl", corpus(40));
    let engine = |day| {
        let host = Host {
            says: Arc::new(|request| (200, completion(&request["model"], "blue"))),
            asked: Arc::default(),
        };
        let clock = Arc::new(At(day));
        Engine::new().in_world(World { disk: Disk::over(memory.clone()), network: Arc::new(host), clock })
    };
    let first = engine("2026-03-01T12:00:00Z");
    let project = first.open(Some(Path::new(CONFIG))).unwrap();
    let ran = first.run(&project, &RunRequest::new("/nowhere/corpus.jsonl")).unwrap();
    assert_eq!(ran.summary.run.measured.as_deref(), Some("2026-03-01"));
    let check = |day: &'static str| {
        let engine = engine(day);
        engine.check(&engine.open(Some(Path::new(CONFIG))).unwrap(), &CheckRequest::default()).unwrap()
    };
    let fresh = check("2026-06-01T12:00:00Z");
    assert_eq!((fresh.evidence_days, fresh.fresh, fresh.errors), (Some(92), true, vec![]));
    let old = check("2026-07-09T12:00:00Z");
    assert_eq!((old.evidence_days, old.fresh), (Some(130), true));
    assert_eq!(
        old.errors,
        [
            "the evidence is 130 days old (its oldest answer is of 2026-03-01), and policy.evidence_max_days allows 92: measure \
          again with `route-prof run corpus.jsonl --fresh`"
        ]
    );
    // Without the run's folder, as in CI, router.toml itself says when it was measured.
    let elsewhere = Memory::default();
    for (path, bytes) in memory.all() {
        let path = path.to_string_lossy().into_owned();
        if !path.contains("/reports/") {
            elsewhere.put(&path, bytes);
        }
    }
    let host = Host { says: Arc::new(|_| panic!("a check makes no call")), asked: Arc::default() };
    let world = World {
        disk: Disk::over(elsewhere),
        network: Arc::new(host),
        clock: Arc::new(At("2026-07-09T12:00:00Z")),
    };
    let engine = Engine::new().in_world(world);
    let alone =
        engine.check(&engine.open(Some(Path::new(CONFIG))).unwrap(), &CheckRequest::default()).unwrap();
    assert_eq!((alone.evidence_days, alone.errors.len()), (Some(130), 1), "{:?}", alone.errors);
    // Switched off.
    memory.put(CONFIG, settings + "\n[policy]\nevidence_max_days = 0\n");
    assert_eq!(check("2027-07-09T12:00:00Z").errors, Vec::<String>::new());
}
