//! `doctor`: what is wrong with a tier, and how to mend it, for the price of a tiny call.
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
use common::server::{Act, Server};
use serde_json::{Value, json};

fn project(base_url: &str, provider: &str) -> Scratch {
    let scratch = Scratch::project();
    let config = common::CONFIG.replace("script/", "them/").replace(
        "[provider.script]\napi = \"scripted\"\nscript = \"script.toml\"",
        &format!("[provider.them]\napi = \"openai\"\nbase_url = \"{base_url}\"\n{provider}"),
    );
    scratch.write("route-prof.toml", config);
    scratch
}

#[test]
fn a_tier_that_works_is_ok_and_the_price_is_said_first() {
    let server = Server::start(|_, _| Act::say("ok"));
    let scratch = project(&server.base_url(), "");
    let ran = scratch.run(&["doctor", "--dry-run"]).exits(0);
    assert!(ran.stderr.contains("2 tiny calls, at most $0.00"), "{}", ran.stderr);
    assert_eq!(server.asked(), 0);
    let ran = scratch.run(&["doctor"]).exits(0);
    assert_eq!(server.asked(), 2);
    insta::with_settings!({filters => vec![(r"\d+(\.\d+)? m?s", "[time]"), (r"  +", " "), ("─+", "─")]}, {
        insta::assert_snapshot!(ran.stdout, @"
         tier model status served model window latency cost
        ─
         small them/pup ok pup – [time] $0.000015
         large them/hound ok hound – [time] $0.00015
        ");
    });
    let ran = scratch.run(&["doctor", "--tier", "small", "--format", "json"]).exits(0);
    assert_eq!(ran.json()[0]["served_model"], "pup");
    let ran = scratch.run(&["doctor", "--tier", "smal"]).exits(2);
    assert!(ran.stderr.contains("did you mean `small`?"), "{}", ran.stderr);
}

#[test]
fn each_trouble_is_named_with_its_remedy() {
    let status = |status: u16, body: &'static str| {
        Server::start(move |_, _| Act::Status(status, Vec::new(), body.to_owned()))
    };
    for (server, says) in [
        (status(401, "{\"error\":{\"message\":\"bad key\"}}"), "check api_key_env (no key is sent)"),
        (status(402, "{\"error\":{\"message\":\"pay\"}}"), "add credit to the account of"),
        (status(404, "{\"error\":{\"message\":\"no such model\"}}"), "check the model's name and base_url"),
        (
            status(400, "{\"error\":{\"message\":\"temperature is not supported\"}}"),
            "check params of the tier",
        ),
        (status(200, "<html>hello</html>"), "check that api and base_url belong together"),
        (status(503, "{}"), "try again later"),
    ] {
        let ran = project(&server.base_url(), "").run(&["doctor"]).exits(1);
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
        assert!(ran.stdout.contains("small, large:"), "one trouble is said once: {}", ran.stdout);
    }
    let ran = project("http://127.0.0.1:9", "").run(&["doctor"]).exits(1);
    assert!(
        ran.stdout.contains("check base_url and HTTPS_PROXY, and that the server is running"),
        "{}",
        ran.stdout
    );
    let ran = project("http://127.0.0.1:9", "api_key_env = \"NO_SUCH_KEY\"").run(&["doctor"]).exits(1);
    assert!(ran.stdout.contains("NO_SUCH_KEY is not set"), "{}", ran.stdout);
}

#[test]
fn another_model_a_smaller_window_and_a_wrong_clock_are_seen() {
    let desk = Desk::start(|method, path, body| match (method, path) {
        ("GET", "/v1/models") => (
            200,
            json!({"data": [{"id": "pup", "max_model_len": 4096}, {"id": "hound", "max_model_len": 9000}]})
                .to_string(),
        ),
        ("POST", "/v1/chat/completions") => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let served = if asked["model"] == "pup" { "pup-2026-01-01" } else { "mongrel" };
            (200, json!({"model": served, "choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}).to_string())
        }
        other => panic!("{other:?}"),
    });
    let scratch = project(&format!("http://127.0.0.1:{}/v1", desk.port), "stream = false\n");
    scratch.replace(
        "route-prof.toml",
        "model = \"them/pup\"\n",
        "model = \"them/pup\"\ncontext_window = 8000\n",
    );
    let ran = scratch.run(&["doctor"]).exits(1);
    for says in [
        "asked for hound, served by mongrel",
        "served_model = \"any\"",
        "set context_window = 4096 in [[tier]] small",
        "set context_window = 9000 in [[tier]] large",
        "clock is",
    ] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    scratch.replace("route-prof.toml", "stream = false", "stream = false\nserved_model = \"any\"");
    let ran = scratch.run(&["doctor", "--tier", "large"]).exits(0);
    assert!(!ran.stdout.contains("asked for hound"), "{}", ran.stdout);
}

#[test]
fn a_run_that_is_served_by_another_model_stops_that_tier_and_says_why() {
    let server = Server::start(|body, _| {
        if body["model"] == "hound" {
            let reply = json!({"model": "mongrel", "choices": [{"message": {"content": "red"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}});
            return Act::Status(
                200,
                vec![("content-type".into(), "application/json".into())],
                reply.to_string(),
            );
        }
        Act::say("red")
    });
    let scratch = project(&server.base_url(), "served_model = \"exact\"\nlimits = { concurrency = 1 }\n");
    let ran = scratch.run(&["run", "corpus.jsonl"]).exits(3);
    assert!(
        ran.stderr.contains("tier large was stopped: asked for hound, served by mongrel"),
        "{}",
        ran.stderr
    );
    assert_eq!(server.asked(), 5, "four of the one tier, and one of the other");
}
