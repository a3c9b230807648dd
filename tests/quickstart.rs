//! The quickstart: what a new user sees first, and the same bytes for everybody.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Scratch, quickstart};
use serde_json::Value;

fn folder(scratch: &Scratch) -> String {
    format!("reports/{}", scratch.read("reports/latest").trim())
}

#[test]
fn the_quickstart_leaves_the_committed_routes_as_they_are_byte_for_byte() {
    let scratch = quickstart();
    let committed = scratch.read("router.toml");
    scratch.run(&["check"]).exits(0);
    scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    assert_eq!(committed, scratch.read("router.toml"));
    let first = scratch.read(&format!("{}/summary.json", folder(&scratch)));
    // Another machine is another folder.
    let other = quickstart();
    other.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    assert_eq!(first, other.read(&format!("{}/summary.json", folder(&other))));
    scratch.run(&["report"]).exits(0);
    assert_eq!(first, scratch.read(&format!("{}/summary.json", folder(&scratch))));
    scratch.run(&["check"]).exits(0);
}

#[test]
fn the_ladder_is_visible() {
    let scratch = quickstart();
    let summary = scratch.run(&["run", "corpora/quickstart.jsonl", "--format", "json"]).exits(0).json();
    assert!(summary["run"]["prompts"].as_u64().unwrap() >= 250);
    let tasks = summary["tasks"].as_array().unwrap();
    assert!(tasks.len() >= 5);
    let good = |tier: &str| {
        let serves = |task: &&Value| {
            task["route"]["tier"] == tier
                && (task["route"]["decision"] == "route" || task["route"]["decision"] == "monitor")
        };
        tasks.iter().filter(serves).count()
    };
    for tier in ["small", "mid", "frontier"] {
        assert!(good(tier) >= 1, "no task is served by {tier}");
    }
    let none = tasks.iter().filter(|task| task["route"]["decision"] == "escalate").count();
    assert!(none >= 1, "every task is served");
    assert!(summary["run"]["source"]["recording"].is_string());
}

#[test]
fn what_a_new_user_reads() {
    let scratch = quickstart();
    let ran = scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    insta::assert_snapshot!("terminal", ran.all());
    insta::assert_snapshot!("report_md", scratch.read(&format!("{}/report.md", folder(&scratch))));
    insta::assert_snapshot!("projection_csv", scratch.read(&format!("{}/projection.csv", folder(&scratch))));
    insta::assert_snapshot!("junit_xml", scratch.read(&format!("{}/junit.xml", folder(&scratch))));
    insta::assert_snapshot!(
        "plan",
        scratch.run(&["plan", "corpora/quickstart.jsonl", "--live"]).exits(0).all()
    );
    insta::assert_snapshot!(
        "corpus_stats",
        scratch.run(&["corpus", "stats", "corpora/quickstart.jsonl"]).exits(0).all()
    );
    insta::assert_snapshot!("oracle_list", scratch.run(&["oracle", "list"]).exits(0).all());
    let results = scratch.read(&format!("{}/results.csv", folder(&scratch)));
    assert_eq!(csv::Reader::from_reader(results.as_bytes()).records().count(), 319 * 3);
}

#[test]
fn every_page_says_that_it_is_a_replay() {
    let scratch = quickstart();
    let ran = scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    let folder = folder(&scratch);
    for text in [
        ran.stdout,
        scratch.read("router.toml"),
        scratch.read(&format!("{folder}/report.html")),
        scratch.read(&format!("{folder}/report.md")),
    ] {
        assert!(text.contains("Replay of the recording"), "{text:.300}");
        assert!(text.contains("stand-ins"), "{text:.300}");
    }
    assert!(scratch.read(&format!("{folder}/summary.json")).contains("\"recording\""));
}

#[test]
fn the_page_is_one_file_without_network_or_script_and_hostile_text_stays_text() {
    let scratch = quickstart();
    let hostile = "<script>alert(1)</script> =cmd|'/C calc' [x](http://evil.example) @everyone |";
    let settings = scratch.read("route-prof.toml");
    let from = "Sorts a support message into one of five queues";
    scratch.write("route-prof.toml", settings.replace(from, &hostile.replace('"', "'")));
    scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    let page = scratch.read(&format!("{}/report.html", folder(&scratch)));
    assert!(page.contains("&lt;script&gt;alert(1)"), "the description is shown");
    assert!(!page.to_lowercase().contains("<script"));
    let rest = page
        .replace("http://www.w3.org/2000/svg", "")
        .replace("http://evil.example", "")
        .replace("http:&#x2f;&#x2f;evil.example", "");
    assert!(
        !rest.contains("http://") && !rest.contains("https://") && !rest.contains("src="),
        "something is loaded"
    );
    assert!(page.len() < 400_000, "{}", page.len());
    assert_eq!(page.matches("<svg ").count(), 5);
    for file in std::fs::read_dir(scratch.file(&format!("{}/charts", folder(&scratch)))).unwrap().flatten() {
        let svg = std::fs::read_to_string(file.path()).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>") && svg.contains("<title>"));
        well_formed(&svg);
    }
}

/// Every element is closed, and no attribute stands twice in one.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let mut names: Vec<&str> = tag
            .split('"')
            .step_by(2)
            .filter_map(|part| part.trim().strip_suffix('=')?.split_whitespace().last())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{tag}");
        if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_prompt_that_is_not_on_the_recording_is_missing_and_says_so() {
    let scratch = quickstart();
    scratch.replace("corpora/quickstart.jsonl", "LF-90341 will ship?", "LF-90341 will be shipped?");
    let before = scratch.read("router.toml");
    let ran = scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(3);
    assert!(ran.stderr.contains("not in the recording: 3 trials"), "{}", ran.stderr);
    assert_eq!(before, scratch.read("router.toml"), "no routes from half a measurement");
    let ran = scratch.run(&["check"]).exits(100);
    assert!(ran.stdout.contains("the corpus"), "{}", ran.all());
}
