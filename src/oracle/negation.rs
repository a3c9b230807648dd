//! `not`: the opposite of another criterion. Ungraded stays ungraded. A gate if the other criterion needs no reference answer.

use super::ask::{Asks, Question, QuestionContext};
use super::compose::part;
use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind};
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const NOT: Kind = Kind {
    name: "not",
    summary: "the opposite of another criterion",
    build: Build::OfParts(|table, kinds| Ok(Box::new(Not(part(table, kinds)?)) as Box<dyn Criterion>)),
    schema: || schemars::schema_for!(std::collections::BTreeMap<String, serde_json::Value>).to_value(),
};

#[derive(Debug)]
struct Not(Box<dyn Criterion>);

impl Not {
    fn turn(verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Pass => Verdict::Fail("it is what it must not be".to_owned()),
            Verdict::Fail(_) => Verdict::Pass,
            ungraded @ Verdict::Ungraded(_) => ungraded,
        }
    }
}

impl Not {
    fn turned(&self, judgement: Judgement) -> Judgement {
        let verdict = Self::turn(judgement.verdict);
        let truth = self.needs_expected().then(|| judgement.truth.map(Self::turn)).flatten();
        Judgement { gate: self.has_gate().then(|| verdict.clone()), verdict, truth }
    }
}

impl Criterion for Not {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        self.turned(self.0.judge(sample))
    }

    fn judge_with(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Judgement {
        self.turned(self.0.judge_with(sample, asked))
    }

    fn questions(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Vec<Question> {
        self.0.questions(sample, asked)
    }

    fn asks(&self) -> Vec<Asks> {
        self.0.asks()
    }

    fn has_gate(&self) -> bool {
        self.0.has_gate() && !self.0.needs_expected()
    }

    fn needs_expected(&self) -> bool {
        self.0.needs_expected()
    }

    fn grades_refusals(&self) -> bool {
        self.0.grades_refusals()
    }
}
