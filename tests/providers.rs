//! Particulars of single providers, through the real binary against a scripted server.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::sync::{Arc, Mutex};

use common::server::{Act, Server};
use common::{Scratch, two_tiers_at};
use serde_json::{Value, json};

/// Gemini's reply, plain.
fn gemini(text: &str) -> Act {
    let body = json!({
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
    });
    Act::Status(200, vec![("content-type".into(), "application/json".into())], body.to_string())
}

#[test]
fn a_gemini_judge_is_held_to_the_form_of_a_verdict_by_the_api() {
    let configs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&configs);
    let server = Server::start(move |body, _| {
        let is_judge = body["systemInstruction"].to_string().contains("You grade the answer");
        if !is_judge {
            return gemini("certainly");
        }
        seen.lock().unwrap().push(body["generationConfig"].clone());
        // Whoever is not held to a form likes to talk.
        gemini(if body["generationConfig"]["responseJsonSchema"].is_object() {
            "{\"reasoning\": \"polite\", \"verdict\": \"pass\"}"
        } else {
            "It is a polite answer, I would say."
        })
    });
    let scratch = Scratch::project();
    let settings = common::CONFIG
        .replace("api = \"scripted\"\nscript = \"script.toml\"", "api = \"gemini\"\nstream = false")
        .replace("[provider.script]", &format!("[provider.script]\nbase_url = \"http://127.0.0.1:{}\"", server.port));
    scratch.write(
        "route-prof.toml",
        format!("{settings}\n[prices.model.\"script/owl\"]\ninput = 1\noutput = 1\n"),
    );
    let oracle = |more: &str| {
        format!(
            "id = \"colour@1\"\ndescription = \"Polite\"\n[judge]\nrubric = \"The answer is polite.\"\nmodel = \"script/owl\"\n{more}\n\
             [[example]]\noutput = \"Please.\"\nverdict = \"pass\"\n[[example]]\noutput = \"No!\"\nverdict = \"fail\"\n"
        )
    };
    scratch.write("oracles/colour@1.toml", oracle(""));
    let passed = |scratch: &Scratch| {
        let run = scratch.read("reports/latest").trim().to_owned();
        let summary: Value =
            serde_json::from_str(&scratch.read(&format!("reports/{run}/summary.json"))).unwrap();
        summary["tasks"][0]["cells"][0]["counts"]["passed"].as_u64().unwrap()
    };
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    assert_eq!(passed(&scratch), 4);
    let first = configs.lock().unwrap()[0].clone();
    assert_eq!(first["responseMimeType"], "application/json");
    assert_eq!(
        first["responseJsonSchema"]["properties"]["verdict"],
        json!({"type": "string", "enum": ["pass", "fail"]})
    );
    configs.lock().unwrap().clear();

    scratch.write("oracles/colour@1.toml", oracle("answer = \"instructions\""));
    scratch.run(&["run", "corpus.jsonl", "--fresh"]);
    assert!(configs.lock().unwrap().iter().all(|config| config["responseJsonSchema"].is_null()));
    assert_eq!(passed(&scratch), 0);
}
