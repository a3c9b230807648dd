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
        .replace(
            "[provider.script]",
            &format!("[provider.script]\nbase_url = \"http://127.0.0.1:{}\"", server.port),
        );
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
    std::fs::remove_file(scratch.file("oracles/oracles.lock")).unwrap();
    scratch.run(&["run", "corpus.jsonl", "--fresh"]).exits(0);
    assert!(!configs.lock().unwrap().is_empty());
    assert!(configs.lock().unwrap().iter().all(|config| config["responseJsonSchema"].is_null()));
    assert_eq!(passed(&scratch), 0);
}

fn limited(wait: &str, message: &str) -> Act {
    let headers = [
        ("content-type", "application/json"),
        ("retry-after", wait),
        ("x-ratelimit-limit-requests", "1000"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("set-cookie", "secret=1"),
    ];
    let headers = headers.iter().filter(|(name, value)| *name != "retry-after" || !value.is_empty());
    Act::Status(
        429,
        headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        json!({"error": {"message": message, "type": "tokens", "code": "rate_limit_exceeded"}}).to_string(),
    )
}

fn colours(base_url: &str, extra: &str) -> Scratch {
    let scratch = Scratch::project();
    scratch.write("route-prof.toml", two_tiers_at(base_url, "").replace("api_key_env = \"TEST_KEY\"", extra));
    scratch
}

fn journal(scratch: &Scratch) -> Vec<Value> {
    let run = scratch.read("reports/latest").trim().to_owned();
    let lines = scratch.read(&format!("reports/{run}/journal.jsonl"));
    lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_limit_of_a_day_that_says_when_to_come_again_is_waited_for_and_one_that_does_not_stops_the_tier() {
    const DAILY: &str =
        "Rate limit reached for model `pup` on tokens per day (TPD): Limit 100000, Used 99999, Requested 90.";
    let server = Server::start(|_, before| match before {
        0 => limited("0.2", &format!("{DAILY} Please try again in 200ms.")),
        _ => Act::say("blue"),
    });
    let scratch = colours(&server.base_url(), "");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let attempts = journal(&scratch);
    let waited = attempts.iter().filter(|attempt| attempt["failure"]["kind"] == "rate_limited").count();
    assert!(waited > 0 && attempts.iter().all(|attempt| attempt["failure"]["kind"] != "billing"));

    let server = Server::start(|body, _| match body["model"] == "pup" {
        true => limited("", DAILY),
        false => Act::say("blue"),
    });
    let scratch = colours(&server.base_url(), "");
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(3);
    assert!(ran.stderr.contains("tier small was stopped"), "{}", ran.all());
}

#[test]
fn what_a_server_says_of_its_limits_stands_in_the_journal_and_nothing_else_does() {
    let server = Server::start(|_, before| match before {
        0 => limited("0.1", "slow down"),
        _ => Act::say("blue"),
    });
    let scratch = colours(&server.base_url(), "");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let attempts = journal(&scratch);
    let turned_away = attempts.iter().find(|attempt| attempt["status"] == 429).unwrap();
    assert_eq!(
        turned_away["headers"],
        json!({"retry-after": "0.1", "x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "120ms"})
    );
}

#[test]
fn the_version_that_azure_asks_for_is_checked_and_sent() {
    let server = Server::start(|_, _| Act::say("blue"));
    let scratch = colours(&server.base_url(), "api_version = \"2024-10-21\"");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let heads = server.heads();
    assert!(
        heads.iter().all(|head| head.starts_with("POST /v1/chat/completions?api-version=2024-10-21 HTTP")),
        "{heads:?}"
    );

    let azure = "https://me.openai.azure.com/openai";
    let refused =
        |base_url: &str, extra: &str| colours(base_url, extra).run(&["plan", "corpus.jsonl"]).exits(2).all();
    insta::assert_snapshot!(refused(azure, "api_version = \"v1/../x?y\""), @r#"
    exit 2
    -- stderr
    error: api_version is not a version
      --> route-prof.toml:13:15
       |
    13 | api_version = "v1/../x?y"
       |               ^^^^^^^^^^^
       |
       = help: write it as in the provider's documentation, such as "2023-06-01" or "v1beta"
    "#);
    insta::assert_snapshot!(refused(azure, "api_version = \"2024-13-21\""), @r#"
    exit 2
    -- stderr
    error: provider `local`: Azure has no api_version `2024-13-21`
    --> route-prof.toml:10
     = help: write one of its dates, such as "2024-10-21" or "2025-04-01-preview"; a base_url that ends in /openai/v1 needs none
    "#);
    insta::assert_snapshot!(refused(&format!("{azure}/deployments/pup"), ""), @r#"
    exit 2
    -- stderr
    error: provider `local`: Azure deployments need an API version
    --> route-prof.toml:10
     = help: set api_version = "2024-10-21", or a base_url that ends in /openai/v1, which needs none
    "#);
    let ollama = colours(&server.base_url(), "api_version = \"2024-10-21\"");
    ollama.replace("route-prof.toml", "api = \"openai\"", "api = \"ollama\"");
    insta::assert_snapshot!(ollama.run(&["plan", "corpus.jsonl"]).exits(2).all(), @"
    exit 2
    -- stderr
    error: provider `local`: ollama has no API versions
    --> route-prof.toml:10
     = help: remove api_version
    ");
    colours(&format!("{azure}/v1"), "").run(&["plan", "corpus.jsonl"]).exits(0);
}

#[test]
fn a_run_in_which_every_call_fails_leaves_the_routes_as_they_are() {
    let scratch = Scratch::project();
    scratch.write("script.toml", "[[rule]]\nmatch = \".\"\nreply = \"red\"\n");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let before = scratch.read("router.toml");
    // Nobody listens there.
    scratch.write("route-prof.toml", two_tiers_at("http://127.0.0.1:1/v1", "[run]\nmax_attempts = 1\n"));
    let ran =
        scratch.ran(&scratch.command(&["run", "corpus.jsonl"]).env("TEST_KEY", "a-key").output().unwrap());
    let ran = ran.exits(3);
    assert!(ran.stderr.contains("router.toml was not updated"), "{}", ran.stderr);
    assert_eq!(before, scratch.read("router.toml"));
}
