//! Normalisers: what is done to a text before it is compared. Applied in the order given.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// One step of normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Normaliser {
    /// Removes white space at both ends.
    Trim,
    /// Makes letters small.
    Lowercase,
    /// Removes punctuation (and the white space beside it) at both ends.
    StripPunctuation,
    /// Makes every run of white space one space, and trims.
    CollapseWhitespace,
    /// Removes one pair of quotes around the whole text.
    StripQuotes,
    /// Removes every straight quote at both ends.
    TrimQuotes,
    /// Writes line breaks as `\n`.
    EscapeNewlines,
    /// Removes a code fence around the whole text.
    StripCodeFence,
    /// Keeps the first line that is not blank.
    FirstLine,
    /// Keeps the last line that is not blank.
    LastLine,
    /// Removes the marks from Latin letters: `é` becomes `e`.
    StripDiacritics,
}

/// Applies every step in turn.
pub(super) fn apply<'a>(steps: &[Normaliser], text: &'a str) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for step in steps {
        text = match text {
            Cow::Borrowed(borrowed) => step.apply(borrowed),
            Cow::Owned(owned) => Cow::Owned(step.apply(&owned).into_owned()),
        };
    }
    text
}

const QUOTES: [(char, char); 7] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('«', '»'), ('„', '“')];

impl Normaliser {
    fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Trim => Cow::Borrowed(text.trim()),
            Self::Lowercase => Cow::Owned(text.to_lowercase()),
            Self::StripPunctuation => {
                Cow::Borrowed(text.trim_matches(|c: char| c.is_whitespace() || is_punctuation(c)))
            }
            Self::CollapseWhitespace => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            Self::StripQuotes => {
                let inner = text.trim();
                let pair =
                    QUOTES.iter().find_map(|(open, close)| inner.strip_prefix(*open)?.strip_suffix(*close));
                Cow::Borrowed(pair.unwrap_or(text))
            }
            Self::TrimQuotes => Cow::Borrowed(text.trim_matches(['"', '\''])),
            Self::EscapeNewlines => Cow::Owned(text.replace('\n', "\\n")),
            Self::StripCodeFence => Cow::Borrowed(unfence(text).unwrap_or(text)),
            Self::FirstLine => Cow::Borrowed(text.lines().find(|line| !line.trim().is_empty()).unwrap_or("")),
            Self::LastLine => Cow::Borrowed(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("")),
            Self::StripDiacritics => Cow::Owned(text.chars().map(plain_letter).collect()),
        }
    }
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '…' | '–' | '—' | '“' | '”' | '‘' | '’' | '«' | '»' | '„' | '¡' | '¿' | '·' | '•')
}

/// The inside of a code fence, where the whole trimmed text is one fence and nothing else.
pub(super) fn unfence(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("```")?.strip_suffix("```")?;
    if inner.contains("```") {
        return None;
    }
    // The rest of the opening line is the language's name.
    let (language, body) = inner.split_once('\n')?;
    language
        .trim()
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_'))
        .then_some(body.trim())
}

const MARKED: [(&str, char); 27] = [
    ("àáâãäåāăą", 'a'),
    ("çćĉċč", 'c'),
    ("ďđ", 'd'),
    ("èéêëēĕėęě", 'e'),
    ("ĝğġģ", 'g'),
    ("ìíîïĩīĭįı", 'i'),
    ("ñńņň", 'n'),
    ("òóôõöøōŏő", 'o'),
    ("śŝşš", 's'),
    ("ţťŧ", 't'),
    ("ùúûüũūŭůűų", 'u'),
    ("ýÿŷ", 'y'),
    ("źżž", 'z'),
    ("ĺļľł", 'l'),
    ("ŕŗř", 'r'),
    ("ÀÁÂÃÄÅĀĂĄ", 'A'),
    ("ÇĆĈĊČ", 'C'),
    ("ÈÉÊËĒĔĖĘĚ", 'E'),
    ("ÌÍÎÏĨĪĬĮİ", 'I'),
    ("ÑŃŅŇ", 'N'),
    ("ÒÓÔÕÖØŌŎŐ", 'O'),
    ("ŚŜŞŠ", 'S'),
    ("ÙÚÛÜŨŪŬŮŰŲ", 'U'),
    ("ÝŶŸ", 'Y'),
    ("ŹŻŽ", 'Z'),
    ("ŁĹĻĽ", 'L'),
    ("ŔŖŘ", 'R'),
];

fn plain_letter(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    MARKED.iter().find(|(marked, _)| marked.contains(c)).map_or(c, |(_, plain)| *plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_does_what_its_name_says() {
        use Normaliser::*;
        for (steps, text, wanted) in [
            (&[Trim, Lowercase, StripPunctuation][..], " **Refund.**\n", "refund"),
            (&[StripQuotes], "“a “b””", "a “b”"),
            (&[StripQuotes], "\"", "\""),
            (&[CollapseWhitespace], " a\n\t b ", "a b"),
            (&[StripCodeFence], "```json\n{\"a\":1}\n```\n", "{\"a\":1}"),
            (&[StripCodeFence], "```\na\n``` and ```\nb\n```", "```\na\n``` and ```\nb\n```"),
            (&[FirstLine], "\n\nyes\nbecause", "yes"),
            (&[LastLine], "because\nyes\n\n", "yes"),
            (&[StripDiacritics], "Zoë Łódź", "Zoe Lodz"),
        ] {
            assert_eq!(apply(steps, text), wanted, "{text:?}");
        }
    }
}
