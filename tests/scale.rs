//! Memory does not grow with the length of prompts and replies, only with a few numbers per trial.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]
#![cfg(target_os = "linux")]

mod common;

use std::process::Stdio;

use common::{CONFIG, Scratch};

/// 10,000 prompts of 2 kB to two tiers: 40 MB of prompts and 40 MB of replies go through.
#[test]
fn a_large_run_stays_small() {
    let scratch = Scratch::project();
    scratch.write("route-prof.toml", CONFIG);
    scratch.write("script.toml", format!("[[rule]]\nreply = \"{}\"\n", "green ".repeat(330)));
    let filler = "word ".repeat(400);
    let lines: String = (0..10_000)
        .map(|n| format!("{{\"id\":\"p{n}\",\"prompt\":\"{filler} {n}\",\"expected\":\"green\"}}\n"))
        .collect();
    scratch.write("corpus.jsonl", lines);
    let mut child = scratch.command(&["run", "corpus.jsonl", "-q"]).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 =
            line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default();
        peak = peak.max(kib);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    assert!(peak > 1000, "the peak was not seen");
    assert!(peak < 80_000, "{peak} kB");
    let results = scratch.read(&format!("reports/{}/results.csv", scratch.read("reports/latest").trim()));
    assert_eq!(results.matches("\np").count(), 20_000);
}
