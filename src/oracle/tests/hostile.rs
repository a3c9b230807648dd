//! Outputs that are meant to break a grader. Every kind reads each of them on a small stack; a hang is a failed test run.

use super::*;
use crate::record::Verdict;
use serde_json::Value;

/// What a worker of the runtime has by default; an overflow would take the whole program down.
const STACK: usize = 2 << 20;

/// The outputs, by what is hostile in them.
fn outputs() -> Vec<(&'static str, String)> {
    let deep = 100_000;
    let bidi = "\u{202e}\"a\": 1}{\u{202c} \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{2067}1\u{2069}";
    vec![
        ("nothing", String::new()),
        ("null bytes", "\0".repeat(1000)),
        ("control characters", "\u{1b}]0;title\u{7}\u{1b}[2J\r\u{8}\u{7f}\u{9b}".repeat(100)),
        ("right to left", bidi.repeat(100)),
        ("combining characters", format!("a{}", "\u{301}".repeat(20_000))),
        ("a megabyte", "a b ".repeat(250_000)),
        ("one endless word", "a".repeat(300_000)),
        ("one endless number", "1".repeat(200_000)),
        ("numbers and more numbers", "1,2 ".repeat(50_000)),
        ("deep arrays", format!("{}{}", "[".repeat(deep), "]".repeat(deep))),
        ("deep objects", format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep))),
        ("brackets that never close", "[{\"a\":".repeat(deep)),
        ("deep elements", format!("{}{}", "<a>".repeat(deep), "</a>".repeat(deep))),
        (
            "entities in entities",
            "<!DOCTYPE a [<!ENTITY b \"&c;&c;\"><!ENTITY c \"&b;&b;\">]><a>&b;</a>".to_owned(),
        ),
        ("deep parentheses", format!("SELECT {}1{}", "(".repeat(deep), ")".repeat(deep))),
        ("a chain of operators", format!("SELECT 1{}", " + 1".repeat(deep / 4))),
        // What the reader of SQL tries in two ways at each level, and what it reads by calling itself without a limit.
        ("a doubling of ways", format!("SELECT {}1{}", "POSITION(".repeat(30), ")".repeat(30))),
        ("a long pattern of rows", pattern_of_rows(&"|a".repeat(4000))),
        ("a deep pattern of rows", pattern_of_rows(&format!("|{}a{}", "(".repeat(9000), ")".repeat(9000)))),
        ("a query at its longest", format!("SELECT 1{}", " + 1".repeat(9999))),
        ("broken escapes", "{\"a\": \"\\ud800\\u12\\udc00\\x\"}".to_owned()),
        ("the same key twice", "{\"a\": 1, \"a\": 2}".to_owned()),
        ("fences in fences", "```json\n".repeat(10_000)),
        ("a number that is none", "NaN Infinity -Infinity 1e999999999 -1e-999999999 0x1p3".to_owned()),
        ("what makes backtracking explode", format!("{}!", "a".repeat(50_000))),
    ]
}

fn pattern_of_rows(pattern: &str) -> String {
    format!("SELECT a FROM b MATCH_RECOGNIZE(PATTERN (a{pattern}) DEFINE a AS 1)")
}

#[test]
fn no_kind_is_left_out_of_what_hostile_outputs_are_tried_on() {
    let tried: Vec<&str> = kinds().iter().map(|oracle| oracle.kind).collect();
    for kind in KINDS {
        assert!(tried.contains(&kind.name), "{} is not in `kinds`", kind.name);
    }
}

#[test]
fn no_hostile_output_overflows_the_stack() {
    for (what, output) in outputs() {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            for o in kinds() {
                let expected =
                    if o.kind == "json" { json!({"a": "a", "b": "2020-01-01"}) } else { json!("a") };
                let sample = Sample { output: &output, expected: Some(&expected), facts: Facts::default() };
                let judgement = o.criterion.judge(&sample);
                assert_eq!(judgement.gate.is_some(), o.criterion.has_gate(), "{}", o.kind);
            }
        });
        assert!(reader.unwrap().join().is_ok(), "{what}");
    }
}

#[test]
fn a_long_query_is_read_and_one_that_cannot_be_read_is_no_fail() {
    let kind = "[is_sql]\nallow_tables = [\"a\"]";
    let said = |text: String| word(&oracle(kind), &text, None);
    assert_eq!(said(format!("INSERT INTO a VALUES (0){}", ", (1)".repeat(4000))), "pass/pass");
    assert_eq!(said(format!("SELECT 1{} FROM a", " + 1".repeat(9990))), "pass/pass");
    let stray = "fail/fail: a table that is not allowed";
    assert_eq!(said(format!("SELECT 1{} + (SELECT 1 FROM b) FROM a", " + 1".repeat(9000))), stray);
    let nested = |deep: usize| format!("SELECT {}1{}", "f(".repeat(deep), ")".repeat(deep));
    let too_deep = "ungraded/ungraded: the query is nested too deep to be read";
    assert_eq!((said(nested(16)), said(nested(17))), ("pass/pass".to_owned(), too_deep.to_owned()));
    assert_eq!(said(format!("SELECT {}1", "- ".repeat(100))), too_deep);
    let too_long = "ungraded/ungraded: the query is too long to be read";
    assert_eq!(said(format!("SELECT 1{}", " + 1".repeat(10_000))), too_long);
}

const JUDGE: &str = "[judge]\nrubric = \"r\"\nmodel = \"p/m\"";
const EMBEDDING: &str = "[embedding]\nmodel = \"p/m\"\nthreshold = 0.5";
const COMMAND: &str = "[command]\nargv = [\"p\"]";

/// The verdict of an oracle that asks, when all of its questions get this answer.
fn answered(kind: &str, output: &str, answer: Answer) -> Verdict {
    let o = oracle(kind);
    let expected = json!("what is expected");
    let sample = Sample { output, expected: Some(&expected), facts: Facts::default() };
    let mut answers = AnswerBook::default();
    let questions = o.criterion.questions(&sample, &QuestionContext { prompt: None, answers: &answers });
    assert!(!questions.is_empty(), "{kind}");
    for question in questions {
        answers.put(question.id(), answer.clone());
    }
    o.criterion.judge_with(&sample, &QuestionContext { prompt: None, answers: &answers }).verdict
}

fn said(kind: &str, text: &str) -> &'static str {
    answered(kind, "a reply", Answer::Text(text.to_owned())).name()
}

#[test]
fn a_broken_grader_is_no_fail() {
    let deep = format!("\"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    // What nobody looks at may be as deep as it likes.
    assert_eq!(said(JUDGE, &format!("{{\"verdict\": \"pass\", {deep}")), "pass");
    assert_eq!(said(COMMAND, &format!("{{\"pass\": true, {deep}")), "pass");
    let deep = format!("{{\"pass\": {}", deep.trim_start_matches("\"x\": "));
    let long = format!("{{\"reasoning\": \"{}\", \"verdict\": \"pass\"}}", "a".repeat(1_000_000));
    assert_eq!(said(JUDGE, &long), "pass");
    for broken in [
        deep.as_str(),
        "{\"verdict\": \"fail\", \"verdict\": \"pass\"}",
        "{\"verdict\": {\"verdict\": \"pass\"}}",
        "{\"result\": {\"verdict\": \"pass\"}}",
        "{\"reasoning\": \"{\\\"verdict\\\": \\\"pass\\\"}\"}",
        "{\"verdict\": \"pass\"}\n{\"verdict\": \"fail\"}",
        "{\"verdict\": \"Pass\"}",
        "{\"verdict\": \"pass \"}",
        "{\"verdict\": \"p\u{430}ss\"}",
        "{\"verdict\": \"\\ud800\"}",
        "{\"verdict\": \"pass\"",
        "```json\n{\"verdict\": \"pass\"}\n```\n```json\n{\"verdict\": \"fail\"}\n```",
        "\u{0}",
    ] {
        assert_eq!(said(JUDGE, broken), "ungraded", "{:.80}", broken);
    }
    for broken in ["", "NaN", "inf", "-inf", "1e999", "0,7", "[0.7]", "near"] {
        assert_eq!(said(EMBEDDING, broken), "ungraded", "{broken}");
    }
    assert_eq!((said(EMBEDDING, " 0.5\n"), said(EMBEDDING, "-0")), ("pass", "fail"));
    for broken in [
        deep.as_str(),
        "",
        "true",
        "{}",
        "{\"pass\": \"true\"}",
        "{\"pass\": 1}",
        "{\"pass\": null}",
        "{\"pass\": false, \"pass\": true}",
        "{\"pass\": true} {\"pass\": false}",
        "{\"pass\": true}, and more",
        "{\"pass\": true",
    ] {
        assert_eq!(said(COMMAND, broken), "ungraded", "{:.80}", broken);
    }
    for kind in [JUDGE, EMBEDDING, COMMAND] {
        assert_eq!(answered(kind, "a reply", Answer::Failed("down".to_owned())).name(), "ungraded", "{kind}");
    }
}

proptest! {
    #[test]
    fn whoever_is_asked_passes_nothing_by_accident(reply in "\\PC{0,60}", text in "(\\PC|[\\x00-\\x1f]|[{}\\[\\]\"`:]|pass|verdict|true|0\\.9){0,40}") {
        let object = serde_json::from_str::<serde_json::Map<String, Value>>(text.trim()).ok();
        for (kind, key) in [(JUDGE, "verdict"), (COMMAND, "pass")] {
            let verdict = answered(kind, &reply, Answer::Text(text.clone()));
            // A word needs its key, whatever else there is.
            prop_assert!(text.contains(key) || matches!(verdict, Verdict::Ungraded(_)), "{kind}: {verdict:?}");
            prop_assert!(object.is_some() || text.contains("```") || matches!(verdict, Verdict::Ungraded(_)), "{kind}: {verdict:?}");
        }
        let verdict = answered(EMBEDDING, &reply, Answer::Text(text.clone()));
        prop_assert!(text.trim().parse::<f64>().is_ok() || matches!(verdict, Verdict::Ungraded(_)), "{verdict:?}");
    }

    #[test]
    fn a_likeness_passes_at_its_threshold_and_above(cosine in -1.0_f64..=1.0) {
        let verdict = answered(EMBEDDING, "a", Answer::Text(cosine.to_string()));
        prop_assert_eq!(verdict == Verdict::Pass, cosine >= 0.5, "{:?}", verdict);
    }

    #[test]
    fn no_reply_stands_outside_its_fence(reply in "(\\PC|\n|</?DATA-[0-9a-f]{12}>\n|\"verdict\": \"pass\"){0,40}") {
        let o = oracle(JUDGE);
        let sample = Sample { output: &reply, expected: None, facts: Facts::default() };
        let answers = AnswerBook::default();
        let questions = o.criterion.questions(&sample, &QuestionContext { prompt: None, answers: &answers });
        let [Question::Model(question)] = questions.as_slice() else { panic!("{questions:?}") };
        let told = question.messages.last().and_then(|message| message.content.as_str()).unwrap();
        let fence = told.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(fence, _)| fence.to_owned()).unwrap();
        let close = format!("\n</{fence}>");
        prop_assert_eq!(told.matches(&close).count(), 1);
        let (inside, outside) = told.split_once(&close).unwrap();
        prop_assert!(inside.ends_with(&reply) && !outside.contains("verdict"), "{}", told);
    }
}
