//! The questions of oracles to judges about replies, and their stored answers. Makes no calls.

use std::collections::{BTreeMap, HashMap};

use super::replies::Replies;
use super::store::{self, Bill, Questions};
use crate::engine::run::basis::Basis;
use crate::engine::run::files::JUDGE_JOURNAL;
use crate::engine::run::question::{Identities, OpenQuestion, Purpose};
use crate::engine::run::rows::Rows;
use crate::grade;
use crate::ident::{Digest, TrialKey};
use crate::oracle::{AnswerBook, Question};
use crate::price::Catalogue;
use crate::record::Attempt;
use crate::summary::JudgeSpend;

/// The questions about a run's replies to judges, by their digest.
pub(super) type JudgeQuestions = BTreeMap<[u8; 32], OpenQuestion>;

/// Questions to judges and their answers.
struct Judges<'a> {
    catalogue: &'a Catalogue,
    /// One request may answer several questions.
    by_key: HashMap<TrialKey, Vec<Digest>>,
    open: usize,
    answers: &'a mut AnswerBook,
    bill: Bill,
}

impl Questions for Judges<'_> {
    const JOURNAL: &'static str = JUDGE_JOURNAL;

    fn is_open(&self, key: &TrialKey) -> bool {
        self.by_key.get(key).and_then(|ids| ids.first()).is_some_and(|id| !self.answers.has(id))
    }

    fn any_open(&self) -> bool {
        self.open > 0
    }

    fn take(&mut self, attempt: Attempt) {
        let open = usize::from(self.is_open(&attempt.key));
        let Some(ids) = self.by_key.get(&attempt.key) else { return };
        self.bill.take(self.catalogue, &attempt);
        if let Some(answer) = store::answer(&attempt) {
            self.open -= open;
            for id in ids {
                self.answers.put(*id, answer.clone());
            }
        }
    }
}

/// Every question that the replies may raise, whatever the judges answer. Stored answers are added to `answers`.
pub(super) fn resolve(
    basis: &Basis<'_>,
    replies: &mut Replies<'_>,
    rows: &mut Rows,
    answers: &mut AnswerBook,
) -> anyhow::Result<JudgeQuestions> {
    let mut identities = Identities::default();
    let mut questions = JudgeQuestions::new();
    let mut by_key: HashMap<TrialKey, Vec<Digest>> = HashMap::new();
    replies.each(rows, |_, reply, oracle| {
        for question in grade::questions(oracle, reply, answers) {
            let id = question.id();
            if let Question::Model(asked) = &question
                && !questions.contains_key(id.bytes())
            {
                let open = identities.open(basis.project, asked, reply.prompt, Purpose::Judge)?;
                by_key.entry(open.key).or_default().push(id);
                questions.insert(*id.bytes(), open);
            }
        }
        Ok(())
    })?;
    let catalogue = &basis.project.catalogue;
    let mut judges = Judges { catalogue, open: by_key.len(), by_key, answers, bill: Bill::default() };
    rows.reused += store::resolve(basis, &mut judges)?;
    let Bill { attempts, list, billed, unpriced } = judges.bill;
    let questions_asked = questions.len() as u64;
    rows.judged = Some(JudgeSpend {
        questions: questions_asked,
        missing: 0,
        attempts,
        list_price: list,
        billed,
        unpriced,
    });
    Ok(questions)
}
