//! `openai-responses`: OpenAI's Responses API, plain and streamed.

use serde_json::{Value, json};

use super::batch::protocol::Protocol;
use super::classify::ApiError;

use super::api::{Api, Encoded, HttpApi, Wire};
use super::common::{Common, Format, no_counterpart};
use super::content::{Part, Piece, Speaker, pieces, speaker};
use super::facts::{Decoder, Ending, Facts, Step};
use super::quirks;
use crate::config::Provider;
use crate::record::{Message, Request, Usage};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "openai-responses", base_url: "https://api.openai.com/v1", wire: Wire::Http(&Responses) };

const NAME: &str = "the Responses API";

struct Responses;

impl HttpApi for Responses {
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded {
        let common = Common::of(request)?;
        let input = request.messages.iter().map(item).collect::<Result<Vec<Value>, String>>()?;
        // What is not told not to be is stored.
        let mut body = json!({
            "model": model, "input": input, "max_output_tokens": request.max_output_tokens, "store": false,
        });
        if endpoint.stream {
            body["stream"] = json!(true);
            if quirks::is_openai(base_url) {
                body["stream_options"] = json!({ "include_obfuscation": false });
            }
        }
        for (name, value) in [("stop", common.stop.is_some()), ("seed", common.seed.is_some())] {
            if value {
                return Err(no_counterpart(name, NAME));
            }
        }
        for (name, value) in [("temperature", &common.temperature), ("top_p", &common.top_p)] {
            if let Some(value) = value {
                body[name] = value.clone();
            }
        }
        if let Some(effort) = &common.effort {
            body["reasoning"]["effort"] = json!(effort);
        }
        match &common.format {
            None => {}
            Some(Format::Json) => body["text"]["format"] = json!({ "type": "json_object" }),
            Some(Format::Schema { name, schema, strict }) => {
                body["text"]["format"] = json!({ "type": "json_schema", "name": name, "schema": schema });
                if let Some(strict) = strict {
                    body["text"]["format"]["strict"] = strict.clone();
                }
            }
        }
        common.lay_over(&mut body);
        Ok(("/responses".to_owned(), body))
    }

    fn schema_parameter(&self, name: &str, schema: &Value) -> Option<(&'static str, Value)> {
        let format = json!({ "type": "json_schema", "name": name, "schema": schema, "strict": true });
        Some(("text", json!({ "format": format })))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ResponsesDecoder)
    }

    fn batch(&self) -> Option<Protocol> {
        Some(Protocol::OpenAi)
    }
}

fn item(message: &Message) -> Result<Value, String> {
    let (role, text_kind) = match speaker(message)? {
        Speaker::System => (message.role.as_str(), "input_text"),
        Speaker::User => ("user", "input_text"),
        Speaker::Assistant => ("assistant", "output_text"),
    };
    if let Value::String(text) = &message.content {
        return Ok(json!({ "role": role, "content": text }));
    }
    let content: Result<Vec<Value>, String> =
        pieces(message)?.into_iter().map(|piece| part(piece, text_kind)).collect();
    Ok(json!({ "role": role, "content": content? }))
}

fn part(piece: Piece<'_>, text_kind: &str) -> Result<Value, String> {
    let piece = piece.without_cache_control()?;
    let mut part = match piece.part {
        Part::Text(text) => json!({ "type": text_kind, "text": text }),
        Part::Image { media_type, data } => {
            json!({ "type": "input_image", "image_url": format!("data:{media_type};base64,{data}") })
        }
        Part::ImageUrl(url) => json!({ "type": "input_image", "image_url": url }),
    };
    if let Some(detail) = piece.detail {
        part["detail"] = json!(detail);
    }
    Ok(part)
}

struct ResponsesDecoder;

impl Decoder for ResponsesDecoder {
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step {
        if data.trim() == "[DONE]" {
            return Step::end();
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            facts.nonsense = Some("an event of the stream is not JSON".to_owned());
            return Step::end();
        };
        let delta = || event["delta"].as_str().filter(|text| !text.is_empty());
        match event["type"].as_str() {
            Some("response.output_text.delta") => {
                let Some(text) = delta() else { return Step::default() };
                facts.text.push_str(text);
                Step::visible()
            }
            Some("response.refusal.delta") => {
                facts.refusal.get_or_insert_default().push_str(delta().unwrap_or_default());
                Step::token()
            }
            Some(kind) if kind.starts_with("response.reasoning") && kind.ends_with(".delta") => {
                facts.reasoned = true;
                Step::token()
            }
            Some("response.function_call_arguments.delta") => Step::token(),
            Some("response.completed" | "response.incomplete" | "response.failed") => {
                // The whole reply stands in the last event; what came in pieces is not counted twice.
                let response = &event["response"];
                let (seen, refusal) = (std::mem::take(&mut facts.text), facts.refusal.take());
                whole(response, facts);
                if facts.text.is_empty() {
                    facts.text = seen;
                }
                facts.refusal = facts.refusal.take().or(refusal);
                Step::end()
            }
            Some("error") => {
                facts.error = ApiError::find(&event).or_else(|| ApiError::find(&json!({ "error": event })));
                Step::end()
            }
            Some(_) => Step::default(),
            None => {
                if let Some(error) = ApiError::find(&event) {
                    facts.error = Some(error);
                    return Step::end();
                }
                Step::default()
            }
        }
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        // A reply that is well has an error of null.
        if let Some(error) = ApiError::find(body).filter(|_| body["status"] != "failed") {
            facts.error = Some(error);
            return;
        }
        if !body["output"].is_array() {
            facts.nonsense = Some("the reply has no output".to_owned());
            return;
        }
        whole(body, facts);
    }
}

fn whole(response: &Value, facts: &mut Facts) {
    for item in response["output"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    match part["type"].as_str() {
                        Some("output_text") => facts.text.push_str(part["text"].as_str().unwrap_or_default()),
                        Some("refusal") => {
                            let words = part["refusal"].as_str().unwrap_or_default();
                            facts.refusal.get_or_insert_default().push_str(words);
                        }
                        Some(_) | None => {}
                    }
                }
            }
            Some("reasoning") => facts.reasoned = true,
            Some("function_call") => facts.tool_calls.push(item.clone()),
            Some(_) | None => {}
        }
    }
    facts.served_model = response["model"].as_str().map(str::to_owned);
    if response["usage"].is_object() {
        facts.usage = usage(&response["usage"]);
        facts.reasoned |= facts.usage.reasoning.is_some_and(|tokens| tokens.0 > 0);
    }
    let status = response["status"].as_str().unwrap_or_default();
    let reason = response["incomplete_details"]["reason"].as_str();
    facts.finish = Some(reason.unwrap_or(status).to_owned()).filter(|finish| !finish.is_empty());
    match status {
        "completed" => facts.ending = Ending::Complete,
        "incomplete" => {
            facts.ending = match reason {
                Some("max_output_tokens") => Ending::Cap,
                Some("content_filter") => {
                    Ending::Refused("the provider's filter stopped the reply".to_owned())
                }
                other => {
                    Ending::Failed(format!("the reply is incomplete: {}", other.unwrap_or("no reason given")))
                }
            }
        }
        "failed" => match ApiError::find(response) {
            Some(error) => facts.error = Some(error),
            None => facts.ending = Ending::Failed("the provider gave up on the reply".to_owned()),
        },
        other => facts.ending = Ending::Failed(format!("the reply ended as `{other}`")),
    }
    facts.ended = true;
}

/// The Responses API's usage in canonical terms: cached and written tokens are parts of the input, reasoning of the output.
fn usage(raw: &Value) -> Usage {
    let count = |value: &Value| value.as_u64().map(Tokens);
    let (all, output) = (count(&raw["input_tokens"]), count(&raw["output_tokens"]));
    let details = &raw["input_tokens_details"];
    let (read, write) = (count(&details["cached_tokens"]), count(&details["cache_write_tokens"]));
    let reasoning = count(&raw["output_tokens_details"]["reasoning_tokens"]);
    Usage::with_cache_inside(all, read, write, output, reasoning, raw)
}
