//! Every kind of oracle that there is, one line each.

use super::kind::{Kind, Kinds};
use super::{
    command, compose, contains, embedding, exact, function_call, json, json_text, judge, label, measured,
    negation, number, pattern, refusal, similarity, sql, starts_with, word_count, xml,
};

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

/// The same, to look one up by its name.
pub(super) const ALL_KINDS: Kinds = Kinds(KINDS);

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    ALL_KINDS.find(name)
}
