//! Assertions that a model grades, as oracles of the kinds `judge` and `embedding`: who grades, and by which rubric.

use serde_json::{Value, json};

use super::criterion::Criterion;
use crate::ident::ModelRef;

/// Who grades where a config does not say, or says it in a way that has no counterpart.
#[derive(Clone, Debug, Default)]
pub struct Graders {
    /// The judge of rubrics.
    pub judge: Option<ModelRef>,
    /// The embeddings model.
    pub embedding: Option<ModelRef>,
}

/// What a config says of grading, from the narrowest to the widest: an assertion, a test's `options`, the default test's.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    /// `options` of the test and of the default test, as written.
    pub(super) said: [&'a Value; 2],
    pub(super) graders: &'a Graders,
}

/// What a provider is wanted for.
#[derive(Clone, Copy, Debug)]
enum Use {
    Text,
    Embedding,
}

impl Options<'_> {
    /// The first of the places that says `key`.
    fn find<'v>(&'v self, assertion: &'v Value, key: &str) -> Option<&'v Value> {
        let places = std::iter::once(assertion).chain(self.said);
        places.filter_map(|place| place.get(key)).find(|value| !value.is_null())
    }

    fn model(&self, assertion: &Value, wanted: Use) -> Result<ModelRef, String> {
        let (key, fallback, flag) = match wanted {
            Use::Text => ("text", &self.graders.judge, "--judge"),
            Use::Embedding => ("embedding", &self.graders.embedding, "--embedding"),
        };
        let provider = self.find(assertion, "provider");
        // A map may name one provider for each use.
        let provider = provider.map(|provider| provider.get(key).unwrap_or(provider));
        let said = provider.and_then(|provider| provider.as_str().or_else(|| provider.get("id")?.as_str()));
        if let Some(model) = said.and_then(|said| model(said, wanted)).or_else(|| fallback.clone()) {
            return Ok(model);
        }
        Err(match said {
            Some(said) => {
                format!("its grader {said} is not supported: name one with {flag} PROVIDER/MODEL")
            }
            None => format!("it names no grader: name one with {flag} PROVIDER/MODEL"),
        })
    }
}

/// promptfoo's name of a provider as `provider/model`: `openai:chat:gpt-5`, `anthropic:messages:claude-opus-4-8`.
fn model(said: &str, wanted: Use) -> Option<ModelRef> {
    let (provider, rest) = said.split_once(':')?;
    if !SERVICES.contains(&provider) {
        return None;
    }
    let (form, model) = match rest.split_once(':') {
        Some((form, model)) if FORMS.contains(&form) => (form, model),
        _ => ("", rest),
    };
    let is_embedding = form.starts_with("embedding");
    let provider = match wanted {
        Use::Text if is_embedding || FORMS.contains(&rest) => return None,
        Use::Text => provider,
        Use::Embedding if !is_embedding => return None,
        // An endpoint of its own here, because it takes another kind of request.
        Use::Embedding => "embeddings",
    };
    format!("{provider}/{model}").parse().ok()
}

/// Services whose name in promptfoo is a plain name of a provider here.
const SERVICES: [&str; 15] = [
    "openai",
    "anthropic",
    "google",
    "ollama",
    "openrouter",
    "mistral",
    "groq",
    "deepseek",
    "xai",
    "togetherai",
    "cerebras",
    "fireworks",
    "perplexity",
    "litellm",
    "azure",
];

/// What may stand between a service and a model.
const FORMS: [&str; 6] = ["chat", "messages", "responses", "completion", "embedding", "embeddings"];

/// The criterion of a model-graded type; `None` if the type is none of them.
pub(super) fn read(
    kind: &str,
    assertion: &Value,
    value: &Value,
    threshold: Option<f64>,
    options: &Options<'_>,
) -> Option<Result<Criterion, String>> {
    Some(match kind {
        "similar" | "similar:cosine" => similar(assertion, value, threshold.unwrap_or(0.75), options),
        "llm-rubric" | "g-eval" | "model-graded-closedqa" | "factuality" | "model-graded-factuality" => {
            rubric(kind, assertion, value, threshold, options)
        }
        _ => return None,
    })
}

fn criterion(table: Value, own: Option<(Value, Value)>) -> Criterion {
    Criterion { name: String::new(), table, own, weight: 1.0, check: None, fact: None }
}

fn similar(assertion: &Value, value: &Value, least: f64, options: &Options<'_>) -> Result<Criterion, String> {
    let Value::String(text) = value else {
        return Err("it compares with several texts: give each its own test".to_owned());
    };
    let model = options.model(assertion, Use::Embedding)?;
    let table = json!({ "embedding": { "model": model.to_string(), "threshold": least } });
    Ok(criterion(table.clone(), Some((table, Value::String(text.clone())))))
}

fn rubric(
    kind: &str,
    assertion: &Value,
    value: &Value,
    threshold: Option<f64>,
    options: &Options<'_>,
) -> Result<Criterion, String> {
    if options.find(assertion, "rubricPrompt").is_some() {
        return Err("its rubricPrompt takes the place of all that a judge is told: write a rubric for the oracle kind `judge`".to_owned());
    }
    let texts: Vec<&str> = match value {
        Value::String(text) => vec![text.trim()],
        Value::Array(items) if kind == "g-eval" => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let text = match texts.as_slice() {
        [] => return Err("its value is not a text".to_owned()),
        [only] => (*only).to_owned(),
        several => several.iter().map(|text| format!("- {text}\n")).collect(),
    };
    if text.trim().is_empty() {
        return Err("its rubric is empty".to_owned());
    }
    let model = options.model(assertion, Use::Text)?.to_string();
    let table = |rubric: String| json!({ "judge": { "rubric": rubric, "model": model } });
    Ok(match (kind, threshold) {
        ("factuality" | "model-graded-factuality", _) => {
            if options.find(assertion, "factuality").is_some() {
                return Err(
                    "it weighs the kinds of agreement by itself: write a rubric for the oracle kind `judge`"
                        .to_owned(),
                );
            }
            let own = (table(FACTUALITY.to_owned()), Value::String(text.clone()));
            criterion(table(format!("{FACTUALITY}\nThe reference answer:\n{text}\n")), Some(own))
        }
        ("model-graded-closedqa", _) => criterion(
            table(format!("Pass if the answer meets this criterion, else fail it:\n{text}\n")),
            None,
        ),
        ("g-eval", least) => criterion(table(scored(&text, least.unwrap_or(0.7))), None),
        (_, Some(least)) if least > 0.0 => criterion(table(scored(&text, least)), None),
        (_, _) => criterion(table(text), None),
    })
}

/// A rubric with the minimum score. promptfoo compares with it; here it becomes part of the rubric.
fn scored(text: &str, least: f64) -> String {
    format!(
        "{}\n\nThink of a score from 0 (the answer does not meet this at all) to 1 (it meets all of it); where several \
         criteria are listed, the mean of theirs. Pass if the score is {least} or more, else fail.\n",
        text.trim()
    )
}

/// promptfoo's five kinds of agreement with its default scores: all pass except for a disagreement.
const FACTUALITY: &str = "\
Compare the facts in the answer with those in the reference answer. Ignore differences in style, grammar and punctuation.
Pass if they agree, if the answer says less or more than the reference without contradicting it, or if they differ in ways
that do not matter to the facts. Fail if they disagree.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_named_as_here_or_not_at_all() {
        let text = |said| model(said, Use::Text).map(|model| model.to_string());
        assert_eq!(text("openai:gpt-5-mini").as_deref(), Some("openai/gpt-5-mini"));
        assert_eq!(text("openai:responses:gpt-5").as_deref(), Some("openai/gpt-5"));
        assert_eq!(text("anthropic:messages:claude-opus-4-8").as_deref(), Some("anthropic/claude-opus-4-8"));
        assert_eq!(text("openrouter:meta-llama/llama-4").as_deref(), Some("openrouter/meta-llama/llama-4"));
        assert_eq!(text("ollama:chat:llama3.2:1b").as_deref(), Some("ollama/llama3.2:1b"));
        for other in [
            "openai:chat",
            "openai:embedding:e",
            "file://p.py",
            "exec:x",
            "python:p.py",
            "openai",
            "bedrock:x",
            "openai:",
        ] {
            assert_eq!(text(other), None, "{other}");
        }
        let vectors = |said| model(said, Use::Embedding).map(|model| model.to_string());
        assert_eq!(
            vectors("openai:embedding:text-embedding-3-large").as_deref(),
            Some("embeddings/text-embedding-3-large")
        );
        assert_eq!(vectors("openai:gpt-5"), None);
    }
}
