//! Prompts that a model writes: its instructions, and the prompts accepted from its reply. Makes no calls. A model's prompts are
//! as untrusted as any text from outside, and nobody has checked its reference answers.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use super::{Templates, harden, make};
use crate::corpus::{RawPrompt, near};
use crate::diag::is_format_char;
use crate::record::{Message, unfenced_json};

/// Prompts that a model is asked for at a time.
pub const BATCH: usize = 10;
/// Examples that it is shown.
const SHOWN: usize = 12;
/// The longest prompt that is taken, in characters.
const LONGEST: usize = 20_000;
/// How alike a prompt may be to an example or an earlier prompt: the share of shingles that they have in common.
const NEAR: f64 = 0.7;

/// The writing of a task's prompts: the examples, what was taken so far, and what was not.
#[derive(Debug)]
pub struct Writing {
    task: String,
    examples: Vec<RawPrompt>,
    kept: Vec<(String, Option<Value>)>,
    rejected: BTreeMap<&'static str, u64>,
}

/// A prompt as a model writes it, or why it is not taken.
type Written = Result<(String, Option<Value>), &'static str>;

impl Writing {
    /// The writing of a task's prompts after examples that the templates give.
    #[must_use]
    pub fn new(templates: &Templates, task: &str, seed: u64) -> Self {
        let examples = make(templates, task, SHOWN, 0.0, seed);
        Self { task: task.to_owned(), examples, kept: Vec::new(), rejected: BTreeMap::new() }
    }

    /// Prompts that were taken so far.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.kept.len()
    }

    /// What was not taken, counted by reason.
    #[must_use]
    pub const fn rejected(&self) -> &BTreeMap<&'static str, u64> {
        &self.rejected
    }

    /// Whether the prompts of the task have reference answers.
    fn has_reference(&self) -> bool {
        self.examples.iter().any(|example| example.expected.is_some())
    }

    /// Whether every reference answer is a text; else it is asked for as a text that holds JSON.
    fn reference_is_text(&self) -> bool {
        self.examples.iter().filter_map(|example| example.expected.as_ref()).all(Value::is_string)
    }

    /// The messages to the model for a batch. They contain its number, so that each batch is another request.
    #[must_use]
    pub fn messages(&self, batch: usize, seed: u64) -> Vec<Message> {
        let form = if self.has_reference() {
            r#"{"prompts": [{"prompt": "...", "expected": "..."}]}"#
        } else {
            r#"{"prompts": [{"prompt": "..."}]}"#
        };
        let system = format!(
            "You write prompts as users of a product send them, to find out which model answers them well enough. You do not \
             answer them for the user. Reply with one JSON object and nothing else: {form}"
        );
        let mut examples = String::new();
        for example in &self.examples {
            let mut shown = serde_json::Map::new();
            shown.extend(example.prompt.clone().map(|prompt| ("prompt".to_owned(), Value::String(prompt))));
            let expected = example.expected.as_ref().map(|expected| {
                let text =
                    if self.reference_is_text() { expected.clone() } else { expected.to_string().into() };
                ("expected".to_owned(), text)
            });
            shown.extend(expected);
            examples.push_str(&format!("{}\n", Value::Object(shown)));
        }
        let reference = match (self.has_reference(), self.reference_is_text()) {
            (false, _) => "",
            (true, true) => {
                " Give each its one right answer as `expected`, in the same form as in the examples."
            }
            (true, false) => {
                " Give each its one right answer as `expected`: JSON with the same keys as in the examples, written as a text."
            }
        };
        let user = format!(
            "The task is called {}. Examples of its prompts, one a line:\n\n{examples}\nWrite {BATCH} more. Vary situation, \
             wording, tone, length and level of detail: together they look like a day of real traffic, most of it plain, some \
             of it awkward. None is a rewording of an example or of another.{reference} This is batch {} of series {seed}: \
             choose situations that another batch is unlikely to have.",
            self.task,
            batch + 1
        );
        vec![Message::text("system", &system), Message::text("user", &user)]
    }

    /// The JSON Schema of a reply.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut properties = json!({ "prompt": { "type": "string" } });
        let mut required = vec!["prompt"];
        if self.has_reference()
            && let Value::Object(properties) = &mut properties
        {
            properties.insert("expected".to_owned(), json!({ "type": "string" }));
            required.push("expected");
        }
        json!({
            "type": "object",
            "properties": { "prompts": { "type": "array", "items": {
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            } } },
            "required": ["prompts"],
            "additionalProperties": false,
        })
    }

    /// Takes a reply in, up to `n` prompts in all.
    pub fn take(&mut self, reply: &str, n: usize) {
        let Some(items) = items(reply) else {
            *self.rejected.entry("replies that are not the requested JSON").or_default() += 1;
            return;
        };
        for item in items {
            if self.kept.len() >= n {
                return;
            }
            match self.read(&item).and_then(|written| self.differs(written)) {
                Ok(written) => self.kept.push(written),
                Err(why) => *self.rejected.entry(why).or_default() += 1,
            }
        }
    }

    /// Counts a call that ended without a reply.
    pub fn lose(&mut self) {
        *self.rejected.entry("replies that were refused or truncated").or_default() += 1;
    }

    fn read(&self, item: &Value) -> Written {
        let text = item.get("prompt").and_then(Value::as_str).map_or("", str::trim);
        if text.is_empty() {
            return Err("empty prompts");
        }
        if text.chars().count() > LONGEST {
            return Err("prompts that are too long");
        }
        let unseen = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_format_char(c);
        if text.chars().any(unseen) {
            return Err("prompts with invisible characters");
        }
        if !self.has_reference() {
            return Ok((text.to_owned(), None));
        }
        let Some(said) = item.get("expected").and_then(Value::as_str).filter(|said| !said.trim().is_empty())
        else {
            return Err("prompts without a reference answer");
        };
        let expected = if self.reference_is_text() {
            Value::String(said.to_owned())
        } else {
            serde_json::from_str(said).map_err(|_| "reference answers that are not JSON")?
        };
        if !self
            .examples
            .iter()
            .filter_map(|example| example.expected.as_ref())
            .any(|one| alike(one, &expected))
        {
            return Err("reference answers in another form than the examples");
        }
        Ok((text.to_owned(), Some(expected)))
    }

    /// The same where it is unlike every example and every prompt so far.
    fn differs(&self, written: (String, Option<Value>)) -> Written {
        let mut texts: Vec<String> =
            self.examples.iter().filter_map(|example| example.prompt.clone()).collect();
        texts.extend(self.kept.iter().map(|(text, _)| text.clone()));
        texts.push(written.0.clone());
        let last = texts.len() - 1;
        match near::representatives(&texts, NEAR).last() {
            Some(first) if *first == last => Ok(written),
            Some(_) | None => Err("prompts that are near-duplicates of an example or another prompt"),
        }
    }

    /// The lines: the first `share` of them (rounded) mutated, each marked with the model that wrote it.
    #[must_use]
    pub fn lines(&self, model: &str, share: f64, seed: u64) -> Vec<RawPrompt> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let adversarial = (self.kept.len() as f64 * share).round() as usize;
        let mut lines = Vec::with_capacity(self.kept.len());
        for (at, (text, expected)) in self.kept.iter().enumerate() {
            let mut tags = vec!["synthetic".to_owned(), format!("written-by:{model}")];
            let mut prompt = text.clone();
            if at < adversarial {
                prompt = harden(at, prompt, &mut tags, &mut random);
            }
            lines.push(RawPrompt {
                id: Some(format!("{}-written-{:03}", self.task, at + 1)),
                task: Some(self.task.clone()),
                prompt: Some(prompt),
                expected: expected.clone(),
                tags,
                ..RawPrompt::default()
            });
        }
        lines
    }
}

/// The prompts of a reply: an object, bare or as the one fenced block.
fn items(reply: &str) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(unfenced_json(reply)).ok()?;
    value.get("prompts")?.as_array().cloned()
}

/// Whether two values are of the same form: the same type, and objects with the same keys.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.keys().eq(other.keys()) || {
                one.len() == other.len() && one.keys().all(|key| other.contains_key(key))
            }
        }
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn writing() -> Writing {
        let templates: Templates = toml::from_str(
            "[slot]\nn = [1, 2]\n[[template]]\nprompt = \"Send {n} lamps to my office in the town\"\nexpected = { n = \"{n}\" }\n",
        )
        .unwrap();
        Writing::new(&templates, "order", 1)
    }

    fn reply(items: &[(&str, &str)]) -> String {
        let items: Vec<Value> = items
            .iter()
            .map(|(prompt, expected)| json!({ "prompt": prompt, "expected": expected }))
            .collect();
        json!({ "prompts": items }).to_string()
    }

    #[test]
    fn copies_blanks_hidden_characters_and_other_forms_are_not_taken() {
        let mut writing = writing();
        writing.take(
            &reply(&[
                ("I need four chairs by Friday, please", "{\"n\": \"4\"}"),
                ("i need four chairs by friday, please", "{\"n\": \"4\"}"),
                ("send 1 lamps to my office in the town", "{\"n\": \"1\"}"),
                (" ", "{\"n\": \"4\"}"),
                ("right\u{202e}left", "{\"n\": \"4\"}"),
                ("Two tables", "{\"m\": 1}"),
                ("Three tables", "3 tables"),
                ("Four tables", ""),
            ]),
            10,
        );
        writing.take("Sure! Here you go", 10);
        insta::assert_debug_snapshot!((writing.taken(), writing.rejected()), @r#"
        (
            1,
            {
                "empty prompts": 1,
                "prompts that are near-duplicates of an example or another prompt": 2,
                "prompts with invisible characters": 1,
                "prompts without a reference answer": 1,
                "reference answers in another form than the examples": 1,
                "reference answers that are not JSON": 1,
                "replies that are not the requested JSON": 1,
            },
        )
        "#);
    }

    #[test]
    fn a_fenced_reply_is_read_and_no_more_is_taken_than_is_wanted() {
        let mut writing = writing();
        let text = reply(&[("A lamp", "{\"n\": \"1\"}"), ("Nine red pens for school", "{\"n\": \"9\"}")]);
        writing.take(&format!("```json\n{text}\n```"), 1);
        let lines = writing.lines("local/llama", 1.0, 1);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].tags, ["synthetic", "written-by:local/llama", "adversarial", "typos"]);
        assert_eq!(lines[0].expected, Some(json!({ "n": "1" })));
    }

    proptest! {
        #[test]
        fn no_reply_can_break_it(text in "\\PC{0,200}", json in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
            let mut writing = writing();
            writing.take(&text, 5);
            writing.take(&json, 5);
            writing.take(&format!("{{\"prompts\": [{json}]}}"), 5);
            prop_assert!(writing.lines("a/b", 0.5, 1).len() <= 5);
        }
    }
}
