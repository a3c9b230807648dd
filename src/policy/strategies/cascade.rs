//! Cascades: the cheapest tier first, the next one up when its answer is rejected. Once with the oracles' gates, as measured;
//! once with a perfect gate, which production cannot have, because it has no reference answer.

use smallvec::smallvec;

use super::matrix::Row;
use super::routed::climb;
use super::strategy::{Applied, Path, Paths, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "cascade", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    if world.matrix.rungs < 2 {
        return Vec::new();
    }
    let rungs = world.matrix.rungs;
    let up: Vec<Option<usize>> = (0..rungs).map(|tier| Some(tier + 1).filter(|up| *up < rungs)).collect();
    let gated: Option<Vec<Paths>> = world.matrix.rows.iter().map(|row| climb(row, 0, &up)).collect();
    let gated = gated.map(|paths| {
        Applied::fixed("cascade", "cascade with the oracles' gates", Standing::Deployable, paths)
    });
    let perfect = world.matrix.rows.iter().map(|row| perfect(rungs, row)).collect();
    let perfect = Applied::fixed("cascade-perfect", "cascade with a perfect gate", Standing::Bound, perfect);
    gated.into_iter().chain(std::iter::once(perfect)).collect()
}

/// Up to the first tier whose answer is good.
fn perfect(rungs: usize, row: &Row) -> Paths {
    let last = (0..rungs).find(|tier| row.fact(*tier).is_some_and(|fact| fact.quality > 0.0));
    let last = last.unwrap_or(rungs.saturating_sub(1));
    smallvec![Path { share: 1.0, tried: (0..=last).map(|tier| tier as u8).collect() }]
}
