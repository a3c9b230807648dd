//! Strategies that ask models about the prompts, through the real binary: a classifier's words are measured, prompts are embedded
//! once, both are journalled, priced, resumed and held under the ceiling.
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
use common::batch::Desk;
use serde_json::{Value, json};

/// Forty prompts: the small tier fails the hard ones, which are about law.
fn project(more: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write("route-prof.toml", format!("{}\n{more}\n", common::CONFIG));
    let corpus: String = (0..40)
        .map(|n| {
            let kind = if n % 4 == 0 { "law" } else { "tea" };
            let prompt = format!("{kind} {n}.");
            format!(
                "{}\n",
                json!({"id": format!("p{n}"), "task": "colour", "prompt": prompt, "expected": "red"})
            )
        })
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.write(
        "script.toml",
        "[[rule]]\nmodel = \"judgement\"\nmatch = \"(law|tea) 0\\\\.\"\nreply = \"I cannot tell\"\n\
         [[rule]]\nmodel = \"judgement\"\nmatch = \"law\"\nreply = \" **Large**.\"\n\
         [[rule]]\nmodel = \"judgement\"\nmatch = \".\"\nreply = \"small\"\n\
         [[rule]]\nmodel = \"pup\"\nmatch = \"law\"\nreply = \"green\"\n\
         [[rule]]\nmatch = \".\"\nreply = \"red\"\n",
    );
    scratch
}

const CLASSIFIER: &str = "[prices.model.\"script/judgement\"]\ninput = 1\noutput = 1\n[strategy.classifier]\nask = \"script/judgement\"";

fn summary(scratch: &Scratch) -> Value {
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
}

fn line<'a>(summary: &'a Value, id: &str) -> Option<&'a Value> {
    summary["strategies"]["table"].as_array().unwrap().iter().find(|line| line["id"] == id)
}

#[test]
fn a_classifier_that_is_asked_is_measured() {
    let scratch = project(CLASSIFIER);
    let plan = scratch.run(&["plan", "corpus.jsonl"]).exits(0);
    assert!(
        plan.stdout.contains("strategy queries to script/judgement: up to 40 more calls"),
        "{}",
        plan.stdout
    );
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert!(ran.stderr.contains("asking 40 questions to judges and strategy models"), "{}", ran.stderr);
    let first = summary(&scratch);
    let accuracy = &first["strategies"]["classifier"];
    assert_eq!(
        (&accuracy["correct"]["count"], &accuracy["correct"]["of"]),
        (&json!(40), &json!(40)),
        "{accuracy}"
    );
    // The one that it could not tell went to the best tier, which is where it belongs.
    assert_eq!(accuracy["unreadable"], 1);
    assert_eq!(accuracy["named"][0]["cheapest_passing"], json!([30, 0]));
    assert_eq!(accuracy["named"][1]["cheapest_passing"], json!([0, 10]));
    let classifier = line(&first, "classifier").unwrap();
    assert!(classifier["label"].as_str().unwrap().contains("100 % correct, measured"), "{classifier}");
    // It pays for its question on top of what the perfect router pays.
    let cost = |line: &Value| line["cost_per_1000"]["mean"].as_str().unwrap().parse::<f64>().unwrap();
    let asked = accuracy["cost_per_1000"].as_str().unwrap().parse::<f64>().unwrap();
    let perfect = cost(line(&first, "perfect-router").unwrap());
    assert!((cost(classifier) - asked - perfect).abs() < 1e-6 && asked > 0.0, "{asked}");
    let run = scratch.read("reports/latest");
    let page = scratch.read(&format!("reports/{}/report.html", run.trim()));
    assert!(page.contains("Classifier: which tier script"));

    // What was asked is not asked again, and a report asks nothing.
    let again = scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert!(!again.stderr.contains("questions to judges and strategy models"), "{}", again.stderr);
    scratch.run(&["report", "latest"]).exits(0);
    assert_eq!(summary(&scratch)["strategies"], first["strategies"]);
}

#[test]
fn a_classifier_without_answers_is_left_out_and_named() {
    let scratch = project("");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    scratch.write("route-prof.toml", format!("{}\n{CLASSIFIER}\n", common::CONFIG));
    scratch.run(&["report", "latest"]).exits(0);
    let summary = summary(&scratch);
    assert!(line(&summary, "classifier").is_none());
    let notices = summary["notices"].as_array().unwrap();
    let notice = notices.iter().find(|notice| notice["code"] == "strategy-unanswered").unwrap();
    assert!(notice["text"].as_str().unwrap().contains("40 of 40 strategy queries"), "{notice}");
}

#[test]
fn the_ceiling_covers_the_questions_of_strategies() {
    let scratch = project(&CLASSIFIER.replace("input = 1\n", "input = 1000\n"));
    let ran = scratch.run(&["run", "corpus.jsonl", "--max-cost", "1"]).exits(3);
    assert!(ran.stderr.contains("raise --max-cost"), "{}", ran.stderr);
    assert!(line(&summary(&scratch), "classifier").is_none());
    scratch.run(&["run", "corpus.jsonl", "--max-cost", "1000"]).exits(0);
    assert!(line(&summary(&scratch), "classifier").is_some());
}

#[test]
fn prompts_are_embedded_once_and_their_neighbours_route_them() {
    let desk = Desk::start(|method, path, body| match (method, path) {
        ("POST", "/v1/embeddings") => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let text = asked["input"][0].as_str().unwrap();
            let vector = if text.contains("law") { json!([2.0, 0.1]) } else { json!([0.0, 3.0]) };
            let data = json!([{"index": 0, "embedding": vector}]);
            (200, json!({"model": "vec", "data": data, "usage": {"prompt_tokens": 500}}).to_string())
        }
        other => panic!("{other:?}"),
    });
    let scratch = project(&format!(
        "[provider.emb]\napi = \"openai-embeddings\"\nbase_url = \"http://127.0.0.1:{}/v1\"\ndata_location = \"local\"\n\
         [prices.model.\"emb/vec\"]\ninput = 1\noutput = 0\n[strategy]\nneighbours = 3\n[strategy.nearest]\nembeddings = \"emb/vec\"",
        desk.port
    ));
    let plan = scratch.run(&["plan", "corpus.jsonl", "--format", "json"]).exits(0).json();
    assert_eq!(plan["strategies"][0]["calls"], 40, "{plan}");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(desk.count("POST"), 40);
    let first = summary(&scratch);
    let nearest = line(&first, "knn-embeddings").unwrap();
    assert_eq!(nearest["label"], "3 nearest neighbours (embeddings emb/vec)");
    assert_eq!(nearest["pass_rate"]["mean"], 1.0);
    // 500 tokens at a dollar a million, for every request, beside what the perfect router pays.
    let cost = |id: &str| {
        line(&first, id).unwrap()["cost_per_1000"]["mean"].as_str().unwrap().parse::<f64>().unwrap()
    };
    assert!((cost("knn-embeddings") - cost("perfect-router") - 0.5).abs() < 1e-6);
    assert_eq!(first["strategies"]["queries"][0]["questions"], 40);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    scratch.run(&["report", "latest"]).exits(0);
    assert_eq!(desk.count("POST"), 40, "what was paid for is not asked again");
    assert_eq!(summary(&scratch)["strategies"], first["strategies"]);
}

#[test]
fn what_cannot_be_asked_is_pointed_at() {
    for (more, says) in [
        ("[strategy.classifier]\nask = \"nobody/m\"", "there is no provider `nobody`"),
        ("[strategy.classifier]\nmodel = \"m\"\nprice = 1", "does not say what the classifier costs"),
        ("[strategy.nearest]\nembeddings = \"script/m\"", "is not an embeddings model"),
        ("[strategy.nearest]\nembeddings = \"m\"", "provider/model"),
        ("[strategy.nearest]\nmodel = \"m\"", "unknown key"),
    ] {
        let ran = project(more).run(&["run", "corpus.jsonl"]).exits(2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains('^'), "{more}: {}", ran.stderr);
    }
    // What may not leave is not sent to a model elsewhere.
    let scratch = project(&CLASSIFIER.replace("script/judgement", "far/judgement"));
    scratch.replace(
        "route-prof.toml",
        "[task.colour]",
        "[provider.far]\napi = \"openai\"\n[task.colour]\ndata_location = \"local\"",
    );
    scratch.replace(
        "route-prof.toml",
        "script = \"script.toml\"",
        "script = \"script.toml\"\ndata_location = \"local\"",
    );
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(2);
    assert!(ran.stderr.contains("must stay local"), "{}", ran.stderr);
}
