//! The static task map: a tier for each task, so that all together keep a share of the best single tier's quality at the least
//! cost, learned on other prompts. Hard to beat where tasks differ more than the prompts within them.
//!
//! The cheapest map is found exactly ([`choice`]); where that would take too long, its gap to the cheapest is bounded and told.

use std::collections::{BTreeMap, BTreeSet};

use super::matrix::{Matrix, Means, Models, Row};
use super::replay;
use super::strategy::{Applied, Path, Standing, Strategy, World};
use crate::stats::choice;
use crate::stats::frontier::{self, Point};

pub(super) const STRATEGY: Strategy = Strategy { name: "map", apply };

/// By task: its share of the requests, and the means of each tier.
type Table = BTreeMap<usize, (f64, Vec<Means>)>;

fn apply(world: &World<'_>) -> Vec<Applied> {
    let matrix = world.matrix;
    if matrix.rungs < 2 {
        return Vec::new();
    }
    let prices = prices(matrix);
    // What a point of quality may cost, from little to much: as the price rises, tasks move up one by one.
    let (mut curve, mut in_sample_curve) = (Vec::new(), Vec::new());
    let tables = matrix.fit(|rows| table(matrix, rows));
    for price in &prices {
        let priced = |table: &Table| -> BTreeMap<usize, usize> {
            table.iter().map(|(task, (_, means))| (*task, best_value(means, *price))).collect()
        };
        let maps = tables.map(priced);
        let tier =
            |map: &BTreeMap<usize, usize>, row: &Row| map.get(&row.task).copied().unwrap_or(world.strong);
        curve.extend(replay::point_of_tiers(matrix, |_, row| tier(maps.unseen(row), row)));
        in_sample_curve.extend(replay::point_of_tiers(matrix, |_, row| tier(&maps.all, row)));
    }
    let sweep = swept(world, &tables);
    world
        .settings
        .keep
        .iter()
        .map(|keep| {
            let maps = matrix.fit(|rows| learn(matrix, rows, keep.get()));
            let paths =
                |map: &Map, row: &Row| Path::sure(map.tiers.get(&row.task).copied().unwrap_or(world.strong));
            let rows = || matrix.rows.iter();
            let gap = maps.each().map(|map| map.gap).fold(0.0, f64::max);
            let percent = percent(keep.get());
            let applied = Applied::fixed(
                format!("map-{percent}"),
                format!("task map, keeps {percent} % of best{}", stated(gap)),
                Standing::Deployable,
                rows().map(|row| paths(maps.unseen(row), row)).collect(),
            );
            Applied {
                in_sample: Some(rows().map(|row| paths(&maps.all, row)).collect()),
                curve: curve.clone(),
                in_sample_curve: in_sample_curve.clone(),
                sweep: sweep.clone(),
                map_gap: Some(gap),
                ..applied
            }
        })
        .collect()
}

/// What a label says of a map that may not be the cheapest.
fn stated(gap: f64) -> String {
    match gap {
        0.0 => String::new(),
        gap if gap.is_finite() => {
            // Rounded up: it is a bound.
            format!(" (at most {:.1} % dearer than the cheapest)", (gap * 1000.0).ceil() / 10.0)
        }
        _ => " (a cheaper one may exist)".to_owned(),
    }
}

/// A share in percent without needless places, for a name.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    text.trim_end_matches(".0").to_owned()
}

fn table(matrix: &Matrix, rows: &[&Row]) -> Table {
    let tasks: BTreeSet<usize> = rows.iter().map(|row| row.task).collect();
    let means = |task: usize| {
        let of_task: Vec<&Row> = rows.iter().filter(|row| row.task == task).copied().collect();
        let weight = of_task.iter().map(|row| row.weight).sum();
        Some((task, (weight, matrix.means(of_task.into_iter())?)))
    };
    tasks.into_iter().filter_map(means).collect()
}

/// A tier for each task.
struct Map {
    tiers: BTreeMap<usize, usize>,
    /// By how much it can be dearer than the cheapest that keeps as much, as a share.
    gap: f64,
}

/// The cheapest map that keeps that share of the best single tier's quality.
fn learn(matrix: &Matrix, rows: &[&Row], keep: f64) -> Map {
    let table = table(matrix, rows);
    let weight: f64 = rows.iter().map(|row| row.weight).sum();
    let best = matrix.means(rows.iter().copied()).map_or(0.0, |means| most(&means).1.quality) * weight;
    let options = |(weight, means): &(f64, Vec<Means>)| {
        means.iter().map(|mean| (weight * mean.cost, weight * mean.quality)).collect()
    };
    let groups: Vec<Vec<Point>> = table.values().map(options).collect();
    match choice::cheapest(&groups, keep * best, choice::FRONT) {
        Some(found) => Map { tiers: table.keys().copied().zip(found.options).collect(), gap: found.gap },
        // Sums that differ in their last bits: the best tier of each task is as good as any.
        None => Map {
            tiers: table.iter().map(|(task, (_, means))| (*task, most(means).0)).collect(),
            gap: f64::INFINITY,
        },
    }
}

/// The share of strong calls against quality, as tasks move from the weakest to the strongest tier one by one: those first that
/// gained most by it on other prompts.
fn swept(world: &World<'_>, tables: &Models<Table>) -> Option<Vec<Point>> {
    let (weak, strong) = (world.weak, world.strong);
    if weak == strong {
        return None;
    }
    let mut gains: Vec<(f64, f64, f64)> = Vec::with_capacity(world.matrix.rows.len());
    let mut at = (0.0, 0.0);
    for row in &world.matrix.rows {
        let quality = |tier: usize| Some(row.fact(tier)?.quality * row.weight);
        let mean = |tier: usize| Some(tables.unseen(row).get(&row.task)?.1.get(tier)?.quality);
        let (below, above) = (quality(weak)?, quality(strong)?);
        at.1 += below;
        // A task that was not seen before goes up last.
        let gain = mean(strong).zip(mean(weak)).map_or(f64::NEG_INFINITY, |(strong, weak)| strong - weak);
        gains.push((gain, row.weight, above - below));
    }
    gains.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points = vec![at];
    for task in gains.chunk_by(|a, b| a.0 == b.0) {
        at = task.iter().fold(at, |at, (_, weight, gained)| (at.0 + weight, at.1 + gained));
        points.push(at);
    }
    Some(points)
}

/// The tier of the best quality, the cheapest of several.
fn most(means: &[Means]) -> (usize, Means) {
    let better = |a: &Means, b: &Means| a.quality > b.quality || (a.quality == b.quality && a.cost < b.cost);
    let tiers = means.iter().copied().enumerate();
    tiers.reduce(|best, next| if better(&next.1, &best.1) { next } else { best }).unwrap_or_default()
}

/// The cheapest tier whose quality is at least that share of the best one's.
pub(super) fn cheapest_that_keeps(means: &[Means], keep: f64) -> usize {
    let best = means.iter().map(|mean| mean.quality).fold(0.0, f64::max);
    let keeps = means.iter().enumerate().filter(|(_, mean)| mean.quality >= keep * best - 1e-12);
    keeps.min_by(|a, b| a.1.cost.total_cmp(&b.1.cost)).map_or(0, |(tier, _)| tier)
}

/// The tier with the best value at a price per unit of quality; the cheapest of several.
pub(super) fn best_value(means: &[Means], price: f64) -> usize {
    let mut order: Vec<(usize, &Means)> = means.iter().enumerate().collect();
    order.sort_by(|a, b| a.1.cost.total_cmp(&b.1.cost));
    let mut best: Option<(usize, f64)> = None;
    for (tier, mean) in order {
        let value = price * mean.quality - mean.cost;
        if best.is_none_or(|(_, most)| value > most) {
            best = Some((tier, value));
        }
    }
    best.map_or(0, |(tier, _)| tier)
}

/// Prices of quality between which nothing changes on the whole data: just above each step of each task's own hull. They
/// are settings to sweep, nothing that is fitted.
fn prices(matrix: &Matrix) -> Vec<f64> {
    let all: Vec<&Row> = matrix.rows.iter().collect();
    let mut steps = vec![0.0];
    for (_, means) in table(matrix, &all).values() {
        let points: Vec<Point> = means.iter().map(|mean| (mean.cost, mean.quality)).collect();
        let hull = frontier::hull(&points);
        steps.extend(hull.windows(2).filter_map(|pair| match pair {
            [a, b] => Some((b.0 - a.0) / (b.1 - a.1) * (1.0 + 1e-9)),
            _ => None,
        }));
    }
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    // A hundred tasks of three tiers have two hundred steps; more than sixty say nothing more.
    let every = steps.len().div_ceil(60).max(1);
    let last = steps.len().saturating_sub(1);
    steps
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % every == 0 || *at == last)
        .map(|(_, step)| step)
        .collect()
}
