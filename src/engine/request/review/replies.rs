//! The answers of a run that people can label.

use std::collections::HashSet;

use anyhow::Context;

use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade::labels::Label;
use crate::ident::{Digester, TrialKey};
use crate::oracle::Oracle;
use crate::record::{Outcome, Verdict};

/// An answer that people can label.
pub(super) struct Reply<'a> {
    /// An id that does not reveal the tier.
    pub(super) id: String,
    /// Its row.
    pub(super) row: usize,
    pub(super) key: TrialKey,
    pub(super) prompt: usize,
    pub(super) task: usize,
    pub(super) tier: usize,
    pub(super) oracle: &'a Oracle,
    /// The oracle's verdict; `None` if ungraded.
    pub(super) oracle_label: Option<Label>,
}

/// The strata of a sample: task, tier and verdict of the oracle, by their index among the tasks and on the ladder.
pub(super) type Stratum = (usize, usize, Option<Label>);

impl Reply<'_> {
    pub(super) const fn stratum(&self) -> Stratum {
        (self.task, self.tier, self.oracle_label)
    }
}

/// Every answer of a run, once per tier: duplicate prompts share their answers.
pub(super) fn replies<'a>(basis: &Basis<'a>, rows: &Rows) -> anyhow::Result<Vec<Reply<'a>>> {
    let mut seen = HashSet::new();
    let mut replies = Vec::new();
    for (at, observation) in rows.observations.iter().enumerate() {
        let (Some(Outcome::Reply), Some(verdict)) = (observation.outcome, &observation.verdict) else {
            continue;
        };
        let prompt = observation.prompt as usize;
        let entry = basis.corpus.entries().get(prompt).context("a prompt of another corpus")?;
        let oracle = basis.oracles.of(prompt).context("a prompt without an oracle")?;
        let key = basis.plan.key(at);
        let mut digester = Digester::new("route-prof review 1");
        digester.part(key.to_string().as_bytes()).part(entry.task.to_le_bytes().as_slice());
        digester.part(oracle.id.to_string().as_bytes()).part(&observation.tier.to_le_bytes());
        let id = digester.finish().to_string().chars().take(16).collect::<String>();
        if !seen.insert(id.clone()) {
            continue;
        }
        replies.push(Reply {
            id,
            row: at,
            key,
            prompt,
            task: usize::from(entry.task),
            tier: usize::from(observation.tier),
            oracle,
            oracle_label: match verdict {
                Verdict::Pass => Some(Label::Pass),
                Verdict::Fail(_) => Some(Label::Fail),
                Verdict::Ungraded(_) => None,
            },
        });
    }
    Ok(replies)
}
