//! A weighted score of complexity, cost and latency, as hand-written routers use it: complexity is the length of the prompt
//! in three classes, and counts by the pass rate that each tier had in that class, learned on other prompts.

use super::matrix::{Means, Row};
use super::strategy::{Applied, Path, Standing, Strategy, World};
use super::text::Texts;
use crate::stats::quantile::Sorted;

pub(super) const STRATEGY: Strategy = Strategy { name: "score", apply };

/// Classes of complexity.
const CLASSES: usize = 3;

/// What was learned: the bounds between the classes, each class's pass rate by tier, and the tiers' costs and latencies.
struct Model {
    bounds: [f64; CLASSES - 1],
    classes: [Vec<Means>; CLASSES],
    all: Vec<Means>,
}

fn apply(world: &World<'_>) -> Vec<Applied> {
    let Some(texts) = world.texts else { return Vec::new() };
    if world.matrix.rungs < 2 {
        return Vec::new();
    }
    let fitted = world.matrix.cross_fit(
        |rows| learn(world, texts, rows),
        |model, _, row| Path::sure(choose(world, model, texts.characters(row.prompt))),
    );
    let weights = &world.settings.weights;
    let label = format!(
        "score: {} complexity, {} cost, {} latency",
        weights.complexity, weights.cost, weights.latency
    );
    let applied = Applied::fixed("score", label, Standing::Deployable, fitted.crossed);
    vec![Applied { in_sample: Some(fitted.in_sample), ..applied }]
}

fn learn(world: &World<'_>, texts: &Texts, rows: &[&Row]) -> Model {
    let lengths = rows.iter().map(|row| (texts.characters(row.prompt), row.weight));
    let sorted = Sorted::weighted(lengths);
    let bound = |part: f64| sorted.as_ref().map_or(f64::INFINITY, |sorted| sorted.at(part));
    let bounds = [bound(1.0 / 3.0), bound(2.0 / 3.0)];
    let all = world.matrix.means(rows.iter().copied()).unwrap_or_else(|| world.means.clone());
    let of_class = |class: usize| {
        let rows = rows.iter().copied().filter(|row| class_of(bounds, texts.characters(row.prompt)) == class);
        world.matrix.means(rows).unwrap_or_else(|| all.clone())
    };
    Model { bounds, classes: std::array::from_fn(of_class), all }
}

fn class_of(bounds: [f64; CLASSES - 1], length: f64) -> usize {
    bounds.iter().filter(|bound| length > **bound).count()
}

fn choose(world: &World<'_>, model: &Model, length: f64) -> usize {
    let weights = &world.settings.weights;
    let most = |of: fn(&Means) -> f64| model.all.iter().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let (dearest, slowest) = (most(|mean| mean.cost), most(|mean| mean.latency.unwrap_or(0.0)));
    let Some(class) = model.classes.get(class_of(model.bounds, length)) else { return world.strong };
    let score = |(means, overall): (&Means, &Means)| {
        weights.complexity * means.quality
            - weights.cost * overall.cost / dearest
            - weights.latency * overall.latency.unwrap_or(0.0) / slowest
    };
    let scores = class.iter().zip(&model.all).map(score).enumerate();
    // The first of equals: the lower on the ladder.
    scores
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map_or(world.strong, |(tier, _)| tier)
}
