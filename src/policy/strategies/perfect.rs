//! The perfect router: for every request the cheapest tier that passes, known in advance. No router can do better.

use super::matrix::Row;
use super::strategy::{Applied, Path, Standing, Strategy, World};
use super::sweep;

pub(super) const STRATEGY: Strategy = Strategy { name: "perfect-router", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let paths = world.matrix.rows.iter().map(|row| Path::sure(cheapest(world.matrix.rungs, row))).collect();
    let applied = Applied::fixed("perfect-router", "perfect router (upper bound)", Standing::Bound, paths);
    vec![Applied { sweep: sweep::perfect(world), ..applied }]
}

/// The cheapest tier that passes; where none does, the cheapest.
pub(super) fn cheapest(rungs: usize, row: &Row) -> usize {
    let best = |passing: bool| {
        let facts = (0..rungs).filter_map(|tier| Some((tier, row.fact(tier)?)));
        let candidates = facts.filter(|(_, fact)| !passing || fact.quality > 0.0);
        candidates.min_by(|a, b| a.1.cost.total_cmp(&b.1.cost)).map(|(tier, _)| tier)
    };
    best(true).or_else(|| best(false)).unwrap_or(0)
}
