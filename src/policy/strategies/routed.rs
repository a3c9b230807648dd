//! The routes of this run: each task on its tier, what the gate rejects on the next one up. Once as they are, and once as they are
//! decided without the prompts that they are judged on: a decision is fitted to its prompts like everything else.

use super::matrix::Row;
use super::strategy::{Applied, Path, Paths, RouteOf, Standing, Strategy, World};
use crate::path::{Reply, Step, walk};

pub(super) const STRATEGY: Strategy = Strategy { name: "routes", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let own: Option<Vec<Paths>> =
        world.matrix.rows.iter().map(|row| path(world.routes.get(row.task)?, row)).collect();
    let own = own.map(|paths| {
        Applied::fixed("routes", "as routed, judged on its own prompts", Standing::Routes, paths)
    });
    let unseen = |row: &Row| world.crossed.get(row.fold as usize)?.get(row.task);
    let crossed: Option<Vec<Paths>> = world.matrix.rows.iter().map(|row| path(unseen(row)?, row)).collect();
    let crossed = crossed.map(|paths| {
        let label = "as routed, decided on other prompts";
        Applied::fixed("routed-cross-fitted", label, Standing::CrossFitted, paths)
    });
    own.into_iter().chain(crossed).collect()
}

fn path(route: &RouteOf, row: &Row) -> Option<Paths> {
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
