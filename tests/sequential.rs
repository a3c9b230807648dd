//! The golden number of early stopping on recorded outputs of real models, and what must never be: twenty prompts called
//! enough. `stop_early.rs` has the command.
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

use std::collections::HashMap;
use std::path::Path;

use common::Scratch;
use route_prof::stats::one_sided::Scores;
use route_prof::stats::sequential::Tally;
use serde_json::Value;

const ALPHA: f64 = 0.05;
const MODELS: [&str; 3] =
    ["claude-3-haiku-20240307", "claude-3-5-haiku-20241022", "claude-3-5-sonnet-20241022"];

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The first balanced `{...}` of an output as JSON, its `answer`; else what follows `"answer":` in quotes.
fn answer(output: &str) -> Option<String> {
    let flat = output.replace('\n', "");
    let from = flat.find('{').unwrap_or(0);
    let mut depth = 0;
    let to = flat[from..].char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        (depth == 0).then_some(from + at + c.len_utf8())
    });
    let parsed = to.and_then(|to| serde_json::from_str::<Value>(&flat[from..to]).ok());
    match parsed.as_ref().and_then(|object| object.get("answer")) {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(other) => return Some(other.to_string()),
        None => {}
    }
    let after = flat.split_once("\"answer\"")?.1.trim_start().strip_prefix(':')?.trim_start();
    Some(after.strip_prefix('"')?.split('"').next()?.to_owned())
}

/// The first number of a text, `$` and `,` dropped and a/b divided out.
fn number(text: &str) -> Option<f64> {
    let text = text.replace(['$', ','], "");
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let sign = if text[..start].ends_with('-') { -1.0 } else { 1.0 };
    let digits = |text: &str| -> usize {
        let whole = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let part = text[whole..].strip_prefix('.').map_or(0, |rest| {
            let part = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if part > 0 { part + 1 } else { 0 }
        });
        whole + part
    };
    let rest = &text[start..];
    let end = digits(rest);
    let value: f64 = rest[..end].parse().ok()?;
    let below = rest[end..].strip_prefix('/').and_then(|rest| rest[..digits(rest)].parse::<f64>().ok());
    Some(sign * value / below.filter(|below| *below > 0.0).unwrap_or(1.0))
}

/// Pass or fail by (task, model), in the order of the file.
fn labels(folder: &Path) -> HashMap<(String, &'static str), Vec<bool>> {
    let questions = lines(&folder.join("questions.jsonl"));
    let mut labels: HashMap<_, Vec<bool>> = HashMap::new();
    for model in MODELS {
        let outputs: HashMap<String, String> = lines(&folder.join(format!("output_{model}.jsonl")))
            .into_iter()
            .map(|line| (line["id"].as_str().unwrap().into(), line["output"].as_str().unwrap().into()))
            .collect();
        for question in &questions {
            let (task, reference) =
                (question["task"].as_str().unwrap(), question["answer"].as_str().unwrap());
            // The published grading of code answers has corner cases of its own; the two tasks of numbers have none.
            if task == "crux" {
                continue;
            }
            let found = answer(&outputs[question["id"].as_str().unwrap()]);
            let passed = found.as_deref().and_then(number).zip(number(reference));
            let passed = passed.is_some_and(|(a, b)| (a - b).abs() < 1e-9);
            labels.entry((task.to_owned(), model)).or_default().push(passed);
        }
    }
    labels
}

fn percent(passes: &[bool]) -> String {
    format!("{:.2}", 100.0 * passes.iter().filter(|p| **p).count() as f64 / passes.len() as f64)
}

/// After how many trials the floor leaves the confidence sequence.
fn settled(passes: &[bool], floor: f64) -> Option<usize> {
    let mut tally = Tally::default();
    let found = passes.iter().position(|passed| {
        tally = tally.and(*passed);
        tally.excludes(floor, ALPHA)
    });
    found.map(|at| at + 1)
}

/// After how many trials the rate is shown to be above the floor.
fn proven(passes: &[bool], floor: f64) -> Option<usize> {
    let mut scores = Scores::default();
    let found = passes.iter().position(|passed| {
        scores = scores.and(f64::from(u8::from(*passed)));
        scores.shows_above(floor, ALPHA)
    });
    found.map(|at| at + 1)
}

#[test]
fn on_gsm_with_a_floor_of_ninety_sonnet_is_settled_after_83_prompts_and_haiku_3_never() {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    let labels = labels(&folder);
    let gsm = |model: &'static str| &labels[&("gsm".to_owned(), model)];
    assert_eq!(MODELS.map(|model| percent(gsm(model))), ["88.78", "94.47", "96.66"]);
    assert_eq!(
        MODELS.map(|model| percent(&labels[&("math-l5".to_owned(), model)])),
        ["15.12", "46.46", "59.36"]
    );
    // In the order of the file.
    assert_eq!(MODELS.map(|model| settled(gsm(model), 0.90)), [None, Some(349), Some(83)]);
    assert_eq!(gsm(MODELS[2]).len(), 1319);
    // A claim in one direction, which is what stops a cell, needs fewer than the two-sided sequence.
    assert_eq!(MODELS.map(|model| proven(gsm(model), 0.90)), [None, Some(325), Some(33)]);
}

/// What becomes of a task of so many prompts, every reply of every tier right.
fn decided(prompts: u32, consequence: &str) -> Value {
    let scratch = Scratch::project();
    scratch.replace("route-prof.toml", "consequence = \"low\"", &format!("consequence = \"{consequence}\""));
    scratch.write("script.toml", "[[rule]]\nreply = \"blue\"\n");
    let line = |at| format!("{{\"id\": \"p{at}\", \"prompt\": \"Sky {at}?\", \"expected\": \"blue\"}}\n");
    scratch.write("corpus.jsonl", (0..prompts).map(line).collect::<String>());
    let summary = scratch.run(&["run", "corpus.jsonl", "--format", "json"]).exits(0).json();
    let task = summary["tasks"][0].clone();
    assert_eq!(task["cells"][0]["pass_rate"]["mean"], 1.0, "{task}");
    task
}

#[test]
fn twenty_prompts_never_give_a_confident_route() {
    for consequence in ["low", "medium", "high"] {
        let task = decided(20, consequence);
        assert_eq!(task["route"]["decision"], "undecided", "{consequence}: {task}");
        assert!(task["route"]["confidence"].is_null(), "{consequence}: {task}");
    }
    // It is the number that held them back: sixty of the same decide.
    assert_eq!(decided(60, "high")["route"]["decision"], "route");
}
