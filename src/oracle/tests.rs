//! Tests of the oracles: every kind by example, hostile outputs, faults of files, and the lock.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::file;
use super::library::{self, Library};
use super::*;
use crate::disk::Disk;
use crate::record::Verdict;
use crate::units::Millis;

mod hostile;

const EXAMPLES: &str =
    "\n[[example]]\noutput = \"\"\nverdict = \"pass\"\n[[example]]\noutput = \"\"\nverdict = \"fail\"\n";

fn oracle(kind: &str) -> Oracle {
    file::read("o@1.toml", "o@1", &format!("id = \"o@1\"\ndescription = \"d\"\n{kind}\n{EXAMPLES}")).unwrap()
}

fn fault(text: &str) -> String {
    file::read("oracles/o@1.toml", "o@1", text).unwrap_err().to_string()
}

fn word(oracle: &Oracle, output: &str, expected: Option<Value>) -> String {
    let judgement =
        oracle.criterion.judge(&Sample { output, expected: expected.as_ref(), facts: Facts::default() });
    let gate = judgement.gate.as_ref().map_or("-", Verdict::name);
    match judgement.verdict.reason() {
        Some(reason) => format!("{gate}/{}: {reason}", judgement.verdict.name()),
        None => format!("{gate}/{}", judgement.verdict.name()),
    }
}

#[test]
fn label_is_one_of_a_closed_set() {
    let o = oracle(
        "[label]\nset = [\"refund\", \"other\"]\naliases = { refund = [\"money back\"] }\nnormalise = [\"trim\", \"lowercase\", \"strip_punctuation\"]",
    );
    assert_eq!(word(&o, " Refund.\n", Some(json!("refund"))), "pass/pass");
    assert_eq!(word(&o, "Money back!", Some(json!("refund"))), "pass/pass");
    assert_eq!(word(&o, "other", Some(json!("refund"))), "pass/fail: another label than expected");
    assert_eq!(word(&o, "a refund", Some(json!("refund"))), "fail/fail: not a label of the set");
    assert_eq!(
        word(&o, "other", Some(json!("else"))),
        "pass/ungraded: the expected answer is not in the set"
    );
    assert_eq!(word(&o, "other", None), "pass/ungraded: no expected answer");
}

#[test]
fn exact_and_contains_are_gates_only_with_fixed_values() {
    let o = oracle("[exact]\nnormalise = [\"trim\"]");
    assert_eq!(word(&o, " 42 ", Some(json!(42))), "-/pass");
    assert_eq!(word(&o, "43", Some(json!("42"))), "-/fail: another text than expected");
    let o = oracle("[exact]\nvalue = \"OK\"");
    assert_eq!(word(&o, "OK", None), "pass/pass");
    assert_eq!(word(&o, "ok", None), "fail/fail: another text than expected");
    let o = oracle("[contains]\nmode = \"any\"\nignore_case = true");
    assert_eq!(word(&o, "It is PARIS.", Some(json!(["paris", "lutetia"]))), "-/pass");
    assert_eq!(word(&o, "Rome", Some(json!("paris"))), "-/fail: none of the required texts is there");
    assert_eq!(word(&o, "Rome", Some(json!({}))), "-/ungraded: the expected answer is no text to look for");
    let o = oracle("[contains]\nmode = \"none\"\nvalues = [\"sorry\"]");
    assert_eq!(word(&o, "I am sorry", None), "fail/fail: a forbidden text is there");
}

#[test]
fn pattern_compares_what_its_group_captures() {
    let o = oracle("[pattern]\nregex = '^Answer: (\\w+)$'\nnormalise = [\"trim\", \"lowercase\"]");
    // Normalised text is matched, so a capital letter in the expression can never match.
    assert_eq!(word(&o, "Answer: x", Some(json!("x"))), "fail/fail: does not match the pattern");
    let o = oracle("[pattern]\nregex = '(?i)^answer: (\\w+)$'\nnormalise = [\"trim\"]");
    assert_eq!(word(&o, "Answer: Blue ", Some(json!("Blue"))), "pass/pass");
    assert_eq!(
        word(&o, "Answer: Red", Some(json!("Blue"))),
        "pass/fail: the captured text is another than expected"
    );
    let o = oracle("[pattern]\nregex = 'as an AI'\nmust = \"not_match\"");
    assert_eq!(word(&o, "hello", None), "pass/pass");
}

#[test]
fn number_takes_the_right_one_within_its_tolerance() {
    let o = oracle("[number]");
    assert_eq!(word(&o, "6 x 7 = 42", Some(json!(42))), "pass/pass");
    assert_eq!(word(&o, "\\boxed{42} (in 3 steps)", Some(json!("42"))), "pass/pass");
    assert_eq!(word(&o, "no idea", Some(json!(42))), "fail/fail: no number");
    assert_eq!(word(&o, "41", Some(json!("about"))), "pass/ungraded: the expected answer is no number");
    let o = oracle("[number]\nwhich = \"only\"\nafter = \"####\"\nrelative_tolerance = 0.01");
    assert_eq!(word(&o, "1 2 3 #### 1,005", Some(json!(1000))), "pass/pass");
    assert_eq!(word(&o, "1,005", Some(json!(1000))), "fail/fail: the marker before the number is missing");
    assert_eq!(word(&o, "#### 1 or 2", Some(json!(1))), "fail/fail: more than one number");
    // Decimals, not floats.
    let o = oracle("[number]");
    assert_eq!(word(&o, "0.3", Some(json!(0.3))), "pass/pass");
}

#[test]
fn a_number_stands_where_the_last_match_of_its_expression_says() {
    let o = oracle("[number]\nregex = 'Total: \\$?(\\S+)'");
    assert_eq!(word(&o, "Total: $1,200 (3 items), 7 left", Some(json!(1200))), "pass/pass");
    assert_eq!(word(&o, "Total: 5. No: Total: 7.", Some(json!(7))), "pass/pass");
    assert_eq!(word(&o, "The total is 7", Some(json!(7))), "fail/fail: does not match the pattern");
    assert_eq!(word(&o, "Total: unknown", Some(json!(7))), "fail/fail: no number");
    let o = oracle("[number]\nregex = '= *\\d+'");
    assert_eq!(word(&o, "3 + 4 = 7, I think of 9", Some(json!(7))), "pass/pass");
}

#[test]
fn json_is_taken_out_checked_and_compared_field_by_field() {
    let o = oracle(
        "[json]\nmin_accuracy = 0.5\nschema = { type = \"object\", required = [\"name\"] }\n[json.fields]\nname = { compare = \"ignore_case\" }\ntotal = { compare = \"number\", tolerance = 0.01 }\ndue = { compare = \"date\", optional = true }\n\"/tags/0\" = { weight = 2.0, optional = true }",
    );
    let expected = json!({"name": "Ann", "total": 12.5, "due": "2026-11-23"});
    let fenced = "```json\n{\"name\":\"ANN\",\"total\":\"12.50\",\"due\":\"23 Nov 2026\"}\n```";
    assert_eq!(word(&o, fenced, Some(expected.clone())), "pass/pass");
    assert_eq!(
        word(&o, "{\"name\":\"Bob\",\"total\":12.5,\"due\":\"2026-11-23\"}", Some(expected.clone())),
        "pass/pass"
    );
    assert_eq!(
        word(&o, "{\"name\":\"Bob\",\"total\":1}", Some(expected.clone())),
        "pass/fail: field due is not as expected"
    );
    assert_eq!(
        word(&o, "{\"total\":1}", Some(expected.clone())),
        "fail/fail: the JSON does not fit the schema"
    );
    assert_eq!(word(&o, "Here: {\"name\":1}", Some(expected.clone())), "fail/fail: the output is no JSON");
    assert_eq!(
        word(&o, "{\"name\":\"Ann\"}", Some(json!({}))),
        "pass/ungraded: the expected answer has no /name"
    );
    let o = oracle("[json]\nextract = \"first\"");
    assert_eq!(word(&o, "Sure! {not json} but [1, {\"a\": 2}] ok", Some(json!([1, {"a": 2}]))), "pass/pass");
    let o = oracle("[json]\nschema = { type = \"array\" }\nextract = \"strict\"");
    assert_eq!(word(&o, "[]", None), "pass/pass");
}

#[test]
fn sets_compare_without_order_and_null_is_nothing() {
    let o = oracle("[json]\n[json.fields]\ntags = { compare = \"set\" }\nwho = {}");
    let expected = json!({"tags": ["a", "b"], "who": null});
    assert_eq!(word(&o, "{\"tags\":[\"b\",\"a\"],\"who\":\"\"}", Some(expected.clone())), "pass/pass");
    assert_eq!(word(&o, "{\"tags\":[\"b\"]}", Some(expected)), "pass/fail: field tags is not as expected");
}

#[test]
fn composition_knows_its_gate() {
    let o = oracle("[all]\nof = [{ contains = { values = [\"x\"] } }, { exact = {} }]");
    assert!(o.criterion.has_gate() && o.criterion.needs_expected());
    assert_eq!(word(&o, "xy", Some(json!("xy"))), "pass/pass");
    assert_eq!(word(&o, "xy", Some(json!("x"))), "pass/fail: another text than expected");
    assert_eq!(word(&o, "y", None), "fail/fail: a required text is missing");
    let o = oracle("[any]\nof = [{ contains = { values = [\"x\"] } }, { exact = {} }]");
    // The part without a gate might accept what the other rejects.
    assert!(!o.criterion.has_gate() && !o.criterion.needs_expected());
    assert_eq!(word(&o, "y", Some(json!("y"))), "-/pass");
    assert_eq!(word(&o, "y", None), "-/ungraded: no expected answer");
}

#[test]
fn faults_of_a_file_are_pointed_at() {
    let head = "id = \"o@1\"\ndescription = \"d\"\n";
    insta::assert_snapshot!(fault(&format!("{head}[label]\nset = [\"a\"]\nnormalize = []\n{EXAMPLES}")), @"
    error: unknown key `normalize`
     --> oracles/o@1.toml:5:1
      |
    5 | normalize = []
      | ^^^^^^^^^
      |
      = help: did you mean `normalise`?
    ");
    insta::assert_snapshot!(fault(&format!("{head}[lable]\nset = []\n")), @"
    error: unknown key `lable`
     --> oracles/o@1.toml:3:2
      |
    3 | [lable]
      |  ^^^^^
      |
      = help: did you mean `label`?
    ");
    insta::assert_snapshot!(fault(&format!("{head}[pattern]\nregex = '(a'\n{EXAMPLES}")), @"
    error: this is not a regular expression: unclosed group
     --> oracles/o@1.toml:4:9
      |
    4 | regex = '(a'
      |         ^^^^
      |
      = help: the syntax is that of Rust's regex crate; look-around and back-references are not in it
    ");
    insta::assert_snapshot!(fault(&format!("{head}[all]\nof = [{{ numbr = {{}} }}]\n{EXAMPLES}")), @"
    error: unknown kind `numbr`
     --> oracles/o@1.toml:4:9
      |
    4 | of = [{ numbr = {} }]
      |         ^^^^^
      |
      = help: did you mean `number`?
    ");
    insta::assert_snapshot!(fault("id = \"p@1\"\ndescription = \"d\"\n[exact]\n"), @r#"
    error: the id is not the file's name
     --> oracles/o@1.toml:1:6
      |
    1 | id = "p@1"
      |      ^^^^^
      |
      = help: write id = "o@1", or rename the file
    "#);
    insta::assert_snapshot!(fault(&format!("{head}[exact]\n")), @r#"
    error: the oracle needs a passing and a failing example
    --> oracles/o@1.toml
     = help: add [[example]] tables: at least one with verdict = "pass" and one with verdict = "fail"
    "#);
}

#[test]
fn an_oracle_that_was_edited_without_a_new_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o@1.toml");
    let text = "id = \"o@1\"\ndescription = \"d\"\n[label]\nset = [\"a\", \"b\"]\n[[example]]\noutput = \"a\"\nexpected = \"a\"\nverdict = \"pass\"\ngate = \"pass\"\n[[example]]\noutput = \"c\"\nexpected = \"a\"\nverdict = \"fail\"\nreason = \"not a label\"\n";
    Disk::real().replace(&path, text.as_bytes()).unwrap();
    let library = Library::open(&Disk::real(), folder.path()).unwrap();
    assert!(library::check(&library, &AnswerBook::default()).failures.is_empty());
    assert!(library.write_lock().unwrap());
    assert!(!Library::open(&Disk::real(), folder.path()).unwrap().write_lock().unwrap());
    // A comment and a better description need no new version; another set does.
    Disk::real()
        .replace(&path, format!("# a comment\n{}", text.replace("\"d\"", "\"better\"")).as_bytes())
        .unwrap();
    assert!(Library::open(&Disk::real(), folder.path()).is_ok());
    Disk::real().replace(&path, text.replace("\"b\"]", "\"b\", \"c\"]").as_bytes()).unwrap();
    let said = Library::open(&Disk::real(), folder.path()).unwrap_err().to_string();
    assert!(said.contains("o@1 was edited without a new version") && said.contains("o@2.toml"), "{said}");
}

#[test]
fn an_example_that_comes_out_otherwise_is_told() {
    let o = oracle("[exact]\nvalue = \"\"");
    let failures = o.self_test(&AnswerBook::default());
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].to_string(), "o@1 example 2: expected fail, got pass");
}

#[test]
fn every_kind_has_a_schema() {
    let schema = json_schema();
    for kind in KINDS {
        assert!(schema["properties"][kind.name]["description"].is_string(), "{}", kind.name);
    }
    assert!(jsonschema::validator_for(&schema).is_ok());
}

fn kinds() -> Vec<Oracle> {
    [
        "[label]\nset = [\"a\"]\nnormalise = [\"strip_quotes\", \"strip_punctuation\", \"strip_code_fence\", \"strip_diacritics\"]",
        "[exact]\nnormalise = [\"first_line\", \"last_line\", \"collapse_whitespace\"]",
        "[exact]\nfield = \"a\"\nnormalise = [\"trim_quotes\", \"escape_newlines\"]",
        "[contains]\nignore_case = true",
        "[pattern]\nregex = '(a|b)+'",
        "[number]\nafter = \":\"",
        "[number]\nfield = \"a\"\nreading = \"plain\"",
        "[number]\nreading = \"digits\"",
        "[json]\nextract = \"first\"\n[json.fields]\na = { compare = \"number\" }\nb = { compare = \"date\", optional = true }",
        "[is_json]\nschema = { type = \"object\" }",
        "[contains_json]\nschema = { type = \"array\" }",
        "[is_xml]\nrequired_elements = [\"a.b\"]",
        "[is_sql]\nallow_tables = [\"a\"]",
        "[starts_with]",
        "[word_count]\nmin = 1\nmax = 3",
        "[similarity]\nmeasure = \"levenshtein\"\nmax_distance = 3",
        "[similarity]\nmeasure = \"rouge_n\"\nn = 2\nthreshold = 0.5",
        "[similarity]\nmeasure = \"rouge_l\"\nthreshold = 0.5",
        "[similarity]\nmeasure = \"bleu\"\nthreshold = 0.5",
        "[similarity]\nmeasure = \"token_f1\"\nthreshold = 0.5",
        "[refusal]",
        "[function_call.functions]\na = { type = \"object\" }",
        "[finish_reason]\nis = [\"stop\"]",
        "[latency]\nmax_ms = 10",
        "[cost]\nmax_usd = 0.01",
        "[command]\nargv = [\"p\"]",
        "[judge]\nrubric = \"r\"\nmodel = \"p/m\"",
        "[embedding]\nmodel = \"p/m\"\nthreshold = 0.5",
        "[not.refusal]",
        "[any]\nof = [{ exact = {} }, { judge = { rubric = \"r\", model = \"p/m\" } }]",
        "[all]\nof = [{ number = {} }, { any = { of = [{ exact = {} }, { label = { set = [\"x\"] } }] } }]",
        "[all]\nthreshold = 0.5\nof = [{ number = {}, weight = 2 }, { exact = {}, weight = 0 }, { not = { refusal = {} } }]",
    ]
    .map(oracle)
    .into()
}

proptest! {
    #[test]
    fn no_output_makes_an_oracle_panic(output in "(\\PC|[\\x00-\\x1f]|[{}\\[\\]\"`:]){0,60}", text in "\\PC{0,10}") {
        for o in kinds() {
            for expected in [None, Some(json!(text)), Some(json!({"a": text, "b": text})), Some(json!([text])), Some(json!(1.5))] {
                let judgement = o.criterion.judge(&Sample { output: &output, expected: expected.as_ref(), facts: Facts::default() });
                // The gate is only there where the criterion says so, and what it turns away never passes.
                prop_assert_eq!(judgement.gate.is_some(), o.criterion.has_gate());
                if matches!(judgement.gate, Some(Verdict::Fail(_))) {
                    prop_assert!(judgement.verdict != Verdict::Pass);
                }
                if expected.is_none() && o.criterion.needs_expected() {
                    prop_assert!(judgement.verdict != Verdict::Pass);
                }
            }
        }
    }
}

fn fixed(kind: &str, output: &str) -> String {
    word(&oracle(kind), output, None)
}

#[test]
fn what_the_output_is_made_of_is_a_gate() {
    assert_eq!(fixed("[is_json]", " [1, 2] "), "pass/pass");
    assert_eq!(fixed("[is_json]", "so: [1]"), "fail/fail: the output is no JSON");
    let schema = "schema = { type = \"object\", required = [\"a\"] }";
    assert_eq!(fixed(&format!("[is_json]\n{schema}"), "{}"), "fail/fail: the JSON does not fit the schema");
    assert_eq!(fixed(&format!("[contains_json]\n{schema}"), "{} then {\"a\": 1}"), "pass/pass");
    assert_eq!(
        fixed(&format!("[contains_json]\n{schema}"), "{}"),
        "fail/fail: no JSON in the output fits the schema"
    );
    assert_eq!(fixed("[contains_json]", "none"), "fail/fail: no JSON in the output");
    let xml = "[is_xml]\nrequired_elements = [\"a.b\"]";
    assert_eq!(fixed(xml, "<?xml version=\"1.0\"?><a x=\"1\"><b/>t</a>"), "pass/pass");
    assert_eq!(fixed(xml, "<a><c/></a>"), "fail/fail: a required element is missing");
    for broken in ["<a><b></a>", "<a/><b/>", "text", "<a>", "<a/> and more", ""] {
        assert_eq!(fixed("[is_xml]", broken), "fail/fail: the output is no well-formed XML", "{broken}");
    }
    let sql = "[is_sql]\ndialect = \"postgres\"\nallow_tables = [\"users\"]";
    assert_eq!(fixed(sql, "SELECT name FROM public.users WHERE id = 1;"), "pass/pass");
    assert_eq!(
        fixed(sql, "SELECT * FROM users JOIN secrets USING (id)"),
        "fail/fail: a table that is not allowed"
    );
    assert_eq!(fixed(sql, "DROP the table, please"), "fail/fail: the output is no SQL");
    assert_eq!(fixed("[starts_with]\ntext = \"Dear\"", "Dear Ann"), "pass/pass");
    assert_eq!(fixed("[starts_with]\ntext = \"Dear\"", "Hi"), "fail/fail: begins with something else");
    assert_eq!(word(&oracle("[starts_with]"), "42 is it", Some(json!(42))), "-/pass");
    assert_eq!(fixed("[word_count]\nmax = 3", "a b c d"), "fail/fail: too many words");
    assert_eq!(fixed("[word_count]\nexact = 2", " a\tb "), "pass/pass");
    assert_eq!(fixed("[refusal]", "I’m sorry, but I can't help with that."), "pass/pass");
    assert_eq!(fixed("[refusal]", "Sure: 42"), "fail/fail: the model does not decline");
    assert_eq!(fixed("[not.refusal]", "Sure: 42"), "pass/pass");
    assert_eq!(fixed("[not.refusal]", "I cannot help."), "fail/fail: it is what it must not be");
    assert_eq!(
        word(&oracle("[not.exact]"), "a", Some(json!("b"))),
        "-/pass",
        "what needs a reference is no gate"
    );
}

#[test]
fn a_likeness_is_of_the_likest_reference_and_long_texts_are_not_graded() {
    let o = oracle("[similarity]\nmeasure = \"levenshtein\"\nmax_distance = 1");
    assert_eq!(word(&o, "colour", Some(json!(["hue", "color"]))), "-/pass");
    assert_eq!(word(&o, "colour", Some(json!("hue"))), "-/fail: not like enough to the expected answer");
    let long = "x".repeat(10_000);
    assert_eq!(
        word(&o, &long, Some(json!(long))),
        "-/ungraded: the texts are too long to be compared in this way"
    );
    let o = oracle("[similarity]\nmeasure = \"rouge_l\"\nthreshold = 0.8");
    assert_eq!(word(&o, "the cat sat on the mat", Some(json!("The cat lay on the mat."))), "-/pass");
}

#[test]
fn calls_are_read_as_each_api_spells_them_and_compared_in_any_order() {
    let o = oracle(
        "[function_call.functions]\nweather = { type = \"object\", required = [\"city\"] }\nclock = {}",
    );
    let expected = json!([{"name": "clock"}, {"name": "weather", "arguments": {"city": "Ulm"}}]);
    let say = |calls: Value, expected: &Value| {
        let facts = Facts { tool_calls: &calls, ..Facts::default() };
        let judgement = o.criterion.judge(&Sample { output: "", expected: Some(expected), facts });
        judgement.verdict.reason().unwrap_or("pass").to_owned()
    };
    for calls in [
        json!([{"function": {"name": "weather", "arguments": "{\"city\": \"Ulm\"}"}}, {"function": {"name": "clock", "arguments": "{}"}}]),
        json!([{"type": "tool_use", "name": "clock", "input": {}}, {"type": "tool_use", "name": "weather", "input": {"city": "Ulm"}}]),
        json!([{"name": "weather", "args": {"city": "Ulm"}}, {"name": "clock", "args": {}}]),
        json!([{"type": "function_call", "name": "weather", "arguments": "{\"city\":\"Ulm\"}"}, {"type": "function_call", "name": "clock", "arguments": "{}"}]),
    ] {
        assert_eq!(say(calls, &expected), "pass");
    }
    assert_eq!(say(json!([{"name": "weather", "args": {}}]), &expected), "arguments do not fit the schema");
    assert_eq!(say(json!([{"name": "rm", "args": {}}]), &expected), "a function that is not known");
    assert_eq!(
        say(json!([{"name": "clock", "arguments": "{"}]), &expected),
        "the arguments of a call are no JSON"
    );
    assert_eq!(say(json!([{"name": "clock"}]), &expected), "other calls than expected");
    assert_eq!(say(json!([]), &json!([])), "pass");
    let lenient = oracle("[function_call]\nmin_f1 = 0.6");
    assert_eq!(
        word(&lenient, "[{\"name\": \"clock\"}]", Some(expected)),
        "pass/pass",
        "a self-test lists its calls as JSON"
    );
}

#[test]
fn what_a_call_was_like_is_graded_where_it_is_known() {
    let facts = Facts {
        finish: Some("stop"),
        latency: Millis::from_ms(800.0),
        cost: "0.002".parse().ok(),
        tool_calls: &Value::Null,
        refused: false,
    };
    let say = |kind: &str, facts| {
        let o = oracle(kind);
        let judgement = o.criterion.judge(&Sample { output: "x", expected: None, facts });
        (judgement.verdict.name(), judgement.verdict.reason().unwrap_or_default().to_owned())
    };
    assert_eq!(say("[finish_reason]\nis = [\"stop\", \"end_turn\"]", facts).0, "pass");
    assert_eq!(say("[finish_reason]\nis = [\"tool_calls\"]", facts).0, "fail");
    assert_eq!(say("[latency]\nmax_ms = 800", facts).0, "pass");
    assert_eq!(say("[latency]\nmax_ms = 799", facts).0, "fail");
    assert_eq!(say("[cost]\nmax_usd = 0.002", facts).0, "pass");
    assert_eq!(say("[cost]\nmax_usd = 0.0019", facts).0, "fail");
    for kind in ["[finish_reason]\nis = [\"stop\"]", "[latency]\nmax_ms = 1", "[cost]\nmax_usd = 1"] {
        let (verdict, reason) = say(kind, Facts::default());
        assert!(verdict == "ungraded" && reason.ends_with("is unknown"), "{kind}: {reason}");
    }
}

#[test]
fn weighted_parts_pass_by_their_share() {
    let o = oracle(
        "[all]\nthreshold = 0.6\nof = [{ contains = { values = [\"a\"] }, weight = 2 }, { contains = { values = [\"b\"] } }, { contains = { values = [\"c\"] }, weight = 0 }]",
    );
    assert_eq!(word(&o, "a", None), "pass/pass");
    assert_eq!(word(&o, "b c", None), "fail/fail: too few of the criteria are met");
    let open = oracle("[all]\nthreshold = 0.5\nof = [{ exact = {} }, { contains = { values = [\"b\"] } }]");
    assert_eq!(word(&open, "b", None), "pass/pass", "the ungraded half cannot change that");
    assert_eq!(word(&open, "a", None), "pass/ungraded: no expected answer");
    let plain = oracle(
        "[all]\nof = [{ contains = { values = [\"a\"] } }, { contains = { values = [\"b\"] }, weight = 0 }]",
    );
    assert_eq!(word(&plain, "a", None), "pass/pass", "a part of no weight never fails");
}

#[test]
fn settings_that_make_no_sense_point_at_their_place() {
    for (kind, says) in [
        ("[similarity]\nmeasure = \"bleu\"", "there is no threshold"),
        ("[similarity]\nmeasure = \"bleu\"\nthreshold = 7", "a similarity must be between 0 and 1"),
        ("[similarity]\nmeasure = \"bleu\"\nmax_distance = 7", "this measure has no max_distance"),
        ("[word_count]", "the bounds are missing"),
        ("[word_count]\nmin = 3\nmax = 1", "min is above max"),
        ("[is_sql]\ndialect = \"klingon\"", "unknown dialect"),
        ("[is_json]\nschema = { type = 7 }", "not a valid JSON Schema"),
        ("[function_call.functions]\na = { type = 7 }", "not a valid JSON Schema"),
        ("[function_call]\nmin_f1 = 0", "min_f1 must be above 0"),
        ("[finish_reason]\nis = []", "the list is empty: nothing could pass"),
        ("[latency]\nmax_ms = -1", "this is not a duration"),
        ("[cost]\nmax_usd = -1", "the cost is negative"),
        ("[not]", "a part must have exactly one kind"),
        ("[any]\nthreshold = 0.5\nof = [{ exact = {} }]", "`any` has no threshold"),
        ("[all]\nof = [{ exact = {}, weight = -1 }]", "this is not a weight"),
        ("[refusal]\nphrases = [\" \"]", "contains an empty phrase"),
    ] {
        let text = fault(&format!("id = \"o@1\"\ndescription = \"d\"\n{kind}\n{EXAMPLES}"));
        assert!(text.contains(says), "{kind}: {text}");
    }
}
