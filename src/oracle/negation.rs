//! `not`: another criterion turned round. What cannot be graded stays so. A gate where the other needs no reference.

use super::compose::part;
use super::{Criterion, Judgement, Kind, Sample};
use crate::record::Verdict;

pub(super) const NOT: Kind = Kind {
    name: "not",
    summary: "another criterion turned round",
    build: |table| Ok(Box::new(Not(part(table)?)) as Box<dyn Criterion>),
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

impl Criterion for Not {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let verdict = Self::turn(self.0.judge(sample).verdict);
        Judgement { gate: self.has_gate().then(|| verdict.clone()), verdict }
    }

    fn has_gate(&self) -> bool {
        self.0.has_gate() && !self.0.needs_expected()
    }

    fn needs_expected(&self) -> bool {
        self.0.needs_expected()
    }
}
