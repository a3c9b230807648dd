//! Texts for self-tests: one that a regular expression matches, JSON that fits a schema, XML with given elements.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};

/// The longest text that is tried.
const LONGEST: usize = 4096;

/// A text that the expression matches; `None` if none was found.
pub(super) fn matching(expression: &str) -> Option<String> {
    // Compiled first, because that is where an expression of any size is turned down.
    let regex = Regex::new(expression).ok()?;
    let hir = regex_syntax::parse(expression).ok()?;
    let mut bytes = Vec::new();
    walk(&hir, &mut bytes)?;
    let text = String::from_utf8(bytes).ok()?;
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

/// A value that fits a simple JSON Schema; `None` if it is not simple. The oracle's own self-test has the last word.
pub(super) fn fitting(schema: &Value, depth: usize) -> Option<Value> {
    if depth > 16 {
        return None;
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return Some(value.clone());
    }
    let least = |key: &str| {
        schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    };
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("object");
    Some(match kind {
        "object" => {
            let mut map = Map::new();
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str()?;
                let inner = schema.get("properties").and_then(|all| all.get(name));
                map.insert(name.to_owned(), inner.map_or(Some(json!(0)), |inner| fitting(inner, depth + 1))?);
            }
            Value::Object(map)
        }
        "array" => {
            let item = schema.get("items").map_or(Some(json!(0)), |items| fitting(items, depth + 1))?;
            let wanted = least("minItems");
            // Lists of lists multiply.
            if wanted.saturating_mul(item.to_string().len()) > 100 * LONGEST {
                return None;
            }
            Value::Array(vec![item; wanted])
        }
        "string" => match schema.get("pattern").and_then(Value::as_str) {
            Some(pattern) => matching(pattern)?.into(),
            None => "a".repeat(least("minLength").clamp(1, 1000)).into(),
        },
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(0)),
        "boolean" => true.into(),
        _ => return None,
    })
}

/// XML that has the elements, each a path from the root.
pub(super) fn xml(elements: &[String]) -> String {
    let mut inner = String::new();
    let mut root = "a";
    for path in elements {
        let mut names = path.split('.');
        root = names.next().unwrap_or(root);
        let names: Vec<&str> = names.collect();
        inner.extend(names.iter().map(|name| format!("<{name}>")));
        inner.extend(names.iter().rev().map(|name| format!("</{name}>")));
    }
    format!("<{root}>{inner}</{root}>")
}
