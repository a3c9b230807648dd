//! The program against a scripted HTTP server: resume, kills, budgets, signals, retries, recordings, secrets.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::server::{Act, Server};
use common::{ORACLE, Scratch};
use serde_json::{Value, json};

const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// A project of `prompts` prompts and two tiers at a server.
fn project(server: &Server, prompts: usize, extra: &str) -> Scratch {
    let scratch = Scratch::empty();
    scratch.write("route-prof.toml", common::two_tiers_at(&server.base_url(), extra));
    scratch.write("oracles/colour@1.toml", ORACLE);
    let lines: String = (0..prompts)
        .map(|n| {
            let line = json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("Colour of thing {n}?"), "expected": COLOURS[n % 3]});
            format!("{line}\n")
        })
        .collect();
    scratch.write("corpus.jsonl", lines);
    scratch
}

/// The right answer for the large model; for the small one, right for nine things of ten.
fn right(body: &Value) -> String {
    let text = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let n: usize = text.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    let wrong = body["model"] == "pup" && n.is_multiple_of(10);
    COLOURS[if wrong { n + 1 } else { n } % 3].to_owned()
}

fn command(scratch: &Scratch, args: &[&str]) -> std::process::Command {
    let mut command = scratch.command(args);
    command.env("TEST_KEY", "key-of-the-test-1234567890");
    command
}

fn run(scratch: &Scratch, args: &[&str]) -> common::Ran {
    scratch.ran(&command(scratch, args).output().unwrap())
}

fn start(scratch: &Scratch, args: &[&str]) -> Child {
    command(scratch, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn the_run(scratch: &Scratch) -> String {
    format!("reports/{}", scratch.read("reports/latest").trim())
}

/// Answered trials in the journal of the only run.
fn journalled(scratch: &Scratch) -> usize {
    let Ok(entries) = std::fs::read_dir(scratch.file("reports")) else { return 0 };
    let folder =
        entries.flatten().map(|entry| entry.path()).find(|path| path.join("journal.jsonl").is_file());
    let text = folder
        .map(|folder| std::fs::read_to_string(folder.join("journal.jsonl")).unwrap())
        .unwrap_or_default();
    // A torn last line has no line break and does not count.
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && line.contains("\"outcome\":\"reply\""))
        .count()
}

/// A summary without what a clock measured.
fn timeless(scratch: &Scratch) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !key.starts_with("latency") && key != "id" && key != "tool");
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => {
                // One strategy weighs latencies against costs.
                items.retain(|item| !item["label"].as_str().is_some_and(|label| label.starts_with("score")));
                items.iter_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let mut summary: Value =
        serde_json::from_str(&scratch.read(&format!("{}/summary.json", the_run(scratch)))).unwrap();
    strip(&mut summary);
    summary
}

#[test]
fn a_run_that_is_killed_twenty_times_pays_for_no_answer_twice() {
    const PROMPTS: usize = 1000;
    const CONCURRENCY: usize = 8;
    let server = Server::start(|body, _| Act::Say(right(body), Duration::from_millis(4)));
    let killed = project(&server, PROMPTS, "");
    // The moments are random, but the same in every run of the test.
    let mut moment = 7_u64;
    for _ in 0..20 {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (answered, kept) = (server.answered(), journalled(&killed));
        let mut child = start(&killed, &["run", "corpus.jsonl"]);
        std::thread::sleep(Duration::from_millis(20 + (moment >> 33) % 90));
        child.kill().unwrap();
        child.wait().unwrap();
        // What the server is still answering has nobody to go to any more.
        std::thread::sleep(Duration::from_millis(20));
        let (paid, stored) = (server.answered() - answered, journalled(&killed) - kept);
        assert!(paid <= stored + CONCURRENCY, "{paid} answers were paid for, {stored} kept");
    }
    assert!(journalled(&killed) < PROMPTS * 2, "the kills came too late to mean anything");
    run(&killed, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!(server.distinct(), PROMPTS * 2);
    assert!(server.answered() <= PROMPTS * 2 + 20 * CONCURRENCY, "{}", server.answered());
    let before = server.asked();
    run(&killed, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!(server.asked(), before, "a finished run sends nothing");

    let undisturbed = project(&server, PROMPTS, "");
    run(&undisturbed, &["run", "corpus.jsonl"]).exits(0);
    let (mut one, mut two) = (timeless(&killed), timeless(&undisturbed));
    // The spend counts attempts; both made one each.
    assert_eq!(one["spend"].take(), two["spend"].take());
    assert_eq!(one, two);
}

#[test]
fn streamed_and_plain_replies_say_the_same() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let mut results = BTreeMap::new();
    for switch in ["on", "off"] {
        let scratch = project(&server, 40, "");
        run(&scratch, &["run", "corpus.jsonl", "--stream", switch]).exits(0);
        let ttft = scratch.read(&format!("{}/journal.jsonl", the_run(&scratch))).contains("first_content_ms");
        assert_eq!(ttft, switch == "on");
        results.insert(switch, timeless(&scratch));
    }
    assert_eq!(results["on"], results["off"]);
}

#[test]
fn concurrency_is_never_exceeded() {
    let server = Server::start(|body, _| Act::Say(right(body), Duration::from_millis(3)));
    let scratch = project(&server, 60, "");
    run(&scratch, &["run", "corpus.jsonl", "-j", "3"]).exits(0);
    assert_eq!(server.most_open(), 3);
}

#[test]
fn a_ceiling_on_the_cost_holds_and_can_be_raised() {
    let server = Server::start(|body, _| Act::Say(right(body), Duration::from_millis(1)));
    let scratch = project(&server, 50, "");
    let ran = run(&scratch, &["run", "corpus.jsonl", "--max-cost", "0.006", "--format", "json"]).exits(3);
    assert!(ran.stderr.contains("raise --max-cost to continue"), "{}", ran.stderr);
    let billed: f64 = ran.json()["spend"]["billed"].as_str().unwrap().parse().unwrap();
    assert!(billed > 0.002 && billed <= 0.006, "{billed}");
    assert!(!scratch.file("router.toml").exists(), "half a measurement makes no routes");
    let before = server.answered();
    assert!(before < 100);
    run(&scratch, &["run", "corpus.jsonl", "--max-cost", "1"]).exits(0);
    assert_eq!(server.answered(), 100);
    assert!(scratch.file("router.toml").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_finishes_what_is_in_flight_and_says_how_to_continue() {
    let server = Server::start(|body, _| Act::Say(right(body), Duration::from_millis(30)));
    let scratch = project(&server, 200, "");
    let child = start(&scratch, &["run", "corpus.jsonl"]);
    while server.answered() < 20 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("run the same command again to continue"), "{said}");
    assert_eq!(journalled(&scratch), server.answered(), "what was answered is kept");
    let before = server.answered();
    assert!(before < 400);
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!(server.answered(), 400);
}

#[test]
fn failures_that_pass_are_retried_and_every_attempt_is_kept() {
    let server = Server::start(|body, before| match (before, right(body).as_str()) {
        (0, "red") => Act::Status(503, vec![], "<html>busy</html>".to_owned()),
        (0, "green") => Act::BreakOff,
        _ => Act::say(right(body)),
    });
    let scratch = project(&server, 12, "");
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    let journal = scratch.read(&format!("{}/journal.jsonl", the_run(&scratch)));
    let kinds = |kind: &str| journal.matches(&format!("\"kind\":\"{kind}\"")).count();
    // Red: four things for the large model, three for the small one, which takes thing 0 for green.
    assert_eq!((kinds("server"), kinds("broken_stream")), (7, 8));
    assert_eq!(timeless(&scratch)["run"]["answered"], 24);
}

#[test]
fn after_a_429_nothing_is_sent_before_its_time() {
    let server = Server::start(|body, before| {
        let text = body["messages"][0]["content"].as_str().unwrap_or_default();
        if before == 0 && text.contains("thing 3?") {
            Act::Status(
                429,
                vec![("retry-after".to_owned(), "1".to_owned())],
                "{\"error\":{\"message\":\"slow\"}}".to_owned(),
            )
        } else {
            Act::Say(right(body), Duration::from_millis(2))
        }
    });
    let scratch = project(&server, 60, "");
    run(&scratch, &["run", "corpus.jsonl", "-j", "1"]).exits(0);
    // With one call at a time, the gaps between arrivals are the waits.
    let arrivals = server.arrivals();
    let gaps: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let long = gaps.iter().filter(|gap| **gap >= Duration::from_millis(990)).count();
    assert_eq!(long, 2, "two refusals, two waits: {gaps:?}");
}

#[test]
fn a_wrong_key_stops_its_tier_at_once_and_is_told_nowhere() {
    let server = Server::start(|_, _| {
        let said =
            "{\"error\":{\"message\":\"bad key key-of-the-test-1234567890\",\"code\":\"invalid_api_key\"}}";
        Act::Status(401, vec![], said.to_owned())
    });
    let scratch = project(&server, 50, "");
    let ran = run(&scratch, &["run", "corpus.jsonl"]).exits(3);
    assert!(server.asked() <= 16, "{}", server.asked());
    assert!(ran.stderr.contains("tier small was stopped"), "{}", ran.stderr);
    assert!(!ran.all().contains("key-of-the-test"), "{}", ran.all());
    for entry in walk(scratch.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&entry).unwrap()).into_owned();
        assert!(!text.contains("key-of-the-test"), "{}", entry.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { files.extend(walk(&entry.path())) } else { files.push(entry.path()) }
    }
    files
}

#[test]
fn a_recording_gives_the_same_bytes_as_what_it_recorded_again_and_again() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let scratch = project(&server, 60, "");
    run(&scratch, &["run", "corpus.jsonl", "--record-tape", "tape.jsonl"]).exits(0);
    let asked = server.asked();
    run(&scratch, &["run", "corpus.jsonl", "--tape", "tape.jsonl"]).exits(0);
    let (router, summary) =
        (scratch.read("router.toml"), scratch.read(&format!("{}/summary.json", the_run(&scratch))));
    assert!(router.contains("source = \"recording: tape.jsonl\""), "{router}");
    assert!(scratch.read(&format!("{}/report.html", the_run(&scratch))).contains("Replay of the recording"));
    run(&scratch, &["run", "corpus.jsonl", "--tape", "tape.jsonl"]).exits(0);
    assert_eq!(router, scratch.read("router.toml"));
    assert_eq!(summary, scratch.read(&format!("{}/summary.json", the_run(&scratch))));
    run(&scratch, &["report", "latest"]).exits(0);
    assert_eq!(router, scratch.read("router.toml"));
    assert_eq!(server.asked(), asked, "a replay calls nobody");
}

#[test]
fn an_edited_corpus_sends_only_what_is_new() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let scratch = project(&server, 30, "");
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    let corpus = scratch.read("corpus.jsonl");
    let line = json!({"id": "new", "task": "colour", "prompt": "Colour of thing 31?", "expected": "green"});
    // One prompt goes, one comes, the rest change places.
    let mut lines: Vec<&str> = corpus.lines().skip(1).collect();
    lines.reverse();
    scratch.write("corpus.jsonl", format!("{}\n{line}\n", lines.join("\n")));
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!(server.asked(), 60 + 2);
}

#[test]
fn check_says_what_changed_and_what_it_does_to_the_routes() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let scratch = project(&server, 90, "");
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    run(&scratch, &["check"]).exits(0);
    let settings = scratch.read("route-prof.toml");
    for (from, to, said) in [
        ("input = 10\n", "input = 30\n", "the prices"),
        ("[task.colour]", "[policy]\nroute_floor = 0.99\n[task.colour]", "the policy"),
        ("requests_per_day = 1000", "requests_per_day = 2000", "the tasks"),
    ] {
        scratch.write("route-prof.toml", settings.replacen(from, to, 1));
        let ran = run(&scratch, &["check"]).exits(100);
        assert!(ran.stdout.contains(said), "{}", ran.all());
    }
    // Stricter than the small model is good: the route flips.
    scratch.write(
        "route-prof.toml",
        settings.replacen("[task.colour]", "[policy]\nmonitor_floor = 0.93\n[task.colour]", 1),
    );
    let ran = run(&scratch, &["check"]).exits(100);
    assert!(
        ran.stdout.contains("routes that flip") && ran.stdout.contains("small -> large"),
        "{}",
        ran.all()
    );
    scratch.write("route-prof.toml", &settings);
    run(&scratch, &["check"]).exits(0);
    // A new version of the oracle that accepts everything of the set.
    let looser = ORACLE.replace("colour@1", "colour@2").replace("\"blue\"]", "\"blue\", \"pink\"]");
    scratch.write("oracles/colour@2.toml", looser);
    scratch.write("route-prof.toml", settings.replace("colour@1", "colour@2"));
    let ran = run(&scratch, &["check"]).exits(100);
    assert!(ran.stdout.contains("oracle colour@1 -> colour@2"), "{}", ran.all());
    scratch.write("route-prof.toml", &settings);
    // A line of the corpus.
    scratch.replace("corpus.jsonl", "thing 5?", "object 5?");
    let ran = run(&scratch, &["check"]).exits(100);
    assert!(
        ran.stdout.contains("the corpus") && ran.stdout.contains("2 trials have no stored answer"),
        "{}",
        ran.all()
    );
}

#[test]
fn grading_again_lists_the_verdicts_and_decisions_that_flip_and_calls_nobody() {
    let server = Server::start(|body, _| Act::say(format!("It is {}.", right(body))));
    let scratch = project(&server, 60, "");
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    assert!(scratch.read("router.toml").contains("decision = \"escalate\""));
    let asked = server.asked();
    let pattern = "id = \"colour@2\"\ndescription = \"A colour in a sentence\"\n[pattern]\nregex = '(red|green|blue)'\n[[example]]\noutput = \"It is red.\"\nexpected = \"red\"\nverdict = \"pass\"\n[[example]]\noutput = \"pink\"\nexpected = \"red\"\nverdict = \"fail\"\n";
    scratch.write("oracles/colour@2.toml", pattern);
    let ran = run(&scratch, &["grade", "--oracle", "colour@2", "--format", "json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["flips"].as_array().unwrap().len(), 114);
    assert_eq!(result["routes"]["routes"][0]["flips"], true);
    assert!(scratch.read("router.toml").contains("escalate"), "nothing is written without --write");
    run(&scratch, &["grade", "--oracle", "colour@2", "--write"]).exits(0);
    assert!(!scratch.read("router.toml").contains("escalate"));
    assert_eq!(server.asked(), asked);
}

#[test]
fn prompts_beyond_the_context_window_are_not_sent() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let scratch = project(&server, 40, "");
    scratch.replace("route-prof.toml", "name = \"small\"", "name = \"small\"\ncontext_window = 100");
    let long = json!({"id": "long", "task": "colour", "prompt": format!("{} Colour of thing 2?", "word ".repeat(300)), "expected": "blue"});
    scratch.write("corpus.jsonl", format!("{}{long}\n", scratch.read("corpus.jsonl")));
    let ran = run(&scratch, &["run", "corpus.jsonl", "--format", "json"]).exits(0);
    assert_eq!(server.asked(), 81);
    assert_eq!(ran.json()["tasks"][0]["cells"][0]["counts"]["overflow"], 1);
    assert_eq!(ran.json()["tiers"][0]["guard_input_tokens"], 80);

    // Nothing has changed: nothing is sent, and nothing is written twice.
    let journal = format!("{}/journal.jsonl", the_run(&scratch));
    let before = scratch.read(&journal);
    run(&scratch, &["run", "corpus.jsonl", "--record-tape", "tape.jsonl"]).exits(0);
    assert_eq!((server.asked(), scratch.read(&journal)), (81, before));
    // A recording knows what was held back, so that a replay lacks nothing.
    for _ in 0..2 {
        let args = ["run", "corpus.jsonl", "--tape", "tape.jsonl", "--format", "json"];
        let replay = run(&scratch, &args).exits(0).json();
        assert_eq!(replay["tasks"][0]["cells"][0]["counts"]["overflow"], 1);
    }
    // The window was wrong: with the right one the prompt is sent after all, and its answer counts.
    scratch.replace("route-prof.toml", "context_window = 100", "context_window = 100000");
    let plan = run(&scratch, &["plan", "corpus.jsonl", "--format", "json"]).exits(0);
    assert_eq!(plan.json()["estimate"]["to_send"], 1);
    let ran = run(&scratch, &["run", "corpus.jsonl", "--format", "json"]).exits(0).json();
    assert_eq!(server.asked(), 82);
    let cell = &ran["tasks"][0]["cells"][0];
    assert_eq!((&cell["counts"]["overflow"], &cell["retry_rate"]), (&json!(0), &json!(0.0)));
}

#[test]
fn two_runs_of_one_journal_are_refused() {
    let server = Server::start(|body, _| Act::Say(right(body), Duration::from_millis(20)));
    let scratch = project(&server, 200, "");
    let mut first = start(&scratch, &["run", "corpus.jsonl"]);
    let began = Instant::now();
    while server.answered() < 5 && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = run(&scratch, &["run", "corpus.jsonl"]).exits(1);
    assert!(second.stderr.contains("is being written by another process"), "{}", second.stderr);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_corpus_outside_of_the_project_is_found_again_and_its_place_is_not_committed() {
    let server = Server::start(|body, _| Act::say(right(body)));
    let (scratch, elsewhere) = (project(&server, 40, ""), Scratch::empty());
    elsewhere.write("far.jsonl", scratch.read("corpus.jsonl"));
    let path = elsewhere.file("far.jsonl");
    run(&scratch, &["run", path.to_str().unwrap()]).exits(0);
    let router = scratch.read("router.toml");
    assert!(router.contains("corpus_file = \"far.jsonl\""), "{router}");
    run(&scratch, &["report"]).exits(0);
    run(&scratch, &["check"]).exits(0);
    assert_eq!(router, scratch.read("router.toml"));
}
