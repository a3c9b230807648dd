//! What each API is sent for one and the same request, to the letter; and what is not sent at all, because it cannot be said
//! there.

use std::collections::BTreeMap;

use route_prof::provider::Retry;
use route_prof::record::{ErrorKind, Message, Request};
use route_prof::units::Tokens;
use serde_json::{Value, json};

use super::{every, failed};

/// A conversation with all that the APIs spell differently.
fn rich(extra: (&str, Value)) -> Request {
    let params = [
        ("temperature", json!(0.5)),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": false}}),
        ),
        ("reasoning_effort", json!("low")),
        extra,
    ];
    Request {
        messages: vec![
            Message::text("system", "Be brief."),
            Message::text("developer", "In English."),
            Message {
                role: "user".to_owned(),
                content: json!([
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ]),
            },
            Message::text("assistant", "A dot."),
            Message::text("user", "Sure?"),
        ],
        params: BTreeMap::from(params.map(|(name, value)| (name.to_owned(), value))),
        max_output_tokens: Tokens(64),
    }
}

/// A parameter of each API's own, nested as its users write it.
fn own_parameter(api: &str) -> (&'static str, Value) {
    match api {
        "gemini" => ("generationConfig", json!({"topK": 3})),
        "ollama" => ("num_ctx", json!(4096)),
        "anthropic" => ("output_config", json!({"effort": "high"})),
        _ => ("service_tier", json!("flex")),
    }
}

fn expected(api: &str, stream: bool) -> Value {
    let schema = json!({"type": "object"});
    let mut body = match api {
        "openai" => {
            let request = rich(own_parameter(api));
            let mut body = json!({"model": "model-a", "max_tokens": 64, "messages": request.messages});
            for (name, value) in request.params {
                body[name] = value;
            }
            body
        }
        "openai-responses" => json!({
            "model": "model-a", "max_output_tokens": 64, "store": false, "temperature": 0.5, "service_tier": "flex",
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": false}},
            "input": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": "In English."},
                {"role": "user", "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
                {"role": "assistant", "content": "A dot."},
                {"role": "user", "content": "Sure?"}],
        }),
        "anthropic" => json!({
            "model": "model-a", "max_tokens": 64, "temperature": 0.5, "system": "Be brief.\n\nIn English.",
            // What the user says in the API's own words goes before what was put into them.
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": schema}},
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
                {"role": "assistant", "content": "A dot."},
                {"role": "user", "content": "Sure?"}],
        }),
        "gemini" => json!({
            "generationConfig": {
                "maxOutputTokens": 64, "temperature": 0.5, "topK": 3, "thinkingConfig": {"thinkingLevel": "LOW"},
                "responseMimeType": "application/json", "responseJsonSchema": schema},
            "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "In English."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "What is this?"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
                {"role": "model", "parts": [{"text": "A dot."}]},
                {"role": "user", "parts": [{"text": "Sure?"}]}],
        }),
        "ollama" => json!({
            "model": "model-a", "truncate": false, "think": "low", "format": schema, "stream": stream,
            "options": {"num_predict": 64, "num_ctx": 4096, "temperature": 0.5},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "system", "content": "In English."},
                {"role": "user", "content": "What is this?", "images": ["AAAA"]},
                {"role": "assistant", "content": "A dot."},
                {"role": "user", "content": "Sure?"}],
        }),
        other => panic!("nobody has written down what `{other}` is sent"),
    };
    if stream && api != "gemini" {
        body["stream"] = json!(true);
    }
    if stream && api == "openai" {
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

/// The first line of a request.
fn line(api: &str, stream: bool) -> &'static str {
    match (api, stream) {
        ("openai", _) => "POST /v1/chat/completions HTTP/1.1",
        ("openai-responses", _) => "POST /v1/responses HTTP/1.1",
        ("anthropic", _) => "POST /v1/messages HTTP/1.1",
        // In its published form `v1` has no field for JSON.
        ("gemini", false) => "POST /v1beta/models/model-a:generateContent HTTP/1.1",
        ("gemini", true) => "POST /v1beta/models/model-a:streamGenerateContent?alt=sse HTTP/1.1",
        ("ollama", _) => "POST /api/chat HTTP/1.1",
        (other, _) => panic!("nobody has written down where `{other}` is"),
    }
}

#[tokio::test]
async fn every_api_is_told_the_same_in_its_own_words() {
    every(|form| async move {
        let name = form.api.name;
        let request = rich(own_parameter(name));
        let (_, served) = form.send(form.reply(&form.pick(form.api.good)), &request).await;
        let sent = served.request();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.lines().next(), Some(line(name, form.stream)));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body, expected(name, form.stream), "{}", form.name());
        assert_eq!(head.contains("anthropic-version: 2026-10-21"), name == "anthropic", "{head}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_said_is_not_sent_and_not_left_out() {
    every(|form| async move {
        let name = form.api.name;
        // Chat completions takes everything as it is.
        if name == "openai" {
            return;
        }
        let plain = |content: Value, role: &str| Request {
            messages: vec![Message { role: role.to_owned(), content }],
            params: BTreeMap::new(),
            max_output_tokens: Tokens(64),
        };
        let mut requests = vec![
            plain(json!("x"), "narrator"),
            plain(json!([{"type": "video_url", "video_url": {"url": "https://example.org/v"}}]), "user"),
        ];
        let marked = json!([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]);
        let near = json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]);
        if name != "anthropic" {
            requests.push(plain(marked, "user"));
        }
        if name != "openai-responses" {
            requests.push(plain(near, "user"));
        }
        if matches!(name, "anthropic" | "openai-responses") {
            requests.push(Request {
                params: BTreeMap::from([("seed".to_owned(), json!(1))]),
                ..plain(json!("x"), "user")
            });
        }
        for request in requests {
            let (response, served) = form.send(form.reply(&form.pick(form.api.good)), &request).await;
            failed(form, &response, ErrorKind::BadRequest, &Retry::No);
            assert!(response.failure.unwrap().message.starts_with("not sent: "), "{}", form.name());
            assert_eq!(served.request(), "", "{}", form.name());
        }
    })
    .await;
}

#[tokio::test]
async fn marks_for_the_cache_and_the_detail_of_images_arrive_where_they_are_understood() {
    every(|form| async move {
        let mark = json!({"type": "ephemeral", "ttl": "1h"});
        let text = json!([{"type": "text", "text": "Long rules.", "cache_control": mark}]);
        let image = json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]);
        let request = |role: &str, content: &Value| Request {
            messages: vec![
                Message { role: role.to_owned(), content: content.clone() },
                Message::text("user", "Go."),
            ],
            params: BTreeMap::new(),
            max_output_tokens: Tokens(64),
        };
        let asked = async |request: Request| -> Value {
            let (_, served) = form.send(form.reply(&form.pick(form.api.good)), &request).await;
            serde_json::from_str(served.request().split_once("\r\n\r\n").unwrap().1).unwrap()
        };
        match form.api.name {
            "anthropic" => {
                assert_eq!(asked(request("system", &text)).await["system"], text);
                assert_eq!(asked(request("user", &text)).await["messages"][0]["content"], text);
            }
            "openai-responses" => {
                let body = asked(request("user", &image)).await;
                assert_eq!(body["input"][0]["content"][0]["detail"], "low");
            }
            "openai" => assert_eq!(asked(request("user", &image)).await["messages"][0]["content"], image),
            _ => {}
        }
    })
    .await;
}
