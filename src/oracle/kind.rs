//! What a kind of oracle is: how its table becomes a criterion, and what a criterion can do. Knows no kind.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::ask::{Asks, Question, QuestionContext};
use super::judgement::Judgement;
use super::sample::Sample;

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
    fn questions(&self, _sample: &Sample<'_>, _asked: &QuestionContext<'_>) -> Vec<Question> {
        Vec::new()
    }

    /// Grades a sample with the answers at hand.
    fn judge_with(&self, sample: &Sample<'_>, _asked: &QuestionContext<'_>) -> Judgement {
        self.judge(sample)
    }

    /// What the criterion may ask; empty if it always decides by itself.
    fn asks(&self) -> Vec<Asks> {
        Vec::new()
    }
}

/// What is wrong with a kind's table: a message, the bytes of the file that it is about, and what to do.
#[derive(Debug)]
pub struct TableError {
    pub(super) message: String,
    pub(super) span: Option<Range<usize>>,
    pub(super) help: Option<String>,
    pub(super) toml: Option<Box<toml::de::Error>>,
}

impl TableError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
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

/// How a criterion is built.
pub enum Build {
    /// From its table alone.
    Alone(fn(Table<'_>) -> Result<Box<dyn Criterion>, TableError>),
    /// From a table that holds tables of other kinds, which are given to it: it knows none by itself.
    OfParts(fn(Table<'_>, Kinds) -> Result<Box<dyn Criterion>, TableError>),
}

/// A kind of oracle.
pub struct Kind {
    /// The name of its table.
    pub name: &'static str,
    /// What it accepts, in one line.
    pub summary: &'static str,
    /// Builds the criterion from its table.
    pub build: Build,
    /// The JSON Schema of its table.
    pub schema: fn() -> Value,
}

impl Kind {
    /// The criterion that a table of this kind describes; its parts, where it has any, are of `kinds`.
    pub(super) fn build(&self, table: Table<'_>, kinds: Kinds) -> Result<Box<dyn Criterion>, TableError> {
        match self.build {
            Build::Alone(build) => build(table),
            Build::OfParts(build) => build(table, kinds),
        }
    }
}

/// The kinds that there are.
#[derive(Clone, Copy)]
pub struct Kinds(pub &'static [&'static Kind]);

impl Kinds {
    /// The kind of that name.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'static Kind> {
        self.0.iter().find(|kind| kind.name == name).copied()
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        self.0.iter().map(|kind| kind.name).collect()
    }
}

/// Reads a kind's table into its settings.
pub(super) fn settings<'de, T: Deserialize<'de>>(table: Table<'de>) -> Result<T, TableError> {
    Ok(T::deserialize(table.into_deserializer())?)
}
