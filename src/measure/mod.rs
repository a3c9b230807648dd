//! Verdicts and attempts to cells: the evidence for each pair of task and tier.
//!
//! Evidence only: what a cell is good for is decided in `policy`. Everything is weighted by the prompts' weights; a
//! prompt's repeats share its weight; the unit of evidence is the cluster: prompts that are alike count once. Figures are not rounded here.

mod availability;
mod cell;
mod estimate;
mod evidence;
mod facts;
mod timings;
mod versus;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::config::IntervalMethod;
use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::interval::{self, Bounds, Stratum};
use crate::stats::weighted::{self, Estimate};

pub use availability::{Availability, Calls};
pub use cell::{Grade, column, united};
pub use estimate::{money, rate, usd};
pub use evidence::{CellEvidence, Draws, Observation, Settings, TierEvidence, Versus};
pub use facts::{Counts, Latency, Money, PassPower, Rate, ReasonCount, Repeats, TokenStats};
pub use timings::{Time, Timings, Within};

/// The evidence of every cell: one row per task, with one cell per tier. Observations of other tasks or tiers are left out.
/// Their order does not matter.
#[must_use]
pub fn cells(
    observations: &[Observation],
    tasks: usize,
    tiers: usize,
    settings: &Settings,
) -> Vec<Vec<CellEvidence>> {
    let buckets = Buckets::new(observations, tasks, tiers);
    (0..tasks)
        .map(|task| {
            let units = buckets.units(task);
            let cells: Vec<_> = (0..tiers).map(|tier| cell::Cell::new(buckets.cell(task, tier))).collect();
            let columns: Vec<Column> = cells.iter().flat_map(|cell| cell.columns(&units)).collect();
            let plan = Plan { seed: settings.seed, stream: task as u64, resamples: settings.resamples };
            let mut replicates = bootstrap::means(plan, &columns).into_iter();
            let mut draws = columns.iter().map(|column| Draws {
                mean: column.mean(),
                replicates: replicates.next().unwrap_or_default(),
            });
            let mut next = || draws.next().unwrap_or_default();
            let evidence = cells.iter().enumerate().map(|(tier, cell)| CellEvidence {
                versus: versus::of(tier, &cells),
                ..cell.evidence(settings, [next(), next(), next()])
            });
            evidence.collect()
        })
        .collect()
}

/// Each tier over all tasks, a task counting by its share (of traffic, or of the corpus' weight). Shares need not add
/// up to 1.
#[must_use]
pub fn over_tasks(
    observations: &[Observation],
    cells: &[Vec<CellEvidence>],
    shares: &[f64],
    confidence: f64,
) -> Vec<TierEvidence> {
    let tiers = cells.first().map_or(0, Vec::len);
    let buckets = Buckets::new(observations, cells.len(), tiers);
    (0..tiers)
        .map(|tier| {
            let column = || cells.iter().map(|row| row.get(tier)).zip(shares.iter().copied());
            let latencies = column().enumerate().flat_map(|(task, (_, share))| {
                cell::Cell::new(buckets.cell(task, tier)).latencies_scaled(share)
            });
            TierEvidence {
                pass_rate: combined_rate(column().map(|(cell, share)| (share, cell))),
                latency: Timings(latencies.collect()).latency(confidence),
                cost: combined_mean(
                    column().map(|(cell, share)| (share, cell.and_then(|cell| cell.cost_draws.mean))),
                ),
            }
        })
        .collect()
}

/// The pass rate over several tasks by their shares, its interval from those of the cells by variance recovery; `None` where a task
/// with a share has none.
#[must_use]
pub fn combined_rate<'a>(strata: impl IntoIterator<Item = (f64, Option<&'a CellEvidence>)>) -> Option<Rate> {
    combined_rates(strata.into_iter().map(|(share, cell)| (share, cell.and_then(|cell| cell.pass_rate))))
}

/// A rate over several tasks by their shares, its interval from theirs by variance recovery; `None` where a task with a share has none.
#[must_use]
pub fn combined_rates(strata: impl IntoIterator<Item = (f64, Option<Rate>)>) -> Option<Rate> {
    let mut n = 0;
    let mut found = Vec::new();
    let mut estimates = Vec::new();
    for (share, rate) in strata {
        estimates.push((share, rate.map(|rate| Estimate { mean: rate.mean, n_eff: rate.n_eff })));
        if let Some(rate) = rate.filter(|_| share > 0.0) {
            n += rate.n;
            let bounds = Bounds { low: rate.low, high: rate.high };
            found.push(Stratum { share, mean: rate.mean, bounds });
        }
    }
    let Estimate { n_eff, .. } = weighted::combine(estimates)?;
    let (mean, bounds) = interval::stratified(&found)?;
    let interval = IntervalMethod::default();
    Some(Rate { mean, low: bounds.low.min(mean), high: bounds.high.max(mean), n, n_eff, interval })
}

/// The pass rate of a tier minus that of another one over several tasks by their shares, compared prompt by prompt: the difference,
/// and its interval by Tango's score test at each task and variance recovery over them. `None` where a task with a share has none.
#[must_use]
pub fn combined_difference<'a>(
    strata: impl IntoIterator<Item = (f64, Option<&'a CellEvidence>)>,
    other: usize,
    confidence: f64,
) -> Option<(f64, Bounds)> {
    let mut found = Vec::new();
    for (share, cell) in strata {
        if share > 0.0 {
            let seen = cell?.versus.iter().find(|versus| versus.other == other)?.seen?;
            found.push(Stratum { share, mean: seen.mean, bounds: seen.interval(confidence)? });
        }
    }
    interval::stratified(&found)
}

/// A mean over several tasks by their shares, replicate by replicate; `None` where a task with a share has none.
#[must_use]
pub fn combined_draws<'a>(strata: impl IntoIterator<Item = (f64, Option<&'a Draws>)>) -> Option<Draws> {
    let mut all: Vec<(f64, &Draws)> = Vec::new();
    for (share, draws) in strata {
        if share > 0.0 {
            all.push((share, draws?));
        }
    }
    let whole: f64 = all.iter().map(|(share, _)| share).sum();
    let size = all.first().filter(|_| whole > 0.0)?.1.replicates.len();
    let mut sum = Draws { mean: Some(0.0), replicates: vec![0.0; size] };
    for (share, draws) in all {
        sum.mean = sum.mean.zip(draws.mean).map(|(sum, mean)| sum + share / whole * mean);
        for (sum, value) in sum.replicates.iter_mut().zip(&draws.replicates) {
            *sum += share / whole * value;
        }
    }
    sum.mean.is_some().then_some(sum)
}

/// A mean over strata by their shares; `None` where a stratum with a share has none.
fn combined_mean(strata: impl IntoIterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let mut values = Vec::new();
    for (share, value) in strata {
        if share > 0.0 {
            values.push((value?, share));
        }
    }
    weighted::mean(values)
}

/// Observations by task and tier, in canonical order: by cluster, prompt and repeat.
struct Buckets<'a> {
    cells: BTreeMap<(usize, usize), Vec<&'a Observation>>,
}

impl<'a> Buckets<'a> {
    fn new(observations: &'a [Observation], tasks: usize, tiers: usize) -> Self {
        let mut cells: BTreeMap<_, Vec<&Observation>> = BTreeMap::new();
        for observation in observations {
            let at = (usize::from(observation.task), usize::from(observation.tier));
            if at.0 < tasks && at.1 < tiers {
                cells.entry(at).or_default().push(observation);
            }
        }
        for cell in cells.values_mut() {
            cell.sort_by_key(|observation| (observation.unit(), observation.prompt, observation.repeat));
        }
        Self { cells }
    }

    fn cell(&self, task: usize, tier: usize) -> &[&'a Observation] {
        self.cells.get(&(task, tier)).map_or(&[], Vec::as_slice)
    }

    /// The task's clusters, sorted.
    fn units(&self, task: usize) -> Vec<u32> {
        let of_task = self.cells.range((task, 0)..=(task, usize::MAX));
        let mut units: Vec<u32> = of_task.flat_map(|(_, cell)| cell.iter().map(|o| o.unit())).collect();
        units.sort_unstable();
        units.dedup();
        units
    }
}
