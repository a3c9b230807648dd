//! The projected cost, end to end: ranges of traffic, growth, scenarios, what serves today, tasks without traffic, and the worked
//! example of the documents. Answers come from a script, so that every bill is known.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{CONFIG, ORACLE, Scratch};
use serde_json::{Value, json};

/// The rules of the script: every answer is right; those to "long" have ten times the tokens.
const SCRIPT: &str = r#"
[[rule]]
match = "long"
reply = "red"
input_tokens = 1000
output_tokens = 1000

[[rule]]
match = "."
reply = "red"
input_tokens = 100
output_tokens = 100
"#;

/// Two tasks, colour and shade, 60 prompts each; every tenth is long. `tasks` is what stands in their tables.
fn project(tasks: &str, extra: &str) -> Scratch {
    let scratch = Scratch::empty();
    let head = CONFIG.split("[task.colour]").next().unwrap();
    scratch.write("route-prof.toml", format!("{head}\n{tasks}\n{extra}"));
    scratch.write("oracles/colour@1.toml", ORACLE);
    scratch.write("script.toml", SCRIPT);
    let corpus: String = (0..120)
        .map(|n| {
            let task = if n % 2 == 0 { "colour" } else { "shade" };
            // Every prompt differs from every other in most of its words.
            let long = if (n / 2) % 10 == 0 { "long" } else { "brief" };
            let words: Vec<String> = (0..6).map(|k| format!("w{}", n * 37 + k * 1009)).collect();
            let prompt = format!("{long} {}", words.join(" "));
            format!("{}\n", json!({"id": format!("p{n}"), "task": task, "prompt": prompt, "expected": "red"}))
        })
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    scratch
}

fn tasks(colour: &str, shade: &str) -> String {
    format!(
        "[task.colour]\noracle = \"colour@1\"\nconsequence = \"low\"\n{colour}\n[task.shade]\noracle = \"colour@1\"\nconsequence = \"low\"\n{shade}\n"
    )
}

fn summary(scratch: &Scratch) -> Value {
    scratch.run(&["report", "--format", "json"]).exits(0).json()
}

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// Text without line breaks, so that a sentence can be looked for.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All reports of the last run, by name, and what the terminal says.
fn pages(scratch: &Scratch) -> Vec<(String, String)> {
    let folder = format!("reports/{}", scratch.read("reports/latest").trim());
    scratch.run(&["report"]).exits(0);
    let mut pages = vec![("terminal".to_owned(), flat(&scratch.run(&["report"]).exits(0).stdout))];
    for name in ["report.md", "report.html"] {
        let text = scratch.read(&format!("{folder}/{name}"));
        pages.push((name.to_owned(), flat(&text.replace('\\', "").replace('\u{a0}', " "))));
    }
    pages
}

/// Cost of a request on small: (0.9 x 100 + 0.1 x 1000) tokens in at $1 and out at $2 a million.
const SMALL: f64 = 190.0 * 3e-6;
const MONTH: f64 = 365.0 / 12.0;

#[test]
fn the_worked_example_is_45_dollars_a_day() {
    // 50,000 requests a day with 300 tokens at $3 a million. Some documents print $22,500 a month for that.
    let scratch = Scratch::empty();
    let config = CONFIG
        .replace("input = 1\noutput = 2", "input = 3\noutput = 0")
        .replace("requests_per_day = 1000", "requests_per_day = 50000");
    scratch.write("route-prof.toml", config);
    scratch.write("oracles/colour@1.toml", ORACLE);
    scratch.write(
        "script.toml",
        "[[rule]]\nmatch = \".\"\nreply = \"red\"\ninput_tokens = 300\noutput_tokens = 1\n",
    );
    let corpus: String = (0..40)
        .map(|n| {
            let prompt = format!("thing{} of{} kind{}", n * 7, n * 13, n * 29);
            format!(
                "{}\n",
                json!({"id": format!("p{n}"), "task": "colour", "prompt": prompt, "expected": "red"})
            )
        })
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let total = &summary(&scratch)["projection"]["total"];
    let (day, month) = (usd(&total["day"]["mean"]), usd(&total["month"]["mean"]));
    assert_eq!(day, 45.0);
    // $1,350 in 30 days; our month is the twelfth part of a year.
    assert_eq!(30.0 * day, 1350.0);
    assert_eq!(month, 1368.75);
    assert_eq!(usd(&total["year"]["mean"]), 45.0 * 365.0);
    assert!((month / 22_500.0 - 1.0).abs() > 0.9);
}

#[test]
fn a_plain_number_has_the_prompts_in_its_interval_and_says_so() {
    let scratch = project(&tasks("requests_per_day = 1000", "requests_per_day = 1000"), "");
    let projection = &summary(&scratch)["projection"];
    assert!((usd(&projection["total"]["day"]["mean"]) - 2000.0 * SMALL).abs() < 1e-9);
    let sources = projection["sources"].as_array().unwrap();
    assert_eq!((sources.len(), &sources[0]["source"]), (1, &json!("prompts")));
    assert_eq!(sources[0]["month"], projection["total"]["month"]);
    assert!(projection.get("growth").is_none() && projection.get("scenarios").is_none());
    for (name, page) in pages(&scratch) {
        assert!(page.contains("contain the sampling of the prompts only"), "{name}: {page}");
        assert!(page.contains("against all traffic on large"), "{name}");
    }
    let csv = scratch.read(&format!("reports/{}/projection.csv", scratch.read("reports/latest").trim()));
    assert!(csv.lines().next().unwrap().ends_with(",interval_contains"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",prompts"), "{csv}");
}

#[test]
fn a_range_of_traffic_widens_the_interval_and_every_report_says_by_what() {
    let range = "requests_per_day = { low = 400, likely = 1000, high = 2600 }";
    let scratch =
        project(&tasks(range, "requests_per_day = 1000"), "[projection]\nroutes_may_flip = false\n");
    let one = summary(&scratch);
    let projection = &one["projection"];
    // The estimate stays that of the likely traffic.
    assert!((usd(&projection["total"]["day"]["mean"]) - 2000.0 * SMALL).abs() < 1e-9);
    let sources = projection["sources"].as_array().unwrap();
    let share = |name: &str| {
        let one = sources.iter().find(|one| one["source"] == name).unwrap();
        (one["share"].as_f64().unwrap(), &one["month"])
    };
    let sum: f64 = sources.iter().map(|one| one["share"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sources:?}");
    // Only traffic: its 2.5 % and 97.5 % points are those of the PERT: beta(2.0909, 3.9091) on [400, 2600].
    let (_, month) = share("traffic");
    let (low, high) = (usd(&month["low"]), usd(&month["high"]));
    let bill = |colour: f64| (colour + 1000.0) * SMALL * MONTH;
    assert!(bill(526.0) < low && low < bill(536.0), "{low} {}", bill(530.9));
    assert!(bill(1998.0) < high && high < bill(2018.0), "{high} {}", bill(2007.8));
    let total = &projection["total"]["month"];
    assert!(usd(&total["high"]) > high && usd(&total["low"]) < low, "{total}");
    let scenario = &projection["scenarios"][0];
    assert_eq!((scenario["source"].as_str(), scenario["low"].as_f64()), (Some("traffic"), Some(1400.0)));
    assert!((usd(&scenario["month_at_low"]) - bill(400.0)).abs() < 1e-6);
    assert!((usd(&scenario["month_at_high"]) - bill(2600.0)).abs() < 1e-6);
    // Savings compare the same worlds: what a request costs on the tiers has a fixed ratio here.
    let savings = &projection["baselines"][1]["savings"];
    assert!(savings["high"].as_f64().unwrap() - savings["low"].as_f64().unwrap() < 0.02, "{savings}");
    for (name, page) in pages(&scratch) {
        assert!(page.contains("projected cost contain: prompts "), "{name}: {page}");
        assert!(page.contains(", traffic "), "{name}");
        // The short comment on a pull request has no line per task.
        assert!(name == "report.md" || page.contains("1000 (400–2600)"), "{name}: {page}");
        assert!(page.contains("traffic 1400 to 3600 requests a day"), "{name}");
    }
    // The same journal, the same bytes.
    assert_eq!(one, summary(&scratch));
}

#[test]
fn growth_compounds_over_the_year_and_scenarios_move_the_bill() {
    let extra = "[projection]\ngrowth_per_month = 0.05\nprice = { low = 0.5, high = 1.2 }\noutput_length = { low = 0.8, high = 1.5 }\n";
    let plain = tasks("requests_per_day = 1000", "requests_per_day = 1000");
    let scratch = project(&plain, extra);
    let projection = &summary(&scratch)["projection"];
    let month = 2000.0 * SMALL * MONTH;
    let year: f64 = (0..12).map(|k| month * 1.05f64.powi(k)).sum();
    assert!((usd(&projection["total"]["month"]["mean"]) / month - 1.0).abs() < 1e-6);
    assert!((usd(&projection["total"]["year"]["mean"]) / year - 1.0).abs() < 1e-6);
    let growth = &projection["growth"];
    assert!((usd(&growth["month"]["mean"]) / (month * 1.05f64.powi(11)) - 1.0).abs() < 1e-6);
    let scenario = |name: &str| {
        let all = projection["scenarios"].as_array().unwrap();
        let one = all.iter().find(|one| one["source"] == name).unwrap();
        (usd(&one["month_at_low"]), usd(&one["month_at_high"]))
    };
    let (low, high) = scenario("price");
    assert!((low / month - 0.5).abs() < 1e-6 && (high / month - 1.2).abs() < 1e-6);
    // Two thirds of the cost are output tokens: as many as input ones, at twice the price.
    let (low, high) = scenario("output_length");
    assert!((low / month - (1.0 - 0.2 * 2.0 / 3.0)).abs() < 1e-6, "{}", low / month);
    assert!((high / month - (1.0 + 0.5 * 2.0 / 3.0)).abs() < 1e-6, "{}", high / month);
    for (name, page) in pages(&scratch) {
        assert!(page.contains("Traffic grows by 5.0 % a month"), "{name}: {page}");
        assert!(page.contains("output length "), "{name}");
    }
}

#[test]
fn savings_are_told_against_what_serves_today() {
    let plain = tasks("requests_per_day = 1000", "requests_per_day = 3000");
    let scratch = project(&plain, "[baseline]\nmodels = { colour = \"small\", shade = \"script/hound\" }\n");
    let projection = &summary(&scratch)["projection"];
    let today = &projection["today"];
    // colour is on small already; large costs ten times as much.
    let cost = (1000.0 + 10.0 * 3000.0) * SMALL;
    assert!((usd(&today["cost"]["day"]["mean"]) / cost - 1.0).abs() < 1e-6);
    let saved = 1.0 - 4000.0 / 31_000.0;
    assert!((today["savings"]["mean"].as_f64().unwrap() - saved).abs() < 1e-5);
    for (name, page) in pages(&scratch) {
        assert!(
            page.contains("against what serves today (colour on small, shade on large)"),
            "{name}: {page}"
        );
    }
    let scratch = project(&plain, "[baseline]\ntier = \"large\"\n");
    assert!(pages(&scratch)[0].1.contains("against what serves today (all on large)"));
    // What is wrong is pointed at.
    for (baseline, says) in [
        ("[baseline]\ntier = \"huge\"\n", "there is no tier `huge` on the ladder"),
        ("[baseline]\nmodels = { colur = \"small\" }\ntier = \"large\"\n", "there is no task `colur`"),
        ("[baseline]\nmodels = { colour = \"small\" }\n", "does not say what serves `shade` today"),
    ] {
        let config = scratch.read("route-prof.toml").replace("[baseline]\ntier = \"large\"\n", baseline);
        let other = Scratch::empty();
        other.write("route-prof.toml", config);
        other.write("oracles/colour@1.toml", ORACLE);
        other.write("script.toml", SCRIPT);
        other.write("corpus.jsonl", scratch.read("corpus.jsonl"));
        let ran = other.run(&["run", "corpus.jsonl"]).exits(2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains('^'), "{}", ran.stderr);
    }
}

#[test]
fn a_task_without_traffic_is_left_out_and_named_and_the_others_keep_their_weights() {
    let scratch = project(&tasks("requests_per_day = 900", "requests_per_day = 100"), "");
    let both = summary(&scratch);
    scratch.replace("route-prof.toml", "requests_per_day = 100\n", "");
    let one = summary(&scratch);
    // shade has no share any more, colour all of it: not the halves that the corpus would give.
    assert_eq!(one["projection"]["requests_per_day"], json!(900.0));
    assert_eq!(one["projection"]["weighted_by"], "traffic");
    assert_eq!(one["projection"]["left_out"], json!(["shade"]));
    assert_eq!(both["projection"]["left_out"], json!([]));
    let n = |json: &Value| json["tiers"][0]["pass_rate"]["n"].as_u64().unwrap();
    assert_eq!((n(&both), n(&one)), (120, 60));
    let text = one["notices"].to_string();
    assert!(text.contains("shade is left out of every figure that is weighted by traffic"), "{text}");
    assert!(text.contains("Add it to [task.shade]"), "{text}");
    for (name, page) in pages(&scratch) {
        assert!(page.contains("because requests_per_day is not stated: shade"), "{name}: {page}");
    }
    // With none stated, the corpus weighs them, and every report says so.
    scratch.replace("route-prof.toml", "requests_per_day = 900\n", "");
    let none = summary(&scratch);
    assert_eq!((n(&none), &none["projection"]["weighted_by"]), (120, &json!("corpus")));
    for (name, page) in pages(&scratch) {
        assert!(page.contains("weighted by the corpus: no requests_per_day is stated"), "{name}: {page}");
        assert!(page.contains("no projection: state requests_per_day"), "{name}: {page}");
    }
}

#[test]
fn ranges_are_checked_where_they_stand() {
    for (text, says) in [
        ("{ low = 5, likely = 4, high = 9 }", "not in order: 5, 4, 9"),
        ("{ low = -1, likely = 4, high = 9 }", "a bound of requests_per_day is -1"),
        ("{ low = 1, likly = 4, high = 9 }", "likly"),
        ("\"many\"", "expected a number, or { low = 30000, likely = 50000, high = 90000 }"),
    ] {
        let scratch = Scratch::project();
        scratch.replace("route-prof.toml", "requests_per_day = 1000", &format!("requests_per_day = {text}"));
        let ran = scratch.run(&["run", "corpus.jsonl"]).exits(2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains('^'), "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains("requests_per_day = "), "{}", ran.stderr);
    }
    for (text, says) in [
        ("growth_per_month = 3", "growth_per_month is 3"),
        ("price = { low = 1.2, high = 1.5 }", "the factors of price in [projection] are 1.2 and 1.5"),
        ("cache = { low = 0, high = 2 }", "the factors of cache in [projection]"),
    ] {
        let scratch = Scratch::project();
        scratch
            .write("route-prof.toml", format!("{}\n[projection]\n{text}\n", scratch.read("route-prof.toml")));
        let ran = scratch.run(&["run", "corpus.jsonl"]).exits(2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains('^'), "{text}: {}", ran.stderr);
    }
}

#[test]
fn an_owner_is_shown_and_an_expected_length_is_held_against_the_measured_one() {
    let colour =
        "owner = \"Team Paint <paint@example.com>\"\nexpected_output_tokens = 100\nrequests_per_day = 10";
    let scratch = project(&tasks(colour, "expected_output_tokens = 200\nrequests_per_day = 10"), "");
    assert!(scratch.read("router.toml").contains("owner = \"Team Paint <paint@example.com>\""));
    let notices = summary(&scratch)["notices"].to_string();
    // Measured: 190 tokens. 200 were expected of shade: near enough.
    assert!(
        notices.contains("Answers to colour are longer than expected: small has 190 output tokens"),
        "{notices}"
    );
    assert!(!notices.contains("Answers to shade"), "{notices}");
    let folder = format!("reports/{}", scratch.read("reports/latest").trim());
    for name in ["report.md", "report.html"] {
        let page = scratch.read(&format!("{folder}/{name}"));
        assert!(page.contains("Team Paint") && !page.contains("<paint@"), "{name}");
    }
    // An owner is no evidence: another one changes no digest.
    let before = scratch.read("router.toml");
    scratch.replace("route-prof.toml", "Team Paint", "Team Ink");
    scratch.run(&["report"]).exits(0);
    assert_eq!(
        summary(&scratch)["evidence"]["tasks"].as_str().map(|digest| before.contains(digest)),
        Some(true)
    );
}

#[test]
fn traffic_can_be_tried_out_as_a_range() {
    let scratch = project(&tasks("requests_per_day = 1000", "requests_per_day = 1000"), "");
    let ran =
        scratch.run(&["report", "--traffic", "colour=500..1000..3000", "--format", "json"]).exits(0).json();
    assert_eq!(ran["tasks"][0]["traffic_range"]["high"], json!(3000.0));
    assert!(ran["projection"]["scenarios"].is_array());
    let ran = scratch.run(&["report", "--traffic", "colour=500..100..3000"]).exits(2);
    assert!(ran.stderr.contains("is not in order"), "{}", ran.stderr);
}
