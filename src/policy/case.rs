//! A task with everything that its decision rests on, and which tiers are feasible.

use super::assessment::{Assessment, EarlyStop, Strictness};
use super::audit::GateCell;
use super::types::Infeasible;
use crate::config::{DataLocation, Policy, Rule, Task};
use crate::ident::{OracleRef, TierName};
use crate::measure::CellEvidence;
use crate::path::Requests;
use crate::units::Tokens;

/// The weighted share of a task's prompts that may overflow a tier's context window before the tier cannot serve the
/// task: what overflows is bypassed by the context guard, so a few do not matter.
pub const OVERFLOW_TOLERANCE: f64 = 0.01;

/// What a decision needs to know of a tier beyond its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierFacts {
    /// Its name.
    pub name: TierName,
    /// Where its provider runs.
    pub location: DataLocation,
    /// Its context window, where known.
    pub window: Option<Tokens>,
}

/// A task with all that its decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The task.
    pub task: &'a Task,
    /// The numbers of the method.
    pub policy: &'a Policy,
    /// The ladder, cheapest first.
    pub tiers: &'a [TierFacts],
    /// The task's evidence, one cell per tier.
    pub cells: &'a [CellEvidence],
    /// The task's requests at every tier that was measured, those outside the ladder included.
    pub requests: &'a Requests,
    /// The oracle whose gate part production runs; `None` when it has none.
    pub gate: Option<&'a OracleRef>,
    /// What the gate did with the answers of each tier, in the order of `cells`; beyond its end, and without a gate, that is not known.
    pub gates: &'a [GateCell],
    /// Why a tier may not be routed to without monitoring, whatever its pass rate, in the order of `cells`; `None`, and
    /// beyond its end, where it may.
    pub caps: &'a [Option<String>],
    /// The cells that were stopped early, before all of their prompts were answered, in the order of `cells`; those beyond its
    /// end were not.
    pub stopped: &'a [Option<EarlyStop>],
    /// The index of the first cell's tier among all that were measured: 0 for a ladder.
    pub first: usize,
    /// The tiers that each is compared with, of [`references`]; `None` where a floor decides.
    pub references: Option<&'a [usize]>,
    /// The correction for many cells, one entry per tier; empty where each cell is decided alone.
    pub strictness: &'a [Strictness],
}

/// The tiers that a policy compares each tier with, by their index on the ladder: the one that it names, else all of them.
/// `None` where a floor decides.
#[must_use]
pub fn references(policy: &Policy, ladder: &[TierFacts]) -> Option<Vec<usize>> {
    match policy.rule {
        Rule::Floor => None,
        Rule::NonInferior => {
            let named = |tier: &&TierFacts| policy.reference.as_ref().is_none_or(|name| *name == tier.name);
            Some(ladder.iter().enumerate().filter(|(_, tier)| named(tier)).map(|(at, _)| at).collect())
        }
    }
}

impl Case<'_> {
    /// Why a tier may not be routed to without monitoring; `None` where it may.
    pub(super) fn cap(&self, tier: usize) -> Option<&str> {
        self.caps.get(tier).and_then(Option::as_deref)
    }

    /// The early stop of a cell, where it was stopped early.
    pub(super) fn early_stop(&self, tier: usize) -> Option<EarlyStop> {
        self.stopped.get(tier).copied().flatten()
    }

    pub(super) fn infeasible(&self, tier: &TierFacts, cell: &CellEvidence) -> Vec<Infeasible> {
        let mut why = self.needs(cell).0;
        if !self.task.data_location.allows(tier.location) {
            why.push(Infeasible::DataLocation);
        }
        if cell.overflow_share.is_some_and(|share| share > OVERFLOW_TOLERANCE) {
            why.push(Infeasible::Context(cell.counts.overflow));
        }
        why
    }

    /// Why each tier cannot serve the task. One that answers too seldom may serve where a tier above can step in for it.
    pub(super) fn all_infeasible(&self) -> Vec<Vec<Infeasible>> {
        let mut all: Vec<Vec<Infeasible>> =
            self.tiers.iter().zip(self.cells).map(|(tier, cell)| self.infeasible(tier, cell)).collect();
        let catches: Vec<bool> = all.iter().map(|why| could_catch(why)).collect();
        for (at, (why, cell)) in all.iter_mut().zip(self.cells).enumerate() {
            let alone = !catches.iter().skip(at + 1).any(|catches| *catches);
            if let Some(seen) = cell.availability.filter(|_| alone && self.is_unavailable(cell)) {
                why.push(Infeasible::Availability(seen.answered(), seen.attempts));
            }
        }
        all
    }

    /// For each tier, the one that its rejected requests go to: the next one up that can serve the task, latency aside,
    /// because a late answer is better than a rejected one.
    pub(super) fn next_up(&self, infeasible: &[Vec<Infeasible>]) -> Vec<Option<usize>> {
        (0..infeasible.len())
            .map(|at| {
                (at + 1..infeasible.len()).find(|&up| infeasible.get(up).is_some_and(|why| could_catch(why)))
            })
            .collect()
    }

    /// The tier that each tier escalates to, by the assessments.
    #[must_use]
    pub fn escalates_to(&self, assessments: &[Assessment]) -> Vec<Option<usize>> {
        let infeasible: Vec<_> = assessments.iter().map(|a| a.infeasible.clone()).collect();
        self.next_up(&infeasible)
    }
}

/// Whether a tier can serve what another one rejected.
pub(super) fn could_catch(infeasible: &[Infeasible]) -> bool {
    infeasible.iter().all(|why| match why {
        Infeasible::Latency(..) | Infeasible::FirstToken(..) | Infeasible::Availability(..) => true,
        Infeasible::DataLocation | Infeasible::Context(_) => false,
    })
}
