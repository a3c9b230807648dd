//! What a strategy comes to when it is replayed on the measured answers, request by request and over all of them.

use super::matrix::{Fact, Matrix, Row};
use super::strategy::{Applied, Path, paid};
use crate::stats::frontier::Point;
use crate::stats::quantile::Sorted;

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
fn facts<'a>(row: &'a Row, path: &Path) -> Option<Vec<&'a Fact>> {
    path.tried.iter().map(|tier| row.fact(usize::from(*tier))).collect()
}

pub(super) fn realise(matrix: &Matrix, applied: &Applied) -> Realised {
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
    for (at, (row, paths)) in matrix.rows.iter().zip(&applied.paths).enumerate() {
        let overhead = paid(applied.overhead, applied.asked.as_deref(), at);
        let point = row_point(row, paths, overhead.0);
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
                (Some(latencies), Some(total)) => latencies.push((total + overhead.1, part)),
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
pub(crate) fn row_point(row: &Row, paths: &[Path], overhead: f64) -> Option<Point> {
    let (mut cost, mut quality) = (overhead, 0.0);
    for path in paths {
        for tier in &path.tried {
            cost += path.share * row.fact(usize::from(*tier))?.cost;
        }
        quality += path.share * row.fact(usize::from(*path.tried.last()?))?.quality;
    }
    Some((cost, quality))
}

/// Cost and quality over all rows if fitted on all of them, for what is fitted; `None` where one is not known.
pub(super) fn in_sample(matrix: &Matrix, applied: &Applied) -> Option<Point> {
    let mut sum = (0.0, 0.0);
    for (at, (row, paths)) in matrix.rows.iter().zip(applied.in_sample.as_ref()?).enumerate() {
        let overhead = paid(applied.overhead, applied.in_sample_asked.as_deref(), at);
        let (cost, quality) = row_point(row, paths, overhead.0)?;
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
