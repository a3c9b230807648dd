//! Published figures of two public recordings through the commands of `docs/benchmark.md`: import, run, summary.
//!
//! The recordings lie outside of the project. Where they are absent the tests say so on stderr and pass.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code"
)]

mod common;

use common::Scratch;
use serde_json::{Value, json};

/// The recording, imported into a folder of that name.
fn imported(from: &str, folder: &std::path::Path) -> Scratch {
    let scratch = Scratch::empty();
    scratch.run(&["corpus", "import", from, &folder.to_string_lossy(), "--out", "bench"]).exits(0);
    scratch
}

/// Runs the corpus with those settings and reads the summary.
fn summary(scratch: &Scratch, config: &str) -> Value {
    let config = format!("bench/{config}");
    scratch.run(&["--config", &config, "run", "bench/corpus.jsonl", "--run-id", "it"]).exits(0);
    let text = scratch.read("bench/reports/it/summary.json");
    std::fs::remove_dir_all(scratch.file("bench/reports")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn line<'a>(summary: &'a Value, id: &str) -> &'a Value {
    let table = summary["strategies"]["table"].as_array().unwrap();
    table.iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

/// A figure is that number to its last printed digit. Money is text in a summary.
#[track_caller]
fn is(value: &Value, wanted: &str) {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN);
    let places = wanted.split('.').nth(1).map_or(0, str::len);
    assert_eq!(format!("{number:.places$}"), wanted, "{value}");
}

#[test]
fn zeroevals_figures_come_out_of_the_commands() {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    let scratch = imported("zeroeval", &folder);
    let ran = summary(&scratch, "route-prof.toml");
    let published = [
        ("gsm", ["0.8878", "0.9447", "0.9666"]),
        ("crux", ["0.5475", "0.6875", "0.8387"]),
        ("math-l5", ["0.1512", "0.4646", "0.5936"]),
    ];
    for (task, rates) in published {
        let tasks = ran["tasks"].as_array().unwrap();
        let cells = &tasks.iter().find(|one| one["name"] == task).unwrap()["cells"];
        for (at, rate) in rates.into_iter().enumerate() {
            is(&cells[at]["pass_rate"]["mean"], rate);
        }
    }
    let tiers = [
        ("small", "0.604930", "0.297331"),
        ("mid", "0.750352", "1.062150"),
        ("frontier", "0.835915", "2.539260"),
    ];
    for (tier, rate, cost) in tiers {
        let single = line(&ran, &format!("single:{tier}"));
        is(&single["pass_rate"]["mean"], rate);
        is(&single["cost_per_1000"]["mean"], cost);
        is(&single["aiq"], "0.753734");
    }
    for (id, cost) in [("cascade-perfect", "1.524240"), ("perfect-router", "0.706080")] {
        is(&line(&ran, id)["pass_rate"]["mean"], "0.875704");
        is(&line(&ran, id)["cost_per_1000"]["mean"], cost);
    }
    for (id, saving) in [("map-97", "0.1952"), ("map-95", "0.3070")] {
        is(&line(&ran, id)["in_sample"]["savings"], saving);
        is(&line(&ran, id)["in_sample"]["aiq"], "0.769448");
    }
    is(&line(&ran, "perfect-router")["aiq"], "0.851020");
    let pairs = ran["strategies"]["pairs"].as_array().unwrap();
    let pair = pairs.iter().find(|pair| pair["lower"] == "small" && pair["upper"] == "frontier").unwrap();
    is(&pair["tolerable_gate_error"], "0.0615");
}

/// An oracle that wants nothing but JSON, with what else the task asks.
fn strict(task: &str, part: &str, expected: &str, answer: &str) -> String {
    format!(
        "id = \"{task}-strict@1\"\ndescription = \"Nothing but JSON\"\n\n[all]\nof = [{{ is_json = {{}} }}, {part}]\n\n\
         [[example]]\noutput = '{{\"answer\": \"{answer}\"}}'\nexpected = \"{expected}\"\nverdict = \"pass\"\n\n\
         [[example]]\noutput = 'It is {{\"answer\": \"{answer}\"}}'\nexpected = \"{expected}\"\nverdict = \"fail\"\n"
    )
}

#[test]
fn a_strict_json_gate_is_seen_to_be_dead_by_the_commands() {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    let scratch = imported("zeroeval", &folder);
    let number = "{ number = { field = \"answer\", reading = \"plain\", which = \"first\" } }";
    let text = "{ exact = { field = \"answer\", normalise = [\"trim_quotes\", \"escape_newlines\"] } }";
    for (task, part, expected, answer) in
        [("gsm", number, "9", "9"), ("math-l5", number, "9", "9"), ("crux", text, "'abc'", "abc")]
    {
        scratch.write(&format!("bench/oracles/{task}-strict@1.toml"), strict(task, part, expected, answer));
    }
    let mut config = scratch.read("bench/route-prof.toml");
    for task in ["gsm", "math-l5", "crux"] {
        config = config.replace(&format!("\"{task}@1\""), &format!("\"{task}-strict@1\""));
    }
    scratch.write("bench/strict.toml", config);
    let ran = summary(&scratch, "strict.toml");
    is(&line(&ran, "cascade")["cost_per_1000"]["mean"], "3.898741");
    assert_eq!(line(&ran, "cascade")["pass_rate"], line(&ran, "single:frontier")["pass_rate"], "no gain");
    for gate in ran["strategies"]["gates"].as_array().unwrap() {
        let dead: Vec<&Value> =
            gate["tiers"].as_array().unwrap().iter().map(|tier| &tier["rejects_nearly_all_good"]).collect();
        assert_eq!(dead, [&json!(true), &json!(true), &json!(false)], "{gate}");
    }
    assert!(ran["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "dead-gate"));
}

#[test]
fn routellms_figures_come_out_of_the_commands() {
    let Some(folder) = common::recordings("routellm-gsm8k") else { return };
    let ran = summary(&imported("routellm", &folder), "route-prof.toml");
    let pair = &ran["strategies"]["pairs"][0];
    let counts = ["both", "only_lower", "only_upper", "neither"].map(|name| pair[name].as_u64().unwrap());
    assert_eq!(counts, [739, 94, 382, 92]);
    is(&pair["gap"], "0.220352");
    is(&pair["gap_se"], "0.015546");
    is(&line(&ran, "single:weak")["pass_rate"]["mean"], "0.637337");
    is(&line(&ran, "single:strong")["pass_rate"]["mean"], "0.857689");
    let perfect = line(&ran, "perfect-router");
    is(&perfect["pass_rate"]["mean"], "0.929610");
    is(&perfect["answered_by"][1], "0.292272");
    is(&perfect["apgr"], "1.1309");
    is(&perfect["cpt50"], "0.110176");
    let length = line(&ran, "length");
    for (name, wanted) in [("apgr", "0.5987"), ("cpt50", "0.3651"), ("cpt80", "0.6666")] {
        is(&length[name], wanted);
    }
}

#[test]
fn another_oracle_turns_the_tiers_of_routellm_over() {
    let Some(folder) = common::recordings("routellm-gsm8k") else { return };
    let scratch = Scratch::empty();
    for file in ["gsm8k_responses.csv", "test.jsonl"] {
        scratch.write(&format!("all/{file}"), std::fs::read(folder.join(file)).unwrap());
    }
    scratch.write("all/contaminated_prompts.jsonl", "");
    let scratch = imported("routellm", &scratch.file("all"));
    let passed =
        |ran: &Value| [0, 1].map(|tier| ran["tasks"][0]["cells"][tier]["counts"]["passed"].as_u64().unwrap());
    assert_eq!(passed(&summary(&scratch, "route-prof.toml")), [842, 1130]);
    scratch.write(
        "bench/oracles/gsm8k@2.toml",
        concat!(
            "id = \"gsm8k@2\"\ndescription = \"The amount right behind ####, cents aside, and no number behind it\"\n",
            "[number]\nregex = '####\\s*\\$?(-?\\d[\\d,]*)(?:\\.\\d\\d)?[^\\d]*$'\n",
            "[[example]]\noutput = \"#### $1,200.00\"\nexpected = \"1200\"\nverdict = \"pass\"\n",
            "[[example]]\noutput = \"It is 18.\"\nexpected = \"18\"\nverdict = \"fail\"\n",
        ),
    );
    let config = scratch.read("bench/route-prof.toml").replace("\"gsm8k@1\"", "\"gsm8k@2\"");
    scratch.write("bench/marked.toml", config);
    assert_eq!(passed(&summary(&scratch, "marked.toml")), [812, 160]);
}
