//! Published figures of two public recordings, reproduced by this program's oracles to the printed digit.
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

use route_prof::disk::Disk;
use std::collections::BTreeMap;
use std::path::PathBuf;

use route_prof::oracle::library::Library;
use route_prof::oracle::{Facts, Oracle, Sample};
use route_prof::record::Verdict;
use serde_json::Value;

fn lines(path: PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The oracles of `tests/fixtures/published`, by name.
fn library() -> Library {
    Library::open(&Disk::real(), &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/published"))
        .unwrap()
}

fn oracle<'a>(library: &'a Library, id: &str) -> &'a Oracle {
    library.get(&id.parse().unwrap(), "test").unwrap()
}

fn passes(oracle: &Oracle, output: &str, expected: &str) -> bool {
    let expected = Value::String(expected.to_owned());
    let sample = Sample { output, expected: Some(&expected), facts: Facts::default() };
    oracle.criterion.judge(&sample).verdict == Verdict::Pass
}

#[test]
fn the_nine_accuracies_of_zeroeval_come_out_to_the_printed_digit() {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    let library = library();
    let questions: BTreeMap<String, Value> = lines(folder.join("questions.jsonl"))
        .into_iter()
        .map(|question| (question["id"].as_str().unwrap().to_owned(), question))
        .collect();
    let oracles = [("gsm", "first_number@1"), ("math-l5", "first_number@1"), ("crux", "same_text@1")];
    let mut compared = 0;
    for model in ["claude-3-haiku-20240307", "claude-3-5-haiku-20241022", "claude-3-5-sonnet-20241022"] {
        let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for reply in lines(folder.join(format!("output_{model}.jsonl"))) {
            let question = &questions[reply["id"].as_str().unwrap()];
            let (task, id) = oracles.iter().find(|(task, _)| question["task"] == *task).unwrap();
            let passed = passes(
                oracle(&library, id),
                reply["output"].as_str().unwrap(),
                question["answer"].as_str().unwrap(),
            );
            let count = counts.entry(task).or_default();
            *count = (count.0 + u32::from(passed), count.1 + 1);
        }
        for (task, (passed, all)) in counts {
            let summary: Value = serde_json::from_str(
                &std::fs::read_to_string(folder.join(format!("{task}.summary.json"))).unwrap(),
            )
            .unwrap();
            let published = summary.as_array().unwrap().iter().find(|row| row["Model"] == model).unwrap();
            assert_eq!(published["Total"], all, "{model} {task}");
            let accuracy = format!("{:.2}", f64::from(passed) / f64::from(all) * 100.0);
            assert_eq!(published["Acc"], accuracy, "{model} {task}: {passed} of {all}");
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}

#[test]
fn every_label_of_routellms_gsm8k_comes_out() {
    let Some(folder) = common::recordings("routellm-gsm8k") else { return };
    let library = library();
    let grader = oracle(&library, "last_digits@1");
    let references = lines(folder.join("test.jsonl"));
    let mut reader = csv::Reader::from_path(folder.join("gsm8k_responses.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let models = ["mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"];
    let (mut same, mut labels) = (0, 0);
    for (row, reference) in reader.records().zip(&references) {
        let row = row.unwrap();
        assert_eq!(row.get(column("prompt")).unwrap(), reference["question"].as_str().unwrap());
        let expected = reference["answer"].as_str().unwrap().rsplit("####").next().unwrap().trim().to_owned();
        for model in models {
            let label = row.get(column(model)).unwrap() == "True";
            let passed = passes(grader, row.get(column(&format!("{model}_response"))).unwrap(), &expected);
            labels += 1;
            same += u32::from(passed == label);
        }
    }
    assert_eq!((same, labels), (2638, 2638));
}
