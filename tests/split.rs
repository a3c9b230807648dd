//! A task in bands of length, through the real binary: long prompts fail at the small tier and short ones pass.
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

/// `short` prompts of weight 1 that both tiers pass, and `long` ones of weight 2 that the small tier fails.
fn project(short: u32, long: u32, split: &str) -> Scratch {
    let scratch = Scratch::project();
    let line = |id: String, text: String, weight: u32| {
        let line = json!({"id": id, "cluster": id, "task": "colour", "prompt": text, "expected": "red", "weight": weight});
        format!("{line}\n")
    };
    let tail = "and so on and on ".repeat(40);
    let corpus: String = (0..short)
        .map(|n| line(format!("s{n}"), format!("thing {n}"), 1))
        .chain((0..long).map(|n| line(format!("l{n}"), format!("long thing {n} {tail}"), 2)))
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.write(
        "script.toml",
        r#"
[[rule]]
model = "pup"
match = "^long"
reply = "blue"
input_tokens = 1000
output_tokens = 100
[[rule]]
match = "^long"
reply = "red"
input_tokens = 1000
output_tokens = 100
[[rule]]
reply = "red"
input_tokens = 100
output_tokens = 10
"#,
    );
    scratch.replace(
        "route-prof.toml",
        "requests_per_day = 1000",
        &format!("requests_per_day = 3000\n{split}"),
    );
    scratch
}

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
}

fn notice(summary: &Value, code: &str) -> Option<String> {
    let found = summary["notices"].as_array().unwrap().iter().find(|notice| notice["code"] == code)?;
    Some(found["text"].as_str().unwrap().to_owned())
}

fn month(summary: &Value) -> f64 {
    number(&summary["projection"]["total"]["month"]["mean"])
}

/// Money is text in JSON, so that no digit is lost.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

const MONTH: f64 = 365.0 / 12.0;

#[test]
fn short_requests_go_to_the_small_tier_and_long_ones_to_the_large_one() {
    let whole = project(200, 100, "");
    whole.run(&["run", "corpus.jsonl"]).exits(0);
    let whole = summary(&whole);
    assert_eq!(whole["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(whole["tasks"][0]["route"]["tier"], "large");
    // 200 of weight 1 at 0.0012, and 100 of weight 2 at 0.012: half of the traffic each.
    assert!((month(&whole) - 3000.0 * MONTH * 0.0066).abs() < 0.01, "{}", month(&whole));

    let scratch = project(200, 100, "split = { input_tokens = [50] }");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let json = summary(&scratch);
    let tasks = json["tasks"].as_array().unwrap();
    let of = |at: usize, key: &str| tasks[at][key].clone();
    assert_eq!((of(0, "name"), of(1, "name")), (json!("colour.up-to-50"), json!("colour.over-50")));
    assert_eq!(of(1, "band"), json!({"of": "colour", "input_tokens_above": 50, "input_tokens_up_to": null}));
    assert_eq!((of(0, "requests_per_day"), of(1, "requests_per_day")), (json!(1500.0), json!(1500.0)));
    assert_eq!((of(0, "prompts"), of(1, "distinct_prompts")), (json!(200), json!(100)));
    let route = |at: usize| (tasks[at]["route"]["tier"].clone(), tasks[at]["route"]["decision"].clone());
    assert_eq!(route(0), (json!("small"), json!("route")));
    assert_eq!(route(1), (json!("large"), json!("route")));
    // By hand: (100 x $1 + 10 x $2) and (1000 x $10 + 100 x $20) per million.
    let by_hand = 1500.0 * MONTH * (0.00012 + 0.012);
    assert!((month(&json) - by_hand).abs() < 0.01, "{} {by_hand}", month(&json));
    assert!(month(&json) < month(&whole));
    let lines = json["projection"]["tasks"].as_array().unwrap();
    assert_eq!(
        lines.iter().map(|line| line["task"].clone()).collect::<Vec<_>>(),
        [of(0, "name"), of(1, "name")]
    );
    for (line, cost) in lines.iter().zip([0.00012, 0.012]) {
        assert!((number(&line["routed"]["month"]["mean"]) - 1500.0 * MONTH * cost).abs() < 0.01, "{line}");
    }
    insta::assert_snapshot!(notice(&json, "split-by-length").unwrap(), @"Decided by length: colour (up to 50, over 50). Lengths are input tokens of the whole request as estimated before it is sent (o200k), not as a provider counts them; traffic is divided by the weights of the prompts.");

    // The longest band has the task's own name, so that who does not look at lengths is served as the longest are.
    let router: toml::Value = toml::from_str(&scratch.read("router.toml")).unwrap();
    let routes = router["route"].as_table().unwrap();
    assert_eq!(routes.keys().collect::<Vec<_>>(), ["colour", "colour.up-to-50"]);
    let text = scratch.read("router.toml");
    let head = |name: &str| {
        let at = text.find(name).unwrap();
        text[at..].lines().take(4).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(head("[route.colour]"), @r#"
    [route.colour]
    task = "colour"
    input_tokens = { above = 50 }
    tier = "large"
    "#);
    insta::assert_snapshot!(head("[route.\"colour.up-to-50\"]"), @r#"
    [route."colour.up-to-50"]
    task = "colour"
    input_tokens = { up_to = 50 }
    tier = "small"
    "#);
    scratch.run(&["check"]).exits(0);
    scratch.run(&["report", "latest"]).exits(0);
    assert_eq!(scratch.read("router.toml"), text);

    // Other bounds are other routes.
    scratch.replace("route-prof.toml", "[50]", "[40]");
    let checked = scratch.run(&["check"]).exits(100);
    for said in
        ["over 50 input tokens -> over 40 input tokens", "colour.up-to-50: removed", "colour.up-to-40: new"]
    {
        assert!(checked.stdout.contains(said), "{}", checked.stdout);
    }
    scratch.replace("route-prof.toml", "split = { input_tokens = [40] }", "");
    let checked = scratch.run(&["check"]).exits(100);
    assert!(checked.stdout.contains("over 50 input tokens -> requests of any length"), "{}", checked.stdout);
}

#[test]
fn every_request_that_reads_a_run_knows_the_bands() {
    let scratch = project(200, 100, "split = { input_tokens = [50] }");
    let plan = scratch.run(&["plan", "corpus.jsonl", "--format", "json"]).exits(0).json();
    let decides = plan["decides"].as_array().unwrap();
    let seen: Vec<_> =
        decides.iter().map(|task| (task["task"].clone(), task["distinct_prompts"].clone())).collect();
    assert_eq!(seen, [(json!("colour.up-to-50"), json!(200)), (json!("colour.over-50"), json!(100))]);
    assert_eq!(plan["estimate"]["cells"].as_array().unwrap().len(), 4);
    assert_eq!(plan.get("merged_bands"), None);
    scratch.run(&["run", "corpus.jsonl", "--run-id", "split"]).exits(0);
    // Traffic is that of the task; the bands share it.
    let what_if =
        scratch.run(&["report", "split", "--traffic", "colour=6000", "--format", "json"]).exits(0).json();
    assert!(what_if.to_string().contains("\"requests_per_day\":3000.0"), "{what_if}");
    scratch.run(&["grade", "split"]).exits(0);
    // Labels are asked for across the bands of a task.
    let export = scratch.run(&["review", "export", "split", "--n", "20", "--out", "review"]);
    assert_eq!(export.code, 0, "{}", export.all());
    // What serves the task today serves both bands: all of it at 0.0066 on average.
    let config = scratch.read("route-prof.toml");
    scratch.write("route-prof.toml", format!("{config}\n[baseline]\nmodels = {{ colour = \"large\" }}\n"));
    scratch.run(&["report", "split"]).exits(0);
    let told: Value = serde_json::from_str(&scratch.read("reports/split/summary.json")).unwrap();
    let today = &told["projection"]["today"];
    assert_eq!(today["tiers"].as_array().unwrap().len(), 2);
    assert!((number(&today["cost"]["month"]["mean"]) - 3000.0 * MONTH * 0.0066).abs() < 0.01, "{today}");
    scratch.write("route-prof.toml", config);
    scratch.run(&["simulate", "split", "--requests", "2000"]).exits(0);
    let day: Value = serde_json::from_str(&scratch.read("reports/split/simulate.json")).unwrap();
    let cost = number(&day["days"][0]["total"]["cost"]);
    // 2,000 requests, half of them long: 1,000 x (0.00012 + 0.012).
    assert!((cost / 12.12 - 1.0).abs() < 0.05, "{cost}");
    // A run without the split, compared with this one: the decision of the task as a whole is told beside those of the bands.
    scratch.replace("route-prof.toml", "split = { input_tokens = [50] }", "");
    scratch.run(&["run", "corpus.jsonl", "--run-id", "whole"]).exits(0);
    let diff = scratch.run(&["diff", "whole", "split", "--format", "json"]).exits(0).json();
    assert_eq!(
        diff["decisions"],
        json!([{"task": "colour", "before": "route on large",
            "after": "route on small (up to 50 input tokens), route on large (over 50 input tokens)"}])
    );
}

#[test]
fn bands_are_stopped_early_each_by_itself() {
    let scratch = project(300, 150, "split = { input_tokens = [50] }");
    scratch.run(&["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let json = summary(&scratch);
    let stopped = |task: usize, tier: usize| json["tasks"][task]["cells"][tier]["stopped_early"].clone();
    assert_eq!(json["tasks"][0]["route"]["tier"], "small");
    assert_eq!(json["tasks"][1]["route"]["tier"], "large");
    // Short requests: both tiers are proven soon, or the small one spares the large one. Long ones: the small tier fails soon.
    assert!(stopped(0, 1)["prompts"].as_u64().unwrap() < 200, "{}", stopped(0, 1));
    assert!(stopped(1, 0)["prompts"].as_u64().unwrap() < 100, "{}", stopped(1, 0));
    scratch.run(&["check"]).exits(0);
}

#[test]
fn a_band_with_too_few_prompts_is_merged_and_the_notice_says_so() {
    let scratch = project(200, 12, "split = { input_tokens = [50] }");
    let plan = scratch.run(&["plan", "corpus.jsonl"]).exits(0).stdout;
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let json = summary(&scratch);
    let said = notice(&json, "band-too-small").unwrap();
    insta::assert_snapshot!(said, @"colour is not split as configured, but decided as a whole: 12 distinct prompts have over 50 estimated input tokens, and a band needs 30 (min_prompts). Add prompts of that length, or take the bound out of `split`.");
    assert!(plan.contains(&said), "{plan}");
    let tasks = json["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!((&tasks[0]["name"], tasks[0].get("band")), (&json!("colour"), None));
    assert!(!scratch.read("router.toml").contains("input_tokens ="));
    assert_eq!(notice(&json, "split-by-length"), None);
    scratch.run(&["check"]).exits(0);

    // The middle one of three is empty: it joins its smaller neighbour.
    let scratch = project(200, 100, "split = { input_tokens = [50, 60] }");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let json = summary(&scratch);
    insta::assert_snapshot!(notice(&json, "band-too-small").unwrap(), @"colour is not split as configured, but decided in the bands up to 50, over 50: 0 distinct prompts have 51 to 60 estimated input tokens, and a band needs 30 (min_prompts). Add prompts of that length, or take the bound out of `split`.");
    assert_eq!(json["tasks"][1]["name"], "colour.over-50");
    scratch.run(&["check"]).exits(0);
}

#[test]
fn weights_count_by_their_effective_n() {
    // 40 long prompts, one of which weighs as much as all others together: their effective n is far below 30.
    let scratch = project(200, 40, "split = { input_tokens = [50] }");
    let corpus = scratch.read("corpus.jsonl");
    let heavy = corpus.lines().map(|line| match line.contains("\"l7\"") {
        true => line.replace("\"weight\":2", "\"weight\":80") + "\n",
        false => line.to_owned() + "\n",
    });
    scratch.write("corpus.jsonl", heavy.collect::<String>());
    let plan = scratch.run(&["plan", "corpus.jsonl", "--format", "json"]).exits(0).json();
    insta::assert_snapshot!(plan["merged_bands"][0].as_str().unwrap(), @"colour is not split as configured, but decided as a whole: 40 distinct prompts (effective n 3) have over 50 estimated input tokens, and a band needs 30 (min_prompts). Add prompts of that length, or take the bound out of `split`.");
}

#[test]
fn faults_of_the_setting_have_a_place() {
    let refused = |split: &str| project(10, 0, split).run(&["plan", "corpus.jsonl"]).exits(2).stderr;
    insta::assert_snapshot!(refused("split = { input_tokens = [] }"), @"
    error: this split has no bound
      --> route-prof.toml:27:9
       |
    27 | split = { input_tokens = [] }
       |         ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: name one or more, such as input_tokens = [5000]
    ");
    insta::assert_snapshot!(refused("split = { input_tokens = [0, 10] }"), @"
    error: no request has 0 input tokens or fewer
      --> route-prof.toml:27:27
       |
    27 | split = { input_tokens = [0, 10] }
       |                           ^
       |
       = help: use a bound of 1 or more
    ");
    insta::assert_snapshot!(refused("split = { input_tokens = [5000, 5000] }"), @"
    error: the bound 5000 is not above the one before it, 5000
      --> route-prof.toml:27:33
       |
    27 | split = { input_tokens = [5000, 5000] }
       |                                 ^^^^
       |
       = help: order the bounds from the lowest to the highest, each once
    ");
    insta::assert_snapshot!(refused("split = { input_tokens = [5000, 1000] }"), @"
    error: the bound 1000 is not above the one before it, 5000
      --> route-prof.toml:27:33
       |
    27 | split = { input_tokens = [5000, 1000] }
       |                                 ^^^^
       |
       = help: order the bounds from the lowest to the highest, each once
    ");
    insta::assert_snapshot!(refused("split = { input_tokens = [-1] }"), @"
    error: invalid value: integer `-1`, expected a whole number, 0 or more
      --> route-prof.toml:27:27
       |
    27 | split = { input_tokens = [-1] }
       |                           ^^
    ");
    insta::assert_snapshot!(refused("split = { input_tokens = [1.5] }"), @"
    error: invalid type: floating point `1.5`, expected a whole number, 0 or more
      --> route-prof.toml:27:27
       |
    27 | split = { input_tokens = [1.5] }
       |                           ^^^
    ");
    insta::assert_snapshot!(refused("split = { output_tokens = [5] }"), @"
    error: unknown key `output_tokens`
      --> route-prof.toml:27:11
       |
    27 | split = { output_tokens = [5] }
       |           ^^^^^^^^^^^^^
       |
       = help: did you mean `input_tokens`?
    ");
    let name = "split = { input_tokens = [10, 20] }\n\n[task.\"colour.up-to-20\"]\noracle = \"colour@1\"";
    insta::assert_snapshot!(refused(name), @r#"
    error: `colour.up-to-20` is also the name of a band of task `colour`, by its `split`
      --> route-prof.toml:29:7
       |
    29 | [task."colour.up-to-20"]
       |       ^^^^^^^^^^^^^^^^^
       |
       = help: give this task another name
    "#);
}
