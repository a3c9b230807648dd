//! Cascades: the cheapest tier first, the next one up when its answer is rejected. Once with the oracles' gates, as measured;
//! once with a perfect gate, which production cannot have, because it has no reference answer.

use smallvec::smallvec;

use super::matrix::{Fact, Row};
use super::strategy::{Applied, Path, Paths, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "cascade", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    if world.matrix.rungs < 2 {
        return Vec::new();
    }
    let cascade = |stops: fn(&Fact) -> bool| {
        let paths = world.matrix.rows.iter().map(|row| path(world.matrix.rungs, row, stops));
        paths.collect::<Vec<_>>()
    };
    vec![
        Applied::fixed(
            "cascade",
            "cascade with the oracles' gates",
            Standing::Deployable,
            cascade(|fact| fact.accepted),
        ),
        Applied::fixed(
            "cascade-perfect",
            "cascade with a perfect gate",
            Standing::Bound,
            cascade(|fact| fact.quality > 0.0),
        ),
    ]
}

fn path(rungs: usize, row: &Row, stops: fn(&Fact) -> bool) -> Paths {
    let last = (0..rungs).find(|tier| row.fact(*tier).is_some_and(stops));
    let last = last.unwrap_or(rungs.saturating_sub(1));
    smallvec![Path { share: 1.0, tried: (0..=last).map(|tier| tier as u8).collect() }]
}
