//! Faults in what a user wrote, shown where they are: path, line, caret, and what to do about it.
//!
//! A fault carries only the lines it shows, so that a corpus of any size can report all of its faults at once.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// The longest stretch of a line that a fault shows, in characters.
const SHOWN: usize = 160;

/// The part of a file that a fault points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of its line, from 1.
    pub line: usize,
    /// The text of that line, or of those lines.
    text: String,
    /// The bytes of `text` under the caret.
    span: Range<usize>,
}

impl Excerpt {
    /// The excerpt of `source` around a span of its bytes: the span's first line.
    #[must_use]
    pub fn of(source: &str, span: Range<usize>) -> Self {
        let start = floor_boundary(source, span.start.min(source.len()));
        let begin = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let line = source[..begin].bytes().filter(|&b| b == b'\n').count() + 1;
        let stop = floor_boundary(source, span.end.clamp(start, end));
        Self::of_line(line, source[begin..end].trim_end_matches('\r'), start - begin..stop - begin)
    }

    /// The excerpt of one line whose number is known, around a span of its bytes. Long lines are cut around the span.
    #[must_use]
    pub fn of_line(line: usize, text: &str, span: Range<usize>) -> Self {
        let start = floor_boundary(text, span.start.min(text.len()));
        let stop = floor_boundary(text, span.end.clamp(start, text.len()));
        let from =
            floor_boundary(text, if text.len() <= SHOWN { 0 } else { start.saturating_sub(SHOWN / 3) });
        let to = floor_boundary(text, text.len().min(from + SHOWN));
        let mut shown = String::new();
        let mut caret = [0, 0];
        if from > 0 {
            shown.push('…');
        }
        for (at, c) in text[from..to].char_indices() {
            for (edge, want) in caret.iter_mut().zip([start, stop.min(to)]) {
                if from + at == want {
                    *edge = shown.len();
                }
            }
            // A tab is one column to a caret; anything that could drive the terminal is shown as its escape.
            match c {
                '\t' => shown.push(' '),
                c if c.is_control() || is_format_char(c) => shown.extend(c.escape_unicode()),
                c => shown.push(c),
            }
        }
        for (edge, want) in caret.iter_mut().zip([start, stop.min(to)]) {
            if want >= to {
                *edge = shown.len();
            }
        }
        if to < text.len() {
            shown.push('…');
        }
        let [a, b] = caret;
        Self { line, text: shown, span: a..b.max(a) }
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether a character changes how others are shown (bidirectional overrides and the like) without being seen.
#[must_use]
pub fn is_format_char(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text that cannot drive a terminal: control characters (but line breaks and tabs) and characters that change the
/// direction or the look of others become their escapes.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_format_char(c);
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hostile(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// One thing that is wrong with what the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as the user would name it.
    pub path: String,
    /// Where in the file.
    pub excerpt: Option<Excerpt>,
    /// What is wrong, in one line.
    pub message: String,
    /// The label beside the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// A fault of a file as a whole.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), excerpt: None, message: message.into(), label: None, help: None }
    }

    /// Points at a place in the file.
    #[must_use]
    pub fn at(mut self, excerpt: Excerpt) -> Self {
        self.excerpt = Some(excerpt);
        self
    }

    /// Adds a label at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The line, from 1, where one is known.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.excerpt.as_ref().map(|excerpt| excerpt.line)
    }

    fn render(&self, renderer: &Renderer) -> String {
        // Names and messages quote files and servers, which are not to be trusted with a terminal.
        let (path, message) = (escape(&self.path), escape(&self.message));
        let (label, help) = (self.label.as_deref().map(escape), self.help.as_deref().map(escape));
        let title = Level::ERROR.primary_title(&*message);
        let mut group = match &self.excerpt {
            Some(Excerpt { line, text, span }) => {
                let mut mark = AnnotationKind::Primary.span(span.clone());
                if let Some(label) = &label {
                    mark = mark.label(&**label);
                }
                let snippet = Snippet::source(text.as_str()).line_start(*line).path(&*path).annotation(mark);
                title.element(snippet)
            }
            None => title.element(annotate_snippets::Origin::path(&*path)),
        };
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(&**help));
        }
        let report: &[Group<'_>] = &[group];
        renderer.render(report)
    }
}

impl Fault {
    /// The fault found by the TOML parser, with a caret.
    #[must_use]
    pub fn from_toml(path: &str, source: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim();
        let (message, mut help) = match message.split_once(", expected ") {
            // "unknown field `x`, expected one of `a`, `b`": the second half is what to do about it.
            Some((what, known)) if what.starts_with("unknown ") => {
                let known = known.trim_start_matches("one of ");
                let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
                let typed = what.split('`').nth(1).unwrap_or_default();
                let help = match nearest(typed, names.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("use one of: {}", names.join(", ")),
                };
                (what.replacen("unknown field", "unknown key", 1), Some(help))
            }
            Some(_) | None => (message.lines().next().unwrap_or(message).to_owned(), None),
        };
        let message = message
            .strip_prefix("missing field")
            .map_or_else(|| message.clone(), |field| format!("missing key{field}"));
        // Users do not know the names of Rust's types.
        let mut message = message;
        for (ours, theirs) in TYPE_NAMES {
            message = message.replace(&format!("expected {ours}"), &format!("expected {theirs}"));
        }
        if help.is_none() && message.starts_with("duplicate key") {
            help = Some("remove one of them".to_owned());
        }
        let mut fault = Self::new(path, message);
        if let Some(span) = error.span() {
            fault = fault.at(Excerpt::of(source, span));
        }
        fault.help = help;
        fault
    }
}

const TYPE_NAMES: [(&str, &str); 7] = [
    ("f64", "a number"),
    ("u64", "a whole number, 0 or more"),
    ("u32", "a whole number, 0 or more"),
    ("a borrowed string", "a text"),
    ("a string", "a text"),
    ("a sequence", "a list"),
    ("a map", "a table"),
];

/// The candidate that a mistyped name most likely meant: at most a third of its letters away.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= ((candidate.chars().count().max(name.chars().count()) + 1) / 3).max(1)
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let cost = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = cost.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// All faults of the user's input; never empty once returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

/// Whether rendered faults may carry colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Escape sequences for colours.
    Colour,
    /// Text alone.
    Plain,
}

impl Faults {
    /// The most faults that are shown in full; the rest are counted.
    const SHOWN: usize = 20;

    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// `Ok(value)` when nothing is wrong.
    ///
    /// # Errors
    /// The faults, when there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The text to show, one block per fault.
    #[must_use]
    pub fn render(&self, paint: Paint) -> String {
        let renderer = match paint {
            Paint::Colour => Renderer::styled(),
            Paint::Plain => Renderer::plain(),
        };
        let mut blocks: Vec<String> =
            self.0.iter().take(Self::SHOWN).map(|fault| fault.render(&renderer)).collect();
        if let Some(more) = self.0.len().checked_sub(Self::SHOWN).filter(|&more| more > 0) {
            let lines: Vec<String> = self.0[Self::SHOWN..]
                .iter()
                .filter_map(Fault::line)
                .take(40)
                .map(|line| line.to_string())
                .collect();
            blocks.push(format!("error: and {more} more, on lines {}", lines.join(", ")));
        }
        blocks.join("\n\n")
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Paint::Plain))
    }
}

impl std::error::Error for Faults {}

/// A text that no spreadsheet takes for a formula: an apostrophe goes before a cell, or a line of a cell, whose first visible
/// character begins one; control characters become their escapes.
#[must_use]
pub fn formula_safe(text: &str) -> Cow<'_, str> {
    let invisible = |c: char| c.is_whitespace() || c.is_control() || is_format_char(c);
    let formula = |line: &str| {
        line.trim_start_matches(invisible).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
    };
    let safe = escape(text);
    if !safe.split('\n').any(formula) && !text.starts_with(['\t', '\r', '\n']) {
        return safe;
    }
    let lines = safe.split('\n').map(|line| if formula(line) { format!("'{line}") } else { line.to_owned() });
    let text = lines.collect::<Vec<_>>().join("\n");
    Cow::Owned(if text.starts_with(['\t', '\n']) { format!("'{text}") } else { text })
}

/// A path for messages: relative to the working folder if it is inside.
#[must_use]
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    full.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// Bad usage that is not the fault of a file, such as a run that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl UsageError {
    /// An error with advice.
    pub fn with_help(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), help: Some(help.into()) }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_points_at_its_place_and_says_what_to_do() {
        let source = "version = 1\n[policy]\nroute_flor = 0.9\n";
        let fault = Fault::new("route-prof.toml", "unknown key `route_flor`")
            .at(Excerpt::of(source, 21..31))
            .label("not a key of [policy]")
            .help("did you mean `route_floor`?");
        insta::assert_snapshot!(Faults::from(fault).to_string(), @r"
        error: unknown key `route_flor`
         --> route-prof.toml:3:1
          |
        3 | route_flor = 0.9
          | ^^^^^^^^^^ not a key of [policy]
          |
          = help: did you mean `route_floor`?
        ");
    }

    #[test]
    fn a_fault_without_a_place_names_the_file() {
        let fault = Fault::new("corpus.jsonl", "the corpus is empty").help("add one prompt per line");
        insta::assert_snapshot!(Faults::from(fault).to_string(), @"
        error: the corpus is empty
        --> corpus.jsonl
         = help: add one prompt per line
        ");
    }

    #[test]
    fn no_part_of_a_fault_drives_the_terminal() {
        let hostile = "x\u{1b}[2J\u{9b}2J\u{202e}\u{7}";
        let at = Excerpt::of_line(1, hostile, 0..1);
        for fault in [Fault::new(hostile, hostile), Fault::new(hostile, hostile).at(at).label(hostile)] {
            let text = Faults::from(fault.help(hostile)).to_string();
            assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || is_format_char(c)), "{text:?}");
        }
    }

    #[test]
    fn long_lines_and_control_characters_are_tamed() {
        let line = format!("{}\u{1b}[31mX{}", "a".repeat(500), "b".repeat(500));
        let excerpt = Excerpt::of_line(7, &line, 500..506);
        assert!(excerpt.text.len() < 240, "{}", excerpt.text.len());
        assert!(excerpt.text.contains("\\u{1b}[31mX"));
        assert!(!excerpt.text.contains('\u{1b}'));
        assert!(excerpt.text[excerpt.span].starts_with("\\u{1b}"));
    }

    #[test]
    fn a_typing_slip_finds_its_name() {
        let names = ["route_floor", "monitor_floor", "retries"];
        assert_eq!(nearest("route_flor", names), Some("route_floor"));
        assert_eq!(nearest("Retries", names), Some("retries"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }

    proptest::proptest! {
        #[test]
        fn no_span_of_no_text_panics(text in "\\PC{0,300}(\n\\PC{0,40}){0,3}", a in 0usize..400, len in 0usize..400) {
            let excerpt = Excerpt::of(&text, a..a + len);
            proptest::prop_assert!(excerpt.text.get(excerpt.span.clone()).is_some());
            let _ = Faults::from(Fault::new("x", "y").at(excerpt)).to_string();
        }
    }

    #[test]
    fn no_cell_begins_a_formula() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            (" \u{a0}@cmd", "' \u{a0}@cmd"),
            ("a\n=cmd()", "a\n'=cmd()"),
            ("\tx", "'\tx"),
            ("\u{200b}-1", "\\u{200b}-1"),
            ("5 - 3", "5 - 3"),
        ] {
            assert_eq!(formula_safe(text), wanted, "{text:?}");
        }
    }
}
