//! Strategies, gates and lints through the real binary, on scripted answers.
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

/// So many prompts; `hound` is always right, `pup` at every other one.
fn project(prompts: usize, more: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write("route-prof.toml", format!("{}\n{more}\n", common::CONFIG));
    let (mut script, mut corpus) = (String::new(), String::new());
    for n in 0..prompts {
        if n % 2 == 0 {
            script += &format!("[[rule]]\nmodel = \"pup\"\nmatch = \"thing {n}\\\\.\"\nreply = \"green\"\n");
        }
        let line = json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}."), "expected": "red"});
        corpus += &format!("{line}\n");
    }
    scratch.write("script.toml", script + "[[rule]]\nmatch = \".\"\nreply = \"red\"\n");
    scratch.write("corpus.jsonl", corpus);
    scratch
}

fn file(scratch: &Scratch, name: &str) -> String {
    let run = scratch.read("reports/latest");
    scratch.read(&format!("reports/{}/{name}", run.trim()))
}

fn run(scratch: &Scratch) -> Value {
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    serde_json::from_str(&file(scratch, "summary.json")).unwrap()
}

fn says(summary: &Value, code: &str) -> bool {
    summary["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == code)
}

fn line<'a>(summary: &'a Value, id: &str) -> &'a Value {
    let table = summary["strategies"]["table"].as_array().unwrap();
    table.iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

const CLASSIFIER: &str =
    "[strategy.classifier]\nmodel = \"<b>=1+1\"\nprice = 0.05\nlatency_ms = 300\naccuracy = 0.9";

#[test]
fn every_report_compares_the_strategies() {
    let scratch = project(40, "[policy]\nfailure_cost = 0.6");
    let summary = run(&scratch);
    assert_eq!(line(&summary, "single:large")["pass_rate"]["mean"], 1.0);
    assert_eq!(line(&summary, "perfect-router")["opt_sel"], 1.0);
    assert!(line(&summary, "single:small")["expected_bill_per_1000"].is_string());
    let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(file(&scratch, "strategies.csv").as_bytes())
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), summary["strategies"]["table"].as_array().unwrap().len());
    assert!(file(&scratch, "report.md").contains("| strategy | pass rate (95 % CI) |"));
    let page = file(&scratch, "report.html");
    for wanted in
        ["Would another way of routing do better?", "chart-strategies", "perfect router", "Expected bill"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(file(&scratch, "charts/strategies.svg").starts_with("<svg"));
}

#[test]
fn where_no_router_pays_the_report_says_so() {
    // Which prompts the small tier fails cannot be told from their texts, and its gate lets every word of the set through.
    let scratch = project(40, "");
    let summary = run(&scratch);
    assert_eq!(summary["strategies"]["winner"], Value::Null);
    let ran = scratch.run(&["report", "latest"]).exits(0);
    assert!(ran.stdout.contains("No strategy beats the best single tier"), "{}", ran.stdout);
}

#[test]
fn eight_prompts_rule_no_tier_out_and_show_none_to_be_needless() {
    let scratch = project(8, "");
    let summary = run(&scratch);
    assert!(!says(&summary, "dominated-tier"));
    let page = file(&scratch, "report.md");
    assert!(page.contains("No single tier is shown to be good enough for every task yet"), "{page}");
    assert!(!page.contains("No single tier is good enough"), "{page}");
    // 8 of 8 are no certainty, and the routes have a row that was decided without the prompts that it is judged on.
    let routed = line(&summary, "routed-cross-fitted");
    assert_eq!(summary["strategies"]["routed_quality"], routed["pass_rate"]);
    assert!(routed["pass_rate"]["low"].as_f64().unwrap() < 0.9, "{routed}");
    assert!(page.contains("measured on prompts that did not decide them"), "{page}");
}

#[test]
fn a_strategy_that_a_sentence_names_has_a_row() {
    let cheap = "[strategy.classifier]\nprice = 0.0000001\naccuracy = 1.0";
    let scratch = project(300, cheap);
    let summary = run(&scratch);
    let winner = summary["strategies"]["winner"].as_str().unwrap();
    assert!(winner == "classifier" || winner == "hybrid", "{winner}");
    let label = line(&summary, winner)["label"].as_str().unwrap();
    let page = file(&scratch, "report.md");
    assert!(page.contains(&format!("Best strategy on these prompts: {label}")), "{page}");
    assert!(page.lines().any(|row| row.starts_with(&format!("| {label} |"))), "{page}");
    // No interval of a pass rate is a point, and only the best single tier is exactly as good as itself.
    let best = format!("single:{}", summary["strategies"]["best_single_tier"].as_str().unwrap());
    for line in summary["strategies"]["table"].as_array().unwrap() {
        assert!(line["pass_rate"]["low"].as_f64() < line["pass_rate"]["high"].as_f64(), "{line}");
        let gap = &line["quality_gap"];
        assert!(gap["low"].as_f64() < gap["high"].as_f64() || line["id"] == best.as_str(), "{line}");
    }
}

#[test]
fn the_same_answers_give_the_same_bytes() {
    let scratch = project(40, CLASSIFIER);
    run(&scratch);
    let before = (file(&scratch, "summary.json"), file(&scratch, "charts/strategies.svg"));
    scratch.run(&["report", "latest"]).exits(0);
    assert!(before == (file(&scratch, "summary.json"), file(&scratch, "charts/strategies.svg")));
}

#[test]
fn a_classifier_that_costs_more_than_it_saves_is_named_and_its_name_is_only_text() {
    let scratch = project(40, CLASSIFIER);
    let summary = run(&scratch);
    assert!(says(&summary, "classifier-costly"));
    assert!(says(&summary, "classifier-does-not-pay"));
    assert!(!file(&scratch, "report.html").contains("<b>=1+1"));
    assert!(!says(&run(&project(40, "")), "classifier-costly"));
}

#[test]
fn a_route_with_little_traffic_needs_no_classifier() {
    let scratch = project(40, "");
    let config = scratch.read("route-prof.toml");
    let set = |requests: &str| {
        let lines = config.lines().filter(|line| !line.starts_with("requests_per_day"));
        let with = |line: &str| match line {
            "[task.colour]" => format!("{line}\nrequests_per_day = {requests}\n"),
            _ => format!("{line}\n"),
        };
        scratch.write("route-prof.toml", lines.map(with).collect::<String>());
    };
    set("300");
    assert!(says(&run(&scratch), "low-traffic"));
    set("400");
    assert!(!says(&run(&scratch), "low-traffic"));
}

#[test]
fn everything_on_the_frontier_is_no_routing() {
    // The small tier is right half of the time.
    assert!(says(&run(&project(40, "")), "all-on-frontier"));
}

#[test]
fn a_corpus_that_is_small_is_named_and_a_large_one_is_not() {
    assert!(says(&run(&project(40, "")), "small-corpus"));
    assert!(!says(&run(&project(200, "")), "small-corpus"));
}

#[test]
fn a_setting_that_makes_no_sense_is_pointed_at() {
    for (setting, wanted) in [
        ("[strategy]\nfolds = 1", "folds is out of range"),
        ("[strategy]\nkeep = []", "keep is empty"),
        ("[strategy]\nneighbours = 0", "neighbours is 0"),
        ("[strategy.hybrid]\nbelow = 80", "the thresholds of [strategy.hybrid] make no sense"),
        ("[strategy]\nweights = { cost = -1.0 }", "a weight is negative"),
        ("[policy]\nfailure_cost = -1", "failure_cost is negative"),
        ("[strategy]\nfold = 3", "unknown key"),
    ] {
        let ran = project(4, setting).run(&["run", "corpus.jsonl"]).exits(2);
        assert!(ran.stderr.contains(wanted) && ran.stderr.contains('^'), "{setting}: {}", ran.stderr);
    }
}
