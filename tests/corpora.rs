//! `corpus import`, `corpus sample`, `init --task`: the real binary on files that other tools write.
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

use std::path::Path;

use common::Scratch;
use serde_json::Value;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/promptfoo").join(name);
    path.to_string_lossy().into_owned()
}

fn lines(scratch: &Scratch, name: &str) -> Vec<Value> {
    scratch.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_promptfoo_config_becomes_lines_and_shared_oracles_and_nothing_is_dropped_in_silence() {
    let scratch = Scratch::project();
    let args = [
        "corpus",
        "import",
        "auto",
        &fixture("promptfooconfig.yaml"),
        "--out",
        "x.jsonl",
        "--task",
        "colour",
    ];
    let report = scratch.run(&[&args[..], &["--format", "json"]].concat()).exits(0).json();
    let lines = lines(&scratch, "x.jsonl");
    assert_eq!(lines.len(), 10, "five tests, two prompts");
    assert_eq!(lines[0]["prompt"], "Answer in one word. The capital of France?");
    assert_eq!(lines[0]["expected"], "Paris");
    assert_eq!(lines[0]["oracle"], lines[3]["oracle"], "equal sets of assertions are one oracle");
    assert_eq!(report["oracles"].as_array().unwrap().len(), 3);
    let skipped: Vec<&str> =
        report["skipped"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(skipped, ["javascript", "python"]);
    scratch.run(&["oracle", "check"]).exits(0);
    scratch.run(&["corpus", "check", "x.jsonl"]).exits(0);
}

#[test]
fn imported_assertions_grade_as_their_documentation_says() {
    let scratch = Scratch::project();
    let file = fixture("promptfooconfig.yaml");
    scratch.run(&["corpus", "import", "promptfoo", &file, "--out", "x.jsonl", "--task", "colour"]).exits(0);
    // The small model answers well, the large one in a way that each assertion turns down.
    let rules = [
        ("France", "Paris", "paris"),
        ("Italy", "Rome", "Rome."),
        ("flag", "WHITE", "green white"),
        ("number", "42", "4"),
    ];
    let mut script = String::new();
    for (word, good, bad) in rules {
        for (model, reply) in [("pup", good), ("hound", bad)] {
            script.push_str(&format!(
                "[[rule]]\nmodel = \"{model}\"\nmatch = \"{word}\"\nreply = \"{reply}\"\n"
            ));
        }
    }
    script.push_str("[[rule]]\nreply = \"red\"\n");
    scratch.write("script.toml", script);
    let kept: String = scratch.read("x.jsonl").lines().take(8).map(|line| format!("{line}\n")).collect();
    scratch.write("y.jsonl", kept);
    let summary = scratch.run(&["run", "y.jsonl", "--format", "json"]).exits(0).json();
    let folder = format!("reports/{}", summary["run"]["id"].as_str().unwrap());
    let results = scratch.read(&format!("{folder}/results.csv"));
    let mut reader = csv::Reader::from_reader(results.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (tier, verdict) = (column("tier"), column("verdict"));
    let mut seen = 0;
    for record in reader.records().map(Result::unwrap) {
        let wanted = if &record[tier] == "small" { "pass" } else { "fail" };
        assert_eq!(&record[verdict], wanted, "{record:?}");
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[test]
fn a_promptfoo_csv_reads_its_magic_columns() {
    let scratch = Scratch::project();
    let args = ["corpus", "import", "auto", &fixture("tests.csv"), "--out", "x.jsonl", "--format", "json"];
    let report = scratch.run(&args).exits(0).json();
    let lines = lines(&scratch, "x.jsonl");
    assert_eq!(lines[0]["vars"]["question"], "The capital of France?");
    assert_eq!(lines[0]["expected"], "Paris");
    assert_eq!(lines[0]["tags"][0], "topic:capitals");
    let what: Vec<&str> =
        report["skipped"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["__providerOutput", "javascript"]);
}

#[test]
fn logs_become_weighted_masked_prompts() {
    let scratch = Scratch::project();
    let call = |text: &str, tag: &str| {
        format!(
            "{{\"call_type\": \"acompletion\", \"metadata\": {{\"task\": \"{tag}\"}}, \"messages\": [{{\"role\": \"user\", \"content\": \"{text}\"}}], \"response\": \"secret answer\"}}\n"
        )
    };
    let log = [
        call("Mail me at a@example.com about red", "colour"),
        call("mail me  at a@example.com about RED", "colour"),
        call("What is blue?", "colour"),
        "no json\n".to_owned(),
    ];
    scratch.write("log.jsonl", log.concat());
    let args = [
        "corpus",
        "import",
        "auto",
        "log.jsonl",
        "--out",
        "x.jsonl",
        "--task-field",
        "metadata.task",
        "--weight-by-frequency",
        "--mask",
    ];
    let ran = scratch.run(&args).exits(0);
    assert!(ran.stderr.contains("not imported: log.jsonl: line 4"), "{}", ran.all());
    let lines = lines(&scratch, "x.jsonl");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["prompt"], "Mail me at [EMAIL_1] about red");
    assert_eq!(lines[0]["weight"], 2.0);
    assert!(!scratch.read("x.jsonl").contains("secret"));
    scratch.run(&["corpus", "check", "x.jsonl"]).exits(0);
}

#[test]
fn spans_and_evals_and_langfuse_are_told_by_their_looks() {
    let scratch = Scratch::project();
    let span = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "gen_ai.input.messages", "value": {"stringValue": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"new\"}]}]"}}]}, {"attributes": [{"key": "gen_ai.prompt.0.role", "value": {"stringValue": "user"}}, {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "old"}}]}]}]}]}"#;
    let cases = [
        ("span.json", span, vec!["new", "old"]),
        (
            "evals.jsonl",
            "{\"input\": [{\"role\": \"user\", \"content\": \"hi\"}], \"ideal\": [\"a\", \"b\"]}\n",
            vec!["hi"],
        ),
        (
            "lang.json",
            "[{\"traceId\": \"1\", \"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"asked\"}]}, \"output\": \"x\"}]",
            vec!["asked"],
        ),
    ];
    for (name, text, wanted) in cases {
        scratch.write(name, text);
        let out = format!("{name}.out.jsonl");
        scratch.run(&["corpus", "import", "auto", name, "--out", &out, "--task", "colour"]).exits(0);
        let found: Vec<String> = lines(&scratch, &out)
            .iter()
            .map(|line| {
                line["prompt"]
                    .as_str()
                    .unwrap_or_else(|| line["messages"][0]["content"].as_str().unwrap())
                    .to_owned()
            })
            .collect();
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn older_and_newer_shapes_of_logs_are_read_and_turns_without_text_are_listed() {
    let scratch = Scratch::project();
    let text = |text: &str| serde_json::json!({ "stringValue": text });
    let map = |pairs: &[(&str, Value)]| {
        let values: Vec<Value> =
            pairs.iter().map(|(key, value)| serde_json::json!({ "key": key, "value": value })).collect();
        serde_json::json!({ "kvlistValue": { "values": values } })
    };
    let list = |values: &[Value]| serde_json::json!({ "arrayValue": { "values": values } });
    let attributes = |key: &str, value: Value| serde_json::json!([{ "key": key, "value": value }]);
    let part = map(&[("type", text("text")), ("content", text("structured"))]);
    let turn = map(&[("role", text("user")), ("parts", list(&[part]))]);
    let call = map(&[("type", text("tool_call")), ("name", text("f"))]);
    let calling = map(&[("role", text("assistant")), ("parts", list(&[call]))]);
    let spans = serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [
        { "attributes": attributes("gen_ai.input.messages", list(std::slice::from_ref(&turn))) },
        { "attributes": attributes("gen_ai.input.messages", list(&[turn.clone(), calling])) },
        { "events": [{ "name": "gen_ai.content.prompt",
            "attributes": attributes("gen_ai.prompt", text("[{\"role\": \"user\", \"content\": \"in an event\"}]")) }] },
        { "attributes": [
            { "key": "gen_ai.prompt.0.role", "value": text("user") }, { "key": "gen_ai.prompt.0.content", "value": text("one") },
            { "key": "gen_ai.prompt.1.role", "value": text("assistant") },
        ] },
    ] }] }] });
    scratch.write("spans.json", spans.to_string());
    let logs = serde_json::json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "eventName": "gen_ai.client.inference.operation.details", "attributes": attributes("gen_ai.input.messages", list(&[turn])) },
    ] }] }] });
    scratch.write("logs.json", logs.to_string());
    scratch.write(
        "langfuse.csv",
        "id,type,name,input,output\n1,GENERATION,a,\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"from a list\"\"}]\",x\n\
         2,GENERATION,b,\"\"\"quoted\"\"\",y\n3,SPAN,c,not a call,z\n4,GENERATION,d,\"two\nlines\",z\n",
    );
    let cases = [
        ("otel", "spans.json", vec!["structured", "in an event"], 2),
        ("otel", "logs.json", vec!["structured"], 0),
        ("langfuse", "langfuse.csv", vec!["from a list", "quoted", "two\nlines"], 1),
    ];
    for (format, name, wanted, skipped) in cases {
        let out = format!("{name}.out.jsonl");
        let args = ["corpus", "import", format, name, "--out", &out, "--task", "colour", "--format", "json"];
        let report = scratch.run(&args).exits(0).json();
        let found: Vec<String> = lines(&scratch, &out)
            .iter()
            .map(|line| line["prompt"].as_str().unwrap_or("?").to_owned())
            .collect();
        assert_eq!(found, wanted, "{name}");
        assert_eq!(report["skipped"].as_array().unwrap().len(), skipped, "{report:#}");
    }
}

#[test]
fn a_sample_keeps_weights_and_is_drawn_by_seed() {
    let scratch = Scratch::project();
    let one = scratch.run(&["corpus", "sample", "corpus.jsonl", "--n", "2"]).exits(0).stdout;
    assert_eq!(one, scratch.run(&["corpus", "sample", "corpus.jsonl", "--n", "2"]).exits(0).stdout);
    let weights: f64 = one
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["weight"].as_f64().unwrap_or(1.0))
        .sum();
    assert!((weights - 6.0).abs() < 1e-9, "{one}");
    assert!(one.contains("adversarial"));
}

#[test]
fn a_project_of_every_kind_of_task_passes_its_own_checks_and_runs_at_once() {
    let scratch = Scratch::empty();
    let kinds = [
        "classification",
        "extraction",
        "summarisation",
        "rag-answering",
        "code",
        "translation",
        "moderation",
        "free-form",
    ];
    let mut args = vec!["init"];
    args.extend(kinds.iter().flat_map(|kind| ["--task", kind]));
    scratch.run(&args).exits(0);
    scratch.run(&["oracle", "check"]).exits(0);
    scratch.run(&["corpus", "check", "corpora/tasks.jsonl"]).exits(0);
    let summary = scratch.run(&["run", "corpora/tasks.jsonl", "--format", "json"]).exits(0).json();
    assert_eq!(summary["tasks"].as_array().unwrap().len(), kinds.len());
    let results = scratch.read(&format!("reports/{}/results.csv", summary["run"]["id"].as_str().unwrap()));
    let large: Vec<&str> = results.lines().filter(|line| line.contains(",demo/large,")).collect();
    assert!(!large.is_empty() && large.iter().all(|line| line.contains(",pass,")), "{large:#?}");
}

#[test]
fn recorded_benchmarks_replay_without_a_call() {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    let scratch = Scratch::empty();
    scratch.run(&["corpus", "import", "zeroeval", &folder.to_string_lossy(), "--out", "z"]).exits(0);
    let corpus = lines(&scratch, "z/corpus.jsonl");
    assert_eq!(corpus.len(), 2840);
    // A small corpus of the same recording replays, too: trials are looked up by what is asked.
    let some: String = corpus.iter().step_by(100).map(|line| format!("{line}\n")).collect();
    scratch.write("z/some.jsonl", some);
    let args = ["--config", "z/route-prof.toml", "run", "z/some.jsonl"];
    let ran = scratch.run(&args).exits(0);
    assert!(ran.stderr.contains("87 of 87 trials"), "{}", ran.stderr);
}

#[test]
fn synthetic_prompts_come_from_templates_and_run() {
    let scratch = Scratch::project();
    scratch.run(&["corpus", "synth", "--init", "t.toml"]).exits(0);
    let args = ["corpus", "synth", "--templates", "t.toml", "--task", "colour", "--n", "50"];
    let one = scratch.run(&args).exits(0).stdout;
    assert_eq!(one, scratch.run(&args).exits(0).stdout);
    assert_eq!(one.lines().count(), 50);
    assert_eq!(one.matches("\"adversarial\"").count(), 10);
    scratch.write("s.jsonl", one);
    scratch.run(&["corpus", "check", "s.jsonl"]).exits(0);
}

#[test]
fn broken_files_are_faults_and_never_crashes() {
    let scratch = Scratch::project();
    let hostile: [&[u8]; 6] =
        [b"", b"\xff\xfe\x00", b"{\"tests\": [[[[", b"a: &a [*a, *a]", b"- 1\n- {assert: 3}\n", b"a,b\n\"x"];
    for (at, bytes) in hostile.iter().enumerate() {
        for (format, ext) in [
            ("promptfoo", "yaml"),
            ("promptfoo", "csv"),
            ("evals", "jsonl"),
            ("csv", "csv"),
            ("litellm", "jsonl"),
            ("otel", "json"),
            ("langfuse", "json"),
        ] {
            let name = format!("broken.{ext}");
            scratch.write(&name, bytes);
            let out = format!("out-{at}-{format}-{ext}.jsonl");
            let ran = scratch.run(&["corpus", "import", format, &name, "--out", &out]);
            assert!(ran.code == 2 || ran.code == 0, "{}", ran.all());
            assert!(!ran.stderr.contains("panicked"), "{}", ran.all());
        }
    }
}

#[test]
fn each_kind_of_assertion_passes_and_fails_what_promptfoo_would() {
    let scratch = Scratch::project();
    let args =
        ["corpus", "import", "promptfoo", &fixture("kinds.yaml"), "--out", "x.jsonl", "--task", "colour"];
    let report = scratch.run(&[&args[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(report["skipped"].as_array().unwrap().len(), 0, "{report:#}");
    scratch.run(&["oracle", "check"]).exits(0);
    let mut script = String::new();
    for line in lines(&scratch, "x.jsonl") {
        assert!(line["oracle"].is_string(), "{line}");
        let said = |key: &str| {
            let tags = line["tags"].as_array().unwrap();
            let tag =
                tags.iter().find_map(|tag| tag.as_str().unwrap().strip_prefix(&format!("{key}:"))).unwrap();
            Value::from(tag).to_string()
        };
        for (model, key) in [("pup", "pass"), ("hound", "fail")] {
            let prompt = &line["prompt"];
            script.push_str(&format!(
                "[[rule]]\nmodel = \"{model}\"\nmatch = {prompt}\nreply = {}\n",
                said(key)
            ));
        }
    }
    scratch.write("script.toml", script);
    let summary = scratch.run(&["run", "x.jsonl", "--format", "json"]).exits(0).json();
    let results = scratch.read(&format!("reports/{}/results.csv", summary["run"]["id"].as_str().unwrap()));
    let mut reader = csv::Reader::from_reader(results.as_bytes());
    let mut wrong = Vec::new();
    for record in reader.deserialize::<std::collections::BTreeMap<String, String>>().map(Result::unwrap) {
        let wanted = if record["tier"] == "small" { "pass" } else { "fail" };
        if record["verdict"] != wanted {
            wrong.push(format!(
                "{} {}: {} {}",
                record["prompt"], record["tier"], record["verdict"], record["reason"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Passes by task and tier.
fn passes(scratch: &Scratch, project: &str) -> std::collections::BTreeMap<String, u64> {
    let config = format!("{project}/route-prof.toml");
    let corpus = format!("{project}/corpus.jsonl");
    let summary = scratch.run(&["--config", &config, "run", &corpus, "--format", "json"]).exits(0).json();
    let id = summary["run"]["id"].as_str().unwrap();
    let results = scratch.read(&format!("{project}/reports/{id}/results.csv"));
    let mut counts = std::collections::BTreeMap::new();
    let mut reader = csv::Reader::from_reader(results.as_bytes());
    for record in reader.deserialize::<std::collections::BTreeMap<String, String>>().map(Result::unwrap) {
        let key = format!("{} {}", record["task"], record["tier"]);
        *counts.entry(key).or_insert(0) += u64::from(record["verdict"] == "pass");
    }
    counts
}

#[test]
fn imported_benchmarks_come_to_their_published_accuracies() {
    if let Some(folder) = common::recordings("zeroeval-claude") {
        let scratch = Scratch::empty();
        scratch.run(&["corpus", "import", "zeroeval", &folder.to_string_lossy(), "--out", "z"]).exits(0);
        insta::assert_debug_snapshot!(passes(&scratch, "z"), @r#"
        {
            "crux frontier": 671,
            "crux mid": 550,
            "crux small": 438,
            "gsm frontier": 1275,
            "gsm mid": 1246,
            "gsm small": 1171,
            "math-l5 frontier": 428,
            "math-l5 mid": 335,
            "math-l5 small": 109,
        }
        "#);
    }
    if let Some(folder) = common::recordings("routellm-gsm8k") {
        let scratch = Scratch::empty();
        scratch.run(&["corpus", "import", "routellm", &folder.to_string_lossy(), "--out", "r"]).exits(0);
        insta::assert_debug_snapshot!(passes(&scratch, "r"), @r#"
        {
            "gsm8k strong": 1121,
            "gsm8k weak": 833,
        }
        "#);
    }
}
