//! `plan`: what the prompts can decide, by floor and by margin, and where the next ones help most.
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

/// Two tasks of 60 prompts each, one with ten times the traffic; the small tier fails `fails` prompts of each.
fn project(fails: u32) -> Scratch {
    let scratch = Scratch::project();
    let line = |task: &str, n: u32| {
        let line = json!({"id": format!("{task}{n}"), "task": task, "prompt": format!("{task} {n}."), "expected": "red"});
        format!("{line}\n")
    };
    let corpus: String =
        ["colour", "shade"].iter().flat_map(|task| (0..60).map(move |n| line(task, n))).collect();
    scratch.write("corpus.jsonl", corpus);
    let numbers: Vec<String> = (0..fails).map(|n| n.to_string()).collect();
    scratch.write(
        "script.toml",
        format!(
            "[[rule]]\nmodel = \"pup\"\nmatch = \" ({})\\\\.$\"\nreply = \"blue\"\n[[rule]]\nreply = \"red\"\n",
            numbers.join("|")
        ),
    );
    let config = scratch.read("route-prof.toml").replace("consequence = \"low\"", "consequence = \"high\"");
    let more = "\n[task.shade]\noracle = \"colour@1\"\nconsequence = \"high\"\nrequests_per_day = 10000\n";
    scratch.write("route-prof.toml", config + more);
    scratch
}

fn plan(scratch: &Scratch) -> Value {
    scratch.run(&["plan", "corpus.jsonl", "--format", "json"]).exits(0).json()
}

#[test]
fn a_task_is_held_against_its_floor_and_against_the_margin() {
    let scratch = project(6);
    let json = plan(&scratch);
    let colour = &json["decides"][0];
    assert_eq!((&colour["smallest_n"], &colour["decidable"]), (&json!(58), &json!(true)));
    // (1.6449 + 0.8416)^2 0.06 / 0.03^2, the share of disagreement being assumed.
    assert_eq!((&colour["smallest_n_margin"], &colour["decidable_margin"]), (&json!(413), &json!(false)));
    assert_eq!((&colour["discordant"], &colour["discordant_measured"]), (&json!(0.06), &json!(false)));
    // The exact interval asks for a prompt more.
    let config = scratch.read("route-prof.toml");
    scratch.write(
        "route-prof.toml",
        format!("{config}\n[policy]\ninterval = \"clopper_pearson\"\nmargin = 0.1\n"),
    );
    let colour = &plan(&scratch)["decides"][0];
    assert_eq!((&colour["smallest_n"], &colour["smallest_n_margin"]), (&json!(59), &json!(38)));
    // A run has measured how often the tiers disagree: 6 of 60.
    scratch.write("route-prof.toml", config);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let colour = &plan(&scratch)["decides"][0];
    assert_eq!((&colour["discordant"], &colour["discordant_measured"]), (&json!(0.1), &json!(true)));
}

#[test]
fn the_next_prompts_go_where_traffic_times_saving_times_chance_is_most() {
    let scratch = project(6);
    // Nothing is measured: what is assumed is said, and the busier task comes first.
    let next = &plan(&scratch)["next_prompts"];
    assert_eq!((&next["run"], &next["more"]), (&Value::Null, &json!(100)));
    let tasks: Vec<&str> =
        next["tasks"].as_array().unwrap().iter().map(|task| task["task"].as_str().unwrap()).collect();
    assert_eq!(tasks, ["shade", "colour"]);
    let ran = scratch.run(&["plan", "corpus.jsonl"]).exits(0);
    assert!(ran.stdout.contains("Nothing was measured yet"), "{}", ran.stdout);

    // 54 of 60 pass: neither above nor below 0.85 for sure, while the large tier serves.
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let next = plan(&scratch)["next_prompts"].clone();
    assert!(next["run"].is_string(), "{next}");
    let first = &next["tasks"][0];
    assert_eq!(
        (&first["task"], &first["tier"], &first["instead_of"]),
        (&json!("shade"), &json!("small"), &json!("large"))
    );
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    let product = 10_000.0 * 365.0 / 12.0 * number(&first["savings_per_request"]) * number(&first["chance"]);
    assert!((number(&first["expected_savings_per_month"]) / product - 1.0).abs() < 1e-3, "{first}");
    // By a simulation of 60,000 draws: Beta(55, 7), then 100 more, then whether 0.85 is cleared at 0.95.
    assert!((number(&first["chance"]) - 0.478).abs() < 0.01, "{first}");
    let shown = scratch.run(&["plan", "corpus.jsonl"]).exits(0).stdout;
    let shown = &shown[shown.find("What these prompts").unwrap()..];
    insta::assert_snapshot!(shown, @r"
    What these prompts can decide:
     task     distinct   effective n   route floor       meets floor   non-inferior within 3.0 points
               prompts
    ──────────────────────────────────────────────────────────────────────────────────────────────────
     colour         60            60   0.95 (P ≥ 0.95)   from 99.9 %   needs n ≥ 687
     shade          60            60   0.95 (P ≥ 0.95)   from 99.9 %   needs n ≥ 687
    meets floor: the lowest pass rate that would meet the route floor with these prompts, or the effective n that it takes.
    non-inferior within 3.0 points: whether these prompts can show that an equally good tier is not worse by more than
    that, with a power of 80 %, if the tiers disagree on 10.0 % of the prompts (measured in the last run).

    Where 100 more prompts of a task would save most:
     task     cheaper tier             requests   savings per   chance   expected savings
                                        per day       request                     a month
    ──────────────────────────────────────────────────────────────────────────────────────
     shade    small instead of large      10000    $0.0000615   48.1 %              $8.99
     colour   small instead of large       1000     $0.000063   48.1 %             $0.921
    expected savings: requests x savings per request x the chance that the prompts prove the cheaper tier good enough.
    Pass rates and costs are from run corpus-eebb60.
    ");

    // Where the small tier is good enough, or surely is not, more prompts save nothing.
    for fails in [0, 40] {
        let settled = project(fails);
        settled.run(&["run", "corpus.jsonl"]).exits(0);
        assert_eq!(plan(&settled)["next_prompts"]["tasks"], json!([]), "{fails}");
    }
}

#[test]
fn a_run_that_was_decided_by_floors_says_nothing_of_differences() {
    let scratch = project(4);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let config = scratch.read("route-prof.toml");
    scratch.write("route-prof.toml", format!("{config}\n[policy]\nrule = \"non_inferior\"\n"));
    let ran = scratch.run(&["plan", "corpus.jsonl"]).exits(0);
    assert!(ran.stdout.contains("the last run was decided by floors"), "{}", ran.stdout);
    scratch.run(&["report", "latest"]).exits(0);
    let next = plan(&scratch)["next_prompts"].clone();
    assert_eq!((&next["tasks"][0]["task"], &next["tasks"][0]["tier"]), (&json!("shade"), &json!("small")));
    // Other models are another measurement.
    scratch.replace("route-prof.toml", "script/pup\"\n", "script/puppy\"\n");
    scratch.replace("route-prof.toml", "[prices.model.\"script/pup\"]", "[prices.model.\"script/puppy\"]");
    assert_eq!(plan(&scratch)["next_prompts"]["run"], Value::Null);
}
