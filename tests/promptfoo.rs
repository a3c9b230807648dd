//! promptfoo's model-graded assertions and the files that a config names, through the real binary.
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
use serde_json::Value;

const SUITE: &str = r#"
prompts: [file://prompt.txt]
defaultTest:
  options: { provider: { text: "openai:chat:gpt-5-mini", embedding: "openai:embedding:text-embedding-3-small" } }
tests:
  - vars: { word: one }
    assert: [{ type: llm-rubric, value: "Speaks of {{word}}, politely" }]
  - vars: { word: two }
    assert: [{ type: factuality, value: "Two is even" }]
  - vars: { word: three }
    assert: [{ type: factuality, value: "Three is odd" }]
  - vars: { word: four }
    assert: [{ type: similar, value: "the number four", threshold: 0.6 }]
  - vars: { word: five }
    assert:
      - { type: g-eval, value: ["Is short", "Is true"], threshold: 0.8, provider: "anthropic:messages:claude-haiku-4-5" }
      - { type: not-contains, value: six }
  - vars: { word: seven }
    assert: [{ type: not-llm-rubric, value: file://rude.txt }]
  - vars: { word: file://eight.json }
    assert: [{ type: is-json, value: file://schema.yaml }]
  - vars: { word: nine }
    assert: [{ type: llm-rubric, value: Kind, provider: "file://grader.py" }]
  - vars: { word: file://../secret.txt }
    assert: [{ type: contains, value: a }]
  - vars: { word: file://code.py }
  - vars: { word: ten }
    assert: [{ type: contains, value: file://link.txt }]
  - vars: { word: eleven }
    assert: [{ type: llm-rubric, value: Is short }, { type: contains, value: eleven }]
  - vars: { word: no }
    assert: [{ type: equals, value: yes }]
"#;

fn suite(scratch: &Scratch) {
    scratch.write("secret.txt", "the secret");
    scratch.write("suite/promptfooconfig.yaml", SUITE);
    scratch.write("suite/prompt.txt", "Say {{word}}");
    scratch.write("suite/rude.txt", "Is rude\n");
    scratch.write("suite/eight.json", "{\"n\": 8}\n");
    scratch.write("suite/code.py", "print(1)");
    scratch.write("suite/schema.yaml", "type: object\nrequired: [n]\nproperties: { n: { type: integer } }\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret.txt", scratch.file("suite/link.txt")).unwrap();
}

fn import(scratch: &Scratch, more: &[&str]) -> (Value, Vec<Value>) {
    let args = [
        "corpus",
        "import",
        "promptfoo",
        "suite/promptfooconfig.yaml",
        "--out",
        "x.jsonl",
        "--task",
        "colour",
    ];
    let report = scratch.run(&[&args[..], &["--format", "json"], more].concat()).exits(0).json();
    let lines = scratch.read("x.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (report, lines)
}

fn oracle(scratch: &Scratch, line: &Value) -> String {
    scratch.read(&format!("oracles/{}.toml", line["oracle"].as_str().unwrap()))
}

#[test]
fn model_graded_assertions_become_judges_and_embeddings_and_files_beside_the_config_are_read() {
    let scratch = Scratch::project();
    suite(&scratch);
    let (report, lines) = import(&scratch, &[]);
    let skipped: Vec<String> = report["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} | {} | {}",
                one["place"].as_str().unwrap(),
                one["what"].as_str().unwrap(),
                one["reason"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(skipped.join("\n"), @"
    test 10 | word: file://code.py | it is code, which is not run
    test 11 | contains: file://link.txt | it lies outside the config's folder: copy it there
    test 8 | llm-rubric | its grader file://grader.py is not supported: name one with --judge PROVIDER/MODEL
    test 9 | word: file://../secret.txt | it lies outside the config's folder: copy it there
    ");
    assert!(!scratch.read("x.jsonl").contains("the secret"));
    assert_eq!(lines[6]["prompt"], "Say {\"n\": 8}");
    let before_last = &lines[lines.len() - 2];
    assert!(before_last["expected"].is_null(), "a judge is not shown what another assertion looks for");
    assert!(oracle(&scratch, before_last).contains("values = [\"eleven\"]"));
    let last = &lines[lines.len() - 1];
    assert_eq!((&last["prompt"], &last["expected"]), (&"Say no".into(), &"yes".into()), "as YAML 1.2 has it");
    assert_eq!(
        lines[1]["oracle"], lines[2]["oracle"],
        "the reference stands in the line, so one rubric does for both"
    );
    assert_eq!(lines[1]["expected"], "Two is even");
    insta::assert_snapshot!(oracle(&scratch, &lines[0]), @r#"
    description = "promptfoo: llm-rubric"
    draft = true
    id = "promptfoo-a7f82bf5b6d0@1"

    [judge]
    model = "openai/gpt-5-mini"
    rubric = "Speaks of one, politely"
    "#);
    insta::assert_snapshot!(oracle(&scratch, &lines[3]), @r#"
    description = "promptfoo: similar"
    draft = true
    id = "promptfoo-5c8953b92c48@1"

    [embedding]
    model = "embeddings/text-embedding-3-small"
    threshold = 0.6
    "#);
    insta::assert_snapshot!(oracle(&scratch, &lines[4]), @r#"
    description = "promptfoo: g-eval, not-contains"
    draft = true
    id = "promptfoo-05f717e4eb50@1"

    [[all.of]]

    [all.of.judge]
    model = "anthropic/claude-haiku-4-5"
    rubric = """
    - Is short
    - Is true

    Think of a score from 0 (the answer does not meet this at all) to 1 (it meets all of it); where several criteria are listed, the mean of theirs. Pass if the score is 0.8 or more, else fail.
    """

    [[all.of]]

    [all.of.contains]
    ignore_case = false
    mode = "none"
    values = ["six"]

    [[example]]
    output = "six"
    verdict = "fail"
    "#);
    insta::assert_snapshot!(oracle(&scratch, &lines[5]), @r#"
    description = "promptfoo: not-llm-rubric"
    draft = true
    id = "promptfoo-9df72fc56e34@1"

    [not.judge]
    model = "openai/gpt-5-mini"
    rubric = "Is rude"
    "#);
}

#[test]
fn a_draft_says_which_examples_it_lacks_until_it_has_them() {
    let scratch = Scratch::project();
    scratch.write("p.yaml", "prompts: [hello]\ntests:\n  - assert: [{ type: llm-rubric, value: Is kind }]\n");
    let args = ["corpus", "import", "promptfoo", "p.yaml", "--out", "x.jsonl", "--task", "colour"];
    let without = scratch.run(&args).exits(0);
    assert!(without.stderr.contains("name one with --judge PROVIDER/MODEL"), "{}", without.all());
    std::fs::remove_file(scratch.file("x.jsonl")).unwrap();
    let with = scratch.run(&[&args[..], &["--judge", "script/owl"]].concat()).exits(0);
    assert!(with.stderr.contains("script/owl"), "{}", with.all());
    let line: Value = serde_json::from_str(scratch.read("x.jsonl").trim()).unwrap();
    let id = line["oracle"].as_str().unwrap().to_owned();
    let checked = scratch.run(&["oracle", "check"]).exits(1);
    assert!(checked.stdout.contains(&format!("{id} is a draft: add an [[example]]")), "{}", checked.all());
    // A draft is run all the same, and judged: what it says is held to `monitor` in any case.
    let owl = "\n[prices.model.\"script/owl\"]\ninput = 1\noutput = 1\n";
    scratch.write("route-prof.toml", format!("{}{owl}", common::CONFIG));
    scratch.write(
        "script.toml",
        "[[rule]]\nmodel = \"owl\"\nreply = '{\"reasoning\": \"kind\", \"verdict\": \"pass\"}'\n[[rule]]\nreply = \"hi\"\n",
    );
    let summary = scratch.run(&["run", "x.jsonl", "--format", "json"]).exits(0).json();
    assert_eq!(summary["tasks"][0]["cells"][0]["counts"]["passed"], 1, "{summary:#}");
    let path = format!("oracles/{id}.toml");
    let examples = "\n[[example]]\noutput = \"Dear friend\"\nverdict = \"pass\"\n\n[[example]]\noutput = \"Go away\"\nverdict = \"fail\"\n";
    scratch.write(&path, format!("{}{examples}", scratch.read(&path)));
    let stale = scratch.run(&["oracle", "check"]).exits(2);
    assert!(stale.stderr.contains("remove `draft = true`"), "{}", stale.all());
    scratch.replace(&path, "draft = true\n", "");
    scratch.run(&["oracle", "check"]).exits(0);
    scratch.run(&["grade", "latest"]).exits(0);
}
