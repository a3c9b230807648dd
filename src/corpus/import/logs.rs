//! Logs of calls that were made: LiteLLM's spend logs, OpenTelemetry's GenAI spans, Langfuse's exports. What was asked
//! becomes the corpus; what was answered is no reference and stays behind.

use std::path::Path;

use serde_json::{Map, Value};

use super::table::turn;
use super::{ImportError, Imported};
use crate::corpus::RawPrompt;
use crate::disk::Disk;
use crate::record::Message;

/// LiteLLM: the standard logging payload or a row of the spend log a line, `messages` being a list or its JSON text.
///
/// # Errors
/// If it cannot be read.
pub fn litellm(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    each(disk, path, &[], |value| {
        let messages = value.get("messages").or_else(|| value.get("proxy_server_request")?.get("messages"));
        conversation(messages?)
    })
}

/// Langfuse: observations or traces, whose `input` is a text, a list of messages, or an object with such a list.
///
/// # Errors
/// If it cannot be read.
pub fn langfuse(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    each(disk, path, &["data", "observations", "traces"], |value| {
        // Spans, tools and the like are what a program did; the calls of models among them are generations.
        let kind = value.get("type").and_then(Value::as_str);
        let is_call = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("generation"));
        is_call.then(|| conversation(value.get("input")?)).flatten()
    })
}

/// OpenTelemetry: spans or log records of OTLP's JSON with the attributes `gen_ai.*` of the present conventions
/// (`gen_ai.input.messages`, `gen_ai.system_instructions`, on the span or on an event of it) or of older ones (`gen_ai.prompt`,
/// `gen_ai.prompt.0.content`, message events).
///
/// # Errors
/// If it cannot be read.
pub fn otel(disk: &Disk, path: &Path) -> Result<Imported, ImportError> {
    let lists = [
        "resourceSpans",
        "scopeSpans",
        "instrumentationLibrarySpans",
        "spans",
        "resourceLogs",
        "scopeLogs",
        "logRecords",
    ];
    each(disk, path, &lists, |span| {
        let attributes = attributes(span);
        let mut messages = stated(&attributes)?;
        for at in 0..1000 {
            let prefix = format!("gen_ai.prompt.{at}.");
            let text = |name: &str| attributes.get(&format!("{prefix}{name}")).and_then(Value::as_str);
            match text("content") {
                Some(content) => messages.push(Message::text(text("role").unwrap_or("user"), content)),
                // A turn without a text, such as a call of a tool.
                None if attributes.keys().any(|key| key.starts_with(&prefix)) => return None,
                None => break,
            }
        }
        for event in span.get("events").and_then(Value::as_array).into_iter().flatten() {
            let attributes = self::attributes(event);
            let role = match event.get("name").and_then(Value::as_str) {
                Some("gen_ai.system.message") => "system",
                Some("gen_ai.user.message") => "user",
                Some("gen_ai.assistant.message") => "assistant",
                Some("gen_ai.content.prompt" | "gen_ai.client.inference.operation.details") => {
                    messages.extend(stated(&attributes)?);
                    continue;
                }
                _ => continue,
            };
            let content = attributes.get("content").or_else(|| attributes.get("gen_ai.event.content"));
            messages.extend(content.and_then(Value::as_str).map(|text| Message::text(role, text)));
        }
        Some(messages)
    })
}

/// What attributes state in one piece; none where they hold a turn that is no text.
fn stated(attributes: &Map<String, Value>) -> Option<Vec<Message>> {
    let mut messages = Vec::new();
    for key in ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.prompt"] {
        let Some(value) = attributes.get(key) else { continue };
        let found = conversation(value)?;
        let system = key == "gen_ai.system_instructions";
        messages.extend(
            found.into_iter().map(|message| {
                if system { Message { role: "system".to_owned(), ..message } } else { message }
            }),
        );
    }
    Some(messages)
}

/// Reads every record below the named lists, and makes a line of each that asks something.
fn each(
    disk: &Disk,
    path: &Path,
    lists: &[&str],
    asked: impl Fn(&Value) -> Option<Vec<Message>>,
) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut records = Vec::new();
    for (number, value) in super::json_lines(disk, path, &mut imported.skipped)? {
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
                    imported.skip(path, number, "the record", "its prompt is empty");
                    continue;
                }
                imported.lines.push(line(messages));
                imported.records.push(value);
            }
            None => imported.skip(
                path,
                number,
                "the record",
                "it has no request messages, or a turn that is not text",
            ),
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
            .filter_map(|item| Some((item.get("key")?.as_str()?.to_owned(), any_value(item.get("value")?))))
            .collect(),
        _ => Map::new(),
    }
}

/// OTLP's `AnyValue` as plain JSON: `{"stringValue": "a"}` is `"a"`, lists and maps likewise, at any depth.
fn any_value(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|value| value.iter().next()) else {
        return value.clone();
    };
    let values = inner.get("values").and_then(Value::as_array);
    match (kind.as_str(), values) {
        ("arrayValue", Some(values)) => values.iter().map(any_value).collect(),
        ("kvlistValue", Some(values)) => values
            .iter()
            .filter_map(|item| Some((item.get("key")?.as_str()?.to_owned(), any_value(item.get("value")?))))
            .collect::<Map<_, _>>()
            .into(),
        _ => inner.clone(),
    }
}

/// What was said, from a list of messages, the JSON text of one, an object that holds one, or a plain text.
fn conversation(value: &Value) -> Option<Vec<Message>> {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner) if inner.is_array() || inner.is_object() => conversation(&inner),
            // A text that was written as JSON.
            Ok(Value::String(inner)) => Some(vec![Message::text("user", &inner)]),
            _ => Some(vec![Message::text("user", text)]),
        },
        // A conversation without one of its turns is another conversation.
        Value::Array(items) => items.iter().map(message).collect(),
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
