//! The bootstrap of a comparison.
//!
//! Clusters of prompts are drawn again with replacement within each task, all of a cluster together, and every strategy sees the
//! same draw. Strategies are not fitted again for each draw: the intervals are those of the prompts, not of the fitting.

use std::collections::BTreeMap;

use super::matrix::Matrix;
use super::replay::Realised;
use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::frontier::Point;

/// The work of a bootstrap is bounded: fewer draws of a large corpus say as much as many of a small one.
const DRAWN_PROMPTS: usize = 2_000_000;

/// Draws at the least.
const LEAST_RESAMPLES: u32 = 200;

/// The seed and size of the bootstrap, and what its intervals are to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// The seed of the run.
    pub seed: u64,
    /// Draws at the most.
    pub resamples: u32,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// What a wrong answer costs, in USD.
    pub failure_cost: Option<f64>,
    /// How much worse than the best single tier a winner may be, as a difference of pass rates.
    pub margin: f64,
}

impl Drawing {
    /// Draws of a corpus of so many prompts.
    pub(super) fn affordable(self, prompts: u64) -> u32 {
        let most = (DRAWN_PROMPTS / (prompts as usize).max(1)) as u32;
        self.resamples.min(most.max(LEAST_RESAMPLES))
    }
}

/// The bootstrap draws of a strategy: cost and quality, one value per draw.
#[derive(Clone, Debug, Default)]
pub(super) struct Draws {
    pub(super) cost: Vec<f64>,
    pub(super) quality: Vec<f64>,
}

impl Draws {
    pub(super) fn point(&self, at: usize) -> Point {
        let value = |of: &[f64]| of.get(at).copied().unwrap_or(f64::NAN);
        (value(&self.cost), value(&self.quality))
    }
}

pub(super) fn draw(matrix: &Matrix, realised: &[Realised], seed: u64, resamples: u32) -> Vec<Draws> {
    let mut by_task: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, row) in matrix.rows.iter().enumerate() {
        by_task.entry(row.task).or_default().push(at);
    }
    let size = resamples as usize;
    let mut draws = vec![Draws { cost: vec![0.0; size], quality: vec![0.0; size] }; realised.len()];
    for (task, mut rows) in by_task {
        rows.sort_by_key(|at| matrix.rows.get(*at).map(|row| (row.unit, *at)));
        let row = |at: usize| matrix.rows.get(at);
        let clusters: Vec<&[usize]> =
            rows.chunk_by(|a, b| row(*a).map(|row| row.unit) == row(*b).map(|row| row.unit)).collect();
        let share: f64 = rows.iter().filter_map(|at| Some(row(*at)?.weight)).sum();
        let column = |one: &Realised, pick: fn(Point) -> f64| {
            Column::new(clusters.iter().map(|members| {
                let mut sum = (0.0, 0.0);
                for at in *members {
                    let weight = row(*at)?.weight;
                    let value = pick(one.rows.get(*at).copied().flatten()?);
                    sum = (sum.0 + weight * value, sum.1 + weight);
                }
                (sum.1 > 0.0).then(|| (sum.0 / sum.1, sum.1))
            }))
        };
        // Within a task many strategies come to the same: a map is one tier there. They share their draws.
        let mut columns: Vec<Column> = Vec::new();
        let mut place = |column: Column| {
            columns.iter().position(|known| *known == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            })
        };
        let places: Vec<(usize, usize)> = realised
            .iter()
            .map(|one| (place(column(one, |point| point.0)), place(column(one, |point| point.1))))
            .collect();
        let plan = Plan { seed, stream: task as u64, resamples };
        let means = bootstrap::means(plan, &columns);
        for (one, (cost, quality)) in draws.iter_mut().zip(places) {
            for (sums, at) in [(&mut one.cost, cost), (&mut one.quality, quality)] {
                for (sum, mean) in sums.iter_mut().zip(means.get(at).into_iter().flatten()) {
                    *sum += share * mean;
                }
            }
        }
    }
    draws
}
