//! Early stopping: the cells that were not measured to their last prompt, and the calls saved.

use std::collections::{BTreeMap, HashSet};

use crate::ident::TaskName;
use crate::measure::Observation;
use crate::policy::EarlyStop;
use crate::summary::StopEarly;
use crate::units::Usd;

/// The cells that were stopped early.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopped {
    /// By task, then tier of the ladder.
    pub(crate) cells: Vec<Vec<Option<EarlyStop>>>,
    /// The rows whose calls were saved.
    pub(crate) saved: HashSet<usize>,
    /// Those of them that a recording answers; their answers are ignored.
    pub(crate) ignored: Vec<usize>,
    /// The tasks that were measured in full.
    pub(crate) in_full: Vec<TaskName>,
}

impl Stopped {
    /// Whether the call of a row was saved.
    pub(crate) fn is_saved(&self, row: usize) -> bool {
        self.saved.contains(&row)
    }

    /// The calls and the cost saved, at list prices; `alpha` is the largest that a cell may have.
    pub(crate) fn account(&self, observations: &[Observation], alpha: f64, complete: bool) -> StopEarly {
        let mut known: BTreeMap<(u16, u16), (Usd, u64)> = BTreeMap::new();
        let mut saved: BTreeMap<(u16, u16), u64> = BTreeMap::new();
        for (row, seen) in observations.iter().enumerate() {
            let cell = (seen.task, seen.tier);
            if self.is_saved(row) {
                *saved.entry(cell).or_default() += 1;
            } else if let Some(cost) = seen.cost {
                let entry = known.entry(cell).or_insert((Usd::ZERO, 0));
                *entry = (entry.0 + cost, entry.1 + 1);
            }
        }
        let of_cell = |(cell, calls): (&(u16, u16), &u64)| {
            let (sum, n) = known.get(cell)?;
            crate::measure::usd(sum.to_f64() / *n as f64 * *calls as f64)
        };
        let stopped = || self.cells.iter().flatten().flatten();
        StopEarly {
            alpha: stopped().map(|stop| stop.alpha).reduce(f64::max).unwrap_or(alpha),
            cells: self.cells.iter().map(|tiers| tiers.len() as u64).sum(),
            stopped: stopped().filter(|stop| stop.spared_by.is_none()).count() as u64,
            spared: stopped().filter(|stop| stop.spared_by.is_some()).count() as u64,
            complete,
            calls_saved: saved.values().sum(),
            cost_saved: saved.iter().map(of_cell).try_fold(Usd::ZERO, |sum, cost| Some(sum + cost?)),
            measured_in_full: self.in_full.clone(),
        }
    }
}
