//! The length of the prompt as a score: the longer, the more likely the strongest tier. The humblest of routers.

use super::strategy::{Applied, Strategy, World};
use super::sweep;

pub(super) const STRATEGY: Strategy = Strategy { name: "length", apply };

fn apply(world: &World<'_>) -> Vec<Applied> {
    let Some(texts) = world.texts else { return Vec::new() };
    let scores: Vec<f64> = world.matrix.rows.iter().map(|row| texts.characters(row.prompt)).collect();
    sweep::by_score(world, "length", "prompt length", &scores, None)
}
