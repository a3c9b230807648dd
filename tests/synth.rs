//! `corpus synth --with`: a model writes prompts, priced before, journalled, validated, and never asked twice.
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
use common::server::{Act, Server};
use serde_json::{Value, json};

const TEMPLATES: &str = "[slot]\nthing = [\"the sky\", \"grass\"]\n\
    [[template]]\nprompt = \"Which colour has {thing} at noon, in one word?\"\nexpected = \"blue\"\n";

const ARGS: [&str; 12] = [
    "corpus",
    "synth",
    "--templates",
    "t.toml",
    "--task",
    "colour",
    "--n",
    "25",
    "--with",
    "web/scribe",
    "--out",
    "s.jsonl",
];

fn project(server: &Server, price: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write("t.toml", TEMPLATES);
    let web = format!(
        "\n[provider.web]\napi = \"openai\"\nbase_url = \"{}\"\n\n[prices.model.\"web/scribe\"]\ninput = {price}\noutput = {price}\n",
        server.base_url()
    );
    scratch.write("route-prof.toml", format!("{}{web}", common::CONFIG));
    scratch
}

/// Ten prompts, unlike those of every other batch; one of each batch is a copy of an example.
fn ten(body: &Value) -> String {
    let asked = body["messages"][1]["content"].as_str().unwrap();
    let batch: usize = asked.split("batch ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let words = ["apple", "brick", "cloud", "dune", "elm", "fog", "gold", "hay", "ink"];
    let mut prompts: Vec<Value> = words
        .iter()
        .map(|word| json!({ "prompt": format!("{word} of kind {}, {word}{batch}?", "xyzuvw".chars().nth(batch).unwrap()), "expected": "red" }))
        .collect();
    prompts.push(json!({ "prompt": "which colour has THE SKY at noon, in one word?", "expected": "blue" }));
    json!({ "prompts": prompts }).to_string()
}

#[test]
fn a_model_writes_after_examples_and_is_paid_for_once() {
    let server = Server::start(|body, _| {
        assert_eq!(body["response_format"]["json_schema"]["name"], "prompts", "{body}");
        Act::say(ten(body))
    });
    let scratch = project(&server, "1");
    let refused = scratch.run(&ARGS).exits(2);
    assert!(refused.stderr.contains("3 calls to web/scribe may cost up to $"), "{}", refused.all());
    assert_eq!(server.asked(), 0);

    let paid = [&ARGS[..], &["--max-cost", "1"]].concat();
    let ran = scratch.run(&paid).exits(0);
    assert!(
        ran.stderr.contains("prompts that are near-duplicates of an example or another prompt"),
        "{}",
        ran.all()
    );
    assert_eq!(server.asked(), 3, "27 of 30 are good, and 25 are wanted");
    let text = scratch.read("s.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 25);
    assert_eq!(lines[0]["tags"], json!(["synthetic", "written-by:web/scribe", "adversarial", "typos"]));
    assert_eq!(lines[24]["tags"], json!(["synthetic", "written-by:web/scribe"]));
    assert_eq!(lines[24]["expected"], "red");
    scratch.run(&["corpus", "check", "s.jsonl"]).exits(0);

    // The same again makes no call, with the file there or without it, and needs no ceiling.
    scratch.run(&ARGS).exits(0);
    std::fs::remove_file(scratch.file("s.jsonl")).unwrap();
    scratch.run(&ARGS).exits(0);
    assert_eq!(scratch.read("s.jsonl"), text);
    assert_eq!(server.asked(), 3);
    // Another seed is another series; what is there is never overwritten, and nothing is paid for before that is known.
    let other = scratch.run(&[&paid[..], &["--seed", "2"]].concat()).exits(2);
    assert!(other.stderr.contains("s.jsonl already exists"), "{}", other.all());
    assert_eq!(server.asked(), 3);
}

#[test]
fn a_ceiling_stops_before_it_is_broken_and_a_higher_one_goes_on() {
    let server = Server::start(|body, _| Act::say(ten(body)));
    let scratch = project(&server, "100");
    let low = scratch.run(&[&ARGS[..], &["--max-cost", "0.55"]].concat()).exits(3);
    assert!(low.stderr.contains("raise --max-cost to continue"), "{}", low.all());
    assert!(!scratch.file("s.jsonl").exists());
    let before = server.asked();
    assert!(before < 3, "{before}");
    scratch.run(&[&ARGS[..], &["--max-cost", "5"]].concat()).exits(0);
    assert_eq!(server.asked(), 3);
}

#[test]
fn nonsense_and_failures_leave_no_corpus_or_say_what_is_missing() {
    let server = Server::start(|_, _| Act::say("I would rather not."));
    let scratch = project(&server, "0");
    let ran = scratch.run(&ARGS).exits(2);
    assert!(ran.stderr.contains("replies that are not the requested JSON"), "{}", ran.all());
    assert!(!scratch.file("s.jsonl").exists());
    assert_eq!(server.asked(), 9, "three rounds, and no more");

    let broken =
        Server::start(|_, _| Act::Status(400, vec![], "{\"error\": {\"message\": \"no\"}}".to_owned()));
    let scratch = project(&broken, "0");
    let ran = scratch.run(&ARGS).exits(3);
    assert!(ran.stderr.contains("run the same command again"), "{}", ran.all());
    assert!(!scratch.file("s.jsonl").exists());
}

#[test]
fn a_scripted_model_writes_too_and_data_that_may_not_leave_stays() {
    let scratch = Scratch::project();
    scratch.write("t.toml", TEMPLATES);
    let reply = json!({ "prompts": [
        { "prompt": "What is the shade of a ripe tomato?", "expected": "red" },
        { "prompt": "\u{1b}[2JClear the screen", "expected": "red" },
        { "prompt": "Fir trees: their hue?", "expected": "green" },
    ] });
    scratch.write("script.toml", format!("[[rule]]\nmodel = \"pup\"\nreply = '''{reply}'''\n"));
    let args = [
        "corpus",
        "synth",
        "--templates",
        "t.toml",
        "--task",
        "colour",
        "--n",
        "2",
        "--adversarial",
        "0",
        "--with",
        "script/pup",
        "--max-cost",
        "1",
        "--out",
        "new/s.jsonl",
        "--format",
        "json",
    ];
    let report = scratch.run(&args).exits(0).json();
    assert_eq!((&report["prompts"], &report["adversarial"]), (&json!(2), &json!(0)));
    insta::assert_snapshot!(scratch.read("new/s.jsonl"), @r#"
    {"id":"colour-written-001","task":"colour","prompt":"What is the shade of a ripe tomato?","expected":"red","tags":["synthetic","written-by:script/pup"]}
    {"id":"colour-written-002","task":"colour","prompt":"Fir trees: their hue?","expected":"green","tags":["synthetic","written-by:script/pup"]}
    "#);
    scratch.replace(
        "route-prof.toml",
        "consequence = \"low\"",
        "consequence = \"low\"\ndata_location = \"local\"",
    );
    let ran = scratch.run(&args).exits(2);
    assert!(ran.stderr.contains("the data of task colour must stay local"), "{}", ran.all());
}
