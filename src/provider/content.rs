//! The content of messages, for APIs that spell it differently from chat completions. Nothing is dropped silently: content that an
//! API does not support is an error before anything is sent.

use serde_json::Value;

use crate::record::Message;

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A part with properties that only some APIs support.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) part: Part<'a>,
    /// A mark that the prompt is to be cached up to here.
    pub(super) cache_control: Option<&'a Value>,
    /// How closely an image is to be looked at, where that is not left to the model.
    pub(super) detail: Option<&'a str>,
}

impl Piece<'_> {
    pub(super) fn without_cache_control(self) -> Result<Self, String> {
        if self.cache_control.is_some() { Err(not_told("cache_control")) } else { Ok(self) }
    }

    pub(super) fn without_detail(self) -> Result<Self, String> {
        if self.detail.is_some() { Err(not_told("detail")) } else { Ok(self) }
    }
}

fn not_told(name: &str) -> String {
    format!("`{}` in a part of a message cannot be sent through this API", name.escape_debug())
}

/// The parts of a message, for APIs that take nothing but them.
pub(super) fn parts(message: &Message) -> Result<Vec<Part<'_>>, String> {
    let told = |piece: Piece<'_>| piece.without_cache_control().and_then(Piece::without_detail).map(drop);
    pieces(message)?.into_iter().map(|piece| told(piece).map(|()| piece.part)).collect()
}

/// The parts of a message, with what is said of them.
pub(super) fn pieces(message: &Message) -> Result<Vec<Piece<'_>>, String> {
    match &message.content {
        Value::String(text) => Ok(vec![Piece { part: Part::Text(text), cache_control: None, detail: None }]),
        Value::Array(parts) => parts.iter().map(piece).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err("the content of a message is neither text nor a list of parts".to_owned())
        }
    }
}

fn piece(value: &Value) -> Result<Piece<'_>, String> {
    let part = part(value)?;
    let (own, image): (&[&str], Option<&Value>) = match part {
        Part::Text(_) => (&["text"], None),
        Part::Image { .. } | Part::ImageUrl(_) => (&["image_url", "detail"], value.get("image_url")),
    };
    let names = |value: Option<&'_ Value>| -> Vec<String> {
        value.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let common = ["type", "cache_control"];
    let of_part = names(Some(value))
        .into_iter()
        .filter(|name| !own.contains(&name.as_str()) && !common.contains(&name.as_str()));
    let of_image = names(image).into_iter().filter(|name| !["url", "detail"].contains(&name.as_str()));
    if let Some(name) = of_part.chain(of_image).next() {
        return Err(not_told(&name));
    }
    let detail = image.and_then(|image| image.get("detail").or_else(|| value.get("detail")));
    Ok(Piece {
        part,
        cache_control: value.get("cache_control").filter(|mark| !mark.is_null()),
        // To leave it to the model is the same as saying nothing.
        detail: detail.and_then(Value::as_str).filter(|detail| *detail != "auto"),
    })
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
                return Err("this API does not accept images in a system message".to_owned());
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
    fn what_is_said_of_a_part_is_told_or_refused_and_never_dropped() {
        let message = |content: Value| Message { role: "user".to_owned(), content };
        let marked = message(json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]));
        assert_eq!(pieces(&marked).unwrap()[0].cache_control, Some(&json!({"type": "ephemeral"})));
        assert!(parts(&marked).unwrap_err().contains("`cache_control`"));
        let image = |detail: &str| {
            message(json!([{"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": detail}}]))
        };
        assert!(parts(&image("low")).unwrap_err().contains("`detail`"));
        assert_eq!(pieces(&image("low")).unwrap()[0].detail, Some("low"));
        assert!(parts(&image("auto")).is_ok());
        let odd = message(json!([{"type": "text", "text": "a", "citations": {"enabled": true}}]));
        assert!(pieces(&odd).unwrap_err().contains("`citations`"));
    }

    #[test]
    fn parameters_are_merged_into_objects_and_replace_the_rest() {
        let mut body = json!({"generationConfig": {"maxOutputTokens": 5}, "a": [1]});
        overlay(&mut body, &json!({"generationConfig": {"seed": 1}, "a": [2, 3]}));
        assert_eq!(body, json!({"generationConfig": {"maxOutputTokens": 5, "seed": 1}, "a": [2, 3]}));
    }
}
