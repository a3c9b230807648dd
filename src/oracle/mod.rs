//! Oracles: versioned, executable acceptance criteria. One file per kind; one line each in [`KINDS`].
//!
//! An oracle makes no calls and reads no files once it is built: it settles a reply, or it asks (`ask`). Every kind knows its gate part, which
//! needs no reference answer and can run in production, and its truth part.

pub mod ask;
mod command;
mod compose;
mod contains;
mod embedding;
mod exact;
mod field;
pub mod file;
mod function_call;
mod json;
mod json_compare;
mod json_text;
mod judge;
mod label;
pub mod library;
mod measured;
mod negation;
mod normalise;
mod number;
mod number_text;
mod pattern;
mod refusal;
mod similarity;
mod sql;
mod starts_with;
mod text_metrics;
mod word_count;
mod xml;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use crate::record::{Attempt, Outcome, Verdict};
use crate::units::{Millis, Usd};

pub use self::ask::{Answer, AnswerBook, Asked, Asks, Question};
pub use self::file::Oracle;

/// What an oracle looks at.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The visible text of the reply.
    pub output: &'a str,
    /// The reference answer of the prompt, where it has one.
    pub expected: Option<&'a Value>,
    /// What the call was like.
    pub facts: Facts<'a>,
}

/// What a call was like, beside what it said.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The provider's word for why the reply ended.
    pub finish: Option<&'a str>,
    /// From request to end.
    pub latency: Option<Millis>,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
    /// Tool calls, as the API spells them; null when there is none.
    pub tool_calls: &'a Value,
    /// Whether the API itself says that the model, or a filter, refused.
    pub refused: bool,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self { finish: None, latency: None, cost: None, tool_calls: &Value::Null, refused: false }
    }
}

impl<'a> Facts<'a> {
    /// What an attempt was like that cost so much.
    #[must_use]
    pub fn of(attempt: &'a Attempt, cost: Option<Usd>) -> Self {
        Self {
            finish: attempt.finish.as_deref(),
            latency: attempt.clocks.total_ms,
            cost,
            tool_calls: &attempt.tool_calls,
            refused: attempt.outcome == Outcome::Refused,
        }
    }
}

/// What an oracle says of a sample: all of it, and the part that production can check without a reference answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The gate part: `None` when the oracle has none (it can say nothing without a reference answer).
    pub gate: Option<Verdict>,
    /// The whole verdict, gate and truth part together.
    pub verdict: Verdict,
    /// The truth part by itself, whatever the gate says; `None` where it cannot be told without what the gate asks for.
    pub truth: Option<Verdict>,
}

impl Judgement {
    /// A sample that the gate turns away: it fails as a whole for the same reason.
    fn rejected(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { gate: Some(Verdict::Fail(reason.clone())), verdict: Verdict::Fail(reason), truth: None }
    }

    /// A sample that the gate cannot grade.
    fn ungraded(reason: impl Into<String>) -> Self {
        let verdict = Verdict::Ungraded(reason.into());
        Self { gate: Some(verdict.clone()), verdict, truth: None }
    }

    /// The word of a gate that has no truth part beside it.
    fn gate_alone(verdict: Verdict) -> Self {
        Self { gate: Some(verdict.clone()), verdict, truth: None }
    }

    /// A sample that the gate lets through, and what the truth part says of it.
    fn let_through(verdict: Verdict) -> Self {
        Self { gate: Some(Verdict::Pass), truth: Some(verdict.clone()), verdict }
    }

    /// The word of an oracle without a gate part.
    fn gateless(verdict: Verdict) -> Self {
        Self { gate: None, truth: Some(verdict.clone()), verdict }
    }
}

/// What is said where a reference answer is needed and there is none.
const NO_EXPECTED: &str = "no expected answer";

/// What is said of a reply that a judge has yet to see.
pub const NOT_JUDGED: &str = "no judge has seen it yet";

/// What is said of a reply on which its program was not run.
pub const NOT_RUN: &str = "its program has not seen it: `route-prof grade` runs it";

/// A criterion that was built from its table.
pub trait Criterion: Send + Sync + std::fmt::Debug {
    /// Grades a sample. Never panics, whatever the output is.
    fn judge(&self, sample: &Sample<'_>) -> Judgement;

    /// Whether the criterion has a gate part at all.
    fn has_gate(&self) -> bool;

    /// Whether the criterion cannot grade without a reference answer.
    fn needs_expected(&self) -> bool;

    /// Whether a refusal that the API itself reports is something that it grades. To all others it is a fail.
    fn grades_refusals(&self) -> bool {
        false
    }

    /// What must be answered before the sample can be graded, as far as that is known; none when it settles by itself.
    fn questions(&self, _sample: &Sample<'_>, _asked: &Asked<'_>) -> Vec<Question> {
        Vec::new()
    }

    /// Grades a sample with the answers at hand.
    fn judge_with(&self, sample: &Sample<'_>, _asked: &Asked<'_>) -> Judgement {
        self.judge(sample)
    }

    /// Whom the criterion may ask; nobody when it always settles by itself.
    fn asks(&self) -> Vec<Asks> {
        Vec::new()
    }
}

/// What is wrong with a kind's table: a message, the bytes of the file that it is about, and what to do.
#[derive(Debug)]
pub struct TableError {
    message: String,
    span: Option<Range<usize>>,
    help: Option<String>,
    toml: Option<Box<toml::de::Error>>,
}

impl TableError {
    fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), span: Some(span), help: Some(help.into()), toml: None }
    }
}

impl From<toml::de::Error> for TableError {
    fn from(error: toml::de::Error) -> Self {
        Self { message: String::new(), span: None, help: None, toml: Some(Box::new(error)) }
    }
}

/// A kind's table with its place in the file.
pub type Table<'a> = Spanned<DeValue<'a>>;

/// A kind of oracle.
pub struct Kind {
    /// The name of its table.
    pub name: &'static str,
    /// What it accepts, in one line.
    pub summary: &'static str,
    /// Builds the criterion from its table.
    pub build: fn(Table<'_>) -> Result<Box<dyn Criterion>, TableError>,
    /// The JSON Schema of its table.
    pub schema: fn() -> Value,
}

/// Every kind of oracle.
pub const KINDS: &[&Kind] = &[
    &label::KIND,
    &exact::KIND,
    &contains::KIND,
    &pattern::KIND,
    &number::KIND,
    &json::KIND,
    &json_text::IS,
    &json_text::CONTAINS,
    &xml::IS_XML,
    &sql::IS_SQL,
    &starts_with::KIND,
    &word_count::KIND,
    &similarity::KIND,
    &refusal::KIND,
    &function_call::KIND,
    &measured::FINISH_REASON,
    &measured::LATENCY,
    &measured::COST,
    &command::KIND,
    &judge::KIND,
    &embedding::KIND,
    &compose::ALL,
    &compose::ANY,
    &negation::NOT,
];

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}

fn kind_names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// Reads a kind's table into its settings.
fn settings<'de, T: Deserialize<'de>>(table: Table<'de>) -> Result<T, TableError> {
    Ok(T::deserialize(table.into_deserializer())?)
}

/// The JSON Schema of an oracle file.
#[must_use]
pub fn json_schema() -> Value {
    file::json_schema()
}

/// A reference answer as a text; `None` when it is a list or an object.
fn as_text(expected: &Value) -> Option<String> {
    match expected {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
