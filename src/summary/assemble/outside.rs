//! The models outside the ladder, each assessed as if it were a ladder of its own.

use std::collections::BTreeMap;

use super::cell::{cell, price_line};
use super::decided::Decided;
use super::inputs::Inputs;
use crate::config::{Tier, TierRole};
use crate::ident::TierName;
use crate::measure::{self, CellEvidence, TierEvidence};
use crate::policy::{Case, TierFacts};
use crate::summary::outside::{OutsideCell, OutsideModel, Role, ServedModel};
use crate::summary::rounding;

fn served(tally: &BTreeMap<String, u64>) -> Vec<ServedModel> {
    let all: u64 = tally.values().sum();
    let share = |replies: u64| rounding::share(replies as f64 / all.max(1) as f64);
    let mut served: Vec<ServedModel> = tally
        .iter()
        .map(|(model, &replies)| ServedModel { model: model.clone(), replies, share: share(replies) })
        .collect();
    served.sort_by_key(|served| std::cmp::Reverse(served.replies));
    served
}

/// Everything outside the ladder; `rows` are the cells of each task, those of the ladder first, and `references` the tiers
/// that the policy holds others against.
pub(super) fn outside(
    inputs: &Inputs<'_>,
    facts: &[TierFacts],
    decided: &[Decided<'_>],
    rows: &[Vec<CellEvidence>],
    overall: &[TierEvidence],
    references: Option<&[usize]>,
) -> Vec<OutsideModel> {
    let (config, prices) = (inputs.config, inputs.prices);
    let names: Vec<TierName> = config.ladder().iter().map(|tier| tier.name.clone()).collect();
    let behind = config.tiers.iter().enumerate().skip(config.ladder().len());
    behind
        .filter_map(|(at, tier)| {
            let (price, facts, overall) = (prices.get(at)?, facts.get(at)?, overall.get(at)?);
            let cells = decided.iter().zip(rows).filter_map(|(task, row)| {
                let (own, evidence) = (std::slice::from_ref(facts), std::slice::from_ref(row.get(at)?));
                let caps = [task.measured.labelled.as_ref().and_then(|judge| judge.cap_of(&tier.name))];
                let case = Case {
                    task: task.measured.task,
                    policy: &config.policy,
                    tiers: own,
                    cells: evidence,
                    requests: task.requests,
                    gates: &[],
                    gate: None,
                    caps: &caps,
                    stopped: &[],
                    first: at,
                    references,
                    strictness: &[],
                };
                let assessment = case.assess().into_iter().next()?;
                let cell = cell(&tier.name, evidence.first()?, &assessment, &names);
                Some(OutsideCell { task: task.measured.task.name.clone(), cell })
            });
            Some(OutsideModel {
                name: tier.name.clone(),
                model: tier.model.clone(),
                role: role(tier)?,
                context_window: facts.window,
                price: price_line(price),
                pass_rate: overall.pass_rate.map(rounding::rate),
                latency: overall.latency,
                cost_per_request: overall.cost.and_then(measure::usd).map(rounding::usd),
                served: inputs.served.get(&at).map(served).unwrap_or_default(),
                cells: cells.collect(),
            })
        })
        .collect()
}

fn role(tier: &Tier) -> Option<Role> {
    match &tier.role {
        TierRole::Rung => None,
        TierRole::Fallback(of) => Some(Role::Fallback(of.clone())),
        TierRole::Router => Some(Role::Router),
    }
}
