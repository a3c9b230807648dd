//! One prompt as typed, whatever the form of the file, and its checks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::prompt::{Content, Prompt};
use crate::ident::{Digester, PromptId, TaskName};
use crate::record::{Message, canonical_json};
use crate::units::{Tokens, Weight};

/// A line of a corpus.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A line of a corpus")]
pub struct RawPrompt {
    /// A stable id; from the content's digest where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The task; may be absent if only one is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The user's turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// A whole conversation in place of `prompt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<Message>>,
    /// Variables for the task's template in place of `prompt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vars: Option<BTreeMap<String, Value>>,
    /// A system text in place of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The reference answer: any JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// Its share of the traffic, relative to the others (default: 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// What the prompt has in common with others, such as a template, a source or a conversation: prompts of a task with the same cluster
    /// count as one piece of evidence. Where absent, near-duplicates form a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Marks such as `adversarial`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// An oracle in place of the task's: `name@version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oracle: Option<String>,
    /// A cap on output tokens in place of the task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Request parameters over the task's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
}

/// The keys of a line, in the order in which help lists them.
pub(super) const KEYS: [&str; 13] = [
    "id",
    "task",
    "prompt",
    "messages",
    "vars",
    "system",
    "expected",
    "weight",
    "cluster",
    "tags",
    "oracle",
    "max_output_tokens",
    "params",
];

/// A column of a CSV corpus: an index into [`KEYS`].
pub(super) type Column = usize;

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) help: String,
    /// The text in the line to point at.
    pub(super) at: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), at: None }
    }

    fn at(mut self, text: impl Into<String>) -> Self {
        self.at = Some(text.into());
        self
    }
}

/// The JSON Schema of a line of a corpus.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(RawPrompt).to_value()
}

/// The checked prompt; `task` is the name that the caller has resolved.
pub(super) fn prompt(raw: RawPrompt, task: Option<&TaskName>) -> Result<Prompt, Problem> {
    let task = task.cloned().ok_or_else(|| Problem::new("the prompt names no task", "add \"task\""))?;
    let given = usize::from(raw.prompt.is_some())
        + usize::from(raw.messages.is_some())
        + usize::from(raw.vars.is_some());
    let content = match (raw.prompt, raw.messages, raw.vars) {
        _ if given > 1 => {
            let help = "keep one of them";
            return Err(Problem::new("a prompt has either `prompt`, `messages` or `vars`", help));
        }
        (Some(text), _, _) if text.trim().is_empty() => {
            return Err(Problem::new("the prompt is empty", "write the prompt").at("prompt"));
        }
        (Some(text), _, _) => Content::Text(text),
        (_, Some(messages), _) => {
            if messages
                .iter()
                .all(|message| message.plain().trim().is_empty() && message.content.as_array().is_none())
            {
                return Err(Problem::new("the messages are empty", "write the prompt").at("messages"));
            }
            Content::Messages(messages)
        }
        (_, _, Some(vars)) => Content::Vars(vars),
        (None, None, None) => {
            return Err(Problem::new("there is no prompt", "add \"prompt\" (or messages, or vars)"));
        }
    };
    let weight = raw.weight.map_or(Ok(Weight::ONE), Weight::new).map_err(|error| {
        Problem::new(format!("the weight {error}"), "use a finite number, 0 or more").at("weight")
    })?;
    if raw.cluster.as_ref().is_some_and(|cluster| cluster.trim().is_empty()) {
        let help = "name the template, source or conversation, or leave it out";
        return Err(Problem::new("the cluster is empty", help).at("cluster"));
    }
    let oracle = raw.oracle.map(|text| {
        text.parse().map_err(|error: crate::ident::NameError| {
            Problem::new(error.to_string(), "name a version of an oracle, such as intent@1").at(text)
        })
    });
    if raw.max_output_tokens == Some(0) {
        let problem = Problem::new("max_output_tokens is 0", "use 1 or more, or leave it out");
        return Err(problem.at("max_output_tokens"));
    }
    let id = match raw.id {
        Some(id) => PromptId::new(&id).map_err(|error| {
            Problem::new(error.to_string(), "use a short text without control characters").at(id)
        })?,
        None => {
            let mut digester = Digester::new("route-prof prompt id 1");
            digester.part(task.as_str().as_bytes()).part(content.digest_text().as_bytes());
            digester.part(raw.expected.as_ref().map(canonical_json).unwrap_or_default().as_bytes());
            PromptId::new(&format!("p-{}", digester.finish().short()))
                .map_err(|error| Problem::new(error.to_string(), "give the prompt an id"))?
        }
    };
    Ok(Prompt {
        id,
        task,
        content,
        system: raw.system,
        expected: raw.expected.filter(|value| !value.is_null()),
        weight,
        cluster: raw.cluster,
        tags: raw.tags,
        oracle: oracle.transpose()?,
        max_output_tokens: raw.max_output_tokens.map(Tokens),
        params: raw.params,
    })
}
