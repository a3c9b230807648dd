//! `report` with other prices, traffic or policy: no call, and nothing of the run is overwritten.
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

fn project() -> Scratch {
    let scratch = Scratch::project();
    let corpus: String = (0..40)
        .map(|n| format!("{}\n", json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}"), "expected": "red"})))
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.write("script.toml", "[[rule]]\nmatch = \".\"\nreply = \"red\"\n");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    scratch
}

#[test]
fn a_price_flips_a_route_and_nothing_is_overwritten() {
    let scratch = project();
    let run = format!("reports/{}", scratch.read("reports/latest").trim());
    let before = (scratch.read("router.toml"), scratch.read(&format!("{run}/summary.json")));
    let json = scratch.run(&["report", "--prices", "script/pup=100/200", "--format", "json"]).exits(0).json();
    assert_eq!(json["tasks"][0]["route"]["tier"], "large");
    let ran = scratch.run(&["report", "--prices", "script/pup=100/200"]).exits(0);
    assert!(ran.stdout.contains("What if: script/pup at $100"), "{}", ran.stdout);
    assert!(ran.stdout.contains("This is a what-if, not the current result"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("no route changes"), "{}", ran.stdout);
    assert_eq!((scratch.read("router.toml"), scratch.read(&format!("{run}/summary.json"))), before);
    // Half the price of everything moves no route, and the bill by half.
    let ran = scratch.run(&["report", "--prices", "script/pup=x0.5", "--format", "json"]).exits(0).json();
    assert_eq!(ran["tasks"][0]["route"]["tier"], "small");
    assert_eq!(ran["tiers"][0]["price"]["input"], "0.5");
}

#[test]
fn traffic_and_policy_are_tried_out_and_mistakes_are_explained() {
    let scratch = project();
    let month = |args: &[&str]| {
        let all = [&["report", "--format", "json"], args].concat();
        let json = scratch.run(&all).exits(0).json();
        json["projection"]["total"]["month"]["mean"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let now = month(&["--traffic", "x1"]);
    assert!((month(&["--traffic", "colour=2000"]) / now - 2.0).abs() < 1e-6);
    assert!((month(&["--traffic", "x3"]) / now - 3.0).abs() < 1e-6);
    let ran = scratch
        .run(&[
            "report",
            "--policy",
            "route_floor=0.999",
            "--policy",
            "confidence_low=0.99",
            "--policy",
            "confidence_medium=0.99",
            "--policy",
            "confidence_high=0.99",
        ])
        .exits(0);
    assert!(ran.stdout.contains("undecided") || ran.stdout.contains("monitor"), "{}", ran.stdout);
    for (args, says) in [
        (["--policy", "route_flor=0.9"], "unknown field"),
        (["--policy", "route_floor"], "is not of the form key=value"),
        (["--traffic", "color=5"], "did you mean `colour`?"),
        (["--traffic", "5"], "names no task"),
        (["--prices", "script/pub=1/2"], "did you mean `script/pup`?"),
        (["--prices", "script/pup=1"], "is not a price"),
        (["--prices", "script/pup=-1/2"], "is not a price"),
    ] {
        let ran = scratch.run(&[&["report"], &args[..]].concat()).exits(2);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
    scratch.run(&["report", "--traffic", "x2", "--out", "what-if", "--router", "other.toml"]).exits(0);
    assert!(scratch.read("what-if/report.html").contains("This is a what-if, not the current result"));
    assert!(scratch.read("other.toml").contains("[route.colour]"));
}
