//! Routes and traffic to money: what a day, a month (365/12 days) and a year (365 days) will cost.
//!
//! A routed request costs what it was measured to cost at every tier that it reaches (`path`), retried attempts included; a request of a
//! baseline costs what was measured on that tier, because it escalates nowhere. Intervals come from the paired bootstrap over each
//! task's prompts, so that savings have an interval of their own, narrower than those of what they compare. Where traffic is a range or
//! `[projection]` is there, they are those of a Monte Carlo over all that may come out otherwise (`worlds`).

mod bill;
#[cfg(test)]
mod tests;
mod types;
mod worlds;

use crate::config::{BaselineSettings, ProjectionSettings, Range};
use crate::ident::{TaskName, TierName};
use crate::measure::{self, CellEvidence, Draws};

pub use bill::MONTH;
use bill::{Bills, Line};
pub use types::{
    Baseline, Growth, Horizon, Interval, Projection, Scenario, Source, SourceShare, TaskProjection, TaskTier,
    Today, Weighting,
};
use worlds::{Cost, Otherwise};

/// A task with its route.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'a> {
    /// The task.
    pub name: &'a TaskName,
    /// The configured task that it is of: itself, or the one of which it is a band.
    pub of: &'a TaskName,
    /// Expected traffic, where stated; the likely one of a range.
    pub requests_per_day: Option<f64>,
    /// How low and high it can get, where that is stated.
    pub traffic_range: Option<Range>,
    /// The task's evidence, one cell per tier.
    pub cells: &'a [CellEvidence],
    /// The tier that serves: its index.
    pub tier: usize,
    /// What a request of the task costs on its route; `None` where that is not known.
    pub route: Option<&'a Charged>,
    /// What it costs if the route is wrong, so that the tier serves to which it escalates, and how probable that is: that its tier does
    /// not meet the floor by which it serves. `None` where nothing else would serve.
    pub otherwise: Option<(&'a Charged, f64)>,
    /// The part of each tier's cost that pays for output tokens, where known.
    pub output_shares: &'a [Option<f64>],
}

/// What a request costs on a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Charged {
    /// As billed, and as if nothing had come from a cache.
    pub draws: [Draws; 2],
    /// The part of the cost that pays for output tokens, where known.
    pub output: Option<f64>,
}

/// What a projection is made with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The ladder.
    pub tiers: &'a [TierName],
    /// The cheapest tier that is good enough for every task.
    pub cheapest_sufficient_tier: Option<usize>,
    /// What tasks are weighted by.
    pub weighted_by: Weighting,
    /// `[projection]`.
    pub settings: &'a ProjectionSettings,
    /// `[baseline]`.
    pub baseline: Option<&'a BaselineSettings>,
    /// Bootstrap replicates that the evidence holds.
    pub resamples: u32,
    /// The seed of the run.
    pub seed: u64,
    /// Confidence of the intervals, 0 to 1.
    pub confidence: f64,
}

/// What the routes will cost.
#[must_use]
pub fn project(tasks: &[Routed<'_>], setup: &Setup<'_>) -> Projection {
    let size = setup.resamples as usize;
    let mut left_out = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    let mut projected: Vec<&Routed<'_>> = Vec::new();
    for task in tasks {
        match task.line() {
            Some(line) => {
                lines.push(line);
                projected.push(task);
            }
            None => left_out.push(task.name.clone()),
        }
    }
    let bills = Bills::new(&lines, setup.settings, size, setup.seed, setup.confidence);
    let at = |task: usize, tier: usize| {
        let task = projected.get(task)?;
        task.single(tier)
    };
    let line = |(number, task): (usize, &&Routed<'_>)| {
        Some(TaskProjection {
            task: task.name.clone(),
            tier: setup.tiers.get(task.tier)?.clone(),
            requests_per_day: task.requests_per_day?,
            routed: bills.horizon(&bills.routed(number, false)?)?,
            routed_uncached: bills.horizon(&bills.routed(number, true)?)?,
            month_by_tier: (0..task.cells.len())
                .map(|tier| Some(bills.horizon(&bills.one(number, &at(number, tier)?)?)?.month))
                .collect(),
        })
    };
    let any = !lines.is_empty();
    let total = any.then(|| bills.total(false, worlds::Varies::All));
    let uncached = any.then(|| bills.total(true, worlds::Varies::All));
    let pass_rate = |tier: &dyn Fn(&Routed<'_>) -> Option<usize>| {
        let strata = projected.iter().map(|task| {
            (task.requests_per_day.unwrap_or(0.0), tier(task).and_then(|tier| task.cells.get(tier)))
        });
        measure::combined_rate(strata)
    };
    let baselines = setup.tiers.iter().enumerate().map(|(tier, name)| {
        let cost = if any { bills.plan(&|task| at(task, tier)) } else { None };
        Baseline {
            tier: name.clone(),
            pass_rate: pass_rate(&|_| Some(tier)),
            savings: total.as_ref().zip(cost.as_ref()).and_then(|(total, cost)| bills.savings(total, cost)),
            cost: cost.and_then(|cost| bills.horizon(&cost)),
        }
    });
    let today = setup.baseline.filter(|_| any).map(|baseline| {
        let tier = |task: &Routed<'_>| {
            let name = baseline.of(task.of)?;
            setup.tiers.iter().position(|tier| tier == name)
        };
        let cost = bills.plan(&|number| at(number, tier(projected.get(number)?)?));
        Today {
            tiers: projected
                .iter()
                .filter_map(|task| {
                    Some(TaskTier { task: task.name.clone(), tier: baseline.of(task.of)?.clone() })
                })
                .collect(),
            pass_rate: pass_rate(&tier),
            savings: total.as_ref().zip(cost.as_ref()).and_then(|(total, cost)| bills.savings(total, cost)),
            cost: cost.and_then(|cost| bills.horizon(&cost)),
        }
    });
    Projection {
        requests_per_day: lines.iter().map(|line| line.traffic).sum(),
        left_out,
        baselines: baselines.collect(),
        tasks: projected.iter().enumerate().filter_map(line).collect(),
        total: total.as_ref().and_then(|total| bills.horizon(total)),
        total_uncached: uncached.and_then(|total| bills.horizon(&total)),
        cheapest_sufficient_tier: setup.cheapest_sufficient_tier.and_then(|at| setup.tiers.get(at).cloned()),
        today,
        sources: any.then(|| bills.shares()),
        growth: total.as_ref().and_then(|total| bills.grown(total)),
        scenarios: Some(bills.scenarios()).filter(|scenarios| !scenarios.is_empty()),
        weighted_by: Some(setup.weighted_by),
    }
}

impl Charged {
    fn cost(&self) -> Option<Cost> {
        let [billed, bare] = &self.draws;
        cost(billed, bare, self.output)
    }
}

fn cost(billed: &Draws, bare: &Draws, output: Option<f64>) -> Option<Cost> {
    Some(Cost {
        mean: billed.mean?,
        replicates: billed.replicates.clone(),
        bare: bare.mean?,
        bare_replicates: bare.replicates.clone(),
        output,
    })
}

impl Routed<'_> {
    /// What the bills need to know of the task; `None` where its traffic or a price is unknown.
    fn line(&self) -> Option<Line> {
        let otherwise = self.otherwise.filter(|(_, probability)| *probability > 0.0);
        Some(Line {
            traffic: self.requests_per_day.filter(|traffic| traffic.is_finite())?,
            range: self.traffic_range,
            of: self.of.clone(),
            routed: self.route?.cost()?,
            otherwise: otherwise
                .and_then(|(charged, probability)| Some(Otherwise { cost: charged.cost()?, probability })),
        })
    }

    /// What a request costs on a tier alone.
    fn single(&self, tier: usize) -> Option<Cost> {
        let cell = self.cells.get(tier)?;
        let output = self.output_shares.get(tier).copied().flatten();
        cost(&cell.cost_draws, &cell.uncached_draws, output)
    }
}
