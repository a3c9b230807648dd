//! Grades the replies whose oracle asks: with what programs say, and with what judges have answered.

use std::collections::BTreeMap;

use super::replies::Replies;
use super::{judge, program};
use crate::engine::context::Engine;
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade;

/// Grades every row whose oracle asks. What no stored answer settles stays open in the rows.
pub(crate) fn of_replies(engine: &Engine, basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    if basis.oracles.iter().all(|oracle| oracle.criterion.asks().is_empty()) {
        return Ok(());
    }
    let mut replies = Replies::of(basis, rows)?;
    // The programs first, because what they settle need not be asked of a model.
    let mut book = program::resolve(engine, basis, &mut replies, rows)?;
    let questions = if basis.oracles.iter().any(|oracle| oracle.asks_a_model()) {
        judge::resolve(basis, &mut replies, rows, &mut book)?
    } else {
        judge::JudgeQuestions::new()
    };
    let mut open = BTreeMap::new();
    let mut regraded = Vec::new();
    replies.each(rows, |row, matter, oracle| {
        regraded.push((row, grade::grade_with(oracle, matter, &book)));
        for question in grade::questions(oracle, matter, &book) {
            let id = question.id();
            if !book.has(&id)
                && let Some(question) = questions.get(id.bytes())
            {
                open.entry(*id.bytes()).or_insert_with(|| question.clone());
            }
        }
        Ok(())
    })?;
    for (row, graded) in regraded {
        if let Some(seen) = rows.observations.get_mut(row) {
            seen.outcome = Some(graded.outcome);
            seen.verdict = graded.verdict;
            seen.gate_passed = graded.gate_passed;
            seen.truth_passed = graded.truth_passed;
        }
    }
    rows.open = open.into_values().collect();
    if let Some(judged) = &mut rows.judged {
        judged.missing = rows.open.len() as u64;
    }
    Ok(())
}
