//! Outside routers, measured like tiers (`router = true`): their answers and their cost against the strategies here.

use super::strategy::{Applied, Path, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "router", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    world
        .routers
        .iter()
        .map(|&tier| {
            let paths = world.matrix.rows.iter().map(|_| Path::sure(tier)).collect();
            let name = world.name(tier);
            Applied::fixed(format!("router:{name}"), format!("router {name}"), Standing::Outside, paths)
        })
        .collect()
}
