//! `diff`: a planted regression is a signal, the same again is none, and the exit code says so.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::Scratch;
use serde_json::json;

/// A project of sixty prompts; the small tier says the wrong colour for those whose number is below `wrong`.
fn project(wrong: usize) -> Scratch {
    let scratch = Scratch::project();
    let corpus: String = (0..60)
        .map(|n| format!("{}\n", json!({"id": format!("p{n:02}"), "task": "colour", "prompt": format!("thing {n}."), "expected": "red"})))
        .collect();
    scratch.write("corpus.jsonl", corpus);
    script(&scratch, wrong);
    scratch
}

fn script(scratch: &Scratch, wrong: usize) {
    let rules: String = (0..wrong)
        .map(|n| format!("[[rule]]\nmodel = \"pup\"\nmatch = \"thing {n}\\\\.\"\nreply = \"green | <b>\"\n"))
        .collect();
    scratch.write("script.toml", rules + "[[rule]]\nmatch = \".\"\nreply = \"red\"\n");
}

#[test]
fn a_regression_is_a_signal_with_samples_and_the_exit_code_of_a_gate() {
    let scratch = project(0);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "before"]).exits(0);
    script(&scratch, 15);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "after"]).exits(0);
    let ran = scratch.run(&["diff", "before", "after", "--samples", "1"]).exits(100);
    for says in [
        "75.0 %, -25.0",
        "signal",
        "worse",
        "p00 on small passed before",
        "green | <b>",
        "colour: route on small → ",
    ] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    let found = scratch.run(&["diff", "before", "after", "--format", "json"]).exits(100).json();
    let row = found["rows"].as_array().unwrap().iter().find(|row| row["tier"] == "small").unwrap();
    assert_eq!(
        (&row["n"], &row["quality"]["only_before"], &row["quality"]["only_after"]),
        (&json!(60), &json!(15), &json!(0))
    );
    let md = scratch.run(&["diff", "before", "after", "--markdown"]).exits(100).stdout;
    assert!(md.contains("| colour | small | 60 |") && !md.contains("<b>"), "{md}");
    // Looked at the other way round it is better, and the gate holds; so it does for what nobody asked about.
    let ran = scratch.run(&["diff", "after", "before"]).exits(0);
    assert!(ran.stdout.contains("better"), "{}", ran.stdout);
    scratch.run(&["diff", "before", "after", "--fail-on", "slower"]).exits(0);
}

#[test]
fn the_same_again_and_a_few_flips_are_noise() {
    let scratch = project(1);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "one"]).exits(0);
    script(&scratch, 3);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "two"]).exits(0);
    let ran = scratch.run(&["diff", "one", "two"]).exits(0);
    assert!(
        ran.stdout.contains("no change beyond noise") && !ran.stdout.contains("signal"),
        "{}",
        ran.stdout
    );
    let ran = scratch.run(&["diff", "one", "one"]).exits(0);
    assert!(!ran.stdout.contains("signal"), "{}", ran.stdout);
    scratch.run(&["diff", "one", "nothing"]).exits(2);
    let ran = scratch.run(&["diff", "one", "two", "--tier", "small=large"]).exits(0);
    assert!(
        ran.stdout.contains("not compared, because only one of the runs has them")
            || ran.stdout.contains("small"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_summary_that_cannot_be_read_names_the_command_that_writes_it_again() {
    let scratch = project(0);
    for run in ["before", "after"] {
        scratch.run(&["run", "corpus.jsonl", "--fresh", "--run-id", run]).exits(0);
    }
    let summary = "reports/after/summary.json";
    let good = scratch.read(summary);
    let spoil = |version: &str| {
        scratch.write(summary, good.replacen("\"version\": 3", &format!("\"version\": {version}"), 1));
    };
    for args in [&["diff", "before", "after"][..], &["plan", "corpus.jsonl"], &["simulate", "after"]] {
        spoil("1");
        let ran = scratch.run(args).exits(2);
        assert!(
            ran.stderr.contains("summary.json is version 1; this program reads version 3"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("`route-prof report after`"), "{}", ran.stderr);
        spoil("99");
        let ran = scratch.run(args).exits(2);
        assert!(ran.stderr.contains("a newer route-prof wrote it"), "{}", ran.stderr);
    }
    std::fs::remove_file(scratch.file(summary)).unwrap();
    let ran = scratch.run(&["diff", "before", "after"]).exits(2);
    assert!(ran.stderr.contains("`route-prof report after`"), "{}", ran.stderr);
    scratch.run(&["report", "after"]).exits(0);
    assert_eq!(scratch.read(summary), good);
    scratch.run(&["diff", "before", "after"]).exits(0);
}
