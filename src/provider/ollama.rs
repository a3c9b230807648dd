//! `ollama`: Ollama's own chat API, plain and streamed. Its imitation of chat completions cuts prompts that are too long in
//! silence; this one can be told not to.

use serde_json::{Value, json};

use super::api::{Api, Encoded, HttpApi, Versioned, Wire};
use super::classify::ApiError;
use super::common::{Common, Format};
use super::content::{Part, Speaker, parts, speaker};
use super::describe::Question;
use super::facts::{Decoder, Ending, Facts, Step};
use super::sse::Framing;
use crate::config::Provider;
use crate::record::{Message, Request, Usage, UsageQuality};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "ollama", base_url: "http://localhost:11434", wire: Wire::Http(&Ollama) };

struct Ollama;

impl HttpApi for Ollama {
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded {
        let mut common = Common::of(request)?;
        let messages = request.messages.iter().map(message).collect::<Result<Vec<Value>, String>>()?;
        let mut options = json!({ "num_predict": request.max_output_tokens });
        let given = [("temperature", &common.temperature), ("top_p", &common.top_p), ("seed", &common.seed)];
        for (name, value) in given {
            if let Some(value) = value {
                options[name] = value.clone();
            }
        }
        if let Some(stop) = &common.stop {
            options["stop"] = json!(stop);
        }
        // The window is an option there; the plain name is what people write.
        if let Some(window) = common.take("num_ctx") {
            options["num_ctx"] = window;
        }
        let mut body = json!({
            "model": model, "messages": messages, "stream": endpoint.stream, "options": options,
            // A prompt that does not fit is refused then, and not cut.
            "truncate": false,
        });
        if let Some(effort) = &common.effort {
            body["think"] = if effort == "none" { json!(false) } else { json!(effort) };
        }
        match &common.format {
            None => {}
            Some(Format::Json) => body["format"] = json!("json"),
            Some(Format::Schema { schema, .. }) => body["format"] = schema.clone(),
        }
        common.lay_over(&mut body);
        let path = if base_url.ends_with("/api") { "/chat" } else { "/api/chat" };
        Ok((path.to_owned(), body))
    }

    fn schema_parameter(&self, _name: &str, schema: &Value) -> Option<(&'static str, Value)> {
        Some(("format", schema.clone()))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ChatDecoder)
    }

    fn versioned(&self) -> Versioned {
        Versioned::Not
    }

    fn describe(&self, _: &Provider, base_url: &str, model: &str) -> Question {
        let path = if base_url.ends_with("/api") { "/show" } else { "/api/show" };
        Question { path: path.to_owned(), body: Some(json!({ "model": model })) }
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }
}

fn message(message: &Message) -> Result<Value, String> {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for part in parts(message)? {
        match part {
            Part::Text(text) => texts.push(text),
            Part::Image { data, .. } => images.push(data),
            Part::ImageUrl(_) => return Err("Ollama does not fetch images: use data URLs".to_owned()),
        }
    }
    // Its templates leave out, without a word, what a role that they do not know says.
    let role = match (speaker(message), message.role.as_str()) {
        (Ok(Speaker::System), _) => "system",
        (Ok(Speaker::User), _) => "user",
        (Ok(Speaker::Assistant), _) => "assistant",
        (Err(_), "tool") => "tool",
        (Err(why), _) => return Err(why),
    };
    let mut value = json!({ "role": role, "content": texts.join("\n") });
    if !images.is_empty() {
        value["images"] = json!(images);
    }
    Ok(value)
}

struct ChatDecoder;

impl Decoder for ChatDecoder {
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step {
        let Ok(line) = serde_json::from_str::<Value>(data) else {
            facts.nonsense = Some("a line of the stream is not JSON".to_owned());
            return Step::end();
        };
        if let Some(error) = ApiError::find(&line) {
            facts.error = Some(error);
            return Step::end();
        }
        take(&line, facts)
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        if let Some(error) = ApiError::find(body) {
            facts.error = Some(error);
            return;
        }
        if !body["message"].is_object() {
            facts.nonsense = Some("the reply has no message".to_owned());
            return;
        }
        take(body, facts);
    }
}

fn take(line: &Value, facts: &mut Facts) -> Step {
    // A model that runs elsewhere says so.
    if let Some(model) = line["remote_model"].as_str().or_else(|| line["model"].as_str()) {
        facts.served_model = Some(model.to_owned());
    }
    let message = &line["message"];
    let mut step = Step::default();
    if message["thinking"].as_str().is_some_and(|text| !text.is_empty()) {
        facts.reasoned = true;
        step.token = true;
    }
    if let Some(text) = message["content"].as_str().filter(|text| !text.is_empty()) {
        facts.text.push_str(text);
        step = Step::visible();
    }
    if let Some(calls) = message["tool_calls"].as_array() {
        facts.tool_calls.extend(calls.iter().cloned());
        step.token = true;
    }
    if line["done"] == true {
        facts.ended = true;
        facts.usage = usage(line);
        let reason = line["done_reason"].as_str();
        facts.finish = reason.map(str::to_owned);
        facts.ending = reason.map_or(Ending::Complete, Ending::of);
        step.end = true;
    }
    step
}

/// Ollama's counts in canonical terms. It leaves out what is zero, and there is no total that could prove it: what is left
/// out is unknown.
fn usage(line: &Value) -> Usage {
    let count = |name: &str| line[name].as_u64().map(Tokens);
    let (input, output) = (count("prompt_eval_count"), count("eval_count"));
    let quality = match (input, output) {
        (Some(_), Some(_)) => UsageQuality::Reported,
        (None, _) | (_, None) => UsageQuality::Missing,
    };
    let mut raw = line.clone();
    if let Some(raw) = raw.as_object_mut() {
        raw.remove("message");
    }
    Usage { input, output, quality, raw, ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_has_a_role_that_a_template_leaves_out() {
        let role = |name: &str| message(&Message::text(name, "x")).map(|sent| sent["role"].clone());
        assert_eq!(role("developer"), Ok(json!("system")));
        assert_eq!(role("tool"), Ok(json!("tool")));
        assert!(role("narrator").is_err());
    }
}
