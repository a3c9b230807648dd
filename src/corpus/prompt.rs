//! A checked prompt: what it says, and the digest of what it asks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ident::{Digest, Digester, OracleRef, PromptId, TaskName};
use crate::record::{Message, canonical_json};
use crate::units::{Tokens, Weight};

/// A prompt with everything that its line of the corpus says.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Its stable id.
    pub id: PromptId,
    /// Its task.
    pub task: TaskName,
    /// What is said.
    pub content: Content,
    /// A system text in place of the task's.
    pub system: Option<String>,
    /// The reference answer.
    pub expected: Option<Value>,
    /// Its share of the traffic, relative to the others.
    pub weight: Weight,
    /// What it has in common with others of its task, where stated.
    pub cluster: Option<String>,
    /// Marks such as `adversarial`.
    pub tags: Vec<String>,
    /// An oracle in place of the task's.
    pub oracle: Option<OracleRef>,
    /// A cap on output tokens in place of the task's.
    pub max_output_tokens: Option<Tokens>,
    /// Request parameters over the task's.
    pub params: BTreeMap<String, Value>,
}

/// What a prompt says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A single user turn.
    Text(String),
    /// A whole conversation, passed through.
    Messages(Vec<Message>),
    /// Variables for the task's template.
    Vars(BTreeMap<String, Value>),
}

impl Content {
    /// The text of it, for lengths and duplicates: the prompt, the messages' texts, or the variables' values.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Messages(messages) => messages.iter().map(Message::plain).collect::<Vec<_>>().join("\n"),
            Self::Vars(vars) => vars
                .values()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    /// What the user says, for near-duplicates: the prompt, the user's messages, or the variables' values. A system text or a template
    /// that all prompts share would make them alike.
    pub(super) fn of_user(&self) -> String {
        let Self::Messages(messages) = self else { return self.plain() };
        let by_user = || messages.iter().filter(|message| message.role == "user");
        if by_user().next().is_none() {
            return self.plain();
        }
        // Two prompts with the same words about different images are different prompts.
        let said = |message: &Message| match &message.content {
            Value::Array(_) => canonical_json(&message.content),
            _ => message.plain(),
        };
        by_user().map(said).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn digest_text(&self) -> String {
        let value = match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Messages(messages) => serde_json::to_value(messages).unwrap_or_default(),
            Self::Vars(vars) => serde_json::to_value(vars).unwrap_or_default(),
        };
        canonical_json(&value)
    }
}

impl Prompt {
    /// The digest of what the prompt asks and how it is graded; two lines that differ in spelling alone share it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new("route-prof prompt 1");
        digester.part(self.id.as_str().as_bytes()).part(self.task.as_str().as_bytes());
        digester.part(self.content.digest_text().as_bytes());
        digester.part(self.system.as_deref().unwrap_or_default().as_bytes());
        digester.part(self.expected.as_ref().map(canonical_json).unwrap_or_default().as_bytes());
        digester.part(&self.weight.get().to_bits().to_le_bytes());
        if let Some(cluster) = &self.cluster {
            digester.part(b"cluster").part(cluster.as_bytes());
        }
        for tag in &self.tags {
            digester.part(tag.as_bytes());
        }
        let oracle = self.oracle.as_ref().map(ToString::to_string).unwrap_or_default();
        digester.part(oracle.as_bytes());
        digester.part(&self.max_output_tokens.map_or(0, |cap| cap.0).to_le_bytes());
        for (name, value) in &self.params {
            digester.part(name.as_bytes()).part(canonical_json(value).as_bytes());
        }
        digester.finish()
    }
}
