//! The static task map: a tier for each task, so that all together keep a share of the best single tier's quality at little
//! cost, learned on other prompts. Hard to beat where tasks differ more than the prompts within them.
//!
//! The map is found greedily: from the best tier of each task downwards, always the step that saves most for the quality that
//! it costs, as long as enough is kept.

use std::collections::{BTreeMap, BTreeSet};

use super::matrix::{Matrix, Means, Row};
use super::replay;
use super::strategy::{Applied, Path, Standing, Strategy, World};
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
    world
        .settings
        .keep
        .iter()
        .map(|keep| {
            let fitted = matrix.cross_fit(
                |rows| learn(matrix, rows, keep.get()),
                |map, _, row| Path::sure(map.get(&row.task).copied().unwrap_or(world.strong)),
            );
            let percent = percent(keep.get());
            let applied = Applied::fixed(
                format!("map-{percent}"),
                format!("task map, keeps {percent} % of best"),
                Standing::Deployable,
                fitted.crossed,
            );
            Applied {
                in_sample: Some(fitted.in_sample),
                curve: curve.clone(),
                in_sample_curve: in_sample_curve.clone(),
                ..applied
            }
        })
        .collect()
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

/// The tier of each task.
fn learn(matrix: &Matrix, rows: &[&Row], keep: f64) -> BTreeMap<usize, usize> {
    let table = table(matrix, rows);
    let weight: f64 = rows.iter().map(|row| row.weight).sum();
    let best = matrix.means(rows.iter().copied()).map_or(0.0, |means| most(&means).1.quality) * weight;
    let mut map: BTreeMap<usize, usize> =
        table.iter().map(|(task, (_, means))| (*task, most(means).0)).collect();
    let mut spare =
        table.values().map(|(weight, means)| weight * most(means).1.quality).sum::<f64>() - keep * best;
    loop {
        let mut step: Option<(f64, usize, usize, f64)> = None;
        for (task, (weight, means)) in &table {
            let Some(now) = map.get(task).and_then(|tier| means.get(*tier)) else { continue };
            for (tier, other) in means.iter().enumerate() {
                let (saved, lost) =
                    (weight * (now.cost - other.cost), weight * (now.quality - other.quality));
                // With no loss, any saving is taken.
                let ratio = saved / lost.max(f64::MIN_POSITIVE);
                if saved > 0.0 && lost <= spare + 1e-12 && step.is_none_or(|(most, ..)| ratio > most) {
                    step = Some((ratio, *task, tier, lost));
                }
            }
        }
        let Some((_, task, tier, lost)) = step else { return map };
        spare -= lost;
        map.insert(task, tier);
    }
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
