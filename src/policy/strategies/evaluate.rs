//! Strategies, applied, to figures: means, paired bootstrap intervals, and who is on the frontier how often.
//!
//! Prompts are drawn again with replacement within each task, all repeats of a prompt together, and every strategy sees the
//! same draw. Strategies are not fitted again for each draw: the intervals are those of the prompts, not of the fitting.

use std::collections::BTreeMap;

use super::figures::{self, Figures};
use super::{Applied, Fact, Matrix, Means, Path, Paths, Row, STRATEGIES, Standing, World};
use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::frontier::{self, Point};
use crate::stats::quantile::Sorted;

/// The work of a bootstrap is bounded: fewer draws of a large corpus say as much as many of a small one.
const DRAWN_PROMPTS: usize = 2_000_000;
/// Draws at the least.
const LEAST_RESAMPLES: u32 = 200;

/// A mean with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Span {
    /// The estimate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// What a strategy is better or worse by, requests compared one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gap {
    /// Quality above that of the best single tier.
    pub quality: Span,
    /// The share of that tier's cost that is saved; `None` where it costs nothing.
    pub saving: Option<Span>,
}

/// Every strategy on the same answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The strategies, in the order of the registry.
    pub figures: Vec<Figures>,
    /// The rung with the best quality.
    pub best: usize,
    /// The cheapest rung.
    pub weak: usize,
    /// The costs that AIQ is taken over: USD a request of the cheapest and of the dearest rung.
    pub range: (f64, f64),
    /// Different prompts that are compared.
    pub prompts: u64,
    /// Prompts that are not, because a rung's answer has no grade or no price.
    pub left_out: u64,
    /// Parts that the prompts were dealt into.
    pub folds: u32,
    /// Draws of the bootstrap.
    pub resamples: u32,
}

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
}

/// The cheapest rung and the best one (the cheapest of several); `None` without a rung.
#[must_use]
pub fn ends(means: &[Means]) -> Option<(usize, usize)> {
    let rungs = || means.iter().enumerate();
    let (weak, _) = rungs().min_by(|a, b| a.1.cost.total_cmp(&b.1.cost))?;
    let better = |a: &Means, b: &Means| a.quality.total_cmp(&b.quality).then(b.cost.total_cmp(&a.cost));
    let (strong, _) = rungs().max_by(|a, b| better(a.1, b.1).then(b.0.cmp(&a.0)))?;
    Some((weak, strong))
}

/// Applies every strategy and compares them; `None` where no request can be compared.
#[must_use]
pub fn compare(world: &World<'_>, drawing: Drawing) -> Option<Comparison> {
    let applied: Vec<Applied> = STRATEGIES.iter().flat_map(|strategy| (strategy.apply)(world)).collect();
    let realised: Vec<Realised> = applied.iter().map(|one| realise(world.matrix, one)).collect();
    let most = (DRAWN_PROMPTS / (world.matrix.prompts as usize).max(1)) as u32;
    let resamples = drawing.resamples.min(most.max(LEAST_RESAMPLES));
    let draws = draw(world.matrix, &realised, drawing.seed, resamples);
    let best = applied.iter().position(|one| one.id == format!("single:{}", world.name(world.strong)))?;
    let singles: Vec<usize> = (0..applied.len())
        .filter(|at| applied.get(*at).is_some_and(|one| one.standing == Standing::Single))
        .collect();
    let frontier = on_the_frontier(&applied, &draws, resamples);
    let costs = || world.means.iter().map(|mean| mean.cost);
    let range = (costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max));
    let context = figures::Context { world, drawing, range, best, singles: &singles, draws: &draws };
    let figures = applied
        .iter()
        .zip(&realised)
        .enumerate()
        .filter_map(|(at, (applied, realised))| {
            context.figures(at, applied, realised, frontier.get(at).copied()?)
        })
        .collect();
    Some(Comparison {
        figures,
        best: world.strong,
        weak: world.weak,
        range,
        prompts: world.matrix.prompts,
        left_out: world.matrix.left_out,
        folds: world.matrix.folds,
        resamples,
    })
}

/// What a strategy came to, row by row.
pub(super) struct Realised {
    /// Quality and USD of each row; `None` where a tier that it tries has no answer.
    pub(super) rows: Vec<Option<Point>>,
    /// Median and 95th percentile in milliseconds; `None` where a latency is not known.
    pub(super) latency: Option<(f64, f64)>,
    /// The share of requests that more than one tier was tried for.
    pub(super) escalated: f64,
    /// The share of requests that each tier's answer stands for.
    pub(super) answered_by: Vec<f64>,
}

/// The facts of a path's tiers, in order; `None` where one is missing.
pub(super) fn facts<'a>(row: &'a Row, path: &Path) -> Option<Vec<&'a Fact>> {
    path.tried.iter().map(|tier| row.fact(usize::from(*tier))).collect()
}

fn realise(matrix: &Matrix, applied: &Applied) -> Realised {
    let tiers = matrix.rows.first().map_or(0, |row| row.facts.len());
    let mut realised = Realised {
        rows: Vec::with_capacity(matrix.rows.len()),
        latency: None,
        escalated: 0.0,
        answered_by: vec![0.0; tiers],
    };
    // Every request's latency, only until its quantiles are known: all strategies' at once would be most of the memory.
    let mut latencies = Some(Vec::with_capacity(matrix.rows.len()));
    let mut weight = 0.0;
    for (row, paths) in matrix.rows.iter().zip(&applied.paths) {
        let point = row_point(row, paths, applied.overhead.0);
        realised.rows.push(point);
        if point.is_none() {
            continue;
        }
        weight += row.weight;
        for path in paths.iter().filter(|path| path.share > 0.0) {
            let part = row.weight * path.share;
            let Some(facts) = facts(row, path) else { continue };
            if path.tried.len() > 1 {
                realised.escalated += part;
            }
            if let Some(share) =
                path.tried.last().and_then(|last| realised.answered_by.get_mut(usize::from(*last)))
            {
                *share += part;
            }
            let total: Option<f64> = facts.iter().map(|fact| fact.latency).sum();
            match (&mut latencies, total) {
                (Some(latencies), Some(total)) => latencies.push((total + applied.overhead.1, part)),
                (all, None) => *all = None,
                (None, Some(_)) => {}
            }
        }
    }
    realised.latency = latencies.and_then(Sorted::weighted).map(|sorted| (sorted.at(0.5), sorted.at(0.95)));
    if weight > 0.0 {
        realised.escalated /= weight;
        realised.answered_by.iter_mut().for_each(|share| *share /= weight);
    }
    realised
}

/// Cost and quality of a row, as expected over its paths.
fn row_point(row: &Row, paths: &[Path], overhead: f64) -> Option<Point> {
    let (mut cost, mut quality) = (overhead, 0.0);
    for path in paths {
        for tier in &path.tried {
            cost += path.share * row.fact(usize::from(*tier))?.cost;
        }
        quality += path.share * row.fact(usize::from(*path.tried.last()?))?.quality;
    }
    Some((cost, quality))
}

/// Cost and quality over all rows; `None` where one is not known.
pub(super) fn point(matrix: &Matrix, paths: &[Paths]) -> Option<Point> {
    let mut sum = (0.0, 0.0);
    for (row, paths) in matrix.rows.iter().zip(paths) {
        let (cost, quality) = row_point(row, paths, 0.0)?;
        sum = (sum.0 + row.weight * cost, sum.1 + row.weight * quality);
    }
    (!matrix.rows.is_empty()).then_some(sum)
}

/// Cost and quality over all rows, each answered by a single tier; `None` where one is not known.
pub(super) fn point_of_tiers<'a>(
    matrix: &'a Matrix,
    tier: impl Fn(usize, &'a Row) -> usize,
) -> Option<Point> {
    let mut sum = (0.0, 0.0);
    for (at, row) in matrix.rows.iter().enumerate() {
        let fact = row.fact(tier(at, row))?;
        sum = (sum.0 + row.weight * fact.cost, sum.1 + row.weight * fact.quality);
    }
    (!matrix.rows.is_empty()).then_some(sum)
}

/// The bootstrap draws of a strategy: cost and quality, a value a draw.
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

fn draw(matrix: &Matrix, realised: &[Realised], seed: u64, resamples: u32) -> Vec<Draws> {
    let mut by_task: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, row) in matrix.rows.iter().enumerate() {
        by_task.entry(row.task).or_default().push(at);
    }
    let size = resamples as usize;
    let mut draws = vec![Draws { cost: vec![0.0; size], quality: vec![0.0; size] }; realised.len()];
    for (task, rows) in by_task {
        let row = |at: usize| matrix.rows.get(at);
        let prompts: Vec<&[usize]> =
            rows.chunk_by(|a, b| row(*a).map(|row| row.prompt) == row(*b).map(|row| row.prompt)).collect();
        let share: f64 = rows.iter().filter_map(|at| Some(row(*at)?.weight)).sum();
        let column = |one: &Realised, pick: fn(Point) -> f64| {
            Column::new(prompts.iter().map(|repeats| {
                let mut sum = (0.0, 0.0);
                for at in *repeats {
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

/// The share of draws in which each strategy is beaten by none that could be deployed, itself included.
fn on_the_frontier(applied: &[Applied], draws: &[Draws], resamples: u32) -> Vec<Option<f64>> {
    let runs = |one: &Applied| match one.standing {
        Standing::Single | Standing::Deployable | Standing::Routes | Standing::Outside => true,
        Standing::Bound => false,
    };
    let among: Vec<usize> =
        applied.iter().enumerate().filter(|(_, one)| runs(one)).map(|(at, _)| at).collect();
    let mut counts = vec![0_u32; applied.len()];
    for draw in 0..resamples as usize {
        let points: Vec<Point> = among.iter().filter_map(|at| Some(draws.get(*at)?.point(draw))).collect();
        for (at, unbeaten) in among.iter().zip(frontier::unbeaten(&points)) {
            if let Some(count) = counts.get_mut(*at) {
                *count += u32::from(unbeaten);
            }
        }
    }
    let share =
        |at: usize, count: u32| among.contains(&at).then(|| f64::from(count) / f64::from(resamples.max(1)));
    counts.into_iter().enumerate().map(|(at, count)| share(at, count)).collect()
}
