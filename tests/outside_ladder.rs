//! What is measured outside the ladder: fallbacks of the same class with `--fallbacks`, and routers to compare with.
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
use serde_json::{Value, json};

/// Forty prompts; `pup` and `hound` are always right, `cub`, which stands in for `pup`, is wrong at every other one, and
/// `auto`, a router, always right.
fn project(more: &str) -> Scratch {
    let scratch = Scratch::project();
    let config = common::CONFIG
        .replace("model = \"script/pup\"\n", "model = \"script/pup\"\nsame_class = [\"script/cub\"]\n")
        .replace(
            "[task.colour]",
            &format!("{more}\n[prices.model.\"script/cub\"]\ninput = 1\noutput = 2\ncontext_window = 10000\n[task.colour]"),
        );
    scratch.write("route-prof.toml", config);
    let rule = |model: &str, n: usize, reply: &str| {
        format!("[[rule]]\nmodel = \"{model}\"\nmatch = \"thing {n}\\\\.\"\nreply = \"{reply}\"\n")
    };
    let (mut script, mut corpus) = (String::new(), String::new());
    for n in (0..40).step_by(2) {
        script += &rule("cub", n, "green");
    }
    script += "[[rule]]\nmatch = \".\"\nreply = \"red\"\n";
    for n in 0..40 {
        corpus += &format!(
            "{}\n",
            json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}."), "expected": "red"})
        );
    }
    scratch.write("script.toml", script);
    scratch.write("corpus.jsonl", corpus);
    scratch
}

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
}

fn codes(summary: &Value) -> Vec<&str> {
    summary["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

#[test]
fn a_fallback_gets_evidence_of_its_own_and_one_that_is_not_good_enough_is_named() {
    let scratch = project("");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let plain = summary(&scratch);
    assert!(codes(&plain).contains(&"fallback-unmeasured"), "{:?}", codes(&plain));
    assert!(!scratch.read("router.toml").contains("same_class]]"));

    scratch.run(&["run", "corpus.jsonl", "--fallbacks"]).exits(0);
    let measured = summary(&scratch);
    assert_eq!(measured["run"]["trials"], 120);
    assert_eq!(measured["tiers"].as_array().unwrap().len(), 2, "a fallback is no rung");
    let outside = &measured["outside_ladder"][0];
    assert_eq!(outside["model"], "script/cub");
    assert_eq!(outside["role"], json!({"fallback": "small"}));
    assert_eq!(outside["cells"][0]["cell"]["pass_rate"]["mean"], 0.5);
    assert!(codes(&measured).contains(&"fallback-quality"), "{:?}", codes(&measured));
    assert_eq!(measured["tasks"][0]["route"], plain["tasks"][0]["route"], "the routes are the ladder's");
    let router = scratch.read("router.toml");
    assert!(
        router.contains("[[route.colour.same_class]]\nmodel = \"script/cub\"\nquality = \"below\""),
        "{router}"
    );

    // What comes after the run knows what was measured.
    scratch.run(&["report"]).exits(0);
    assert_eq!(scratch.read("router.toml"), router);
    scratch.run(&["check"]).exits(0);
    let html = scratch.read(&format!("reports/{}/report.html", scratch.read("reports/latest").trim()));
    assert!(html.contains("fallback of small"));
}

#[test]
fn a_fallback_with_a_smaller_window_than_its_primary_is_an_error_that_the_gate_sees() {
    let scratch = project("");
    scratch.replace(
        "route-prof.toml",
        "model = \"script/pup\"\n",
        "model = \"script/pup\"\ncontext_window = 20000\n",
    );
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert!(ran.stdout.contains("error: script/cub is a fallback for script/pup"), "{}", ran.stdout);
    let ran = scratch.run(&["check"]).exits(100);
    assert!(ran.stdout.contains("context window of 10000 tokens is smaller than 20000"), "{}", ran.stdout);
    // The same of a tier further up that a route falls back to.
    scratch.replace("route-prof.toml", "same_class = [\"script/cub\"]\n", "");
    scratch.replace(
        "route-prof.toml",
        "model = \"script/hound\"\n",
        "model = \"script/hound\"\ncontext_window = 15000\n",
    );
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let ran = scratch.run(&["check"]).exits(100);
    assert!(ran.stdout.contains("falls back from small to large"), "{}", ran.stdout);
}

#[test]
fn a_router_is_measured_and_never_routed_to() {
    let scratch = project("[prices.model.\"script/auto\"]\ninput = 0.1\noutput = 0.2");
    scratch.replace(
        "route-prof.toml",
        "[[tier]]",
        "[[tier]]\nname = \"auto\"\nmodel = \"script/auto\"\nrouter = true\n[[tier]]",
    );
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let summary = summary(&scratch);
    assert_eq!(summary["outside_ladder"][0]["role"], "router");
    assert_eq!(summary["outside_ladder"][0]["pass_rate"]["mean"], 1.0);
    assert_eq!(
        summary["outside_ladder"][0]["served"],
        json!([{"model": "auto", "replies": 40, "share": 1.0}])
    );
    let strategies = summary["strategies"]["table"].as_array().unwrap();
    let line = strategies.iter().find(|line| line["id"] == "router:auto").unwrap();
    assert_eq!((&line["kind"], &line["pass_rate"]["mean"]), (&json!("outside"), &json!(1.0)));
    assert_eq!(summary["tasks"][0]["route"]["tier"], "small");
    assert!(!scratch.read("router.toml").contains("auto"));
    assert!(
        scratch.run(&["run", "corpus.jsonl", "--dry-run"]).exits(0).stdout.contains("auto"),
        "it costs, too"
    );
}

#[test]
fn fallbacks_that_nobody_named_cannot_be_measured() {
    let ran = Scratch::project().run(&["run", "corpus.jsonl", "--fallbacks"]).exits(2);
    assert!(ran.stderr.contains("same_class"), "{}", ran.stderr);
}
