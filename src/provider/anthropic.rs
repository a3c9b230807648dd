//! `anthropic`: the Messages API, plain and streamed, at Anthropic or at any base URL that speaks the same (Bedrock's and
//! Foundry's among them).

use serde_json::{Map, Value, json};

use super::api::{Api, Encoded, HttpApi, KeyHeader, Versioned, Wire};
use super::batch::protocol::Protocol;
use super::classify::ApiError;
use super::common::{Common, Format, no_counterpart};
use super::content::{Part, Piece, Speaker, pieces, speaker, text_only};
use super::describe::Question;
use super::facts::{Decoder, Ending, Facts, Step};
use crate::config::Provider;
use crate::record::{Message, Request, Usage, UsageQuality};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "anthropic", base_url: "https://api.anthropic.com", wire: Wire::Http(&Anthropic) };

/// The version that is used if none is configured. It takes no sampling parameters; `2023-06-01` does.
const VERSION: &str = "2026-10-21";

const NAME: &str = "the Messages API";

struct Anthropic;

impl HttpApi for Anthropic {
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded {
        let common = Common::of(request)?;
        let mut system: Vec<Value> = Vec::new();
        let mut messages: Vec<Value> = Vec::new();
        for message in &request.messages {
            let role = match speaker(message)? {
                Speaker::System => {
                    system.extend(system_blocks(message)?);
                    continue;
                }
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            messages.push(json!({ "role": role, "content": content(message)? }));
        }
        let mut body =
            json!({ "model": model, "max_tokens": request.max_output_tokens, "messages": messages });
        if !system.is_empty() {
            body["system"] = one_text(&system).map_or_else(|| json!(system), Value::String);
        }
        if endpoint.stream {
            body["stream"] = json!(true);
        }
        if common.seed.is_some() {
            return Err(no_counterpart("seed", NAME));
        }
        for (name, value) in [("temperature", &common.temperature), ("top_p", &common.top_p)] {
            if let Some(value) = value {
                body[name] = value.clone();
            }
        }
        if let Some(stop) = &common.stop {
            body["stop_sequences"] = json!(stop);
        }
        if let Some(effort) = &common.effort {
            body["output_config"]["effort"] = json!(effort);
        }
        match &common.format {
            Some(Format::Schema { schema, .. }) => {
                body["output_config"]["format"] = json!({ "type": "json_schema", "schema": schema });
            }
            Some(Format::Json) => {
                return Err(format!(
                    "{}: give a json_schema, or ask for JSON in the prompt",
                    no_counterpart("json_object", NAME)
                ));
            }
            None => {}
        }
        common.lay_over(&mut body);
        // Gateways are often given with their version, Anthropic's own place without.
        let path = if base_url.ends_with("/v1") { "/messages" } else { "/v1/messages" };
        Ok((path.to_owned(), body))
    }

    fn schema_parameter(&self, _name: &str, schema: &Value) -> Option<(&'static str, Value)> {
        Some(("output_config", json!({ "format": { "type": "json_schema", "schema": schema } })))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::<MessagesDecoder>::default()
    }

    fn versioned(&self) -> Versioned {
        Versioned::Own
    }

    fn key_header(&self) -> KeyHeader {
        KeyHeader::Named("x-api-key")
    }

    fn headers(&self, endpoint: &Provider) -> Vec<(&'static str, String)> {
        let version = endpoint.api_version.clone().unwrap_or_else(|| VERSION.to_owned());
        vec![("anthropic-version", version)]
    }

    fn describe(&self, _: &Provider, base_url: &str, model: &str) -> Question {
        let front = if base_url.ends_with("/v1") { "" } else { "/v1" };
        Question { path: format!("{front}/models/{model}"), body: None }
    }

    fn batch(&self) -> Option<Protocol> {
        Some(Protocol::Anthropic)
    }
}

fn content(message: &Message) -> Result<Value, String> {
    if let Value::String(text) = &message.content {
        return Ok(json!(text));
    }
    pieces(message)?.into_iter().map(block).collect()
}

fn block(piece: Piece<'_>) -> Result<Value, String> {
    let piece = piece.without_detail()?;
    let mut block = match piece.part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image { media_type, data } => {
            json!({ "type": "image", "source": { "type": "base64", "media_type": media_type, "data": data } })
        }
        Part::ImageUrl(url) => json!({ "type": "image", "source": { "type": "url", "url": url } }),
    };
    if let Some(mark) = piece.cache_control {
        block["cache_control"] = mark.clone();
    }
    Ok(block)
}

/// The blocks of a system message. One text, unless a mark for the cache divides it.
fn system_blocks(message: &Message) -> Result<Vec<Value>, String> {
    let pieces = pieces(message)?;
    if pieces.iter().all(|piece| piece.cache_control.is_none()) {
        return Ok(vec![json!({ "type": "text", "text": text_only(message)? })]);
    }
    let text = |piece: &Piece<'_>| match piece.part {
        Part::Text(_) => block(*piece),
        Part::Image { .. } | Part::ImageUrl(_) => {
            Err("this API does not accept images in a system message".to_owned())
        }
    };
    pieces.iter().map(text).collect()
}

/// The blocks as one text; `None` if one of them is marked.
fn one_text(blocks: &[Value]) -> Option<String> {
    let plain = blocks.iter().all(|block| block.get("cache_control").is_none());
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    plain.then(|| texts.join("\n\n"))
}

#[derive(Default)]
struct MessagesDecoder {
    /// The usage so far: the message's own, then what the deltas say over it.
    usage: Map<String, Value>,
    /// Tool calls by the index of their block, and their arguments so far.
    calls: Vec<(u64, Value, String)>,
}

impl Decoder for MessagesDecoder {
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step {
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            facts.nonsense = Some("an event of the stream is not JSON".to_owned());
            return Step::end();
        };
        match event["type"].as_str() {
            Some("message_start") => {
                let message = &event["message"];
                facts.served_model = message["model"].as_str().map(str::to_owned);
                // What it says of the output is a first guess: a stream that breaks off must not be billed by it.
                let mut usage = message["usage"].clone();
                if let Some(usage) = usage.as_object_mut() {
                    usage.remove("output_tokens");
                }
                self.usage(&usage, facts);
            }
            Some("content_block_start") => return self.block(&event, facts),
            Some("content_block_delta") => return self.delta(&event, facts),
            Some("message_delta") => {
                stop(&event["delta"], facts);
                self.usage(&event["usage"], facts);
            }
            Some("message_stop") => {
                facts.ended = true;
                self.finish_calls(facts);
                return Step::end();
            }
            Some("error") => {
                facts.error = ApiError::find(&event).or_else(|| Some(ApiError::default()));
                return Step::end();
            }
            // Pings, ends of blocks, and what is not known yet.
            Some(_) | None => {}
        }
        Step::default()
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        if let Some(error) = ApiError::find(body) {
            facts.error = Some(error);
            return;
        }
        let Some(blocks) = body["content"].as_array() else {
            facts.nonsense = Some("the reply has no content".to_owned());
            return;
        };
        for block in blocks {
            match block["type"].as_str() {
                Some("text") => facts.text.push_str(block["text"].as_str().unwrap_or_default()),
                Some("thinking" | "redacted_thinking") => facts.reasoned = true,
                Some("tool_use") => facts.tool_calls.push(block.clone()),
                Some(_) | None => {}
            }
        }
        facts.served_model = body["model"].as_str().map(str::to_owned);
        stop(body, facts);
        self.usage(&body["usage"], facts);
        facts.ended = true;
    }
}

impl MessagesDecoder {
    fn usage(&mut self, said: &Value, facts: &mut Facts) {
        let Some(said) = said.as_object() else { return };
        // The counts of a delta are those of the whole message so far: they replace, they do not add.
        self.usage.extend(
            said.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        facts.usage = usage(&Value::Object(self.usage.clone()));
        facts.reasoned |= facts.usage.reasoning.is_some_and(|tokens| tokens.0 > 0);
    }

    fn block(&mut self, event: &Value, facts: &mut Facts) -> Step {
        let block = &event["content_block"];
        match block["type"].as_str() {
            Some("text") => match block["text"].as_str().filter(|text| !text.is_empty()) {
                Some(text) => {
                    facts.text.push_str(text);
                    Step::visible()
                }
                None => Step::default(),
            },
            Some("tool_use") => {
                let index = event["index"].as_u64().unwrap_or_default();
                self.calls.push((index, block.clone(), String::new()));
                Step::token()
            }
            Some("thinking" | "redacted_thinking") => {
                facts.reasoned = true;
                Step::default()
            }
            Some(_) | None => Step::default(),
        }
    }

    fn delta(&mut self, event: &Value, facts: &mut Facts) -> Step {
        let delta = &event["delta"];
        match delta["type"].as_str() {
            Some("text_delta") => match delta["text"].as_str().filter(|text| !text.is_empty()) {
                Some(text) => {
                    facts.text.push_str(text);
                    Step::visible()
                }
                None => Step::default(),
            },
            Some("thinking_delta") => {
                facts.reasoned = true;
                Step::token()
            }
            Some("input_json_delta") => {
                let index = event["index"].as_u64().unwrap_or_default();
                if let Some((.., text)) = self.calls.iter_mut().find(|(at, ..)| *at == index) {
                    text.push_str(delta["partial_json"].as_str().unwrap_or_default());
                }
                Step::token()
            }
            Some(_) | None => Step::default(),
        }
    }

    fn finish_calls(&mut self, facts: &mut Facts) {
        for (_, mut call, arguments) in self.calls.drain(..) {
            if let Ok(arguments) = serde_json::from_str::<Value>(&arguments) {
                call["input"] = arguments;
            }
            facts.tool_calls.push(call);
        }
    }
}

/// Why the reply ended.
fn stop(said: &Value, facts: &mut Facts) {
    let Some(reason) = said["stop_reason"].as_str() else { return };
    facts.finish = Some(reason.to_owned());
    facts.ending = match reason {
        // A turn that pauses would go on if it were asked to; as an answer it is cut off.
        "max_tokens" | "pause_turn" => Ending::Cap,
        "model_context_window_exceeded" => Ending::Window,
        "refusal" => {
            let details = &said["stop_details"];
            let words: Vec<&str> =
                ["category", "explanation"].iter().filter_map(|name| details[name].as_str()).collect();
            Ending::Refused(if words.is_empty() { "the model declined".to_owned() } else { words.join(": ") })
        }
        _ => Ending::Complete,
    };
}

/// The Messages API's usage in canonical terms: its input tokens are the uncached ones, its output includes thinking.
fn usage(raw: &Value) -> Usage {
    let count = |value: &Value| value.as_u64().map(Tokens);
    let (input, output) = (count(&raw["input_tokens"]), count(&raw["output_tokens"]));
    let reasoning = count(&raw["output_tokens_details"]["thinking_tokens"]);
    let for_an_hour =
        count(&raw["cache_creation"]["ephemeral_1h_input_tokens"]).filter(|tokens| tokens.0 > 0);
    let quality = match (input, output) {
        (Some(_), Some(output)) if reasoning.is_none_or(|reasoning| reasoning <= output) => {
            UsageQuality::Reported
        }
        (Some(_), Some(_)) => UsageQuality::Inconsistent,
        (None, _) | (_, None) => UsageQuality::Missing,
    };
    Usage {
        input,
        cache_read: count(&raw["cache_read_input_tokens"]),
        cache_write: count(&raw["cache_creation_input_tokens"])
            .map(|all| Tokens(all.0.saturating_sub(for_an_hour.unwrap_or_default().0))),
        cache_write_1h: for_an_hour,
        output,
        reasoning,
        quality,
        raw: raw.clone(),
    }
}
