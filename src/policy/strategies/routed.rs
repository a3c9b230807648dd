//! The routes of this run: each task on its tier, what the gate rejects on the next one up.

use smallvec::{SmallVec, smallvec};

use super::matrix::Row;
use super::strategy::{Applied, Path, Paths, Standing, Strategy, World};

pub(super) const STRATEGY: Strategy = Strategy { name: "routes", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let paths: Option<Vec<Paths>> = world.matrix.rows.iter().map(|row| path(world, row)).collect();
    let applied = |paths| Applied::fixed("routes", "as routed", Standing::Routes, paths);
    paths.map(applied).into_iter().collect()
}

fn path(world: &World<'_>, row: &Row) -> Option<Paths> {
    let route = world.routes.get(row.task)?;
    let mut tried: SmallVec<[u8; 8]> = smallvec![route.tier as u8];
    let mut tier = route.tier;
    while !row.fact(tier)?.accepted
        && let Some(next) = route.escalates_to.get(tier).copied().flatten().filter(|next| *next > tier)
    {
        tried.push(next as u8);
        tier = next;
    }
    Some(smallvec![Path { share: 1.0, tried }])
}
