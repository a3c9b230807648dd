//! An assertion as a criterion: the table of an oracle's kind, or the reason why there is none.

use serde_json::{Map, Value, json};

use super::check::Check;
use super::criterion::{Criterion, together};
use super::files::{Folder, Take};
use super::graded::{self, Options};
use super::sample_text;
use super::template::render;

/// What was found, and why it has no counterpart.
type Without = (String, String);

/// What an assertion is read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    /// The config's assertion templates.
    pub(super) templates: &'a Map<String, Value>,
    /// The variables of the test.
    pub(super) vars: &'a Map<String, Value>,
    /// Where files that are named lie.
    pub(super) folder: &'a Folder,
    /// What is said of grading.
    pub(super) options: &'a Options<'a>,
}

/// Reads an assertion; `None` for one that counts nothing.
pub(super) fn read(
    assertion: &Value,
    context: &Context<'_>,
    depth: usize,
) -> Result<Option<Criterion>, Without> {
    let Context { templates, vars, folder, options } = *context;
    let resolved;
    let mut assertion = assertion;
    if let Some(reference) = assertion.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let Some(found) = templates.get(name) else {
            return Err((format!("$ref {reference}"), "there is no such assertion template".to_owned()));
        };
        // What stands beside the reference is over what it refers to.
        let mut merged = found.as_object().cloned().unwrap_or_default();
        for (key, value) in assertion.as_object().into_iter().flatten().filter(|(key, _)| *key != "$ref") {
            merged.insert(key.clone(), value.clone());
        }
        resolved = Value::Object(merged);
        assertion = &resolved;
    }
    let name = assertion.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let without = |reason: &str| Err((name.clone(), reason.to_owned()));
    let weight = assertion.get("weight").and_then(Value::as_f64).unwrap_or(1.0);
    if weight == 0.0 {
        return without("its weight is 0: it always passes");
    }
    if assertion.get("transform").is_some() {
        return without("its transform runs code");
    }
    if name == "assert-set" {
        return set(assertion, context, weight, depth);
    }
    let (negated, kind) = match name.strip_prefix("not-") {
        Some(rest) => (true, rest),
        None => (false, name.as_str()),
    };
    let from_file;
    let mut value = assertion.get("value");
    if let Some(Value::String(text)) = value
        && text.starts_with("file://")
    {
        from_file = folder.read(text, Take::Value).map_err(|why| (format!("{name}: {text}"), why))?;
        value = Some(&from_file);
    }
    let value = match value {
        Some(Value::String(text)) => Value::String(render(text, vars).map_err(|why| (name.clone(), why))?),
        Some(Value::Array(items)) => {
            let render = |item: &Value| match item {
                Value::String(text) => render(text, vars).map(Value::String),
                other => Ok(other.clone()),
            };
            Value::Array(
                items.iter().map(render).collect::<Result<_, _>>().map_err(|why| (name.clone(), why))?,
            )
        }
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let threshold = assertion.get("threshold").and_then(Value::as_f64);
    let criterion = match graded::read(kind, assertion, &value, threshold, options) {
        Some(graded) => graded.map(|criterion| Criterion { weight, ..criterion }),
        None => plain(kind, &value, threshold, weight),
    };
    let mut criterion = criterion.map_err(|reason| (name.clone(), reason))?;
    if negated {
        criterion = negate(criterion);
    }
    criterion.name.clone_from(&name);
    Ok(Some(criterion))
}

/// Several assertions with a threshold of their own.
fn set(
    assertion: &Value,
    context: &Context<'_>,
    weight: f64,
    depth: usize,
) -> Result<Option<Criterion>, Without> {
    let name = "assert-set".to_owned();
    if depth > 4 {
        return Err((name, "it is nested too deeply".to_owned()));
    }
    let mut parts = Vec::new();
    for part in assertion.get("assert").and_then(Value::as_array).into_iter().flatten() {
        // A set without one of its parts is another set.
        match read(part, context, depth + 1) {
            Ok(part) => parts.extend(part),
            Err((what, reason)) => return Err((name, format!("its part {what}: {reason}"))),
        }
    }
    if parts.iter().any(|part| needs_reference(&part.table)) {
        return Err((name, "a part of it compares with a text: move that part out of the set".to_owned()));
    }
    if parts.is_empty() {
        return Err((name, "it is empty".to_owned()));
    }
    let threshold = assertion.get("threshold").and_then(Value::as_f64);
    Ok(Some(Criterion {
        name,
        table: together(&parts, threshold),
        own: None,
        weight,
        check: None,
        fact: None,
    }))
}

/// Whether a table cannot hold the text that it compares with, so that the text must be the line's reference.
pub(super) fn needs_reference(table: &Value) -> bool {
    let inner = table.get("not");
    ["similarity", "json", "embedding"].iter().any(|kind| table.get(kind).is_some())
        || inner.is_some_and(needs_reference)
}

/// The opposite of a criterion.
fn negate(criterion: Criterion) -> Criterion {
    let mut own = None;
    let inner = |table: &Value, kind: &str| table.get(kind).cloned();
    let table = if let Some(Value::Object(mut pattern)) = inner(&criterion.table, "pattern") {
        pattern.insert("must".to_owned(), json!("not_match"));
        json!({ "pattern": pattern })
    } else if let Some(Value::Object(mut contains)) = inner(&criterion.table, "contains")
        && (contains.get("mode") == Some(&json!("any"))
            || contains.get("values").and_then(Value::as_array).is_some_and(|all| all.len() == 1))
    {
        contains.insert("mode".to_owned(), json!("none"));
        json!({ "contains": contains })
    } else {
        own = criterion.own.map(|(table, text)| (json!({ "not": table }), text));
        json!({ "not": criterion.table })
    };
    let check = criterion.check.map(|check| Check::Not(Box::new(check)));
    let fact = criterion.fact.map(|(name, passes, fails)| (name, fails, passes));
    Criterion { table, own, check, fact, name: criterion.name, weight: criterion.weight }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list of texts: a list, or one text with commas.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(text_of).collect(),
        other => text_of(other)
            .map(|text| {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            })
            .unwrap_or_default(),
    }
}

/// The criterion of a type without `not-`.
fn plain(kind: &str, value: &Value, threshold: Option<f64>, weight: f64) -> Result<Criterion, String> {
    let text = || text_of(value).ok_or_else(|| "its value is not a text".to_owned());
    let made = |table: Value, check: Option<Check>| Criterion {
        name: String::new(),
        table,
        own: None,
        weight,
        check,
        fact: None,
    };
    let similar = |measure: &str, least: f64| -> Result<Criterion, String> {
        let table = json!({ "similarity": { "measure": measure, "threshold": threshold.unwrap_or(least) } });
        let text = text()?;
        let check = Check::samples(text.clone(), "~");
        Ok(Criterion { own: Some((table.clone(), text.into())), ..made(table, check) })
    };
    Ok(match kind {
        "equals" if value.is_object() || value.is_array() => {
            let table = json!({ "json": { "extract": "strict" } });
            let own = Some((table.clone(), value.clone()));
            Criterion { own, ..made(table, Some(Check::EqualsJson(value.clone()))) }
        }
        "equals" => {
            let text = text()?;
            let own = Some((json!({ "exact": {} }), text.clone().into()));
            Criterion { own, ..made(json!({ "exact": { "value": text } }), Some(Check::Equals(text))) }
        }
        "contains" | "icontains" | "contains-any" | "icontains-any" | "contains-all" | "icontains-all" => {
            let values = if kind.ends_with("contains") { vec![text()?] } else { texts_of(value) };
            if values.iter().all(String::is_empty) {
                return Err("it has no text to look for".to_owned());
            }
            let (ignore_case, any) = (kind.starts_with('i'), kind.ends_with("any"));
            let mode = if any { "any" } else { "all" };
            let own = json!({ "contains": { "mode": mode, "ignore_case": ignore_case } });
            let table = json!({ "contains": { "values": values, "mode": mode, "ignore_case": ignore_case } });
            let check = Check::Contains { values: values.clone(), any, ignore_case };
            Criterion { own: Some((own, values.into())), ..made(table, Some(check)) }
        }
        "starts-with" => {
            let text = text()?;
            made(json!({ "starts_with": { "text": text } }), Some(Check::StartsWith(text)))
        }
        "regex" => {
            let text = text()?;
            if let Err(error) = regex::Regex::new(&text) {
                let last = error.to_string().lines().last().unwrap_or_default().to_owned();
                return Err(format!("its regular expression is not valid in Rust: {last}"));
            }
            made(json!({ "pattern": { "regex": text } }), Some(Check::Regex(text)))
        }
        "word-count" => {
            let least = value.get("min").and_then(Value::as_u64);
            let most = value.get("max").and_then(Value::as_u64);
            let exact = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            match (exact, least, most) {
                (Some(n), ..) => {
                    made(json!({ "word_count": { "exact": n } }), Some(Check::WordCount { min: n, max: n }))
                }
                (None, None, None) => return Err("its value is not a number of words".to_owned()),
                (None, min, max) => {
                    let mut table = Map::new();
                    table.extend(min.map(|min| ("min".to_owned(), json!(min))));
                    table.extend(max.map(|max| ("max".to_owned(), json!(max))));
                    let check = Check::WordCount { min: min.unwrap_or(0), max: max.unwrap_or(u64::MAX) };
                    made(json!({ "word_count": table }), Some(check))
                }
            }
        }
        "is-json" | "contains-json" => {
            let name = if kind == "is-json" { "is_json" } else { "contains_json" };
            if value.is_object() {
                let fits = sample_text::fitting(value, 0).map(|fits| fits.to_string());
                let check = fits.and_then(|fits| Check::samples(fits, "no JSON"));
                made(json!({ name: { "schema": value } }), check)
            } else if kind == "is-json" {
                made(json!({ name: {} }), Some(Check::IsJson))
            } else {
                made(json!({ name: {} }), Check::samples("Here it is: {\"a\": 1}", "no JSON"))
            }
        }
        "is-xml" => {
            let elements = xml_elements(value);
            let check = Check::samples(sample_text::xml(&elements), "no XML");
            made(json!({ "is_xml": { "required_elements": elements } }), check)
        }
        "is-sql" if value.is_object() => {
            return Err(
                "its dialect and allow-list have another form here: see the oracle kind `is_sql`".to_owned()
            );
        }
        "is-sql" => made(json!({ "is_sql": {} }), Check::samples("SELECT 1", "this is no statement")),
        "is-refusal" => made(
            json!({ "refusal": {} }),
            Check::samples("I'm sorry, but I can't help with that.", "Paris is the capital of France."),
        ),
        "levenshtein" => {
            let table = json!({ "similarity": { "measure": "levenshtein", "max_distance": threshold.unwrap_or(5.0) as u64 } });
            let text = text()?;
            // A distance without end has no example that fails, which the oracle's check then says.
            let far = "~".repeat(text.chars().count() + (threshold.unwrap_or(5.0) as usize).min(10_000) + 1);
            let check = Check::samples(text.clone(), far);
            Criterion { own: Some((table.clone(), text.into())), ..made(table, check) }
        }
        "rouge-n" => similar("rouge_n", 0.75)?,
        "rouge-l" => similar("rouge_l", 0.75)?,
        "bleu" => similar("bleu", 0.5)?,
        "is-valid-function-call" | "is-valid-openai-function-call" | "is-valid-openai-tools-call" => {
            return Err("the functions stand in the provider's config: state them in an oracle of the kind `function_call`".to_owned());
        }
        "finish-reason" => {
            let text = text()?;
            let fact = Some(("finish", json!(text), json!("another")));
            Criterion { fact, ..made(json!({ "finish_reason": { "is": [text] } }), None) }
        }
        "latency" => match threshold {
            Some(most) => {
                let fact = Some(("latency_ms", json!(most), json!(2.0 * most + 1.0)));
                Criterion { fact, ..made(json!({ "latency": { "max_ms": most } }), None) }
            }
            None => return Err("it has no threshold".to_owned()),
        },
        "cost" => match threshold {
            Some(most) => {
                let fact = Some(("cost_usd", json!(most), json!(2.0 * most + 1.0)));
                Criterion { fact, ..made(json!({ "cost": { "max_usd": most } }), None) }
            }
            None => return Err("it has no threshold".to_owned()),
        },
        "javascript" | "python" | "ruby" => {
            return Err("it runs code: write it as your own program for the oracle kind `command`".to_owned());
        }
        "webhook" => {
            return Err(
                "it calls a server: write a program that does so, for the oracle kind `command`".to_owned()
            );
        }
        other if other.starts_with("trace-") || other.starts_with("trajectory:") => {
            return Err("it needs an agent trace, which is not supported".to_owned());
        }
        "similar:dot" | "similar:euclidean" => {
            return Err("the oracle kind `embedding` measures the cosine alone".to_owned());
        }
        "answer-relevance"
        | "context-recall"
        | "context-relevance"
        | "context-faithfulness"
        | "conversation-relevance"
        | "search-rubric"
        | "agent-rubric"
        | "pi"
        | "classifier"
        | "moderation"
        | "select-best"
        | "max-score" => {
            return Err(
                "it is graded by a model in a way of its own: write a rubric for the oracle kind `judge`"
                    .to_owned(),
            );
        }
        "" => return Err("it has no type".to_owned()),
        _ => return Err("there is no such oracle kind".to_owned()),
    })
}

fn xml_elements(value: &Value) -> Vec<String> {
    value.get("requiredElements").map_or_else(|| texts_of(value), texts_of)
}
