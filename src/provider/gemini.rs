//! `gemini`: generateContent, plain and streamed.

use serde_json::{Value, json};

use super::api::{Api, Encoded, HttpApi, KeyHeader, Versioned, Wire};
use super::batch::protocol::Protocol;
use super::classify::ApiError;
use super::common::{Common, Format};
use super::content::{Part, Speaker, parts, speaker, text_only};
use super::describe::Question;
use super::facts::{Decoder, Ending, Facts, Step};
use crate::config::Provider;
use crate::record::{Request, Usage, UsageQuality};
use crate::units::Tokens;

pub(super) const API: Api =
    Api { name: "gemini", base_url: "https://generativelanguage.googleapis.com", wire: Wire::Http(&Gemini) };

/// The version in the path if none is configured.
const VERSION: &str = "v1";
/// The same for requests that ask for JSON: the published `v1` has no fields for that, `v1beta` has.
const JSON_VERSION: &str = "v1beta";

struct Gemini;

impl HttpApi for Gemini {
    fn encode(&self, endpoint: &Provider, base_url: &str, model: &str, request: &Request) -> Encoded {
        let common = Common::of(request)?;
        let (mut system, mut contents): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for message in &request.messages {
            let role = match speaker(message)? {
                Speaker::System => {
                    system.push(json!({ "text": text_only(message)? }));
                    continue;
                }
                Speaker::User => "user",
                Speaker::Assistant => "model",
            };
            let parts: Vec<Value> = parts(message)?
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) => json!({ "text": text }),
                    Part::Image { media_type, data } => {
                        json!({ "inlineData": { "mimeType": media_type, "data": data } })
                    }
                    Part::ImageUrl(url) => json!({ "fileData": { "fileUri": url } }),
                })
                .collect();
            contents.push(json!({ "role": role, "parts": parts }));
        }
        let mut config = json!({ "maxOutputTokens": request.max_output_tokens });
        for (name, value) in
            [("temperature", &common.temperature), ("topP", &common.top_p), ("seed", &common.seed)]
        {
            if let Some(value) = value {
                config[name] = value.clone();
            }
        }
        if let Some(stop) = &common.stop {
            config["stopSequences"] = json!(stop);
        }
        if let Some(effort) = &common.effort {
            config["thinkingConfig"]["thinkingLevel"] = json!(effort.to_uppercase());
        }
        match &common.format {
            None => {}
            Some(Format::Json) => config["responseMimeType"] = json!("application/json"),
            Some(Format::Schema { schema, .. }) => {
                config["responseMimeType"] = json!("application/json");
                config["responseJsonSchema"] = schema.clone();
            }
        }
        let wants_json = common.format.is_some();
        let mut body = json!({ "contents": contents, "generationConfig": config });
        if !system.is_empty() {
            body["systemInstruction"] = json!({ "parts": system });
        }
        common.lay_over(&mut body);
        let version = if wants_json { JSON_VERSION } else { VERSION };
        let place = place(endpoint, base_url, model, version);
        let verb = if endpoint.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        Ok((format!("{place}:{verb}"), body))
    }

    fn schema_parameter(&self, name: &str, schema: &Value) -> Option<(&'static str, Value)> {
        // Put into its own words by `encode`.
        Some(super::openai::response_format(name, schema))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(GenerateDecoder)
    }

    fn versioned(&self) -> Versioned {
        Versioned::Own
    }

    fn key_header(&self) -> KeyHeader {
        KeyHeader::Named("x-goog-api-key")
    }

    fn describe(&self, endpoint: &Provider, base_url: &str, model: &str) -> Question {
        Question { path: place(endpoint, base_url, model, VERSION), body: None }
    }

    fn batch(&self) -> Option<Protocol> {
        Some(Protocol::Gemini)
    }
}

/// Where a model is, below the base URL; `version` counts if none is configured.
fn place(endpoint: &Provider, base_url: &str, model: &str, version: &str) -> String {
    let version = endpoint.api_version.as_deref().unwrap_or(version);
    // A gateway may be given with the version in its base URL.
    let front = match base_url.rsplit('/').next() {
        Some("v1" | "v1beta" | "v1alpha") => String::new(),
        Some(_) | None => format!("/{version}"),
    };
    format!("{front}/models/{}", model.strip_prefix("models/").unwrap_or(model))
}

struct GenerateDecoder;

impl Decoder for GenerateDecoder {
    fn event(&mut self, data: &str, facts: &mut Facts) -> Step {
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            facts.nonsense = Some("an event of the stream is not JSON".to_owned());
            return Step::end();
        };
        if let Some(error) = ApiError::find(&chunk) {
            facts.error = Some(error);
            return Step::end();
        }
        // There is no terminal marker: whatever follows the reason to finish is read to its end.
        take(&chunk, facts)
    }

    fn body(&mut self, body: &Value, facts: &mut Facts) {
        if let Some(error) = ApiError::find(body) {
            facts.error = Some(error);
            return;
        }
        take(body, facts);
        let is_reply = body["candidates"].is_array() || body["promptFeedback"].is_object();
        if !is_reply {
            facts.nonsense = Some("the reply has no candidate".to_owned());
        }
        facts.ended = true;
    }
}

fn take(reply: &Value, facts: &mut Facts) -> Step {
    if let Some(model) = reply["modelVersion"].as_str() {
        facts.served_model = Some(model.to_owned());
    }
    // Each chunk states the whole so far.
    if reply["usageMetadata"].is_object() {
        facts.usage = usage(&reply["usageMetadata"]);
        facts.reasoned |= facts.usage.reasoning.is_some_and(|tokens| tokens.0 > 0);
    }
    if let Some(reason) = reply["promptFeedback"]["blockReason"].as_str() {
        facts.finish = Some(reason.to_owned());
        facts.ending = Ending::Refused(format!("the prompt was blocked: {reason}"));
        facts.ended = true;
    }
    let mut step = Step::default();
    let Some(candidate) = reply["candidates"].get(0) else { return step };
    for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
        let text = part["text"].as_str().filter(|text| !text.is_empty());
        if part["thought"] == true {
            facts.reasoned = true;
            step.token |= text.is_some();
        } else if let Some(text) = text {
            facts.text.push_str(text);
            step = Step::visible();
        }
        if part["functionCall"].is_object() {
            facts.tool_calls.push(part["functionCall"].clone());
            step.token = true;
        }
    }
    if let Some(reason) = candidate["finishReason"].as_str() {
        facts.finish = Some(reason.to_owned());
        facts.ending = ending(reason, candidate["finishMessage"].as_str());
        facts.ended = true;
    }
    step
}

fn ending(reason: &str, message: Option<&str>) -> Ending {
    match reason {
        "MAX_TOKENS" | "CONTINUATION" => Ending::Cap,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "OTHER"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Ending::Refused(
            message.map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}")),
        ),
        // Malformed calls and the like are what the model has to say, and are graded as that.
        _ => Ending::Complete,
    }
}

/// Gemini's usage in canonical terms: its prompt includes what was cached, its candidates exclude the thoughts. Counts of
/// zero are left out on the wire, so that a missing one is zero only where the total proves it.
fn usage(raw: &Value) -> Usage {
    let count = |name: &str| raw[name].as_u64();
    let (prompt, total) = (count("promptTokenCount"), count("totalTokenCount"));
    let tools = count("toolUsePromptTokenCount").unwrap_or_default();
    let cached = count("cachedContentTokenCount");
    let (candidates, thoughts) = (count("candidatesTokenCount"), count("thoughtsTokenCount"));
    let stated = candidates.map(|candidates| candidates.saturating_add(thoughts.unwrap_or_default()));
    let proven = prompt.zip(total).and_then(|(prompt, total)| total.checked_sub(prompt)?.checked_sub(tools));
    let output = stated.or(proven);
    let input = prompt
        .and_then(|prompt| prompt.checked_sub(cached.unwrap_or_default()))
        .map(|rest| rest.saturating_add(tools));
    let adds_up = stated.is_none() || proven.is_none() || stated == proven;
    let quality = match (prompt, output) {
        (Some(_), Some(_)) if input.is_some() && adds_up => UsageQuality::Reported,
        (Some(_), Some(_)) => UsageQuality::Inconsistent,
        (None, _) | (_, None) => UsageQuality::Missing,
    };
    let cached = cached.filter(|_| input.is_some());
    Usage {
        input: input.or(prompt).map(Tokens),
        cache_read: cached.map(Tokens),
        cache_write: None,
        cache_write_1h: None,
        output: output.map(Tokens),
        reasoning: thoughts.map(Tokens),
        quality,
        raw: raw.clone(),
    }
}
