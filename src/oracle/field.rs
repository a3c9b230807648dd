//! The value of a field that a model was asked to answer in, however well it kept to JSON.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The field of the first `{...}` of balanced braces, line breaks dropped; where that is no JSON with such a field, whatever
/// stands in quotes behind the field's name. `None` if there is neither.
pub(super) fn take(output: &str, name: &str) -> Option<String> {
    if let Some(value) = first_braces(output).and_then(|text| {
        let value: Value = serde_json::from_str(&text.replace('\n', "")).ok()?;
        value.get(name).cloned()
    }) {
        return Some(match value {
            Value::String(text) => text,
            other => other.to_string(),
        });
    }
    static BEHIND: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^\s*:\s*"([^"]*)""#).ok());
    let behind = BEHIND.as_ref()?;
    let quoted = format!("\"{name}\"");
    let mut rest = output;
    while let Some((_, after)) = rest.split_once(&quoted) {
        if let Some(found) = behind.captures(after) {
            return found.get(1).map(|group| group.as_str().to_owned());
        }
        rest = after;
    }
    None
}

/// The text from the first brace to the one that closes it.
fn first_braces(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return text.get(start..=at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_in_json_in_broken_json_and_nowhere_else() {
        let of = |text: &str| take(text, "answer");
        assert_eq!(of("Sure!\n{\"reasoning\": \"a\n b\", \"answer\": \"18\"} ok").as_deref(), Some("18"));
        assert_eq!(of("{\"answer\": 18}").as_deref(), Some("18"));
        assert_eq!(of("{\"answer\": \"18\", \"cut").as_deref(), Some("18"));
        assert_eq!(of("{\"a\": 1} {\"answer\" : \"7\"}").as_deref(), Some("7"));
        assert_eq!(of("the answer: 18"), None);
        assert_eq!(of("{{{{"), None);
    }
}
