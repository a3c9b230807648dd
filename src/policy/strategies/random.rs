//! Random routing: requests are split between tiers by chance, without looking at them. Every point on the hull of the single
//! tiers can be reached like this (RouterBench's "Zero" router); a router below that hull is worse than a coin.

use smallvec::smallvec;

use super::strategy::{Applied, Path, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "random", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let (weak, strong) = (world.weak, world.strong);
    if weak == strong {
        return Vec::new();
    }
    let half = |tier: usize| Path { share: 0.5, tried: smallvec![tier as u8] };
    let paths = world.matrix.rows.iter().map(|_| smallvec![half(weak), half(strong)]).collect();
    let label = format!("random: half {}, half {}", world.name(weak), world.name(strong));
    let (low, high) = (world.mean(weak).quality, world.mean(strong).quality);
    let sweep = Some(vec![(0.0, low), (1.0, high)]);
    vec![Applied { sweep, ..Applied::fixed("random", label, Standing::Deployable, paths) }]
}
