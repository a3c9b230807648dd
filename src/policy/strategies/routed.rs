//! The routes of this run: each task on its tier, what the gate rejects on the next one up.

use super::matrix::Row;
use super::strategy::{Applied, Path, Paths, Standing, Strategy, World};
use crate::path::{Reply, Step, walk};

pub(super) const STRATEGY: Strategy = Strategy { name: "routes", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let paths: Option<Vec<Paths>> = world.matrix.rows.iter().map(|row| path(world, row)).collect();
    let applied = |paths| Applied::fixed("routes", "as routed", Standing::Routes, paths);
    paths.map(applied).into_iter().collect()
}

fn path(world: &World<'_>, row: &Row) -> Option<Paths> {
    let route = world.routes.get(row.task)?;
    climb(row, route.tier, &route.escalates_to)
}

/// The path of a row that starts at a tier and climbs what the gates reject; `None` where a tier on it has no answer.
pub(crate) fn climb(row: &Row, start: usize, up: &[Option<usize>]) -> Option<Paths> {
    let ask = |tier: usize, _| {
        row.fact(tier).map_or(Reply::Unknown, |fact| {
            Reply::Answer(Step {
                cost: fact.cost,
                uncached: fact.cost,
                accepted: Some(f64::from(u8::from(fact.accepted))),
                quality: Some(fact.quality),
                latency: fact.latency,
                output: None,
            })
        })
    };
    let walked = walk(start, up, ask)?;
    Some(walked.ends.into_iter().map(|end| Path { share: end.share, tried: end.tried }).collect())
}
