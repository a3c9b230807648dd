//! The corpus: an index of weighted prompts. The prompts themselves stay on disk and are read again when needed, so that
//! memory does not grow with their length.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ident::{OracleRef, PromptId, TaskName};
use crate::record::Message;
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
