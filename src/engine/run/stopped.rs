//! Which cells were decided before all of their prompts were answered, and the calls that this saved.

use std::collections::{BTreeMap, HashSet};

use crate::ident::TaskName;
use crate::measure::Observation;
use crate::policy::EarlyStop;
use crate::summary::StopEarly;
use crate::units::Usd;

/// What was settled early.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopped {
    /// By task, then tier of the ladder.
    pub(crate) cells: Vec<Vec<Option<EarlyStop>>>,
    /// The rows that nobody needs to ask.
    pub(crate) spared: HashSet<usize>,
    /// Those of them that a recording answers.
    pub(crate) forgotten: Vec<usize>,
    /// The tasks that were not watched.
    pub(crate) whole: Vec<TaskName>,
}

impl Stopped {
    /// Whether a row is one that nobody needs to ask.
    pub(crate) fn spares(&self, row: usize) -> bool {
        self.spared.contains(&row)
    }

    /// What it came to, in calls and in money at list prices.
    pub(crate) fn account(&self, observations: &[Observation], alpha: f64) -> StopEarly {
        let mut known: BTreeMap<(u16, u16), (Usd, u64)> = BTreeMap::new();
        let mut spared: BTreeMap<(u16, u16), u64> = BTreeMap::new();
        for (row, seen) in observations.iter().enumerate() {
            let cell = (seen.task, seen.tier);
            if self.spares(row) {
                *spared.entry(cell).or_default() += 1;
            } else if let Some(cost) = seen.cost {
                let entry = known.entry(cell).or_insert((Usd::ZERO, 0));
                *entry = (entry.0 + cost, entry.1 + 1);
            }
        }
        let of_cell = |(cell, calls): (&(u16, u16), &u64)| {
            let (sum, n) = known.get(cell)?;
            crate::measure::usd(sum.to_f64() / *n as f64 * *calls as f64)
        };
        let settled = || self.cells.iter().flatten().flatten();
        StopEarly {
            alpha: settled().map(|settled| settled.alpha).reduce(f64::max).unwrap_or(alpha),
            cells: self.cells.iter().map(|tiers| tiers.len() as u64).sum(),
            stopped: settled().count() as u64,
            calls_saved: spared.values().sum(),
            cost_saved: spared.iter().map(of_cell).try_fold(Usd::ZERO, |sum, cost| Some(sum + cost?)),
            measured_in_full: self.whole.clone(),
        }
    }
}
