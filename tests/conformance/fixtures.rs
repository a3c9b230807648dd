//! What each API says on the wire, for the same things.

use serde_json::{Value, json};

/// The answer of every good reply: not ASCII, so that packets can cut a character in two.
pub const TEXT: &str = "The answer is “zwölf” 🎲.";

/// The pieces of a body, plain (`false`) or streamed (`true`).
pub type Reply = fn(bool) -> Vec<String>;

/// What an API says.
pub struct Fixture {
    pub name: &'static str,
    /// What stands behind host and port in the base URL.
    pub base: &'static str,
    pub stream_type: &'static str,
    /// How many pieces of a good stream may come without it being whole.
    pub unfinished: usize,
    pub ping: &'static str,
    /// Whether its usage tells cached tokens.
    pub caches: bool,
    /// 100 tokens in (40 of them cached where it tells), 20 out, by a snapshot of `model-a`.
    pub good: Reply,
    pub overloaded: Reply,
    pub refused: Option<Reply>,
    /// "The ans", then the cap.
    pub capped: Reply,
    /// All of the cap went into reasoning.
    pub thought: Option<Reply>,
    pub empty: Reply,
    pub no_usage: Reply,
    pub odd_usage: Option<Reply>,
    /// Counts of zero beside a text.
    pub zero_usage: Option<Reply>,
    pub throttled: &'static str,
    /// Statuses of 429 that no waiting mends.
    pub broke: &'static [&'static str],
    pub overflows: &'static [(u16, &'static str)],
}

pub const API: &[Fixture] = &[
    Fixture {
        name: "openai",
        base: "/v1",
        stream_type: "text/event-stream",
        unfinished: 4,
        ping: ": still here\n\n",
        caches: true,
        good: |stream| chat(stream, &halves(), "stop", chat_usage(40)),
        overloaded: |stream| {
            let error = json!({"error": {"message": "busy", "type": "overloaded_error", "code": 503}});
            if stream { vec![chat_delta("The"), sse(&error)] } else { vec![error.to_string()] }
        },
        refused: Some(|stream| chat(stream, &["I can"], "content_filter", chat_usage(0))),
        capped: |stream| chat(stream, &["The ans"], "length", chat_usage(0)),
        thought: Some(|stream| {
            let usage = json!({"prompt_tokens": 100, "completion_tokens": 64, "completion_tokens_details": {"reasoning_tokens": 64}});
            chat(stream, &[], "length", usage)
        }),
        empty: |stream| chat(stream, &[], "stop", chat_usage(0)),
        no_usage: |stream| chat(stream, &halves(), "stop", Value::Null),
        odd_usage: Some(|stream| chat(stream, &halves(), "stop", chat_usage(400))),
        zero_usage: Some(|stream| {
            chat(
                stream,
                &halves(),
                "stop",
                json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
            )
        }),
        throttled: r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#,
        broke: &[
            r#"{"error":{"message":"no","type":"insufficient_quota","code":null}}"#,
            r#"{"error":{"message":"no","code":"organization_spend_limit_exceeded"}}"#,
        ],
        overflows: &[
            (400, r#"{"error":{"message":"too much","code":"context_length_exceeded"}}"#),
            (400, r#"{"error":{"message":"the request exceeds the available context size","code":400}}"#),
            (400, r#"{"error":{"message":"This model's maximum context length is 10 tokens"}}"#),
        ],
    },
    Fixture {
        name: "openai-responses",
        base: "/v1",
        stream_type: "text/event-stream",
        unfinished: 3,
        ping: ": still here\n\n",
        caches: true,
        good: |stream| responses(stream, &halves(), "completed", None, responses_usage(40, 0)),
        overloaded: |stream| {
            if stream {
                vec![
                    responses_delta("The"),
                    sse(&json!({"type": "error", "code": "server_is_overloaded", "message": "busy"})),
                ]
            } else {
                vec![json!({"status": "failed", "output": [], "error": {"code": "server_error", "message": "busy"}}).to_string()]
            }
        },
        refused: Some(|stream| {
            responses(stream, &[], "incomplete", Some("content_filter"), responses_usage(0, 0))
        }),
        capped: |stream| {
            responses(stream, &["The ans"], "incomplete", Some("max_output_tokens"), responses_usage(0, 0))
        },
        thought: Some(|stream| {
            responses(stream, &[], "incomplete", Some("max_output_tokens"), responses_usage(0, 20))
        }),
        empty: |stream| responses(stream, &[], "completed", None, responses_usage(0, 0)),
        no_usage: |stream| responses(stream, &halves(), "completed", None, Value::Null),
        odd_usage: Some(|stream| responses(stream, &halves(), "completed", None, responses_usage(400, 0))),
        zero_usage: Some(|stream| {
            responses(stream, &halves(), "completed", None, json!({"input_tokens": 0, "output_tokens": 0}))
        }),
        throttled: r#"{"error":{"message":"slow down","type":"tokens","code":"slow_down"}}"#,
        broke: &[r#"{"error":{"message":"no","code":"credit_balance_exhausted"}}"#],
        overflows: &[(400, r#"{"error":{"message":"too much","code":"context_length_exceeded"}}"#)],
    },
    Fixture {
        name: "anthropic",
        base: "",
        stream_type: "text/event-stream; charset=utf-8",
        unfinished: 5,
        ping: "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        caches: true,
        good: |stream| messages(stream, &halves(), "end_turn", messages_usage(60, 40, 20)),
        overloaded: |stream| {
            let error =
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
            if stream { vec![messages_start(&Value::Null), sse(&error)] } else { vec![error.to_string()] }
        },
        refused: Some(|stream| messages(stream, &[], "refusal", messages_usage(100, 0, 1))),
        capped: |stream| messages(stream, &["The ans"], "max_tokens", messages_usage(100, 0, 64)),
        thought: Some(|stream| {
            let mut usage = messages_usage(100, 0, 64);
            usage["output_tokens_details"] = json!({"thinking_tokens": 64});
            messages(stream, &[], "max_tokens", usage)
        }),
        empty: |stream| messages(stream, &[], "end_turn", messages_usage(100, 0, 1)),
        no_usage: |stream| messages(stream, &halves(), "end_turn", Value::Null),
        odd_usage: Some(|stream| {
            let mut usage = messages_usage(60, 40, 20);
            usage["output_tokens_details"] = json!({"thinking_tokens": 30});
            messages(stream, &halves(), "end_turn", usage)
        }),
        zero_usage: Some(|stream| messages(stream, &halves(), "end_turn", messages_usage(0, 0, 0))),
        throttled: r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow","details":{"error_code":"ramp_limit_exceeded"}}}"#,
        broke: &[
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"no","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        ],
        overflows: &[(
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        )],
    },
    Fixture {
        name: "gemini",
        base: "",
        stream_type: "text/event-stream",
        unfinished: 2,
        ping: ": still here\n\n",
        caches: true,
        good: |stream| {
            generate(
                stream,
                &halves(),
                "STOP",
                json!({"promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 15, "thoughtsTokenCount": 5, "totalTokenCount": 120}),
            )
        },
        overloaded: |stream| {
            let error = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
            if stream { vec![sse(&error)] } else { vec![json!([error]).to_string()] }
        },
        refused: Some(|stream| {
            let reply = json!({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "model-a-001"});
            vec![if stream { sse(&reply) } else { reply.to_string() }]
        }),
        capped: |stream| generate(stream, &["The ans"], "MAX_TOKENS", gemini_usage()),
        thought: Some(|stream| {
            // No parts at all, and no count of candidates: what was zero is left out.
            let reply = json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
                "usageMetadata": {"promptTokenCount": 100, "thoughtsTokenCount": 64, "totalTokenCount": 164}});
            vec![if stream { sse(&reply) } else { reply.to_string() }]
        }),
        empty: |stream| {
            generate(stream, &[], "STOP", json!({"promptTokenCount": 100, "totalTokenCount": 100}))
        },
        no_usage: |stream| generate(stream, &halves(), "STOP", Value::Null),
        odd_usage: Some(|stream| {
            generate(
                stream,
                &halves(),
                "STOP",
                json!({"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 300}),
            )
        }),
        zero_usage: Some(|stream| {
            generate(
                stream,
                &halves(),
                "STOP",
                json!({"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}),
            )
        }),
        throttled: r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerMinutePerProject"}]}]}}"#,
        broke: &[
            r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}"#,
            r#"{"error":{"code":429,"message":"Quota exceeded, limit: 0, model: x","status":"RESOURCE_EXHAUSTED"}}"#,
        ],
        overflows: &[(
            400,
            r#"{"error":{"code":400,"message":"The input token count (210000) exceeds the maximum number of tokens allowed (200000).","status":"INVALID_ARGUMENT"}}"#,
        )],
    },
    Fixture {
        name: "ollama",
        base: "",
        stream_type: "application/x-ndjson",
        unfinished: 2,
        ping: "\n",
        caches: false,
        good: |stream| {
            ollama(
                stream,
                &halves(),
                json!({"done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20}),
            )
        },
        overloaded: |stream| {
            let error = json!({"error": "an error was encountered while running the model"});
            if stream { vec![ollama_delta("The"), format!("{error}\n")] } else { vec![error.to_string()] }
        },
        refused: None,
        capped: |stream| {
            ollama(
                stream,
                &["The ans"],
                json!({"done_reason": "length", "prompt_eval_count": 100, "eval_count": 64}),
            )
        },
        thought: Some(|stream| {
            let end = json!({"done": true, "done_reason": "length", "prompt_eval_count": 100, "eval_count": 64, "model": "model-a"});
            let thought =
                json!({"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": false});
            if stream {
                vec![format!("{thought}\n"), format!("{end}\n")]
            } else {
                let mut whole = end;
                whole["message"] = thought["message"].clone();
                vec![whole.to_string()]
            }
        }),
        empty: |stream| {
            ollama(stream, &[], json!({"done_reason": "stop", "prompt_eval_count": 100, "eval_count": 1}))
        },
        no_usage: |stream| ollama(stream, &halves(), json!({"done_reason": "stop"})),
        odd_usage: None,
        zero_usage: Some(|stream| {
            ollama(stream, &halves(), json!({"done_reason": "stop", "prompt_eval_count": 0, "eval_count": 0}))
        }),
        throttled: r#"{"error":"too many requests"}"#,
        broke: &[r#"{"error":"you have reached your limit of 100 requests per day"}"#],
        overflows: &[(400, r#"{"error":"the input length exceeds the context length"}"#)],
    },
];

/// The answer, cut where no character ends for an unlucky reader.
fn halves() -> [&'static str; 2] {
    TEXT.split_at(TEXT.find('z').unwrap()).into()
}

fn sse(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn chat_usage(cached: u64) -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "prompt_tokens_details": {"cached_tokens": cached}})
}

fn chat_delta(text: &str) -> String {
    sse(
        &json!({"model": "model-a-2026-01-01", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}], "usage": null}),
    )
}

fn chat(stream: bool, texts: &[&str], finish: &str, usage: Value) -> Vec<String> {
    if !stream {
        let content = if texts.is_empty() { Value::Null } else { json!(texts.concat()) };
        return vec![
            json!({"model": "model-a-2026-01-01", "usage": usage,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}]})
            .to_string(),
        ];
    }
    let mut pieces = vec![
        sse(
            &json!({"model": "model-a-2026-01-01", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        ),
        ": OPENROUTER PROCESSING\n\n".to_owned(),
    ];
    pieces.extend(texts.iter().map(|text| chat_delta(text)));
    pieces.push(sse(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})));
    if !usage.is_null() {
        pieces.push(sse(&json!({"choices": [], "usage": usage})));
    }
    pieces.push("data: [DONE]\n\n".to_owned());
    pieces
}

fn responses_usage(cached: u64, reasoning: u64) -> Value {
    json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": reasoning}, "total_tokens": 120})
}

fn responses_delta(text: &str) -> String {
    format!(
        "event: response.output_text.delta\n{}",
        sse(&json!({"type": "response.output_text.delta", "delta": text}))
    )
}

fn responses(stream: bool, texts: &[&str], status: &str, reason: Option<&str>, usage: Value) -> Vec<String> {
    let content: Vec<Value> = texts.iter().map(|text| json!({"type": "output_text", "text": text})).collect();
    let details = reason.map_or(Value::Null, |reason| json!({"reason": reason}));
    let whole = json!({"status": status, "error": null, "incomplete_details": details, "model": "model-a-2026-01-01",
        "output": [{"type": "reasoning", "summary": []}, {"type": "message", "content": content}], "usage": usage});
    if !stream {
        return vec![whole.to_string()];
    }
    let mut pieces = vec![sse(&json!({"type": "response.created", "response": {"status": "in_progress"}}))];
    pieces.extend(texts.iter().map(|text| responses_delta(text)));
    pieces.push(sse(&json!({"type": format!("response.{status}"), "response": whole})));
    pieces
}

fn messages_usage(input: u64, cached: u64, output: u64) -> Value {
    json!({"input_tokens": input, "cache_read_input_tokens": cached, "cache_creation_input_tokens": 0, "output_tokens": output})
}

fn messages_start(usage: &Value) -> String {
    let mut usage = usage.clone();
    if usage.is_object() {
        // The first count of the output is not the last.
        usage["output_tokens"] = json!(1);
    }
    format!(
        "event: message_start\n{}",
        sse(
            &json!({"type": "message_start", "message": {"model": "model-a-20260101", "content": [], "usage": usage}})
        )
    )
}

fn messages(stream: bool, texts: &[&str], stop: &str, usage: Value) -> Vec<String> {
    if !stream {
        let mut content = vec![json!({"type": "thinking", "thinking": "hm", "signature": "x"})];
        content.extend(texts.iter().map(|text| json!({"type": "text", "text": text})));
        return vec![
            json!({"type": "message", "model": "model-a-20260101", "content": content, "stop_reason": stop,
            "stop_details": {"type": "refusal", "category": "bio"}, "usage": usage})
            .to_string(),
        ];
    }
    let mut pieces = vec![messages_start(&usage), sse(&json!({"type": "ping"}))];
    pieces.push(sse(
        &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ));
    for text in texts {
        pieces.push(sse(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})));
    }
    pieces.push(sse(&json!({"type": "content_block_stop", "index": 0})));
    let output = usage.get("output_tokens").map_or(
        Value::Null,
        |output| json!({"output_tokens": output, "output_tokens_details": usage["output_tokens_details"]}),
    );
    pieces.push(sse(&json!({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": output})));
    pieces.push(sse(&json!({"type": "message_stop"})));
    pieces
}

fn gemini_usage() -> Value {
    json!({"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120})
}

fn generate(stream: bool, texts: &[&str], finish: &str, usage: Value) -> Vec<String> {
    let chunk = |texts: &[&str], finish: Value| {
        let mut parts = vec![json!({"text": "I think", "thought": true})];
        parts.extend(texts.iter().map(|text| json!({"text": text})));
        json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": finish}],
            "usageMetadata": usage, "modelVersion": "model-a-001"})
    };
    if !stream {
        return vec![chunk(texts, json!(finish)).to_string()];
    }
    let mut pieces: Vec<String> = texts.iter().map(|text| sse(&chunk(&[text], Value::Null))).collect();
    pieces.push(sse(&chunk(&[], json!(finish))));
    pieces
}

fn ollama_delta(text: &str) -> String {
    format!(
        "{}\n",
        json!({"model": "model-a:latest", "message": {"role": "assistant", "content": text}, "done": false})
    )
}

fn ollama(stream: bool, texts: &[&str], end: Value) -> Vec<String> {
    let mut last = json!({"model": "model-a:latest", "message": {"role": "assistant", "content": ""}, "done": true, "total_duration": 5_000_000_u64});
    last.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
    if !stream {
        last["message"]["content"] = json!(texts.concat());
        return vec![last.to_string()];
    }
    let mut pieces: Vec<String> = texts.iter().map(|text| ollama_delta(text)).collect();
    pieces.push(format!("{last}\n"));
    pieces
}
