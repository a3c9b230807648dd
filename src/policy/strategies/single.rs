//! Baselines: all traffic on one tier. What every router has to beat.

use super::strategy::{Applied, Path, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "single", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    (0..world.matrix.rungs)
        .map(|tier| {
            let paths = world.matrix.rows.iter().map(|_| Path::sure(tier)).collect();
            let name = world.name(tier);
            Applied::fixed(
                format!("single:{name}"),
                format!("all traffic on {name}"),
                Standing::Single,
                paths,
            )
        })
        .collect()
}
