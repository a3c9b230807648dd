//! A decided task, before rounding and naming.

use super::inputs::{Gate, Inputs, MeasuredTask};
use crate::config::{Consequence, Policy};
use crate::ident::OracleRef;
use crate::measure::CellEvidence;
use crate::path::Requests;
use crate::policy::audit;
use crate::policy::{Assessment, Case, EarlyStop, Flip, Route, Strictness, TierFacts};

/// A decided task, before rounding and naming.
pub(super) struct Decided<'a> {
    pub(super) measured: &'a MeasuredTask<'a>,
    pub(super) cells: &'a [CellEvidence],
    pub(super) requests: &'a Requests,
    pub(super) stopped: &'a [Option<EarlyStop>],
    pub(super) assessments: Vec<Assessment>,
    pub(super) route: Route,
    /// The index of the tier that serves.
    pub(super) tier: usize,
    pub(super) escalates_to: Vec<Option<usize>>,
    /// What would flip the route.
    pub(super) flips: Vec<Flip>,
}

pub(super) fn decide<'a>(
    inputs: &Inputs<'a>,
    facts: &[TierFacts],
    policy: &Policy,
    (at, measured): (usize, &'a MeasuredTask<'a>),
    cells: &'a [CellEvidence],
    requests: &'a Requests,
    stopped: &'a [Option<EarlyStop>],
    references: Option<&[usize]>,
    strictness: &[Strictness],
) -> Option<Decided<'a>> {
    let gate: Option<&OracleRef> = match measured.gate {
        Gate::Present => Some(&measured.task.oracle),
        Gate::Absent => None,
    };
    // Only where it is told.
    let gates = match (gate, measured.task.consequence) {
        (Some(_), Consequence::High) => {
            audit::gate(inputs.observations, at, facts.len(), policy.interval_confidence.get())
        }
        (Some(_), Consequence::Low | Consequence::Medium) | (None, _) => Vec::new(),
    };
    let judge = measured.judge.as_ref();
    let caps: Vec<Option<String>> =
        facts.iter().map(|tier| judge.and_then(|judge| judge.cap_of(&tier.name))).collect();
    let case = Case {
        task: measured.task,
        policy,
        tiers: facts,
        cells,
        requests,
        gates: &gates,
        gate,
        caps: &caps,
        stopped,
        first: 0,
        references,
        strictness,
    };
    let assessments = case.assess();
    let route = case.route(&assessments)?;
    let tier = facts.iter().position(|tier| tier.name == route.tier)?;
    let escalates_to = case.escalates_to(&assessments);
    let flips = case.flips(&assessments, tier, inputs.prices);
    Some(Decided { measured, cells, requests, stopped, assessments, route, tier, escalates_to, flips })
}
