//! The figures of one strategy: the field's metrics, each with the paper that defines it.
//!
//! CostSave, Gap: LLMRouterBench (arXiv 2601.07206). QNC: UniRoute. AIQ: RouterBench (2403.12031). PGR, APGR, CPT: RouteLLM
//! (2406.18665). Opt.Sel, Opt.Cost, Opt.Acc: RouterArena (2510.00202), as ratios of sums, as its code has them. IBC lift:
//! AutoMix. Cost of a pass: 2504.13359. Expected bill: TwinRouterBench (2605.18859), with the user's own price of a failure.

use std::collections::BTreeMap;

use super::drawing::{Drawing, Draws};
use super::matrix::{Matrix, Means, Row};
use super::perfect;
use super::replay::{self, Realised};
use super::strategy::{Applied, Standing, World};
use crate::stats::frontier::{self, Point};
use crate::stats::interval::{self, Stratum};
use crate::stats::paired::{self, Pair};
use crate::stats::weighted::{self, Cluster};
use crate::stats::{bootstrap, skew};

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

/// The difference between a strategy and the best single tier, compared request by request: quality by Tango's score interval for
/// each task and variance recovery over them, savings by the bootstrap.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gap {
    /// Quality above that of the best single tier.
    pub quality: Span,
    /// The share of that tier's cost that is saved; `None` where it costs nothing.
    pub savings: Option<Span>,
}

/// How a strategy chose, on the requests that some tier passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// The share that it sent to the cheapest tier that passed, and to no other.
    pub optimal: f64,
    /// What the cheapest passing tiers cost, as a share of what it cost.
    pub cost: f64,
    /// The share that it answered well.
    pub quality: f64,
}

/// What a task adds to a strategy's means: its share of the requests, and by it USD per request and quality.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// The share of the requests.
    pub weight: f64,
    /// USD per request, times the share.
    pub cost: f64,
    /// Quality, times the share.
    pub quality: f64,
}

/// The figures of a strategy. Costs are USD per request; shares are 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// A short stable name.
    pub id: String,
    /// Its label in reports.
    pub label: String,
    /// What it is in the comparison.
    pub standing: Standing,
    /// Requests that it was replayed on.
    pub n: u64,
    /// Quality.
    pub quality: Span,
    /// Cost.
    pub cost: Span,
    /// Median and 95th percentile of the latency, in milliseconds; `None` where one was not measured.
    pub latency: Option<(f64, f64)>,
    /// The share of requests that more than one tier was tried for.
    pub escalated: f64,
    /// The share of requests that each tier's answer stands for, rungs first.
    pub answered_by: Vec<f64>,
    /// Against the best single tier.
    pub gap: Gap,
    /// For a single tier: the quality of the routes, decided on other prompts, above its own.
    pub routed_gap: Option<Span>,
    /// Gain over random routing: quality minus that of random routing at the same cost; `None` where no mixture is as cheap.
    pub gain_over_random: Option<Span>,
    /// The largest cut in cost that it reaches at no less than the best single tier's quality; `None` where it reaches none.
    pub cost_save: Option<f64>,
    /// Mean quality over the range of the tiers' costs, mixing allowed.
    pub aiq: Option<f64>,
    /// The share of the gap between the cheapest and the best tier that it recovers.
    pub pgr: Option<f64>,
    /// The same averaged over the share of strong calls, for what is swept between two tiers.
    pub apgr: Option<f64>,
    /// The least share of strong calls that recovers half of the gap, and four fifths.
    pub cpt: (Option<f64>, Option<f64>),
    /// How it chose; `None` where no tier passed anything.
    pub selection: Option<Selection>,
    /// Quality gained per dollar over the cheapest tier, relative to the best tier; 0 is equal.
    pub ibc_lift: Option<f64>,
    /// USD for a good answer.
    pub cost_of_pass: Option<f64>,
    /// USD per request, wrong answers at the user's price included.
    pub expected_bill: Option<f64>,
    /// The share of draws in which no deployable strategy dominates it; `None` for upper bounds.
    pub frontier: Option<f64>,
    /// Cost and quality if fitted on the prompts that it is judged on, for what is fitted: flattering.
    pub in_sample: Option<Point>,
    /// AIQ of the same.
    pub in_sample_aiq: Option<f64>,
    /// For a task map: by how much it can be dearer than the cheapest that keeps as much, as a share; 0 where it is the cheapest.
    pub map_gap: Option<f64>,
    /// What each task adds to quality and cost.
    pub by_task: BTreeMap<usize, Part>,
}

/// What all strategies share.
pub(super) struct Context<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) drawing: Drawing,
    pub(super) range: (f64, f64),
    /// Where the best single tier stands among the strategies.
    pub(super) best: usize,
    /// Where the single tiers stand.
    pub(super) singles: &'a [usize],
    pub(super) draws: &'a [Draws],
    /// What each strategy came to.
    pub(super) realised: &'a [Realised],
    /// Where the routes that compete stand.
    pub(super) routed: Option<usize>,
    /// The rows of each cluster, by task.
    pub(super) clusters: &'a [Vec<Vec<usize>>],
}

/// The rows of each cluster, by task.
pub(super) fn clusters(matrix: &Matrix) -> Vec<Vec<Vec<usize>>> {
    let mut tasks: BTreeMap<usize, BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for (at, row) in matrix.rows.iter().enumerate() {
        tasks.entry(row.task).or_default().entry(row.unit).or_default().push(at);
    }
    tasks.into_values().map(|clusters| clusters.into_values().collect()).collect()
}

impl Context<'_> {
    pub(super) fn figures(
        &self,
        at: usize,
        applied: &Applied,
        realised: &Realised,
        frontier: Option<f64>,
    ) -> Option<Figures> {
        let world = self.world;
        let (cost, quality) = mean(world, realised)?;
        let draws = self.draws.get(at)?;
        let best = self.draws.get(self.best)?;
        let (weak_mean, best_mean) = (world.mean(world.weak), world.mean(world.strong));
        let pairs = |value: fn(Point, Point) -> f64| {
            let count = draws.cost.len();
            (0..count).map(move |draw| value(draws.point(draw), best.point(draw)))
        };
        let singles = self.single_points();
        let gain_over_random = frontier::mixture(&singles, cost).and_then(|mix| {
            self.difference(realised, |row| {
                mix.iter().map(|(tier, share)| Some(share * row.fact(*tier)?.quality)).sum()
            })
        });
        let reach = |curve: &[Point], own: Point| {
            let mut points = singles.clone();
            points.extend_from_slice(curve);
            points.push(own);
            frontier::hull(&points)
        };
        let own_hull = reach(&applied.curve, (cost, quality));
        let aiq = |hull: &[Point]| frontier::aiq(hull, self.range.0, self.range.1);
        let in_sample = replay::in_sample(world.matrix, applied);
        let recover = |quality| frontier::recovered(quality, weak_mean.quality, best_mean.quality);
        let cpt =
            |part: f64| frontier::cpt(applied.sweep.as_ref()?, weak_mean.quality, best_mean.quality, part);
        Some(Figures {
            id: applied.id.clone(),
            label: applied.label.clone(),
            standing: applied.standing,
            n: realised.rows.iter().flatten().count() as u64,
            quality: self.quality(realised)?,
            cost: self.money(cost, &draws.cost),
            latency: realised.latency,
            escalated: realised.escalated,
            answered_by: realised.answered_by.clone(),
            gap: Gap {
                quality: if at == self.best {
                    Span::default()
                } else {
                    self.difference(realised, |row| Some(row.fact(world.strong)?.quality))?
                },
                savings: (best_mean.cost > 0.0)
                    .then(|| self.span(1.0 - cost / best_mean.cost, pairs(|own, best| 1.0 - own.0 / best.0))),
            },
            routed_gap: self.routed_gap(at, applied),
            gain_over_random: gain_over_random.filter(|_| applied.standing != Standing::Single),
            cost_save: cheapest_as_good(applied, (cost, quality), best_mean.quality)
                .filter(|_| best_mean.cost > 0.0)
                .map(|least| 1.0 - least / best_mean.cost),
            aiq: aiq(&own_hull),
            pgr: recover(quality),
            apgr: applied
                .sweep
                .as_ref()
                .and_then(|sweep| frontier::apgr(sweep, weak_mean.quality, best_mean.quality)),
            cpt: (cpt(0.5), cpt(0.8)),
            selection: selection(world, applied, realised),
            ibc_lift: ibc_lift((cost, quality), weak_mean, best_mean),
            cost_of_pass: (quality > 0.0).then(|| cost / quality),
            expected_bill: self.drawing.failure_cost.map(|price| cost + price * (1.0 - quality)),
            frontier,
            in_sample,
            in_sample_aiq: in_sample.and_then(|own| aiq(&reach(&applied.in_sample_curve, own))),
            map_gap: applied.map_gap,
            by_task: by_task(world, realised),
        })
    }

    /// The quality of a strategy: Wilson's interval on the clusters of each task, and variance recovery over the tasks.
    fn quality(&self, realised: &Realised) -> Option<Span> {
        let strata = self.clusters.iter().filter_map(|clusters| {
            let units = self.units(clusters, |at| Some((realised.rows.get(at).copied()??.1, 0.0)));
            let share = units.iter().map(|unit| unit.weight).sum();
            let means = units.iter().map(|unit| Cluster { weight: unit.weight, mean: unit.first, trials: 1 });
            let found = weighted::estimate(&means.collect::<Vec<_>>())?;
            let bounds = interval::wilson(found.mean, found.n_eff, self.drawing.confidence)?;
            Some(Stratum { share, mean: found.mean, bounds })
        });
        over(&strata.collect::<Vec<_>>())
    }

    /// The quality of a strategy above another one's, request by request: Tango's interval on the clusters of each task, and variance
    /// recovery over the tasks.
    fn difference(&self, own: &Realised, other: impl Fn(&Row) -> Option<f64>) -> Option<Span> {
        let rows = &self.world.matrix.rows;
        let strata = self.clusters.iter().filter_map(|clusters| {
            let both = |at: usize| Some((own.rows.get(at).copied()??.1, other(rows.get(at)?)?));
            let units = self.units(clusters, both);
            let share = units.iter().map(|unit| unit.weight).sum();
            let seen = paired::difference(&units)?;
            let bounds = seen.interval(self.drawing.confidence)?;
            Some(Stratum { share, mean: seen.mean, bounds })
        });
        over(&strata.collect::<Vec<_>>())
    }

    /// The clusters of a task, each with its weight and the weighted means of two values; rows without one are left out.
    fn units(&self, clusters: &[Vec<usize>], values: impl Fn(usize) -> Option<Point>) -> Vec<Pair> {
        let unit = |rows: &Vec<usize>| {
            let mut sum = Pair { weight: 0.0, first: 0.0, second: 0.0 };
            for at in rows {
                let Some((row, (first, second))) = self.world.matrix.rows.get(*at).zip(values(*at)) else {
                    continue;
                };
                sum.weight += row.weight;
                sum.first += row.weight * first;
                sum.second += row.weight * second;
            }
            (sum.weight > 0.0).then(|| Pair {
                weight: sum.weight,
                first: sum.first / sum.weight,
                second: sum.second / sum.weight,
            })
        };
        clusters.iter().filter_map(unit).collect()
    }

    fn routed_gap(&self, at: usize, applied: &Applied) -> Option<Span> {
        let tier = self.singles.iter().position(|single| *single == at)?;
        let routed = self.realised.get(self.routed.filter(|_| applied.standing == Standing::Single)?)?;
        self.difference(routed, |row| Some(row.fact(tier)?.quality))
    }

    fn single_points(&self) -> Vec<Point> {
        self.world.means.iter().map(|mean| (mean.cost, mean.quality)).collect()
    }

    /// The interval of a mean cost, as every bill has it: the same quantity has one interval.
    fn money(&self, mean: f64, drawn: &[f64]) -> Span {
        let bounds = skew::interval(mean, drawn, self.drawing.confidence);
        let (low, high) = bounds.map_or((mean, mean), |b| (b.low, b.high));
        Span { mean, low, high }
    }

    /// The percentile interval, widened to hold the mean.
    fn span(&self, mean: f64, drawn: impl IntoIterator<Item = f64>) -> Span {
        let bounds = bootstrap::interval(drawn, self.drawing.confidence);
        let (low, high) = bounds.map_or((mean, mean), |b| (b.low.min(mean), b.high.max(mean)));
        Span { mean, low, high }
    }
}

fn over(strata: &[Stratum]) -> Option<Span> {
    let (mean, bounds) = interval::stratified(strata)?;
    Some(Span { mean, low: bounds.low, high: bounds.high })
}

fn mean(world: &World<'_>, realised: &Realised) -> Option<Point> {
    let mut sum = (0.0, 0.0);
    let mut weight = 0.0;
    for (row, point) in world.matrix.rows.iter().zip(&realised.rows) {
        if let Some((cost, quality)) = point {
            sum = (sum.0 + row.weight * cost, sum.1 + row.weight * quality);
            weight += row.weight;
        }
    }
    (weight > 0.0).then(|| (sum.0 / weight, sum.1 / weight))
}

fn by_task(world: &World<'_>, realised: &Realised) -> BTreeMap<usize, Part> {
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    for (row, point) in world.matrix.rows.iter().zip(&realised.rows) {
        if let Some((cost, quality)) = point {
            let part = parts.entry(row.task).or_default();
            part.weight += row.weight;
            part.cost += row.weight * cost;
            part.quality += row.weight * quality;
        }
    }
    parts
}

/// The least cost among the points that the strategy reaches by itself that are as good; mixing is not its doing.
fn cheapest_as_good(applied: &Applied, own: Point, quality: f64) -> Option<f64> {
    let points = applied.curve.iter().copied().chain(std::iter::once(own));
    points.filter(|point| point.1 >= quality - 1e-12).map(|point| point.0).reduce(f64::min)
}

fn selection(world: &World<'_>, applied: &Applied, realised: &Realised) -> Option<Selection> {
    let (mut weight, mut optimal, mut least, mut spent, mut quality) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for ((row, paths), point) in world.matrix.rows.iter().zip(&applied.paths).zip(&realised.rows) {
        let cheapest = perfect::cheapest(world.matrix.rungs, row);
        let (Some((cost, good)), Some(fact)) = (point, row.fact(cheapest)) else { continue };
        if fact.quality == 0.0 {
            continue;
        }
        weight += row.weight;
        least += row.weight * fact.cost;
        spent += row.weight * cost;
        quality += row.weight * good;
        let chosen = paths.iter().filter(|path| path.tried.as_slice() == [cheapest as u8]);
        optimal += row.weight * chosen.map(|path| path.share).sum::<f64>();
    }
    (weight > 0.0 && spent > 0.0).then(|| Selection {
        optimal: optimal / weight,
        cost: least / spent,
        quality: quality / weight,
    })
}

fn ibc_lift(own: Point, weak: Means, best: Means) -> Option<f64> {
    let base = (best.quality - weak.quality) / (best.cost - weak.cost);
    let ibc = (own.1 - weak.quality) / (own.0 - weak.cost);
    (best.cost > weak.cost && base > 0.0 && own.0 > weak.cost).then(|| ibc / base - 1.0)
}
