//! A decided task, before rounding and naming.

use super::inputs::{Gate, Inputs, MeasuredTask};
use crate::config::{Consequence, Multiplicity, Policy};
use crate::ident::OracleRef;
use crate::measure::CellEvidence;
use crate::path::Requests;
use crate::policy::{self, Assessment, Case, EarlyStop, Flip, Route, Strictness, TierFacts, Turning, audit};

/// A decided task, before rounding and naming.
pub(super) struct Decided<'a> {
    pub(super) measured: &'a MeasuredTask<'a>,
    pub(super) cells: &'a [CellEvidence],
    pub(super) requests: &'a Requests,
    pub(super) stopped: &'a [Option<EarlyStop>],
    pub(super) assessments: Vec<Assessment>,
    pub(super) route: Route,
    /// Whether a tier that meets only the monitor floor may serve.
    pub(super) may_monitor: bool,
    /// The index of the tier that serves.
    pub(super) tier: usize,
    pub(super) escalates_to: Vec<Option<usize>>,
    /// What would flip the route.
    pub(super) flips: Vec<Flip>,
    /// How many wrong verdicts would turn what is said of the tier that serves.
    pub(super) turning: Option<Turning>,
}

/// What all tasks are decided by.
#[derive(Clone, Copy)]
pub(super) struct Deciding<'a, 'b> {
    pub(super) inputs: &'b Inputs<'a>,
    pub(super) policy: &'b Policy,
    pub(super) ladder: &'b [TierFacts],
    /// The tiers that each is compared with; `None` where a floor decides.
    pub(super) references: Option<&'b [usize]>,
    /// The evidence of each task, one cell per tier that was measured.
    pub(super) cells: &'a [Vec<CellEvidence>],
    pub(super) requests: &'a [Requests],
    /// The cells that were stopped early.
    pub(super) stopped: &'a [Vec<Option<EarlyStop>>],
}

impl<'a> Deciding<'a, '_> {
    /// Every task, with the correction for many cells where the policy asks for one; `None` without a tier.
    pub(super) fn decide(&self) -> Option<Vec<Decided<'a>>> {
        let alone = self.with(&[])?;
        match self.policy.multiplicity {
            Multiplicity::None => Some(alone),
            Multiplicity::Holm => {
                let assessed: Vec<Vec<Assessment>> = alone.into_iter().map(|task| task.assessments).collect();
                self.with(&policy::holm(&assessed, self.stopped))
            }
        }
    }

    fn with(&self, strictness: &[Vec<Strictness>]) -> Option<Vec<Decided<'a>>> {
        (0..self.inputs.tasks.len())
            .map(|task| self.task(task, strictness.get(task).map_or(&[][..], Vec::as_slice)))
            .collect()
    }

    fn task(&self, at: usize, strictness: &[Strictness]) -> Option<Decided<'a>> {
        let measured = self.inputs.tasks.get(at)?;
        let cells = self.cells.get(at)?.get(..self.ladder.len()).unwrap_or_default();
        let requests = self.requests.get(at)?;
        let stopped = self.stopped.get(at).map_or(&[][..], Vec::as_slice);
        let gate: Option<&OracleRef> = match measured.gate {
            Gate::Present => Some(&measured.task.oracle),
            Gate::Absent => None,
        };
        // Only where it is told.
        let gates = match (gate, measured.task.consequence) {
            (Some(_), Consequence::High) => {
                let confidence = self.policy.interval_confidence.get();
                audit::gate(self.inputs.observations, at, self.ladder.len(), confidence)
            }
            (Some(_), Consequence::Low | Consequence::Medium) | (None, _) => Vec::new(),
        };
        let judge = measured.labelled.as_ref();
        let caps: Vec<Option<String>> =
            self.ladder.iter().map(|tier| judge.and_then(|judge| judge.cap_of(&tier.name))).collect();
        let case = Case {
            task: measured.task,
            policy: self.policy,
            tiers: self.ladder,
            cells,
            requests,
            gates: &gates,
            gate,
            caps: &caps,
            stopped,
            first: 0,
            references: self.references,
            strictness,
        };
        let assessments = case.assess();
        let route = case.route(&assessments)?;
        let tier = self.ladder.iter().position(|tier| tier.name == route.tier)?;
        let escalates_to = case.escalates_to(&assessments);
        let may_monitor = case.may_monitor(&assessments);
        let flips = case.flips(&assessments, tier, self.inputs.prices);
        let turning = case.turning(&assessments, tier);
        Some(Decided {
            measured,
            cells,
            requests,
            stopped,
            assessments,
            may_monitor,
            route,
            tier,
            escalates_to,
            flips,
            turning,
        })
    }
}
