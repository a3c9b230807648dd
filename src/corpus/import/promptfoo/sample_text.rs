//! A text that a regular expression matches, for self-tests: the shortest way through the expression.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text that is tried.
const LONGEST: usize = 4096;

/// A text that the expression matches; `None` when none was found.
pub(super) fn matching(expression: &str) -> Option<String> {
    let hir = regex_syntax::parse(expression).ok()?;
    let mut bytes = Vec::new();
    walk(&hir, &mut bytes)?;
    let text = String::from_utf8(bytes).ok()?;
    let regex = Regex::new(expression).ok()?;
    // An anchor within the expression may spoil the plain way: the oracle must not be given a false example.
    [text.clone(), format!(" {text} ")].into_iter().find(|text| regex.is_match(text))
}

fn walk(hir: &Hir, into: &mut Vec<u8>) -> Option<()> {
    if into.len() > LONGEST {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => into.extend_from_slice(&literal.0),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<(char, char)> = class.iter().map(|range| (range.start(), range.end())).collect();
            let inside = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
            let plain = ['a', 'A', '1', '0', ' ', '-'].into_iter().find(|c| inside(*c));
            let chosen = plain.or_else(|| ranges.first().map(|(from, _)| *from))?;
            into.extend_from_slice(chosen.to_string().as_bytes());
        }
        HirKind::Class(Class::Bytes(class)) => into.push(class.iter().next()?.start()),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                walk(&repetition.sub, into)?;
            }
        }
        HirKind::Capture(capture) => walk(&capture.sub, into)?,
        HirKind::Concat(parts) => {
            for part in parts {
                walk(part, into)?;
            }
        }
        HirKind::Alternation(parts) => walk(parts.first()?, into)?,
    }
    Some(())
}
