//! `openai`: chat completions, plain and streamed, at OpenAI or at any base URL that speaks the same.

use serde_json::{Map, Value, json};

use super::api::{Api, Encoded, HttpApi, Wire};
use super::batch::protocol::Protocol;
use super::classify::ApiError;
use super::facts::{Decoder, Ending, Facts, Step};
use super::quirks;
use crate::config::Provider;
use crate::record::{Request, Usage};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "openai", base_url: "https://api.openai.com/v1", wire: Wire::Http(&OpenAi) };

struct OpenAi;

/// The parameter of the chat completions API that holds a reply to a JSON Schema.
pub(super) fn response_format(name: &str, schema: &Value) -> (&'static str, Value) {
    let format = json!({ "name": name, "schema": schema, "strict": true });
    ("response_format", json!({ "type": "json_schema", "json_schema": format }))
}

impl HttpApi for OpenAi {
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(model));
        body.insert("messages".to_owned(), json!(request.messages));
        let own = quirks::is_openai(base_url);
        let usual = quirks::of(base_url).cap.unwrap_or("max_tokens");
        let field = endpoint.max_tokens_field.as_deref().unwrap_or(usual);
        body.insert(field.to_owned(), json!(request.max_output_tokens));
        if endpoint.stream {
            body.insert("stream".to_owned(), json!(true));
            let mut options = json!({ "include_usage": true });
            if own {
                // It pads every event otherwise, to hide what its length would tell.
                options["include_obfuscation"] = json!(false);
            }
            body.insert("stream_options".to_owned(), options);
        }
        if own {
            body.insert("store".to_owned(), json!(false));
        }
        body.extend(request.params.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(("/chat/completions".to_owned(), Value::Object(body)))
    }

    fn schema_parameter(&self, name: &str, schema: &Value) -> Option<(&'static str, Value)> {
        Some(response_format(name, schema))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ChatDecoder)
    }

    fn batch(&self) -> Option<Protocol> {
        Some(Protocol::OpenAi)
    }
}

struct ChatDecoder;

impl Decoder for ChatDecoder {
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step {
        if data.trim() == "[DONE]" {
            facts.ended = true;
            return Step { end: true, ..Step::default() };
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            facts.nonsense = Some("an event of the stream is not JSON".to_owned());
            return Step { end: true, ..Step::default() };
        };
        if let Some(error) = ApiError::find(&chunk) {
            facts.error = Some(error);
            return Step { end: true, ..Step::default() };
        }
        common(&chunk, facts);
        // Usage comes in a chunk without choices; a chunk may also bring nothing but the role.
        let Some(choice) = chunk["choices"].get(0) else { return Step::default() };
        let delta = &choice["delta"];
        let mut step = Step::default();
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            facts.text.push_str(text);
            step = Step { token: true, visible: true, end: false };
        }
        for name in ["reasoning", "reasoning_content"] {
            if delta[name].as_str().is_some_and(|text| !text.is_empty()) {
                facts.reasoned = true;
                step.token = true;
            }
        }
        // Some servers send an empty one with every reply.
        if let Some(text) = delta["refusal"].as_str().filter(|text| !text.is_empty()) {
            facts.refusal.get_or_insert_default().push_str(text);
            step.token = true;
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            step.token = true;
            merge_call(&mut facts.tool_calls, call);
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            facts.finish = Some(finish.to_owned());
            facts.ending = Ending::of(finish);
        }
        step
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        if let Some(error) = ApiError::find(body) {
            facts.error = Some(error);
            return;
        }
        common(body, facts);
        let Some(choice) = body["choices"].get(0) else {
            facts.nonsense = Some("the reply has no choice".to_owned());
            return;
        };
        let message = &choice["message"];
        facts.text = message["content"].as_str().unwrap_or_default().to_owned();
        facts.reasoned |= ["reasoning", "reasoning_content"]
            .iter()
            .any(|name| message[*name].as_str().is_some_and(|text| !text.is_empty()));
        facts.refusal = message["refusal"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        facts.tool_calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        facts.finish = choice["finish_reason"].as_str().map(str::to_owned);
        facts.ending = facts.finish.as_deref().map_or(Ending::Unknown, Ending::of);
        facts.ended = true;
    }
}

fn common(body: &Value, facts: &mut Facts) {
    if let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) {
        facts.served_model = Some(model.to_owned());
    }
    // The last one that is there wins.
    let stated = [&body["usage"], &body["x_groq"]["usage"]].into_iter().find(|usage| usage.is_object());
    if let Some(stated) = stated {
        facts.usage = usage(stated);
        facts.reasoned |= facts.usage.reasoning.is_some_and(|tokens| tokens.0 > 0);
    }
}

/// The parts of a tool call come in pieces, told apart by their index.
fn merge_call(calls: &mut Vec<Value>, piece: &Value) {
    let index = piece["index"].as_u64().unwrap_or_default();
    let at = calls.iter().position(|call| call["index"].as_u64() == Some(index));
    match at.and_then(|at| calls.get_mut(at)) {
        None => calls.push(piece.clone()),
        Some(call) => {
            if let Some(more) = piece["function"]["arguments"].as_str() {
                let before = call["function"]["arguments"].as_str().unwrap_or_default();
                let whole = format!("{before}{more}");
                call["function"]["arguments"] = Value::String(whole);
            }
        }
    }
}

/// Chat completions' usage in canonical terms: cached and written tokens are parts of the prompt's, reasoning is a part of
/// the completion's.
fn usage(raw: &Value) -> Usage {
    let count = |value: &Value| value.as_u64().map(Tokens);
    let (prompt, output) = (count(&raw["prompt_tokens"]), count(&raw["completion_tokens"]));
    let details = &raw["prompt_tokens_details"];
    // DeepSeek states its cache beside the total.
    let cache_read = count(&details["cached_tokens"]).or_else(|| count(&raw["prompt_cache_hit_tokens"]));
    let cache_write = count(&details["cache_write_tokens"]);
    let reasoning = count(&raw["completion_tokens_details"]["reasoning_tokens"]);
    Usage::with_cache_inside(prompt, cache_read, cache_write, output, reasoning, raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::UsageQuality;

    #[test]
    fn usage_is_told_apart_without_overlap() {
        let raw = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 5}});
        let usage = usage(&raw);
        assert_eq!(usage.input, Some(Tokens(30)));
        assert_eq!(usage.all_input(), Some(Tokens(100)));
        assert_eq!((usage.output, usage.reasoning), (Some(Tokens(20)), Some(Tokens(5))));
        assert_eq!(usage.quality, UsageQuality::Reported);
        let odd = super::usage(
            &json!({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}),
        );
        assert_eq!(
            (odd.quality, odd.input, odd.cache_read),
            (UsageQuality::Inconsistent, Some(Tokens(5)), None)
        );
        let none = super::usage(&json!({"completion_tokens": 1}));
        assert_eq!((none.quality, none.input), (UsageQuality::Missing, None));
    }
}
