//! Routes and traffic to money: what a day, a month (365/12 days) and a year (365 days) will cost.
//!
//! A routed request costs what it was measured to cost at every tier that it reaches (`path`), retried attempts included; a request of a
//! baseline costs what was measured on that tier, because it escalates nowhere. Intervals come from the paired bootstrap over each
//! task's prompts, so that savings have an interval of their own, narrower than those of what they compare. The uncertainty of
//! the traffic is not included.

#[cfg(test)]
mod tests;
mod types;

use crate::ident::{TaskName, TierName};
use crate::measure::{self, CellEvidence, Draws, Money, Rate};
use crate::stats::bootstrap;

pub use types::{Baseline, Horizon, Interval, Projection, TaskProjection};

/// Days of a month, on average.
const MONTH: f64 = 365.0 / 12.0;
/// Days of a year.
const YEAR: f64 = 365.0;

/// A task with its route.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'a> {
    /// The task.
    pub name: &'a TaskName,
    /// Expected traffic, where stated.
    pub requests_per_day: Option<f64>,
    /// The task's evidence, one cell per tier.
    pub cells: &'a [CellEvidence],
    /// The tier that serves: its index.
    pub tier: usize,
    /// What a request of the task costs on its route, and as if nothing had come from a cache; `None` where that is not known.
    pub route: Option<&'a [Draws; 2]>,
}

/// What the routes will cost; `confidence` is that of the intervals, `resamples` the number of bootstrap replicates that
/// the evidence holds.
#[must_use]
pub fn project(
    tasks: &[Routed<'_>],
    tiers: &[TierName],
    cheapest_sufficient_tier: Option<usize>,
    resamples: u32,
    confidence: f64,
) -> Projection {
    let size = resamples as usize;
    let figure = Figure { confidence };
    let mut left_out = Vec::new();
    let mut lines = Vec::new();
    let mut projected: Vec<(&Routed<'_>, f64)> = Vec::new();
    let (mut total, mut uncached) = (Sum::new(size), Sum::new(size));
    for task in tasks {
        let line = task.requests_per_day.filter(|traffic| traffic.is_finite()).and_then(|traffic| {
            let [routed, bare] = task.route?;
            let (routed, bare) = (Sum::of(routed)?.times(traffic), Sum::of(bare)?.times(traffic));
            let line = TaskProjection {
                task: task.name.clone(),
                tier: tiers.get(task.tier)?.clone(),
                requests_per_day: traffic,
                routed: figure.horizon(&routed)?,
                routed_uncached: figure.horizon(&bare)?,
                month_by_tier: task
                    .cells
                    .iter()
                    .map(|cell| figure.month(&cell.cost_draws, traffic))
                    .collect(),
            };
            total.add(&routed);
            uncached.add(&bare);
            projected.push((task, traffic));
            Some(line)
        });
        match line {
            Some(line) => lines.push(line),
            None => left_out.push(task.name.clone()),
        }
    }
    let any = !lines.is_empty();
    let baselines = tiers.iter().enumerate().map(|(at, tier)| {
        let cost = if any { single(&projected, at, size) } else { None };
        Baseline {
            tier: tier.clone(),
            pass_rate: pass_rate(&projected, at),
            savings: cost.as_ref().and_then(|cost| figure.savings(&total, cost)),
            cost: cost.and_then(|cost| figure.horizon(&cost)),
        }
    });
    Projection {
        requests_per_day: projected.iter().map(|(_, traffic)| traffic).sum(),
        left_out,
        baselines: baselines.collect(),
        tasks: lines,
        total: if any { figure.horizon(&total) } else { None },
        total_uncached: if any { figure.horizon(&uncached) } else { None },
        cheapest_sufficient_tier: cheapest_sufficient_tier.and_then(|at| tiers.get(at).cloned()),
    }
}

/// USD per day, with its replicates.
#[derive(Clone, Debug)]
struct Sum {
    mean: f64,
    replicates: Vec<f64>,
}

impl Sum {
    fn new(size: usize) -> Self {
        Self { mean: 0.0, replicates: vec![0.0; size] }
    }

    fn of(draws: &Draws) -> Option<Self> {
        Some(Self { mean: draws.mean?, replicates: draws.replicates.clone() })
    }

    fn add(&mut self, other: &Self) {
        self.mean += other.mean;
        for (sum, more) in self.replicates.iter_mut().zip(&other.replicates) {
            *sum += more;
        }
    }

    fn times(mut self, factor: f64) -> Self {
        self.mean *= factor;
        self.replicates.iter_mut().for_each(|value| *value *= factor);
        self
    }
}

/// All tasks on one tier; `None` where it has no cost for one of them.
fn single(tasks: &[(&Routed<'_>, f64)], tier: usize, size: usize) -> Option<Sum> {
    let mut sum = Sum::new(size);
    for (task, traffic) in tasks {
        let draws = &task.cells.get(tier)?.cost_draws;
        sum.add(&Sum::of(draws)?.times(*traffic));
    }
    Some(sum)
}

fn pass_rate(tasks: &[(&Routed<'_>, f64)], tier: usize) -> Option<Rate> {
    measure::combined_rate(tasks.iter().map(|(task, traffic)| (*traffic, task.cells.get(tier))))
}

/// Sums to figures.
#[derive(Clone, Copy)]
struct Figure {
    confidence: f64,
}

impl Figure {
    fn money(self, sum: &Sum, days: f64) -> Option<Money> {
        measure::money(sum.mean * days, sum.replicates.iter().map(|value| value * days), self.confidence)
    }

    fn horizon(self, sum: &Sum) -> Option<Horizon> {
        Some(Horizon {
            day: self.money(sum, 1.0)?,
            month: self.money(sum, MONTH)?,
            year: self.money(sum, YEAR)?,
        })
    }

    fn month(self, draws: &Draws, traffic: f64) -> Option<Money> {
        let days = traffic * MONTH;
        measure::money(draws.mean? * days, draws.replicates.iter().map(|value| value * days), self.confidence)
    }

    /// The savings of `routed` as a share of `baseline`; `None` where the baseline costs nothing.
    fn savings(self, routed: &Sum, baseline: &Sum) -> Option<Interval> {
        if baseline.mean <= 0.0 {
            return None;
        }
        let mean = 1.0 - routed.mean / baseline.mean;
        let pairs = routed.replicates.iter().zip(&baseline.replicates);
        let bounds = bootstrap::interval(pairs.map(|(routed, all)| 1.0 - routed / all), self.confidence)?;
        Some(Interval { mean, low: bounds.low.min(mean), high: bounds.high.max(mean) })
    }
}
