//! Tests of the corpus: what is accepted, how faults read, and that both forms say the same.

use proptest::prelude::*;

use super::*;
use serde_json::Value;

fn config() -> (tempfile::TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("route-prof.toml");
    let text = r#"version = 1
[[tier]]
name = "t"
model = "p/m"
[provider.p]
api = "scripted"
[task.intent]
oracle = "intent@1"
[task.qa]
oracle = "qa@1"
template = "Context: {{ context }}\nQ: {{ question }}"
"#;
    Disk::real().replace(&path, text.as_bytes()).unwrap();
    let config = crate::config::load(&Disk::real(), &path).unwrap();
    (folder, config)
}

fn open(name: &str, bytes: &[u8]) -> Result<Corpus, CorpusError> {
    let (folder, config) = config();
    let path = folder.path().join(name);
    Disk::real().replace(&path, bytes).unwrap();
    Corpus::open(&Disk::real(), &path, name, &config)
}

const TWO: &str = "{\"id\":\"a\",\"task\":\"intent\",\"prompt\":\"hi, \\\"you\\\"\",\"expected\":\"x\",\"weight\":2,\"tags\":[\"adversarial\"]}\n\n{\"id\":\"b\",\"task\":\"qa\",\"vars\":{\"context\":\"c\",\"question\":\"q\"},\"expected\":{\"n\":1}}\r\n";

#[test]
fn a_corpus_is_read_and_read_again() {
    let (folder, config) = config();
    let path = folder.path().join("c.jsonl");
    Disk::real().replace(&path, format!("\u{feff}{TWO}").as_bytes()).unwrap();
    let corpus = Corpus::open(&Disk::real(), &path, "c.jsonl", &config).unwrap();
    assert_eq!(corpus.len(), 2);
    let first = corpus.load(0).unwrap();
    assert_eq!(first.content, Content::Text("hi, \"you\"".to_owned()));
    assert!(corpus.entries()[0].adversarial);
    assert_eq!(corpus.load(1).unwrap().expected.unwrap()["n"], 1);
    Disk::real().replace(&path, b"{\"id\":\"a\",\"task\":\"intent\",\"prompt\":\"another\"}\n").unwrap();
    // The open handle still sees the old file after an atomic replacement; a file changed in place is noticed.
    assert!(corpus.load(0).is_ok());
}

#[test]
fn csv_and_jsonl_of_the_same_prompts_are_the_same_corpus() {
    let csv = "id,task,prompt,vars,expected,weight,tags\nb,qa,,\"{\"\"context\"\":\"\"c\"\",\"\"question\"\":\"\"q\"\"}\",\"{\"\"n\"\":1}\",,\na,intent,\"hi, \"\"you\"\"\",,x,2,adversarial\n";
    let (one, two) = (open("c.jsonl", TWO.as_bytes()).unwrap(), open("c.csv", csv.as_bytes()).unwrap());
    assert_eq!(one.digest(), two.digest());
}

#[test]
fn csv_records_over_several_lines_are_read_again_whole() {
    let (folder, config) = config();
    let path = folder.path().join("c.csv");
    Disk::real()
        .replace(
            &path,
            b"task,prompt,expected\r\nintent,\"two\nlines\",x\r\nintent,second,\"a \"\"b\"\"\"\r\n",
        )
        .unwrap();
    let corpus = Corpus::open(&Disk::real(), &path, "c.csv", &config).unwrap();
    assert_eq!(corpus.load(0).unwrap().content, Content::Text("two\nlines".to_owned()));
    assert_eq!(corpus.load(1).unwrap().expected, Some(Value::String("a \"b\"".to_owned())));
}

#[test]
fn every_fault_of_a_corpus_is_reported_in_one_go() {
    let text = "{\"id\":\"a\",\"task\":\"intent\",\"prompt\":\"x\"}\n{\"id\":\"a\",\"task\":\"intent\",\"prompt\":\"y\"}\n{\"task\":\"intnt\",\"prompt\":\"x\"}\n{\"task\":\"intent\",\"promt\":\"x\"}\n{\"task\":\"intent\",\"prompt\":\"  \"}\n{\"task\":\"intent\",\"prompt\":\"x\",\"weight\":-1}\n{\"task\":\"qa\",\"vars\":{\"context\":\"c\"}}\n{\"task\" \"intent\"}\n";
    insta::assert_snapshot!(open("c.jsonl", text.as_bytes()).unwrap_err().to_string(), @r#"
    error: the id `a` is already used on line 1
     --> c.jsonl:2:7
      |
    2 | {"id":"a","task":"intent","prompt":"y"}
      |       ^^^
      |
      = help: give each prompt its own id

    error: unknown task `intnt`
     --> c.jsonl:3:9
      |
    3 | {"task":"intnt","prompt":"x"}
      |         ^^^^^^^
      |
      = help: did you mean `intent`? (or define [task.intnt] in route-prof.toml)

    error: unknown key `promt`
     --> c.jsonl:4:18
      |
    4 | {"task":"intent","promt":"x"}
      |                  ^^^^^^^
      |
      = help: did you mean `prompt`?

    error: the prompt is empty
     --> c.jsonl:5:18
      |
    5 | {"task":"intent","prompt":"  "}
      |                  ^^^^^^^^
      |
      = help: write the prompt

    error: the weight -1 is outside the range from 0 up
     --> c.jsonl:6:31
      |
    6 | {"task":"intent","prompt":"x","weight":-1}
      |                               ^^^^^^^^
      |
      = help: use a finite number, 0 or more

    error: the template of task `qa` needs question
     --> c.jsonl:7:1
      |
    7 | {"task":"qa","vars":{"context":"c"}}
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: add them to `vars`

    error: not valid JSON: expected `:`
     --> c.jsonl:8:9
      |
    8 | {"task" "intent"}
      |         ^
      |
      = help: write one JSON object per line
    "#);
}

#[test]
fn an_empty_corpus_and_one_without_weight_are_faults() {
    assert!(open("c.jsonl", b"\n\n").unwrap_err().to_string().contains("the corpus is empty"));
    let said =
        open("c.jsonl", b"{\"task\":\"intent\",\"prompt\":\"x\",\"weight\":0}").unwrap_err().to_string();
    assert!(said.contains("all prompts of task `intent` have weight 0"), "{said}");
}

#[test]
fn bytes_that_are_no_text_are_a_fault_with_their_place() {
    let said = open("c.jsonl", b"{\"task\":\"intent\",\"prompt\":\"\xff\"}").unwrap_err().to_string();
    assert!(said.contains("not UTF-8 from byte 28 on"), "{said}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), csv in any::<bool>()) {
        let _ = open(if csv { "c.csv" } else { "c.jsonl" }, &bytes);
    }

    #[test]
    fn any_text_survives_both_forms(text in "\\PC{1,40}[\n\",;|]{0,3}", expected in "\\PC{1,20}") {
        prop_assume!(!text.trim().is_empty());
        let json = serde_json::json!({"id": "a", "task": "intent", "prompt": text, "expected": [expected]});
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["id", "task", "prompt", "expected"]).unwrap();
        csv.write_record(["a", "intent", &text, &json["expected"].to_string()]).unwrap();
        let (one, two) = (open("c.jsonl", json.to_string().as_bytes()).unwrap(), open("c.csv", &csv.into_inner().unwrap()).unwrap());
        prop_assert_eq!(one.digest(), two.digest());
        prop_assert_eq!(one.load(0).unwrap(), two.load(0).unwrap());
    }
}
