//! What the policy makes of a cell: how sure it is of what, and why it may not be sure. No rule stands here.

use super::types::{Band, EffectiveCost, Infeasible};
use crate::stats::interval::Bounds;
use crate::stats::paired::Difference;

/// How sure the evidence is of each claim, 0 to 1, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    /// That the tier is good enough.
    pub route: f64,
    /// That it is good enough with monitoring.
    pub monitor: f64,
    /// That it is not even that.
    pub(super) below: f64,
    /// Effective prompts.
    pub(super) n_eff: f64,
}

/// How many other claims a cell's claims stand among: the factor by which Holm's procedure raises its chance of error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strictness {
    /// Of the claim to be good enough.
    pub route: f64,
    /// Of the claim to be so with monitoring.
    pub monitor: f64,
}

impl Default for Strictness {
    /// A cell that stands alone.
    fn default() -> Self {
        Self { route: 1.0, monitor: 1.0 }
    }
}

impl Strictness {
    /// The odds when the chances of error count as many times over. That a tier is not good enough is nobody's risk: that
    /// claim stays as it is.
    pub(super) fn applied(self, odds: Odds) -> Odds {
        let raised = |p: f64, times: f64| (1.0 - times * (1.0 - p)).max(0.0);
        Odds { route: raised(odds.route, self.route), monitor: raised(odds.monitor, self.monitor), ..odds }
    }
}

/// A tier beside the one that its decision hangs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The index of the other tier among all that were measured.
    pub other: usize,
    /// The tier less the other one, on the prompts that both answered.
    pub difference: Difference,
    /// Its lower bound at the confidence that the task asks for.
    pub low: f64,
    /// The confidence at which it is shown to be no worse than the margin.
    pub p: f64,
}

/// What the policy makes of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Posterior probability that the true rate clears the route floor.
    pub p_route: Option<f64>,
    /// Posterior probability that the true rate clears the monitor floor.
    pub p_monitor: Option<f64>,
    /// How sure the evidence is of what the rule asks: of clearing the floors, or of being no worse than the references.
    /// `None` without evidence, and of the reference itself.
    pub odds: Option<Odds>,
    /// How many claims those of this cell stand among.
    pub strictness: Strictness,
    /// The comparison that the decision hangs on; `None` where a floor decides, and of the reference itself.
    pub comparison: Option<Comparison>,
    /// What the evidence says of the tier's quality.
    pub band: Band,
    /// Why the band is `undecided`, where it is.
    pub doubt: Option<Doubt>,
    /// How many more prompts would settle an undecided cell, at the rate seen so far.
    pub more_prompts: Option<u64>,
    /// Why the tier cannot serve the task, whatever its quality.
    pub infeasible: Vec<Infeasible>,
    /// What the tiers are compared by.
    pub effective_cost: Option<EffectiveCost>,
}

/// Why the evidence about a cell does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No trial of weight was graded.
    NoEvidence,
    /// No prompt was answered both by the tier and by one that it is held against.
    NoPairs,
    /// Fewer effective prompts than the policy asks for.
    TooFew,
    /// Trials without a grade, this many, could turn the decision over.
    CouldFlip(u64),
    /// The rate is too near to a floor for the number of prompts.
    NearFloor,
}

/// A cell that was settled before all of its prompts were answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStop {
    /// What its evidence says.
    pub band: Band,
    /// Prompts that were looked at until then.
    pub prompts: u64,
    /// The chance of being wrong that was allowed for.
    pub alpha: f64,
    /// The confidence sequence, by all answers there are.
    pub bounds: Bounds,
}
