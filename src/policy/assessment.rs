//! The assessment of a cell: how sure the evidence is, and why it may be undecided. Data only, no rules.

use super::types::{Band, EffectiveCost, Infeasible, Unproven};
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
    /// Effective sample size.
    pub(super) n_eff: f64,
}

/// The correction for many cells: the factor by which Holm's procedure multiplies a cell's chance of error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strictness {
    /// Of the claim to be good enough.
    pub route: f64,
    /// Of the claim to be so with monitoring.
    pub monitor: f64,
}

impl Default for Strictness {
    /// Of a cell that is decided alone.
    fn default() -> Self {
        Self { route: 1.0, monitor: 1.0 }
    }
}

impl Strictness {
    /// The odds with the chances of error multiplied. The claim that a tier is not good enough carries no risk and stays as
    /// it is.
    pub(super) fn applied(self, odds: Odds) -> Odds {
        let raised = |p: f64, times: f64| (1.0 - times * (1.0 - p)).max(0.0);
        Odds { route: raised(odds.route, self.route), monitor: raised(odds.monitor, self.monitor), ..odds }
    }
}

/// A tier compared with the one that its decision depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The index of the other tier among all that were measured.
    pub other: usize,
    /// The tier less the other one, on the prompts that both answered.
    pub difference: Difference,
    /// Its lower bound at the confidence that the task requires.
    pub low: f64,
    /// The confidence at which it is shown to be non-inferior within the margin.
    pub p: f64,
}

/// The assessment of a cell by the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Posterior probability that the true rate meets the route floor.
    pub p_route: Option<f64>,
    /// Posterior probability that the true rate meets the monitor floor.
    pub p_monitor: Option<f64>,
    /// How sure the evidence is of what the rule requires: meeting the floors, or being non-inferior to the references.
    /// `None` without evidence, and of the reference itself.
    pub odds: Option<Odds>,
    /// The correction for many cells that applies to this one.
    pub strictness: Strictness,
    /// The comparison that the decision depends on; `None` where a floor decides, and for the reference itself.
    pub comparison: Option<Comparison>,
    /// What the evidence says about the tier's quality.
    pub band: Band,
    /// Why the band is `undecided`, where it is.
    pub doubt: Option<Doubt>,
    /// How many more distinct prompts would decide an undecided cell, were they to pass at the rate seen so far.
    pub more_prompts: Option<u64>,
    /// The chance that so many do decide it, by what is known of the rate; `None` under non-inferiority.
    pub more_chance: Option<f64>,
    /// Why the tier cannot serve the task, whatever its quality.
    pub infeasible: Vec<Infeasible>,
    /// The needs of the task that the tier neither keeps nor misses beyond doubt.
    pub unproven: Vec<Unproven>,
    /// Whether the tier is shown to answer less often than the policy allows, so that it does not serve alone.
    pub unavailable: bool,
    /// What the tiers are compared by.
    pub effective_cost: Option<EffectiveCost>,
}

/// Why a cell is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No trial of weight was graded.
    NoEvidence,
    /// The tier shares no graded prompt with a reference.
    NoPairs,
    /// The effective sample size is smaller than the policy requires.
    TooFew,
    /// This many trials without a grade could change the decision.
    CouldFlip(u64),
    /// The rate is too close to a floor for the number of prompts.
    NearFloor,
    /// It was not measured any further, because the cheaper tier of this index was proven.
    Spared(usize),
}

/// A cell that was not measured to its last prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStop {
    /// What its evidence says; undecided where it was spared.
    pub band: Band,
    /// Prompts that had been answered by then.
    pub prompts: u64,
    /// The chance of a wrong claim that is allowed for.
    pub alpha: f64,
    /// A lower and an upper bound over all answers so far; each holds at every look at once with 1 - `alpha`.
    pub bounds: Bounds,
    /// The cheaper tier whose proof made further calls needless, by its index on the ladder; `None` where the cell's own
    /// answers decided it.
    pub spared_by: Option<usize>,
}
