//! Programs of the user's as oracles: what they say, and every way in which they go wrong.
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
use std::time::{Duration, Instant};

use common::Scratch;
use serde_json::{Value, json};

/// A project whose one task is graded by a shell script; every prompt is answered by `blue`.
fn project(program: &str, more: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write("checks/check.sh", format!("#!/bin/sh\n{program}\n"));
    std::fs::set_permissions(scratch.file("checks/check.sh"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    scratch.write("oracles/colour@1.toml", oracle(more));
    scratch.write("script.toml", "[[rule]]\nmatch = \".\"\nreply = \"blue\"\n");
    scratch
}

fn oracle(more: &str) -> String {
    format!(
        "id = \"colour@1\"\ndescription = \"A program decides\"\n[command]\nargv = [\"checks/check.sh\", \"a b\"]\n{more}\n\
         [[example]]\noutput = \"blue\"\nverdict = \"pass\"\n[[example]]\noutput = \"red\"\nverdict = \"fail\"\n"
    )
}

/// What the cheaper tier's replies came to, and why.
fn graded(scratch: &Scratch) -> (u64, u64, u64, String) {
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let run = scratch.read("reports/latest").trim().to_owned();
    let summary: Value = serde_json::from_str(&scratch.read(&format!("reports/{run}/summary.json"))).unwrap();
    let counts = &summary["tasks"][0]["cells"][0]["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    (count("passed"), count("failed"), count("ungraded"), scratch.read(&format!("reports/{run}/results.csv")))
}

#[test]
fn a_program_reads_all_there_is_and_its_word_counts() {
    let scratch = project(
        "cat > seen.json\nif grep -q '\"expected\":\"blue\"' seen.json && grep -q '\"task\":\"colour\"' seen.json && [ \"$1\" = 'a b' ]; \
         then echo '{\"pass\": true}'; else echo '{\"pass\": false, \"reason\": \"not blue\"}'; fi",
        "",
    );
    let (pass, fail, ungraded, results) = graded(&scratch);
    assert_eq!((pass, fail, ungraded), (1, 3, 0), "{results}");
    assert!(results.contains("not blue"), "{results}");
    assert!(
        !scratch.file("seen.json").exists() && !scratch.file("checks/seen.json").exists(),
        "it ran in a folder of its own"
    );
}

#[test]
fn the_self_tests_run_the_program() {
    let good = project(
        "if grep -q '\"output\":\"blue\"'; then echo '{\"pass\":true}'; else echo '{\"pass\":false}'; fi",
        "",
    );
    good.run(&["oracle", "check"]).exits(0);
    let bad = project("echo '{\"pass\":true}'", "");
    assert!(bad.run(&["oracle", "check"]).exits(1).stdout.contains("expected fail, got pass"));
}

#[test]
fn whatever_goes_wrong_with_a_program_is_never_a_fail() {
    let many = "head -c 200000 /dev/zero | tr '\\0' x";
    for (program, more, why) in [
        ("exit 7", "", "failed (exit status: 7)"),
        ("echo no such thing >&2; exit 1", "", "no such thing"),
        ("kill -9 $$", "", "failed (signal: 9"),
        ("echo pass", "", "no JSON object"),
        ("echo '{}'", "", "no `pass`"),
        ("echo '{\"pass\": true}'", "threshold = 0.5", "no `score`"),
        (many, "", "more than 65536 bytes"),
        ("printf '\\377'", "", "not UTF-8"),
        ("yes '{\"pass\": true}'", "", "more than 65536 bytes"),
        ("echo '{\"pass\": true}'; echo more", "", "no JSON object"),
        ("echo '{\"pass\": true}'; kill -TERM $$", "", "failed (signal: 15"),
        ("echo '{\"pass\": true}'; exit 3", "", "failed (exit status: 3)"),
        ("echo '{\"pass\": false, \"pass\": true}'", "", "no JSON object"),
        ("exec 1>&-; sleep 60", "timeout_s = 0.3", "took more than 0.3 s"),
        ("sleep 60", "timeout_s = 0.3", "took more than 0.3 s"),
        // A child that holds the pipe is killed with it.
        ("sleep 60 & wait", "timeout_s = 0.3", "took more than 0.3 s"),
        // One that has left the group, too: nobody waits for it.
        ("setsid sleep 60 & exit 0", "timeout_s = 0.3", ""),
    ] {
        let scratch = project(program, more);
        let begun = Instant::now();
        let (pass, fail, ungraded, results) = graded(&scratch);
        assert_eq!((pass, fail, ungraded), (0, 0, 4), "{program}: {results}");
        assert!(results.contains(why), "{program}: {results}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{program} held the run up");
    }
    let missing = project("exit 0", "");
    std::fs::remove_file(missing.file("checks/check.sh")).unwrap();
    let (_, fail, ungraded, results) = graded(&missing);
    assert_eq!((fail, ungraded), (0, 4));
    assert!(results.contains("cannot be started"), "{results}");
}

#[test]
fn a_program_that_behaves_oddly_and_says_a_clear_word_is_heard() {
    for program in [
        // It never reads what it is told.
        "exec 0<&-; echo '{\"pass\": true}'",
        "d=$(mktemp -d); cd \"$d\"; rmdir \"$d\"; echo '{\"pass\": true}'",
        "yes noise | head -c 5000000 >&2; echo '{\"pass\": true}'",
        "printf '\\n\\n  {\"pass\": true, \"reason\": \"\\\\u001b[2J\"}  \\n\\n'",
        // It leaves a child behind that holds no pipe.
        "sleep 60 >/dev/null 2>&1 </dev/null & echo '{\"pass\": true}'",
    ] {
        let begun = Instant::now();
        let (pass, fail, ungraded, results) = graded(&project(program, "timeout_s = 20"));
        assert_eq!((pass, fail, ungraded), (4, 0, 0), "{program}: {results}");
        assert!(!results.contains('\u{1b}'), "{program}: {results}");
        assert!(begun.elapsed() < Duration::from_secs(40), "{program} held the run up");
    }
}

#[test]
fn a_program_sees_no_secret_that_it_is_not_given() {
    let program = "if [ -n \"$SECRET\" ]; then echo '{\"pass\":false,\"reason\":\"seen\"}'; else echo '{\"pass\":true}'; fi";
    for (more, fails) in [("", 0), ("env = [\"SECRET\"]", 4)] {
        let scratch = project(program, more);
        let ran = scratch
            .ran(&scratch.command(&["run", "corpus.jsonl"]).env("SECRET", "x").output().unwrap())
            .exits(0);
        let run = scratch.read("reports/latest").trim().to_owned();
        let summary: Value =
            serde_json::from_str(&scratch.read(&format!("reports/{run}/summary.json"))).unwrap();
        assert_eq!(summary["tasks"][0]["cells"][0]["counts"]["failed"], fails, "{}", ran.all());
    }
}

#[test]
fn the_same_question_is_put_once() {
    let scratch = project("", "");
    let log = scratch.file("asked.log").display().to_string();
    scratch.write("checks/check.sh", format!("#!/bin/sh\necho x >> '{log}'\necho '{{\"pass\":true}}'\n"));
    let twins = (0..2).map(|_| json!({"task": "colour", "prompt": "The colour of the sky?"}));
    let lines: String = twins
        .enumerate()
        .map(|(n, mut line)| {
            line["id"] = json!(format!("twin{n}"));
            format!("{line}\n")
        })
        .collect();
    scratch.write("corpus.jsonl", lines);
    graded(&scratch);
    // Two prompts, as their ids are part of what the program reads; the tiers' equal replies are no further question.
    assert_eq!(scratch.read("asked.log").lines().count(), 2);
}
