//! What programs of `command` oracles said is kept with the run: who runs them, how often, and what a report says without.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Scratch;
use serde_json::Value;

/// A project whose one task is graded by a shell script, which notes that it ran. Both tiers answer each of the four prompts
/// with `blue`.
fn project(program: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write(
        "oracles/colour@1.toml",
        "id = \"colour@1\"\ndescription = \"A program decides\"\n[command]\nargv = [\"checks/check.sh\"]\n\
         [[example]]\noutput = \"blue\"\nverdict = \"pass\"\n[[example]]\noutput = \"red\"\nverdict = \"fail\"\n",
    );
    scratch.write("script.toml", "[[rule]]\nmatch = \".\"\nreply = \"blue\"\n");
    set_program(&scratch, program);
    scratch
}

fn set_program(scratch: &Scratch, program: &str) {
    let log = scratch.file("ran.log");
    scratch.write("checks/check.sh", format!("#!/bin/sh\necho ran >> '{}'\n{program}\n", log.display()));
    std::fs::set_permissions(scratch.file("checks/check.sh"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
}

/// How often the program has been started.
fn starts(scratch: &Scratch) -> usize {
    std::fs::read_to_string(scratch.file("ran.log")).unwrap_or_default().lines().count()
}

fn folder(scratch: &Scratch) -> String {
    format!("reports/{}", scratch.read("reports/latest").trim())
}

fn counts(scratch: &Scratch) -> (u64, u64, u64) {
    let summary: Value =
        serde_json::from_str(&scratch.read(&format!("{}/summary.json", folder(scratch)))).unwrap();
    let counts = &summary["tasks"][0]["cells"][0]["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    (count("passed"), count("failed"), count("ungraded"))
}

/// Says what nobody could say the same of twice.
const FLAKY: &str = "if [ $(( $(wc -l < \"$(dirname \"$0\")/../ran.log\") % 2 )) = 0 ]; \
    then echo '{\"pass\":true}'; else echo '{\"pass\":false,\"reason\":\"odd\"}'; fi";

#[test]
fn a_program_is_run_once_for_each_reply_and_no_report_runs_it() {
    let scratch = project(FLAKY);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(starts(&scratch), 4);
    let summary = scratch.read(&format!("{}/summary.json", folder(&scratch)));
    let router = scratch.read("router.toml");
    for command in [
        &["report", "latest"][..],
        &["report", "latest", "--prices", "script/pup=2/4"],
        &["check"],
        &["diff", "latest", "latest"],
        &["plan", "corpus.jsonl"],
        &["run", "corpus.jsonl"],
        &["grade", "latest"],
        &["review", "export", "latest", "--out", "to-label"],
    ] {
        let ran = scratch.run(command);
        assert!(ran.code == 0, "{command:?}: {}", ran.all());
    }
    assert_eq!(starts(&scratch), 4, "what the program said is looked up");
    assert_eq!(scratch.read(&format!("{}/summary.json", folder(&scratch))), summary);
    assert_eq!(scratch.read("router.toml"), router);
    // The two examples, and nothing of the run.
    scratch.run(&["oracle", "check", "--run", "latest"]);
    assert_eq!(starts(&scratch), 6);
}

const FAIL: &str = "echo '{\"pass\":false,\"score\":0.2,\"reason\":\"too blue\"}'";
const PASS: &str = "echo '{\"pass\":true}'";

#[test]
fn what_it_never_saw_is_ungraded_in_a_report_until_grade_runs_it() {
    let scratch = project(PASS);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let router = scratch.read("router.toml");
    // A run of an older route-prof.
    std::fs::remove_file(scratch.file(&format!("{}/programs.jsonl", folder(&scratch)))).unwrap();
    let ran = scratch.run(&["report", "latest"]).exits(3);
    assert!(ran.stderr.contains("4 verdicts of oracle programs are not stored"), "{}", ran.all());
    assert!(ran.stderr.contains("route-prof grade latest --write"), "{}", ran.all());
    assert_eq!(counts(&scratch), (0, 0, 4));
    let results = scratch.read(&format!("{}/results.csv", folder(&scratch)));
    assert!(results.contains("its program has not seen it: `route-prof grade` runs it"), "{results}");
    assert_eq!(scratch.read("router.toml"), router, "no route is written that hangs on it");
    let checked = scratch.run(&["check", "--format", "json"]).exits(100).json();
    assert_eq!(checked["programs_missing"], 4);
    assert!(scratch.run(&["check"]).exits(100).stdout.contains("run them with `route-prof run`"));
    assert_eq!(starts(&scratch), 4);

    scratch.run(&["grade", "latest", "--write"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch)), (8, (4, 0, 0)));
    scratch.run(&["report", "latest"]).exits(0);
    scratch.run(&["check"]).exits(0);
    assert_eq!(starts(&scratch), 8);
}

#[test]
fn a_program_that_has_changed_has_said_nothing_yet() {
    let scratch = project(PASS);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    set_program(&scratch, FAIL);
    scratch.run(&["report", "latest"]).exits(3);
    assert_eq!((starts(&scratch), counts(&scratch)), (4, (0, 0, 4)));
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch)), (8, (0, 4, 0)));
    // What the one said before is still there.
    set_program(&scratch, PASS);
    scratch.run(&["report", "latest"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch)), (8, (4, 0, 0)));
}

#[test]
fn grade_lists_what_a_changed_program_says_otherwise_until_it_is_taken() {
    let scratch = project(PASS);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    set_program(&scratch, FAIL);
    // A report in between changes nothing of what graded the run.
    scratch.run(&["report", "latest"]).exits(3);
    for _ in 0..2 {
        let graded = scratch.run(&["grade", "latest", "--format", "json"]).exits(0).json();
        let flips = graded["flips"].as_array().unwrap();
        assert_eq!(flips.len(), 8);
        assert_eq!((&flips[0]["before"], &flips[0]["after"]), (&"pass".into(), &"fail".into()));
        assert_eq!(flips[0]["reason"], "too blue");
        assert_eq!(starts(&scratch), 8, "the old one is not run any more, and the new one once");
    }
    scratch.run(&["grade", "latest", "--write"]).exits(0);
    let graded = scratch.run(&["grade", "latest", "--format", "json"]).exits(0).json();
    assert_eq!(graded["flips"], serde_json::json!([]));
    assert_eq!((starts(&scratch), counts(&scratch)), (8, (0, 4, 0)));
}

#[test]
fn another_threshold_is_held_against_the_score_that_was_given() {
    let scratch = project("echo '{\"score\":0.2}'");
    scratch.replace("oracles/colour@1.toml", "[command]", "[command]\nthreshold = 0.5");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(counts(&scratch), (0, 4, 0));
    let second = scratch.read("oracles/colour@1.toml").replace("@1", "@2").replace("0.5", "0.1");
    scratch.write("oracles/colour@2.toml", second);
    let graded =
        scratch.run(&["grade", "latest", "--oracle", "colour@2", "--format", "json"]).exits(0).json();
    assert_eq!((graded["replies"].as_u64(), graded["flips"].as_array().unwrap().len()), (Some(8), 8));
    assert_eq!(starts(&scratch), 4);
}

#[test]
fn a_program_that_failed_is_tried_again_by_run_and_grade_and_by_no_report() {
    let scratch = project("exit 3");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch)), (4, (0, 0, 4)), "once in one command");
    scratch.run(&["report", "latest"]).exits(0);
    let results = scratch.read(&format!("{}/results.csv", folder(&scratch)));
    assert!(results.contains("check.sh failed (exit status: 3)"), "{results}");
    assert_eq!(starts(&scratch), 4);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(starts(&scratch), 8);
    scratch.run(&["grade", "latest"]).exits(0);
    assert_eq!(starts(&scratch), 12);
}

#[test]
fn a_killed_run_does_not_ask_again_what_was_answered_before() {
    let scratch = project(FLAKY);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let path = format!("{}/programs.jsonl", folder(&scratch));
    let stored = scratch.read(&path);
    assert_eq!(stored.lines().count(), 5, "a header and an answer a line: {stored}");
    // A kill in the moment of writing: two answers are whole, the third is torn.
    let lines: Vec<&str> = stored.lines().collect();
    scratch.write(&path, format!("{}\n{}\n{}\n{}", lines[0], lines[1], lines[2], &lines[3][..40]));
    scratch.run(&["report", "latest"]).exits(3);
    assert_eq!(counts(&scratch).2, 2);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch).2), (6, 0));
    let mended = scratch.read(&path);
    assert!(mended.starts_with(&format!("{}\n{}\n{}\n", lines[0], lines[1], lines[2])), "{mended}");
    assert_eq!(mended.lines().count(), 5);
}

#[test]
fn an_interrupted_run_kills_what_runs_and_keeps_what_was_said() {
    // The first two say their word; whoever comes later takes a minute while there is a file `slow`, in a child of its own.
    let scratch = project(
        "cd \"$(dirname \"$0\")/..\"\nif [ -e slow ] && [ $(wc -l < ran.log) -gt 2 ]; then sleep 60 & wait; fi\necho '{\"pass\":true}'",
    );
    scratch.replace("oracles/colour@1.toml", "[command]", "[command]\ntimeout_s = 90");
    scratch.write("slow", "");
    let stored = || {
        let folders = std::fs::read_dir(scratch.file("reports")).into_iter().flatten().flatten();
        let files = folders.map(|entry| entry.path().join("programs.jsonl"));
        files.filter_map(|path| std::fs::read_to_string(path).ok()).next().unwrap_or_default()
    };
    let run = scratch.command(&["run", "corpus.jsonl"]).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while stored().lines().count() < 2 || starts(&scratch) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the programs never ran");
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    let ended = run.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits for a program that hangs");
    let ended = scratch.ran(&ended).exits(130);
    assert!(
        ended.stderr.contains("questions to oracle programs have no answer yet; run the same command again"),
        "{}",
        ended.all()
    );
    let said = stored();
    assert!(!said.contains("interrupted"), "what was killed has said nothing: {said}");

    std::fs::remove_file(scratch.file("slow")).unwrap();
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(counts(&scratch), (4, 0, 0));
    assert!(stored().starts_with(&said) && stored().lines().count() == 5, "{}", stored());
}

#[test]
fn another_run_takes_over_what_was_said_and_a_fresh_one_asks_anew() {
    let scratch = project(PASS);
    scratch.write("tape.jsonl", "");
    scratch.run(&["run", "corpus.jsonl", "--record-tape", "tape.jsonl"]).exits(0);
    assert_eq!(starts(&scratch), 4);
    assert!(scratch.read("tape.jsonl").contains("program/check.sh"));
    // The recording by itself: no run of this project knows anything.
    std::fs::remove_dir_all(scratch.file("reports")).unwrap();
    scratch.run(&["run", "corpus.jsonl", "--tape", "tape.jsonl"]).exits(0);
    assert_eq!((starts(&scratch), counts(&scratch)), (4, (4, 0, 0)));
    scratch.run(&["report", "latest"]).exits(0);
    let config = scratch.read("route-prof.toml");
    scratch.write("route-prof.toml", format!("{config}\n[tape]\nfile = \"tape.jsonl\"\n"));
    std::fs::remove_dir_all(scratch.file("reports")).unwrap();
    scratch.run(&["check"]).exits(0);
    assert_eq!(starts(&scratch), 4, "a recording holds all that a check needs");
    let whole = scratch.read("tape.jsonl");
    let older: Vec<&str> = whole.lines().filter(|line| !line.contains("program/")).collect();
    scratch.write("tape.jsonl", older.join("\n") + "\n");
    let checked = scratch.run(&["check"]).exits(100);
    assert!(checked.stdout.contains("record it again with --record-tape"), "{}", checked.all());
    scratch.write("tape.jsonl", whole);

    scratch.write("route-prof.toml", config);
    scratch.run(&["run", "corpus.jsonl", "--fresh"]).exits(0);
    assert_eq!(starts(&scratch), 8);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "other"]).exits(0);
    assert_eq!(starts(&scratch), 8);
}

#[test]
fn the_value_of_a_variable_reaches_no_file() {
    let scratch = project("echo \"no luck with $SECRET\" >&2; exit 1");
    scratch.replace("oracles/colour@1.toml", "[command]", "[command]\nenv = [\"SECRET\"]");
    let run = scratch.command(&["run", "corpus.jsonl"]).env("SECRET", "hush-hush-hush").output().unwrap();
    scratch.ran(&run).exits(0);
    let folder = folder(&scratch);
    for file in ["programs.jsonl", "results.csv", "summary.json", "report.html"] {
        let text = scratch.read(&format!("{folder}/{file}"));
        assert!(!text.contains("hush-hush"), "{file}: {text}");
    }
    assert!(scratch.read(&format!("{folder}/programs.jsonl")).contains("no luck with ***"));
}
