//! `embedding` through the real binary: asked once, priced apart, graded by its threshold, resumed without a second call.
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

/// A project whose one task is graded by the embeddings of that server.
fn project(desk: &Desk) -> Scratch {
    let scratch = Scratch::project();
    let config = common::CONFIG.replace("colour@1", "near@1").replace(
        "[task.colour]",
        &format!(
            "[provider.emb]\napi = \"openai-embeddings\"\nbase_url = \"http://127.0.0.1:{}/v1\"\ndata_location = \"local\"\n\
             [prices.model.\"emb/vec\"]\ninput = 1\noutput = 0\n[task.colour]",
            desk.port
        ),
    );
    scratch.write("route-prof.toml", config);
    scratch.write(
        "oracles/near@1.toml",
        "id = \"near@1\"\ndescription = \"Near\"\n[embedding]\nmodel = \"emb/vec\"\nthreshold = 0.8\n\
         [[example]]\noutput = \"a\"\nexpected = \"a\"\nverdict = \"pass\"\n[[example]]\noutput = \"b\"\nexpected = \"a\"\nverdict = \"fail\"\n",
    );
    scratch
}

#[test]
fn the_likeness_of_vectors_decides_and_is_paid_for_once() {
    let desk = Desk::start(|method, path, body| match (method, path) {
        ("POST", "/v1/embeddings") => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(asked["model"], "vec");
            let vector = |text: &Value| {
                if text.as_str().unwrap().contains("rain") { json!([1.0, 0.1]) } else { json!([0.0, 1.0]) }
            };
            let data: Vec<Value> = asked["input"]
                .as_array()
                .unwrap()
                .iter()
                .enumerate()
                .map(|(index, text)| json!({"index": index, "embedding": vector(text)}))
                .collect();
            (200, json!({"model": "vec", "data": data, "usage": {"prompt_tokens": 9}}).to_string())
        }
        other => panic!("{other:?}"),
    });
    let scratch = project(&desk);
    let corpus: String = (0..6)
        .map(|n| format!("{}\n", json!({"id": format!("p{n}"), "task": "colour", "prompt": format!("thing {n}."), "expected": "rain"})))
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.write("script.toml", "[[rule]]\nmatch = \"thing [0-3]\"\nreply = \"it rains: rain $0\"\n[[rule]]\nmatch = \".\"\nreply = \"sun\"\n");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let run = scratch.read("reports/latest");
    let summary: Value =
        serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap();
    let counts = &summary["tasks"][0]["cells"][0]["counts"];
    assert_eq!(
        (&counts["passed"], &counts["failed"], &counts["ungraded"]),
        (&json!(4), &json!(2), &json!(0)),
        "{counts}"
    );
    let calls = desk.count("POST");
    assert!(calls > 0);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(desk.count("POST"), calls, "what was paid for is not asked again");
    assert_ne!(
        summary["tasks"][0]["route"]["decision"], "route",
        "nobody has held it against labels by people"
    );
}

#[test]
fn a_server_that_gives_no_vectors_leaves_replies_ungraded() {
    let bodies = [
        ("nothing", json!({})),
        ("no list", json!({"data": "1,2"})),
        ("texts", json!({"data": [{"index": 0, "embedding": ["1"]}, {"index": 1, "embedding": ["1"]}]})),
        ("null", json!({"data": [{"index": 0, "embedding": [null]}, {"index": 1, "embedding": [1]}]})),
        (
            "base64",
            json!({"data": [{"index": 0, "embedding": "AACAPw=="}, {"index": 1, "embedding": "AACAPw=="}]}),
        ),
        ("empty", json!({"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]})),
        ("zero", json!({"data": [{"index": 0, "embedding": [0, 0]}, {"index": 1, "embedding": [1, 0]}]})),
        ("lengths", json!({"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 0]}]})),
        (
            "too large",
            json!({"data": [{"index": 0, "embedding": [1e308]}, {"index": 1, "embedding": [1e308]}]}),
        ),
        ("one", json!({"data": [{"index": 0, "embedding": [1, 0]}]})),
        (
            "three",
            json!({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}),
        ),
    ];
    let known = bodies.clone();
    let desk = Desk::start(move |_, _, body| {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let text = asked["input"][0].as_str().unwrap();
        let (_, body) = known.iter().find(|(what, _)| text == format!("it is {what}")).unwrap();
        let mut body = body.clone();
        body["usage"] = json!({"prompt_tokens": 2});
        (200, body.to_string())
    });
    let scratch = project(&desk);
    let corpus: String = bodies
        .iter()
        .map(|(what, _)| {
            format!("{}\n", json!({"id": what, "task": "colour", "prompt": what, "expected": "rain"}))
        })
        .collect();
    scratch.write("corpus.jsonl", corpus);
    scratch.write("script.toml", "[[rule]]\nmatch = \".+\"\nreply = \"it is $0\"\n");
    scratch.run(&["run", "corpus.jsonl", "--format", "json"]);
    let run = scratch.read("reports/latest");
    let results = scratch.read(&format!("reports/{}/results.csv", run.trim()));
    let mut reader = csv::Reader::from_reader(results.as_bytes());
    let at = reader.headers().unwrap().iter().position(|header| header == "verdict").unwrap();
    let verdicts: Vec<(String, String)> =
        reader.records().map(|row| row.unwrap()).map(|row| (row[0].to_owned(), row[at].to_owned())).collect();
    assert_eq!(verdicts.len(), 2 * bodies.len(), "{results}");
    for (id, verdict) in verdicts {
        assert_eq!(verdict, "ungraded", "{id}: {results}");
    }
}
