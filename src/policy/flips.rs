//! How far prices and output lengths can change before a route flips.
//!
//! A tier's cost is linear in each of them, so the point where another tier becomes cheaper is solved exactly. Quality is
//! held constant. Traffic flips no route, because each task is
//! decided by itself.

use super::assessment::Assessment;
use super::case::Case;
use super::cost::EffectiveMeans;
use super::types::Band;
use crate::price::ModelPrice;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The price of a tier's model, input and output alike.
    Price(usize),
    /// The length of every answer.
    OutputLength,
}

/// A change that flips a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flip {
    /// What changes.
    pub change: Change,
    /// By which factor: above 1 it grows.
    pub factor: f64,
    /// The tier that then serves.
    pub to: usize,
}

impl Case<'_> {
    /// For each kind of change, the nearest factor upwards and downwards that moves the route away from tier `at`, nearest
    /// first. Empty where costs do not decide: with fewer than two tiers that are good enough, or an unknown cost.
    #[must_use]
    pub fn flips(&self, assessments: &[Assessment], at: usize, prices: &[ModelPrice]) -> Vec<Flip> {
        let good = |assessment: &Assessment| match assessment.band {
            Band::Route | Band::Monitor => assessment.infeasible.is_empty(),
            Band::Below | Band::Undecided => false,
        };
        let candidates: Vec<usize> =
            (0..assessments.len()).filter(|tier| assessments.get(*tier).is_some_and(good)).collect();
        let priced = |tier: &usize| assessments.get(*tier).is_some_and(|a| a.effective_cost.is_some());
        if !candidates.contains(&at) || !candidates.iter().all(priced) {
            return Vec::new();
        }
        let up = self.escalates_to(assessments);
        let changes = (0..self.tiers.len()).map(Change::Price).chain(std::iter::once(Change::OutputLength));
        let mut flips = Vec::new();
        for change in changes {
            let line = |tier: usize| {
                let total = |factor: f64| self.total(tier, change, factor, &up, assessments, prices);
                let (none, once) = (total(0.0)?, total(1.0)?);
                Some((none, once - none))
            };
            let Some(own) = line(at) else { continue };
            let others = candidates.iter().filter(|tier| **tier != at);
            let crossings = others.filter_map(|&to| {
                let other = line(to)?;
                let factor = (own.0 - other.0) / (other.1 - own.1);
                (factor.is_finite() && factor > 0.0).then_some(Flip { change, factor, to })
            });
            let (above, below): (Vec<Flip>, Vec<Flip>) = crossings.partition(|flip| flip.factor >= 1.0);
            flips.extend(above.into_iter().min_by(|a, b| a.factor.total_cmp(&b.factor)));
            flips.extend(below.into_iter().max_by(|a, b| a.factor.total_cmp(&b.factor)));
        }
        flips.sort_by(|a, b| a.factor.ln().abs().total_cmp(&b.factor.ln().abs()));
        flips
    }

    /// The effective cost of a tier after a change by `factor`; the price of waiting stays the same.
    fn total(
        &self,
        tier: usize,
        change: Change,
        factor: f64,
        up: &[Option<usize>],
        assessments: &[Assessment],
        prices: &[ModelPrice],
    ) -> Option<f64> {
        let serving = |at: usize| {
            let cell = self.cells.get(at)?;
            let cost = cell.cost_draws.mean?;
            match change {
                Change::Price(moved) => Some(if moved == at { cost * factor } else { cost }),
                Change::OutputLength => {
                    let million = prices.get(at)?.output.to_f64() / 1e6;
                    let output = (cell.tokens?.output_mean * million).min(cost);
                    Some(cost + (factor - 1.0) * output)
                }
            }
        };
        let rejected = |at: usize| self.cells.get(at)?.gate_rejection_rate.map(|rate| rate.mean);
        let waiting = assessments.get(tier)?.effective_cost?.waiting.to_f64();
        Some(EffectiveMeans::at(tier, up, &serving, &rejected)?.total() + waiting)
    }
}
