//! Grades the replies whose oracle asks programs or judges, with their answers.

use std::collections::BTreeMap;

use super::replies::Replies;
use super::{judge, program};
use crate::engine::context::Engine;
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade;

/// Grades every row whose oracle asks programs or judges. Questions without a stored answer remain open in the rows.
pub(crate) fn of_replies(engine: &Engine, basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    if basis.oracles.iter().all(|oracle| oracle.criterion.asks().is_empty()) {
        return Ok(());
    }
    let mut replies = Replies::of(basis, rows)?;
    // Programs first: what they decide need not be asked of a model.
    let mut answers = program::resolve(engine, basis, &mut replies, rows)?;
    let questions = if basis.oracles.iter().any(|oracle| oracle.asks_a_model()) {
        judge::resolve(basis, &mut replies, rows, &mut answers)?
    } else {
        judge::JudgeQuestions::new()
    };
    let mut open = BTreeMap::new();
    let mut regraded = Vec::new();
    replies.each(rows, |row, reply, oracle| {
        regraded.push((row, grade::grade_with(oracle, reply, &answers)));
        for question in grade::questions(oracle, reply, &answers) {
            let id = question.id();
            if !answers.has(&id)
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
