//! Keeps keys out of everything that is said or stored, and foreign text short and harmless.

use std::sync::LazyLock;

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

/// The longest message that is kept, in characters.
const LONGEST: usize = 500;

/// How keys of well-known services look, wherever they come from.
static KEYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(sk-[a-z0-9_\-]{8,}|gsk_[a-z0-9]{8,}|AIza[a-z0-9_\-]{20,}|xai-[a-z0-9]{8,}|bearer\s+[a-z0-9._\-]{8,})").ok()
});

/// One line without keys, without control characters, of a bounded length.
pub(super) fn redact(text: &str, key: Option<&SecretString>) -> String {
    let mut text = text.to_owned();
    if let Some(key) = key.map(ExposeSecret::expose_secret).filter(|key| key.len() >= 4) {
        text = text.replace(key, "***");
    }
    if let Some(keys) = KEYS.as_ref() {
        text = keys.replace_all(&text, "***").into_owned();
    }
    let mut line = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == LONGEST {
            line.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if c.is_control() || crate::diag::is_format_char(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_get_through() {
        let key = SecretString::from("very-secret-1");
        let said = redact(
            "no: very-secret-1 / Bearer abc.def-123456 / sk-ant-api03-abcdefgh\n\u{1b}[31m",
            Some(&key),
        );
        assert_eq!(said, "no: *** / *** / *** \\u{1b}[31m");
        assert!(redact(&"x".repeat(9000), None).chars().count() <= LONGEST + 1);
    }
}
