//! What "good enough" means, through the real binary: the floor and non-inferiority, three intervals, many cells at once,
//! repeats, and that few prompts never decide.
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

/// Prompts `thing 0` and so on; those below `small_fails` fail at the small tier, those below `large_fails` at the large one.
fn project(prompts: u32, small_fails: u32, large_fails: u32, policy: &str) -> Scratch {
    let scratch = Scratch::project();
    let corpus: String = (0..prompts)
        .map(|n| {
            let line = json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}."), "expected": "red"});
            format!("{line}\n")
        })
        .collect();
    scratch.write("corpus.jsonl", corpus);
    let fail = |model: &str, fails: u32| {
        let numbers: Vec<String> = (0..fails).map(|n| n.to_string()).collect();
        let which = numbers.join("|");
        format!("[[rule]]\nmodel = \"{model}\"\nmatch = \"^thing ({which})\\\\.$\"\nreply = \"blue\"\n")
    };
    let script: String = [("pup", small_fails), ("hound", large_fails)]
        .into_iter()
        .filter(|(_, fails)| *fails > 0)
        .map(|(model, fails)| fail(model, fails))
        .chain(std::iter::once("[[rule]]\nreply = \"red\"\n".to_owned()))
        .collect();
    scratch.write("script.toml", script);
    let config = scratch.read("route-prof.toml");
    scratch.write("route-prof.toml", format!("{config}\n[policy]\n{policy}\n"));
    scratch
}

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
}

#[test]
fn twenty_prompts_never_decide_whatever_the_rule_and_the_interval() {
    for rule in ["floor", "non_inferior"] {
        for interval in ["wilson", "clopper_pearson", "jeffreys"] {
            for multiplicity in ["none", "holm"] {
                let policy = format!(
                    "rule = \"{rule}\"\ninterval = \"{interval}\"\nmultiplicity = \"{multiplicity}\""
                );
                // All pass everywhere, and the consequence is low: nothing could look better.
                let scratch = project(20, 0, 0, &policy);
                scratch.run(&["run", "corpus.jsonl"]).exits(0);
                let task = &summary(&scratch)["tasks"][0];
                assert_eq!(task["route"]["decision"], "undecided", "{policy}");
                assert_eq!(task["route"]["confidence"], Value::Null);
                assert!(task["cells"].as_array().unwrap().iter().all(|cell| cell["band"] == "undecided"));
                assert!(scratch.read("router.toml").contains("decision = \"undecided\""));
                let reason = task["route"]["reason"].as_str().unwrap();
                assert!(reason.contains("of 20 prompts pass") && reason.contains("too few"), "{reason}");
            }
        }
    }
}

#[test]
fn under_non_inferiority_as_good_as_the_best_is_good_enough() {
    // 74 % and 76 % of 300: neither clears a floor.
    let scratch = project(300, 78, 72, "");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(summary(&scratch)["tasks"][0]["route"]["decision"], "escalate");
    scratch.replace("route-prof.toml", "[policy]\n", "[policy]\nrule = \"non_inferior\"\n");
    let ran = scratch.run(&["report", "latest"]).exits(0);
    assert!(
        ran.stdout.contains("A tier is good enough here when it is shown to be non-inferior to"),
        "{}",
        ran.stdout
    );
    let json = summary(&scratch);
    let (task, cell) = (&json["tasks"][0], &json["tasks"][0]["cells"][0]);
    assert_eq!((&task["route"]["tier"], &task["route"]["decision"]), (&json!("small"), &json!("route")));
    assert_eq!((&task["margin"], &task["monitor_margin"]), (&json!(0.03), &json!(0.06)));
    assert_eq!(json["method"], json!({"rule": "non_inferior"}));
    assert_eq!(
        (&cell["versus"]["tier"], &cell["versus"]["n"], &cell["versus"]["difference"]),
        (&json!("large"), &json!(300), &json!(-0.02))
    );
    assert_eq!((&cell["versus"]["only_this"], &cell["versus"]["only_other"]), (&json!(0.0), &json!(0.02)));
    // Good enough is not good: that is said aloud.
    let notices = json["notices"].as_array().unwrap();
    let poor = notices.iter().find(|notice| notice["code"] == "best-is-poor").unwrap();
    insta::assert_snapshot!(poor["text"].as_str().unwrap(), @"Non-inferior does not mean good here: the pass rate is below monitor_floor for colour (74.0 % of 300 trials pass).");
    insta::assert_snapshot!(task["route"]["reason"].as_str().unwrap(), @"cheapest tier that is non-inferior to the best tier (margin 3.0 points): 74.0 % of 300 prompts pass (95 % CI 68.8–78.6 %); -2.0 points against large on 300 shared prompts (lower bound -2.8); confidence = 0.85, low consequence requires 0.80");
    let router = scratch.read("router.toml");
    insta::assert_snapshot!(router.lines().find(|line| line.starts_with("versus")).unwrap(), @r#"versus = { tier = "large", difference = -0.02, low = -0.028019, margin = 0.03, n = 300 }"#);
    // What is written can be read and checked.
    scratch.run(&["check"]).exits(0);
    let page = scratch.read(&format!("reports/{}/report.html", scratch.read("reports/latest").trim()));
    assert!(page.contains("within the margin") && page.contains("Margins"), "no rule on the page");
}

#[test]
fn a_margin_of_the_tasks_own_and_a_named_reference_are_kept_to() {
    // 8 points worse: within a margin of 10, not of 3, nor of the 6 that monitoring would take.
    let scratch = project(300, 24, 0, "rule = \"non_inferior\"");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(summary(&scratch)["tasks"][0]["route"]["tier"], "large");
    scratch.replace("route-prof.toml", "consequence = \"low\"", "consequence = \"low\"\nmargin = 0.10");
    scratch.run(&["report", "latest"]).exits(0);
    assert_eq!(summary(&scratch)["tasks"][0]["route"]["tier"], "small");
    scratch.replace("route-prof.toml", "margin = 0.10", "");
    scratch.replace("route-prof.toml", "[policy]\n", "[policy]\nreference = \"small\"\n");
    scratch.run(&["report", "latest"]).exits(0);
    let json = summary(&scratch);
    assert_eq!(json["tasks"][0]["route"]["tier"], "small");
    assert_eq!(json["method"]["reference"], "small");
    insta::assert_snapshot!(json["tasks"][0]["route"]["reason"].as_str().unwrap(), @"cheapest tier that is good enough, being the reference that the others are compared with: 92.0 % of 300 prompts pass (95 % CI 88.4–94.6 %)");
}

#[test]
fn what_cannot_be_decided_by_is_refused_with_a_place() {
    let refused = |policy: &str| {
        let ran = project(20, 0, 0, policy).run(&["plan", "corpus.jsonl"]).exits(2);
        ran.stderr
    };
    insta::assert_snapshot!(refused("margin = 0.0"), @"
    error: a margin of 0 decides nothing
      --> route-prof.toml:28:1
       |
    28 | [policy]
       | ^^^^^^^^
       |
       = help: it is the loss of quality that you can live with, such as 0.03 for three points
    ");
    insta::assert_snapshot!(refused("margin = 0.05\nmonitor_margin = 0.02"), @"
    error: monitor_margin is below the margin
      --> route-prof.toml:28:1
       |
    28 | [policy]
       | ^^^^^^^^
       |
       = help: between the two a tier serves with monitoring: monitor_margin is the larger one
    ");
    insta::assert_snapshot!(refused("reference = \"huge\""), @"
    error: reference `huge` is no tier
      --> route-prof.toml:28:1
       |
    28 | [policy]
       | ^^^^^^^^
       |
       = help: name a tier of the ladder: small, large
    ");
    insta::assert_snapshot!(refused("rule = \"best\""), @r#"
    error: unknown variant `best`
      --> route-prof.toml:29:8
       |
    29 | rule = "best"
       |        ^^^^^^
       |
       = help: use one of: floor, non_inferior
    "#);
    let alone = project(20, 0, 0, "rule = \"non_inferior\"");
    alone.replace("route-prof.toml", "[[tier]]\nname = \"large\"\nmodel = \"script/hound\"\n", "");
    insta::assert_snapshot!(alone.run(&["plan", "corpus.jsonl"]).exits(2).stderr, @r#"
    error: rule = "non_inferior" has nothing to compare with
      --> route-prof.toml:25:1
       |
    25 | [policy]
       | ^^^^^^^^
       |
       = help: add the tier that the others must be no worse than, or use rule = "floor"
    "#);
}

#[test]
fn a_rule_can_be_tried_out_without_changing_anything() {
    let scratch = project(300, 78, 72, "");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let before = scratch.read("router.toml");
    let then = |args: &[&str]| {
        let all = [&["report", "--format", "json"], args].concat();
        scratch.run(&all).exits(0).json()["tasks"][0]["route"]["tier"].clone()
    };
    assert_eq!(then(&["--policy", "rule=non_inferior"]), "small");
    assert_eq!(
        then(&[
            "--policy",
            "rule=non_inferior",
            "--policy",
            "margin=0.01",
            "--policy",
            "monitor_margin=0.015"
        ]),
        "large"
    );
    assert_eq!(scratch.read("router.toml"), before);
    let ran = scratch.run(&["report", "--policy", "reference=huge"]).exits(2);
    insta::assert_snapshot!(ran.stderr, @"
    error: reference=huge: reference `huge` is no tier
    help: name a tier of the ladder: small, large
    ");
}

#[test]
fn what_was_stopped_early_under_a_floor_is_missing_under_the_other_rule() {
    // Stopped under a floor, and judged by the other rule afterwards: what was not asked is missing.
    let scratch = project(400, 0, 120, "");
    scratch.run(&["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let missing = |json: &Value| json["tasks"][0]["cells"][0]["counts"]["missing"].as_u64().unwrap();
    assert!(missing(&summary(&scratch)) > 0);
    scratch.replace("route-prof.toml", "[policy]\n", "[policy]\nrule = \"non_inferior\"\n");
    scratch.run(&["report", "latest"]);
    let json = summary(&scratch);
    assert!(json["tasks"][0]["cells"][0].get("stopped_early").is_none(), "{json}");
    assert!(json["tasks"][0]["cells"][0]["versus"]["n"].as_u64().unwrap() < 400);
}

#[test]
fn an_interval_that_is_asked_for_is_shown_named_and_decides() {
    let low = |interval: &str| {
        let scratch = project(100, 0, 3, &format!("interval = \"{interval}\""));
        let ran = scratch.run(&["run", "corpus.jsonl"]).exits(0);
        let json = summary(&scratch);
        let rate = json["tasks"][0]["cells"][1]["pass_rate"].clone();
        (rate["low"].as_f64().unwrap(), rate["interval"].clone(), ran.stdout, scratch.read("router.toml"))
    };
    // 97 of 100, as any table has them.
    let (wilson, name, _, router) = low("wilson");
    assert!((wilson - 0.915_479).abs() < 1e-5, "{wilson}");
    assert!(name.is_null() && !router.contains("interval"), "{router}");
    let (exact, name, stdout, router) = low("clopper_pearson");
    assert!((exact - 0.914_820).abs() < 1e-5, "{exact}");
    assert_eq!(name, "clopper_pearson");
    assert!(stdout.contains("Confidence intervals of pass rates: Clopper-Pearson; Wilson"), "{stdout}");
    assert!(router.contains("interval = \"clopper_pearson\""), "{router}");
    let (jeffreys, name, ..) = low("jeffreys");
    assert!((jeffreys - 0.922_112).abs() < 1e-5, "{jeffreys}");
    assert_eq!(name, "jeffreys");
}

#[test]
fn many_cells_at_once_are_said_or_corrected() {
    // 97 % of 100 at both tiers: P that the rate clears 0.95 is 0.79, which low consequence takes, and two such cells do not.
    let scratch = project(100, 3, 3, "confidence_low = 0.7");
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let one_line = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    // What Holm would change is no news; how many routes to expect below their floor is.
    assert!(
        one_line.contains("The chance that the route is below the floor that it claims is 0.2"),
        "{one_line}"
    );
    assert!(!one_line.contains("Holm"), "{one_line}");
    assert_eq!(summary(&scratch)["tasks"][0]["route"]["decision"], "route");
    scratch.replace("route-prof.toml", "[policy]\n", "[policy]\nmultiplicity = \"holm\"\n");
    let ran = scratch.run(&["report", "latest"]).exits(0);
    let json = summary(&scratch);
    assert_eq!(json["method"], json!({"multiplicity": "holm", "comparisons": 2}));
    assert_eq!(json["tasks"][0]["route"]["decision"], "monitor");
    assert!(ran.stdout.contains("2 cells were decided together (Holm correction)"), "{}", ran.stdout);
    insta::assert_snapshot!(json["tasks"][0]["route"]["reason"].as_str().unwrap(), @"cheapest tier that meets the 0.85 monitor floor: 97.0 % of 100 prompts pass (95 % CI 91.5–99.0 %); P(true rate ≥ 0.85) = 1.00 (1.00 after Holm correction), low consequence requires 0.70");
}

#[test]
fn repeats_show_how_often_all_of_them_pass() {
    let scratch = project(40, 0, 0, "");
    // Four prompts fail at the first of three tries at the small tier.
    scratch.write(
        "script.toml",
        "[[rule]]\nmodel = \"pup\"\nmatch = \"^thing [0-3]\\\\.$\"\ntimes = 1\nreply = \"blue\"\n[[rule]]\nreply = \"red\"\n",
    );
    let ran = scratch.run(&["run", "corpus.jsonl", "--repeats", "3"]).exits(0);
    let json = summary(&scratch);
    let (small, large) = (&json["tasks"][0]["cells"][0]["repeats"], &json["tasks"][0]["cells"][1]["repeats"]);
    assert_eq!(
        small["pass_power"],
        // C(2, 2) / C(3, 2) = 1 / 3 at four prompts of forty; none of them passes three of three.
        json!([{"k": 2, "share": 0.933333, "prompts": 40}, {"k": 3, "share": 0.9, "prompts": 40}])
    );
    assert_eq!((&small["flaky"], &small["prompts"]), (&json!(0.1), &json!(40)));
    assert_eq!((&large["flaky"], &large["within"]), (&json!(0.0), &json!(0.0)));
    assert!(ran.stdout.contains("pass^3 90.0 %"), "{}", ran.stdout);
    let run = scratch.read("reports/latest");
    for page in ["report.html", "report.md"] {
        let page = scratch.read(&format!("reports/{}/{page}", run.trim()));
        assert!(page.contains("pass^3 90.0 %, 10.0 % of 40 prompts flaky"), "{page}");
    }
    // Tried once, there is nothing to say.
    let once = project(40, 0, 0, "");
    once.run(&["run", "corpus.jsonl"]).exits(0);
    assert!(summary(&once)["tasks"][0]["cells"][0].get("repeats").is_none());
}
