//! Oracles: versioned, executable acceptance criteria. One file per kind; one line each in [`KINDS`] (`registry`).
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
mod judgement;
mod kind;
mod label;
pub mod library;
mod measured;
mod negation;
mod normalise;
mod number;
mod number_text;
mod pattern;
mod refusal;
mod registry;
mod sample;
mod similarity;
mod sql;
mod starts_with;
mod text_metrics;
mod word_count;
mod xml;
#[cfg(test)]
mod tests;

pub use self::ask::{Answer, AnswerBook, Asks, Question, QuestionContext};
pub use self::file::{Oracle, json_schema};
pub use self::judgement::{Judgement, NOT_JUDGED, NOT_RUN};
pub use self::kind::{Build, Criterion, Kind, Kinds, Table, TableError};
pub use self::registry::{KINDS, kind};
pub use self::sample::{Facts, Sample};
