//! Logs of calls that were made: LiteLLM's spend logs, OpenTelemetry's GenAI spans, Langfuse's exports. What was asked
//! becomes the corpus; what was answered is no reference and stays behind.

use std::path::Path;

use serde_json::{Map, Value};

use super::table::turn;
use super::{ImportError, Imported};
use crate::corpus::RawPrompt;
use crate::record::Message;

/// LiteLLM: the standard logging payload or a row of the spend log a line, `messages` being a list or its JSON text.
///
/// # Errors
/// When it cannot be read.
pub fn litellm(path: &Path) -> Result<Imported, ImportError> {
    each(path, &[], |value| {
        let messages = value.get("messages").or_else(|| value.get("proxy_server_request")?.get("messages"));
        conversation(messages?)
    })
}

/// Langfuse: observations or traces, whose `input` is a text, a list of messages, or an object with such a list.
///
/// # Errors
/// When it cannot be read.
pub fn langfuse(path: &Path) -> Result<Imported, ImportError> {
    each(path, &["data", "observations", "traces"], |value| conversation(value.get("input")?))
}

/// OpenTelemetry: spans of OTLP's JSON with the attributes `gen_ai.*` of the present conventions (`gen_ai.input.messages`,
/// `gen_ai.system_instructions`) or of older ones (`gen_ai.prompt`, `gen_ai.prompt.0.content`, message events).
///
/// # Errors
/// When it cannot be read.
pub fn otel(path: &Path) -> Result<Imported, ImportError> {
    each(path, &["resourceSpans", "scopeSpans", "instrumentationLibrarySpans", "spans"], |span| {
        let attributes = attributes(span);
        let mut messages = Vec::new();
        for key in ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.prompt"] {
            let Some(value) = attributes.get(key) else { continue };
            let found = conversation(value)?;
            let system = key == "gen_ai.system_instructions";
            messages.extend(found.into_iter().map(|message| {
                if system { Message { role: "system".to_owned(), ..message } } else { message }
            }));
        }
        for at in 0..1000 {
            let text =
                |name: &str| attributes.get(&format!("gen_ai.prompt.{at}.{name}")).and_then(Value::as_str);
            let Some(content) = text("content") else { break };
            messages.push(Message::text(text("role").unwrap_or("user"), content));
        }
        for event in span.get("events").and_then(Value::as_array).into_iter().flatten() {
            let role = match event.get("name").and_then(Value::as_str) {
                Some("gen_ai.system.message") => "system",
                Some("gen_ai.user.message") => "user",
                Some("gen_ai.assistant.message") => "assistant",
                _ => continue,
            };
            let attributes = self::attributes(event);
            let content = attributes.get("content").or_else(|| attributes.get("gen_ai.event.content"));
            messages.extend(content.and_then(Value::as_str).map(|text| Message::text(role, text)));
        }
        Some(messages)
    })
}

/// Reads every record below the named lists, and makes a line of each that asks something.
fn each(
    path: &Path,
    lists: &[&str],
    asked: impl Fn(&Value) -> Option<Vec<Message>>,
) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut records = Vec::new();
    for (number, value) in super::json_lines(path, &mut imported.skipped)? {
        flatten(number, value, lists, &mut records);
    }
    for (number, value) in records {
        match asked(&value)
            .filter(|messages| messages.iter().any(|message| !message.plain().trim().is_empty()))
        {
            // Answers at the end of a conversation were not asked.
            Some(mut messages) => {
                while messages.last().is_some_and(|message| message.role == "assistant") {
                    messages.pop();
                }
                if messages.is_empty() {
                    imported.skip(path, number, "the record", "nothing was asked");
                    continue;
                }
                imported.lines.push(line(messages));
                imported.records.push(value);
            }
            None => imported.skip(path, number, "the record", "it holds no messages that were sent"),
        }
    }
    Ok(imported)
}

/// A single user turn, with or without a system text, is a plain prompt.
fn line(messages: Vec<Message>) -> RawPrompt {
    let (system, rest): (Vec<_>, Vec<_>) =
        messages.iter().partition(|message| matches!(message.role.as_str(), "system" | "developer"));
    if let ([only], true) = (rest.as_slice(), system.len() <= 1)
        && let (Value::String(text), "user") = (&only.content, only.role.as_str())
    {
        let system = system.first().map(|message| message.plain());
        return RawPrompt { prompt: Some(text.clone()), system, ..RawPrompt::default() };
    }
    RawPrompt { messages: Some(messages), ..RawPrompt::default() }
}

fn flatten(number: usize, value: Value, lists: &[&str], into: &mut Vec<(usize, Value)>) {
    if let Value::Array(items) = value {
        for item in items {
            flatten(number, item, lists, into);
        }
        return;
    }
    let mut value = value;
    let inner = lists.iter().find_map(|name| match value.get_mut(*name) {
        Some(Value::Array(items)) => Some(std::mem::take(items)),
        _ => None,
    });
    match inner {
        Some(items) => flatten(number, Value::Array(items), lists, into),
        None => into.push((number, value)),
    }
}

/// The attributes of a span or an event, whether written as OTLP's list or as an object.
fn attributes(span: &Value) -> Map<String, Value> {
    match span.get("attributes") {
        Some(Value::Object(map)) => map.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| {
                let value = item.get("value")?.as_object()?.values().next()?;
                Some((item.get("key")?.as_str()?.to_owned(), value.clone()))
            })
            .collect(),
        _ => Map::new(),
    }
}

/// What was said, from a list of messages, the JSON text of one, an object that holds one, or a plain text.
fn conversation(value: &Value) -> Option<Vec<Message>> {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner) if inner.is_array() || inner.is_object() => conversation(&inner),
            _ => Some(vec![Message::text("user", text)]),
        },
        Value::Array(items) => Some(items.iter().filter_map(message).collect()),
        Value::Object(map) => {
            conversation(map.get("messages").or_else(|| map.get("prompt")).or_else(|| map.get("input"))?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A message with `content`, or with `parts` as OpenTelemetry writes them, or a part alone.
fn message(value: &Value) -> Option<Message> {
    if let Some(turn) = turn(value) {
        return Some(turn);
    }
    let role = value.get("role").and_then(Value::as_str).unwrap_or("user");
    let texts: Vec<&str> = match value.get("parts").and_then(Value::as_array) {
        Some(parts) => parts.iter().filter_map(|part| part.get("content")?.as_str()).collect(),
        None => value.get("content").or_else(|| value.get("text"))?.as_str().into_iter().collect(),
    };
    (!texts.is_empty()).then(|| Message::text(role, &texts.join("\n")))
}
