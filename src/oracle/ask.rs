//! What an oracle asks when it cannot settle a reply by itself: a program of the user's, or a model.
//!
//! An oracle makes no calls. It names its questions, somebody else has them answered (limited, journalled, priced), and it
//! grades with the answers at hand. A question without an answer leaves the reply ungraded.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::corpus::Prompt;
use crate::ident::{Digest, Digester, ModelRef};
use crate::provider::schema_parameter;
use crate::record::{Message, Request, canonical_json};
use crate::units::Tokens;

/// What must be known before a reply can be graded.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A model's word.
    Model(ModelQuestion),
    /// What a program prints.
    Program(ProgramQuestion),
}

/// A question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelQuestion {
    /// The model.
    pub model: ModelRef,
    /// The messages to it.
    pub messages: Vec<Message>,
    /// Request parameters, as the API spells them.
    pub params: BTreeMap<String, Value>,
    /// The cap on output tokens.
    pub max_output_tokens: Tokens,
    /// The JSON Schema of the answer, where the API is to enforce it.
    pub schema: Option<Value>,
}

/// A question to a program of the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramQuestion {
    /// The program and its arguments. No shell reads them.
    pub argv: Vec<String>,
    /// What it reads on stdin.
    pub input: String,
    /// Seconds that it may take.
    pub timeout_s: f64,
    /// The most bytes that it may print.
    pub max_output_bytes: usize,
    /// The names of the environment variables that it sees.
    pub env: Vec<String>,
}

impl ModelQuestion {
    /// The request as an API takes it: the schema of the answer goes where that API looks for it, and nowhere where it has
    /// no such place (the instructions ask for JSON in any case).
    #[must_use]
    pub fn request(&self, api: &str) -> Request {
        let mut params = self.params.clone();
        if let Some((name, value)) =
            self.schema.as_ref().and_then(|schema| schema_parameter(api, "verdict", schema))
        {
            // What the oracle's file says stands.
            params.entry(name.to_owned()).or_insert(value);
        }
        Request { messages: self.messages.clone(), params, max_output_tokens: self.max_output_tokens }
    }
}

impl Question {
    /// The digest of all that the answer depends on: equal questions are asked once.
    #[must_use]
    pub fn id(&self) -> Digest {
        let mut digester = Digester::new("route-prof question 1");
        match self {
            Self::Model(question) => {
                digester.part(b"model").part(question.model.to_string().as_bytes());
                digester.part(&question.max_output_tokens.0.to_le_bytes());
                let said = json!([question.messages, question.params, question.schema]);
                digester.part(canonical_json(&said).as_bytes());
            }
            Self::Program(question) => {
                digester.part(b"program").part(question.input.as_bytes());
                let limits =
                    json!([question.argv, question.env, question.timeout_s, question.max_output_bytes]);
                digester.part(canonical_json(&limits).as_bytes());
            }
        }
        digester.finish()
    }
}

/// The JSON object that makes up the whole answer; `None` for anything else, and for an object with a duplicate field of `T`, which
/// would be ambiguous.
#[must_use]
pub(super) fn object<T: DeserializeOwned>(text: &str) -> Option<T> {
    // A struct would be read from a list, too.
    let text = text.trim();
    text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A text, to be interpreted by the oracle that asked.
    Text(String),
    /// No usable answer, and why; the reply stays ungraded.
    Failed(String),
}

/// Answers by question.
#[derive(Clone, Debug, Default)]
pub struct AnswerBook {
    answers: HashMap<Digest, Answer>,
}

impl AnswerBook {
    /// The answer to a question; `None` if it was not asked yet.
    #[must_use]
    pub fn get(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(&question.id())
    }

    /// Adds an answer; the first one counts.
    pub fn put(&mut self, question: Digest, answer: Answer) {
        self.answers.entry(question).or_insert(answer);
    }

    /// Whether there is an answer to the question of that id.
    #[must_use]
    pub fn has(&self, question: &Digest) -> bool {
        self.answers.contains_key(question)
    }
}

/// What an oracle with questions can use besides the sample.
#[derive(Clone, Copy, Debug)]
pub struct QuestionContext<'a> {
    /// The prompt; `None` in self-tests.
    pub prompt: Option<&'a Prompt>,
    /// The answers so far.
    pub answers: &'a AnswerBook,
}

/// What an oracle may ask, known without a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The user's own program.
    Program,
    /// A model.
    Model {
        /// The model.
        model: ModelRef,
        /// Whether it may grade its own answers.
        own_answers: OwnAnswers,
        /// The cap on output tokens of an answer.
        max_output_tokens: Tokens,
        /// The bytes of the rubric and the instructions around each reply.
        instructions: usize,
    },
}

/// Whether a judge may grade its own answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnAnswers {
    /// No, because it favours its own style.
    Refused,
    /// Yes, the user allows it.
    Allowed,
}
