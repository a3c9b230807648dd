//! The gate audit, and what one tier passes that another does not.
//!
//! A gate is the part of an oracle that needs no reference answer. Measured against the whole oracle it has false accepts
//! (wrong answers that it accepts) and false rejects (good ones that it rejects).

use std::collections::BTreeMap;

use super::strategies::{Matrix, climb, row_point};
use crate::measure::Observation;
use crate::stats::interval::{self, Bounds};
use crate::stats::paired::{self, Difference};

/// A gate that rejects more than this share of the good answers is dead: it escalates nearly everything.
pub const DEAD: f64 = 0.95;
/// A gate needs at least this many good answers to be called dead.
const DEAD_LEAST: u64 = 10;

/// A share of counted answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// Wilson's interval of the share; `None` without one to count.
    pub bounds: Option<Bounds>,
}

impl Counted {
    fn new(count: u64, of: u64, confidence: f64) -> Self {
        let mean = count as f64 / of as f64;
        Self { count, of, bounds: interval::wilson(mean, of as f64, confidence) }
    }

    /// The share; `None` of nothing.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

/// A gate's errors on the answers of one tier to one task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateCell {
    /// Wrong answers that it accepted.
    pub false_accepts: Counted,
    /// Good answers that it rejected.
    pub false_rejects: Counted,
}

impl GateCell {
    /// Whether the gate is dead here.
    #[must_use]
    pub fn is_dead(self) -> bool {
        self.false_rejects.of >= DEAD_LEAST && self.false_rejects.share().is_some_and(|share| share > DEAD)
    }
}

/// What a gate did with the answers to a task, tier by tier. Answers count once each, without weights.
#[must_use]
pub fn gate(observations: &[Observation], task: usize, rungs: usize, confidence: f64) -> Vec<GateCell> {
    (0..rungs)
        .map(|tier| {
            let of_cell = observations
                .iter()
                .filter(|seen| usize::from(seen.task) == task && usize::from(seen.tier) == tier);
            let (mut good, mut turned_away, mut wrong, mut let_through) = (0, 0, 0, 0);
            for seen in of_cell {
                match (seen.truth_passed.or_else(|| seen.passed()), seen.accepted()) {
                    (Some(true), Some(accepted)) => {
                        good += 1;
                        turned_away += u64::from(!accepted);
                    }
                    (Some(false), Some(accepted)) => {
                        wrong += 1;
                        let_through += u64::from(accepted);
                    }
                    (None, _) | (_, None) => {}
                }
            }
            GateCell {
                false_accepts: Counted::new(let_through, wrong, confidence),
                false_rejects: Counted::new(turned_away, good, confidence),
            }
        })
        .collect()
}

/// A task's cascade through the whole ladder with its gate, against its last tier alone: cost in USD per request, and quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GatedCascade {
    /// What the cascade costs.
    pub cost: f64,
    /// How good it is.
    pub quality: f64,
    /// What the last tier alone costs.
    pub last_cost: f64,
    /// How good that is.
    pub last_quality: f64,
}

/// The cascade of a task; `None` without a whole row of it.
#[must_use]
pub fn cascade(matrix: &Matrix, task: usize) -> Option<GatedCascade> {
    let mut sum = GatedCascade { cost: 0.0, quality: 0.0, last_cost: 0.0, last_quality: 0.0 };
    let mut weight = 0.0;
    let last = matrix.rungs.checked_sub(1)?;
    let up: Vec<Option<usize>> =
        (0..matrix.rungs).map(|tier| Some(tier + 1).filter(|up| *up <= last)).collect();
    for row in matrix.rows.iter().filter(|row| row.task == task) {
        weight += row.weight;
        let (cost, quality) = row_point(row, &climb(row, 0, &up)?, 0.0)?;
        sum.cost += row.weight * cost;
        sum.quality += row.weight * quality;
        let top = row.fact(last)?;
        sum.last_cost += row.weight * top.cost;
        sum.last_quality += row.weight * top.quality;
    }
    (weight > 0.0).then(|| GatedCascade {
        cost: sum.cost / weight,
        quality: sum.quality / weight,
        last_cost: sum.last_cost / weight,
        last_quality: sum.last_quality / weight,
    })
}

/// What one tier passes and another does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The lower tier on the ladder.
    pub lower: usize,
    /// The upper one.
    pub upper: usize,
    /// Requests that both answered well.
    pub both: u64,
    /// Those that only the lower one did.
    pub only_lower: u64,
    /// Those that only the upper one did.
    pub only_upper: u64,
    /// Those that neither did.
    pub neither: u64,
    /// The upper tier's quality less the lower one's, prompt by prompt.
    pub gap: Option<Difference>,
    /// The largest error of a gate, as likely to turn a good answer away as to let a wrong one through, at which a cascade
    /// from the lower to the upper tier is still as good as the upper one alone: only lower / (only lower + only upper), by
    /// weight. `None` where the tiers never differ.
    pub tolerable_gate_error: Option<f64>,
}

/// Every pair of rungs.
#[must_use]
pub fn pairs(matrix: &Matrix) -> Vec<Pair> {
    let all = (0..matrix.rungs).flat_map(|lower| (lower + 1..matrix.rungs).map(move |upper| (lower, upper)));
    all.map(|(lower, upper)| {
        let mut pair = Pair {
            lower,
            upper,
            both: 0,
            only_lower: 0,
            only_upper: 0,
            neither: 0,
            gap: gap(matrix, lower, upper),
            tolerable_gate_error: None,
        };
        let (mut weight_lower, mut weight_upper) = (0.0, 0.0);
        for row in &matrix.rows {
            let (Some(low), Some(high)) = (row.fact(lower), row.fact(upper)) else { continue };
            match (low.quality > 0.0, high.quality > 0.0) {
                (true, true) => pair.both += 1,
                (true, false) => {
                    pair.only_lower += 1;
                    weight_lower += row.weight;
                }
                (false, true) => {
                    pair.only_upper += 1;
                    weight_upper += row.weight;
                }
                (false, false) => pair.neither += 1,
            }
        }
        let differ = weight_lower + weight_upper;
        pair.tolerable_gate_error = (differ > 0.0).then(|| weight_lower / differ);
        pair
    })
    .collect()
}

/// The difference of two tiers; the prompts of a cluster and their repeats count as one.
fn gap(matrix: &Matrix, lower: usize, upper: usize) -> Option<Difference> {
    // By cluster: weight, and both tiers' quality times the weight.
    let mut clusters: BTreeMap<u32, (f64, f64, f64)> = BTreeMap::new();
    for row in &matrix.rows {
        let quality = |tier: usize| row.fact(tier).map_or(0.0, |fact| fact.quality);
        let sums = clusters.entry(row.unit).or_default();
        sums.0 += row.weight;
        sums.1 += row.weight * quality(upper);
        sums.2 += row.weight * quality(lower);
    }
    let pair = |(weight, first, second): &(f64, f64, f64)| paired::Pair {
        weight: *weight,
        first: first / weight,
        second: second / weight,
    };
    let pairs: Vec<paired::Pair> = clusters.values().map(pair).collect();
    paired::difference(&pairs)
}
