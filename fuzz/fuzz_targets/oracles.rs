//! No reply of a model and no answer of a grader makes an oracle panic, and what a gate turns away never passes. The oracles are those
//! of the documentation, one of each kind; the bytes are the reply and, after a null, what is expected.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use route_prof::oracle::{Answer, AnswerBook, Facts, Judgement, Oracle, QuestionContext, Sample, file};
use route_prof::record::Verdict;
use serde_json::Value;

static ORACLES: LazyLock<Vec<Oracle>> = LazyLock::new(|| {
    let pages =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/oracles")).expect("the pages");
    let mut oracles = Vec::new();
    for page in pages {
        let page = std::fs::read_to_string(page.expect("a page").path()).expect("a text");
        for block in page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next()) {
            let id = block.split("id = \"").nth(1).and_then(|rest| rest.split('"').next());
            oracles.extend(id.and_then(|id| file::read("page", id, block).ok()));
        }
    }
    assert!(oracles.len() > 20, "the pages show {} oracles", oracles.len());
    oracles
});

fn sound(oracle: &Oracle, judgement: &Judgement) {
    assert_eq!(judgement.gate.is_some(), oracle.criterion.has_gate(), "{}", oracle.kind);
    assert!(
        !matches!(judgement.gate, Some(Verdict::Fail(_))) || judgement.verdict != Verdict::Pass,
        "{}",
        oracle.kind
    );
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (output, rest) = text.split_once('\0').unwrap_or((text, text));
    let expected = serde_json::from_str(rest).unwrap_or_else(|_| Value::from(rest));
    let facts = Facts { tool_calls: &expected, ..Facts::default() };
    let sample = Sample { output, expected: Some(&expected), facts };
    for oracle in ORACLES.iter() {
        sound(oracle, &oracle.criterion.judge(&sample));
        // A grader that says what the model said.
        let mut answers = AnswerBook::default();
        for question in
            oracle.criterion.questions(&sample, &QuestionContext { prompt: None, answers: &answers })
        {
            answers.put(question.id(), Answer::Text(output.to_owned()));
        }
        sound(
            oracle,
            &oracle.criterion.judge_with(&sample, &QuestionContext { prompt: None, answers: &answers }),
        );
    }
});
