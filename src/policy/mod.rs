//! Cells to routes: which tier serves a task, and why.
//!
//! Decides on evidence only; measures nothing and prices nothing.

pub mod audit;
mod band;
mod cost;
mod ladder;
mod multiplicity;
mod robust;
mod route;
mod stopping;
pub mod strategies;
#[cfg(test)]
pub(crate) mod tests;
mod types;

use crate::config::{DataLocation, Policy, Rule, Task};
use crate::ident::{OracleRef, TierName};
use crate::measure::CellEvidence;
use crate::stats::paired::Difference;
use crate::units::{Share, Tokens, Usd};

pub use band::{Odds, Strictness};
pub use cost::EffectiveMeans;
pub use ladder::{Standing, best_single, default_tier, dominated};
pub use multiplicity::holm;
pub use robust::{Flip, Lever};
pub use route::guarded;
pub use stopping::{Settled, Watch, Weights};
pub use types::{Band, Decision, EffectiveCost, Escalation, Infeasible, QualityGate, Route};

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
    /// The task's evidence, a cell a tier.
    pub cells: &'a [CellEvidence],
    /// The oracle whose gate part production runs; `None` when it has none.
    pub gate: Option<&'a OracleRef>,
    /// Why a tier may not be routed to without monitoring, whatever its pass rate, in the order of `cells`; `None`, and
    /// beyond its end, where it may.
    pub caps: &'a [Option<String>],
    /// The cells that were settled before all of their prompts were answered, in the order of `cells`; those beyond its
    /// end were not.
    pub stopped: &'a [Option<Settled>],
    /// The index of the first cell's tier among all that were measured: 0 for a ladder.
    pub first: usize,
    /// The tiers that each is held against, of [`references`]; `None` where a floor is.
    pub references: Option<&'a [usize]>,
    /// How many claims each cell's claims stand among, a cell a tier; empty where each stands alone.
    pub strictness: &'a [Strictness],
}

/// The tiers that a policy holds each tier against, by their index on the ladder: the one that it names, else all of them.
/// `None` where it holds a floor against them.
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

/// What the cells of a task are held against.
#[derive(Clone, Copy, Debug)]
struct Bar<'a> {
    floors: Floors,
    min_prompts: u32,
    references: Option<&'a [usize]>,
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

/// The floors and margins in force for a task, and the confidence that a decision asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floors {
    /// At or above: route.
    pub route: f64,
    /// Between this and `route`: route with monitoring.
    pub monitor: f64,
    /// By how much a tier may be worse than its references; decides where a floor does not.
    pub margin: f64,
    /// Between the margin and this: route with monitoring.
    pub monitor_margin: f64,
    /// The posterior probability asked for.
    pub confidence: f64,
}

impl Floors {
    /// The task's own floors over the policy's.
    #[must_use]
    pub fn of(task: &Task, policy: &Policy) -> Self {
        let route = task.route_floor.unwrap_or(policy.route_floor).get();
        let monitor = task.monitor_floor.unwrap_or(policy.monitor_floor).get();
        // A task that lowers its route floor below the policy's monitor floor has no monitor band, not an upside-down one.
        let margin = task.margin.unwrap_or(policy.margin).get();
        Self {
            route,
            monitor: monitor.min(route),
            margin,
            monitor_margin: policy.monitor_margin.map_or(2.0 * margin, Share::get).clamp(margin, 1.0),
            confidence: policy.confidence(task.consequence).get(),
        }
    }
}

impl Case<'_> {
    /// What the policy makes of each cell, in the order of the ladder.
    #[must_use]
    pub fn assess(&self) -> Vec<Assessment> {
        let bar = Bar {
            floors: Floors::of(self.task, self.policy),
            min_prompts: self.policy.min_prompts,
            references: self.references,
        };
        let infeasible: Vec<Vec<Infeasible>> =
            self.tiers.iter().zip(self.cells).map(|(tier, cell)| self.infeasible(tier, cell)).collect();
        let costs = cost::effective(self.task, self.policy, self.cells, &self.next_up(&infeasible));
        let assessed = self.cells.iter().zip(infeasible).zip(costs).enumerate();
        assessed
            .map(|(at, ((cell, infeasible), effective_cost))| {
                let strictness = self.strictness.get(at).copied().unwrap_or_default();
                let judged = match self.settled(at) {
                    Some(settled) => band::settled(cell, &bar, settled),
                    None => band::judge(cell, self.first + at, &bar, strictness),
                };
                let band = match judged.band {
                    Band::Route if self.cap(at).is_some() => Band::Monitor,
                    band => band,
                };
                Assessment { infeasible, effective_cost, band, ..judged }
            })
            .collect()
    }

    /// Why a tier may not be routed to without monitoring; `None` where it may.
    fn cap(&self, tier: usize) -> Option<&str> {
        self.caps.get(tier).and_then(Option::as_deref)
    }

    /// The route, by the assessments of [`Self::assess`]; `None` when the ladder is empty.
    #[must_use]
    pub fn route(&self, assessments: &[Assessment]) -> Option<Route> {
        route::choose(self, assessments)
    }

    fn infeasible(&self, tier: &TierFacts, cell: &CellEvidence) -> Vec<Infeasible> {
        let mut why = Vec::new();
        if let (Some(need), Some(latency)) = (self.task.latency_p95, cell.latency)
            && latency.p95 > need
        {
            why.push(Infeasible::Latency(latency.p95, need));
        }
        if !self.task.data_location.allows(tier.location) {
            why.push(Infeasible::DataLocation);
        }
        if cell.overflow_share.is_some_and(|share| share > OVERFLOW_TOLERANCE) {
            why.push(Infeasible::Context(cell.counts.overflow));
        }
        why
    }

    /// For each tier, the one that its rejected requests go to: the next one up that can serve the task, latency aside,
    /// because a late answer is better than a rejected one.
    fn next_up(&self, infeasible: &[Vec<Infeasible>]) -> Vec<Option<usize>> {
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

/// Whether a tier can take over what another one rejected.
fn could_catch(infeasible: &[Infeasible]) -> bool {
    infeasible.iter().all(|why| match why {
        Infeasible::Latency(..) => true,
        Infeasible::DataLocation | Infeasible::Context(_) => false,
    })
}

/// The price of waiting a second at a task: nothing without a latency need.
fn waiting_price(task: &Task, policy: &Policy) -> Usd {
    match task.latency_p95 {
        Some(_) => task.latency_penalty.unwrap_or(policy.latency_penalty),
        None => Usd::ZERO,
    }
}
