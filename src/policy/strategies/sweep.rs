//! Two tiers and a score: requests above a threshold go to the strongest tier, the others to the weakest. The threshold is
//! swept over eleven quantiles of the score, as RouteLLM's evaluation does; for the table it is fitted on other prompts.

use super::matrix::Row;
use super::replay;
use super::strategy::{Applied, Path, Standing, World};
use crate::stats::frontier::Point;
use crate::stats::quantile::Sorted;

/// Points of a sweep.
const POINTS: u32 = 10;
/// Thresholds that are tried when one is fitted.
const CANDIDATES: u32 = 100;

/// A strategy from a score for each row; `in_sample` are the scores of a model that has seen the row, for what is fitted.
pub(super) fn by_score(
    world: &World<'_>,
    id: &str,
    label: &str,
    scores: &[f64],
    in_sample: Option<&[f64]>,
) -> Vec<Applied> {
    if world.weak == world.strong {
        return Vec::new();
    }
    let paths = |scores: &[f64]| {
        // The score of a row comes from a model that has not seen it; only the threshold is fitted here.
        world.matrix.cross_fit(
            |rows| threshold(world, rows, &|row| score_of(world, scores, row)),
            |threshold, at, _| {
                let strong = scores.get(at).is_some_and(|score| score >= threshold);
                Path::sure(if strong { world.strong } else { world.weak })
            },
        )
    };
    let points = swept(world, scores);
    let fitted = paths(scores);
    let flattering = in_sample.map_or_else(|| fitted.in_sample.clone(), |scores| paths(scores).in_sample);
    let curve = |points: &[(f64, Point)]| points.iter().map(|point| point.1).collect::<Vec<_>>();
    let applied = Applied::fixed(id, label, Standing::Deployable, fitted.crossed);
    vec![Applied {
        in_sample: Some(flattering),
        in_sample_curve: curve(&swept(world, in_sample.unwrap_or(scores))),
        curve: curve(&points),
        sweep: Some(points.iter().map(|(share, point)| (*share, point.1)).collect()),
        ..applied
    }]
}

fn score_of(world: &World<'_>, scores: &[f64], row: &Row) -> f64 {
    // Rows are sorted by prompt; the repeats of a prompt have one text and one score.
    let at = world.matrix.rows.partition_point(|other| other.prompt < row.prompt);
    scores.get(at).copied().unwrap_or(0.0)
}

/// The sweep, by rising share of strong calls: that share, and the cost and quality.
fn swept(world: &World<'_>, scores: &[f64]) -> Vec<(f64, Point)> {
    let rows = &world.matrix.rows;
    let weighted = scores.iter().copied().zip(rows.iter().map(|row| row.weight));
    let Some(sorted) = Sorted::weighted(weighted) else { return Vec::new() };
    let mut points: Vec<(f64, Point)> = (0..=POINTS)
        .filter_map(|step| {
            let threshold = sorted.at(f64::from(step) / f64::from(POINTS));
            // The last threshold is the greatest score: above it lies nothing, so that the sweep ends with the weak tier.
            // A threshold between two equal scores is that score but for the last bits of the arithmetic.
            let slack = 1e-9 * threshold.abs();
            let strong = |score: f64| {
                if step == POINTS { score > threshold + slack } else { score >= threshold - slack }
            };
            let is_strong = |at: usize| scores.get(at).is_some_and(|score| strong(*score));
            let share = rows
                .iter()
                .enumerate()
                .filter(|(at, _)| is_strong(*at))
                .fold(0.0, |sum, (_, row)| sum + row.weight);
            let tier = |at: usize, _: &Row| if is_strong(at) { world.strong } else { world.weak };
            Some((share, replay::point_of_tiers(world.matrix, tier)?))
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// The highest threshold, that is the fewest strong calls, that keeps what has to be kept on those rows.
fn threshold(world: &World<'_>, rows: &[&Row], score: &dyn Fn(&Row) -> f64) -> f64 {
    let scored: Vec<(f64, &Row)> = rows.iter().map(|row| (score(row), *row)).collect();
    let quality = |tier: usize, row: &Row| row.fact(tier).map_or(0.0, |fact| fact.quality) * row.weight;
    let best: f64 = rows.iter().map(|row| quality(world.strong, row)).sum();
    let Some(sorted) = Sorted::weighted(scored.iter().map(|(score, row)| (*score, row.weight))) else {
        return f64::NEG_INFINITY;
    };
    let kept = |threshold: f64| -> f64 {
        let tier = |score: f64| if score >= threshold { world.strong } else { world.weak };
        scored.iter().map(|(score, row)| quality(tier(*score), row)).sum()
    };
    let candidates = std::iter::once(f64::INFINITY)
        .chain((0..=CANDIDATES).rev().map(|step| sorted.at(f64::from(step) / f64::from(CANDIDATES))));
    let mut fits = candidates.filter(|threshold| kept(*threshold) >= world.keep() * best - 1e-12);
    fits.next().unwrap_or(f64::NEG_INFINITY)
}

/// The sweep of a router that knows what each tier will answer: at each of eleven shares of strong calls the best that can be
/// had with at most as many. It never spends a strong call where the weak tier does as well, so it does not fall again.
pub(super) fn perfect(world: &World<'_>) -> Option<Vec<Point>> {
    let (weak, strong) = (world.weak, world.strong);
    if weak == strong {
        return None;
    }
    let mut gain = 0.0;
    for row in &world.matrix.rows {
        gain += row.weight * (row.fact(strong)?.quality - row.fact(weak)?.quality).max(0.0);
    }
    let least = world.mean(weak).quality;
    let at = |share: f64| (share, least + share.min(gain));
    Some((0..=POINTS).map(|step| at(f64::from(step) / f64::from(POINTS))).collect())
}
