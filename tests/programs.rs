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
        &["report", "latest", "--prices", "script/pup=input:2"],
        &["check"],
        &["diff", "latest", "latest"],
        &["plan", "corpus.jsonl"],
        &["run", "corpus.jsonl"],
        &["grade", "latest"],
        &["review", "export", "latest", "--n", "4"],
    ] {
        let ran = scratch.run(command);
        assert!(ran.code == 0, "{command:?}: {}", ran.all());
    }
    assert_eq!(starts(&scratch), 4, "what the program said is looked up");
    assert_eq!(scratch.read(&format!("{}/summary.json", folder(&scratch))), summary);
    assert_eq!(scratch.read("router.toml"), router);
}
