//! The content of messages, told apart for APIs that spell it in another way than chat completions. Nothing is dropped in
//! silence: what an API cannot be told is an error before anything is sent.

use serde_json::Value;

use crate::record::Message;

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Text.
    Text(&'a str),
    /// An image within the message: its media type, and its bytes in base64.
    Image { media_type: &'a str, data: &'a str },
    /// An image somewhere else.
    ImageUrl(&'a str),
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Assistant,
}

/// Who speaks in a message.
pub(super) fn speaker(message: &Message) -> Result<Speaker, String> {
    match message.role.as_str() {
        "system" | "developer" => Ok(Speaker::System),
        "user" => Ok(Speaker::User),
        "assistant" | "model" => Ok(Speaker::Assistant),
        other => Err(format!("a message of role `{}` cannot be sent through this API", other.escape_debug())),
    }
}

/// The parts of a message.
pub(super) fn parts(message: &Message) -> Result<Vec<Part<'_>>, String> {
    match &message.content {
        Value::String(text) => Ok(vec![Part::Text(text)]),
        Value::Array(parts) => parts.iter().map(part).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err("the content of a message is neither text nor a list of parts".to_owned())
        }
    }
}

fn part(part: &Value) -> Result<Part<'_>, String> {
    let kind = part["type"].as_str().unwrap_or("text");
    match kind {
        "text" | "input_text" | "output_text" => {
            part["text"].as_str().map(Part::Text).ok_or_else(|| "a part of a message has no text".to_owned())
        }
        "image_url" | "input_image" => {
            let url = part["image_url"]["url"].as_str().or_else(|| part["image_url"].as_str());
            let url = url.ok_or_else(|| "an image of a message has no URL".to_owned())?;
            let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
            Ok(inline.map_or(Part::ImageUrl(url), |(media_type, data)| Part::Image { media_type, data }))
        }
        other => Err(format!("a part of type `{}` cannot be sent through this API", other.escape_debug())),
    }
}

/// All text of a message, for APIs that take nothing else in its place.
pub(super) fn text_only(message: &Message) -> Result<String, String> {
    let mut text = String::new();
    for part in parts(message)? {
        match part {
            Part::Text(piece) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(piece);
            }
            Part::Image { .. } | Part::ImageUrl(_) => {
                return Err("an image cannot stand in a system message of this API".to_owned());
            }
        }
    }
    Ok(text)
}

/// Lays the user's parameters over a request: objects are merged, everything else is replaced.
pub(super) fn overlay(body: &mut Value, over: &Value) {
    match (body, over) {
        (Value::Object(body), Value::Object(over)) => {
            for (name, value) in over {
                overlay(body.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (body, over) => *body = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_are_told_apart_and_what_cannot_be_sent_is_an_error() {
        let message = |content: Value| Message { role: "user".to_owned(), content };
        let mixed = message(json!([
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ]));
        assert_eq!(
            parts(&mixed).unwrap(),
            [
                Part::Text("look"),
                Part::Image { media_type: "image/png", data: "AAAA" },
                Part::ImageUrl("https://example.com/a.png")
            ]
        );
        assert!(text_only(&mixed).is_err());
        assert!(parts(&message(json!([{"type": "video", "url": "x"}]))).is_err());
        assert!(parts(&message(json!({"text": "x"}))).is_err());
        assert!(speaker(&Message::text("tool", "x")).is_err());
    }

    #[test]
    fn parameters_are_merged_into_objects_and_replace_the_rest() {
        let mut body = json!({"generationConfig": {"maxOutputTokens": 5}, "a": [1]});
        overlay(&mut body, &json!({"generationConfig": {"seed": 1}, "a": [2, 3]}));
        assert_eq!(body, json!({"generationConfig": {"maxOutputTokens": 5, "seed": 1}, "a": [2, 3]}));
    }
}
