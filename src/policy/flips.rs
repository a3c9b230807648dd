//! How far prices and output lengths can change before a route flips.
//!
//! A tier's cost is linear in each of them, so the point where another tier becomes cheaper is solved exactly. Quality is
//! held constant. Traffic flips no route, because each task is
//! decided by itself.

use super::assessment::Assessment;
use super::case::Case;
use super::types::Band;
use crate::path::Played;
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
        let played: Vec<Option<Played>> = (0..assessments.len()).map(|tier| self.play(tier, &up)).collect();
        let changes = (0..self.tiers.len()).map(Change::Price).chain(std::iter::once(Change::OutputLength));
        let mut flips = Vec::new();
        for change in changes {
            let line =
                |tier: usize| self.line(tier, change, played.get(tier)?.as_ref()?, assessments, prices);
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

    /// The effective cost of a tier as a function of the factor of a change: what does not depend on it, and what is multiplied by it.
    /// The price of waiting stays the same.
    fn line(
        &self,
        tier: usize,
        change: Change,
        played: &Played,
        assessments: &[Assessment],
        prices: &[ModelPrice],
    ) -> Option<(f64, f64)> {
        let waiting = assessments.get(tier)?.effective_cost?.waiting.to_f64();
        let moved = match change {
            Change::Price(moved) => played.by_tier.get(self.first + moved)?.0,
            Change::OutputLength => {
                let mut output = 0.0;
                for ((cost, tokens), price) in played.by_tier.iter().skip(self.first).zip(prices) {
                    output += (tokens.unwrap_or(0.0) * price.output.to_f64() / 1e6).min(*cost);
                    // What is not known of a tier that is reached cannot be scaled.
                    if *cost > 0.0 && tokens.is_none() {
                        return None;
                    }
                }
                output
            }
        };
        Some((played.cost + waiting - moved, moved))
    }
}
