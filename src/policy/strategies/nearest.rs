//! Nearest neighbours: a tier is expected to do on a prompt what it did on similar ones. By the cosine of
//! their words' TF-IDF, which is a strong baseline (arXiv 2505.12601) and takes no call; and by the cosine of their embeddings,
//! which adds a call to an embeddings model to every request.

use super::matrix::{Matrix, Means, Row};
use super::replay;
use super::strategy::{Applied, Path, Standing, Strategy, World};
use super::sweep;
use super::task_map::{best_value, cheapest_that_keeps};
use super::text;
use crate::stats::frontier::Point;

pub(super) const STRATEGY: Strategy = Strategy { name: "knn", apply };

/// The most prompts that are compared with each other: the work grows with their square.
const MOST: usize = 5_000;
/// The most products of vectors that are looked at, for the same reason: five thousand prompts of 300 dimensions, two thousand of
/// 2,000.
const MOST_PRODUCTS: usize = 4_000_000_000;
/// Candidates that are kept per neighbour, because those of the prompt's own part are skipped.
const SPARE: usize = 4;
/// Prices of quality that are swept.
const PRICES: i32 = 24;

fn apply(world: &World<'_>) -> Vec<Applied> {
    let prompts = world.prompts();
    if world.matrix.rungs < 2 || prompts.len() < 2 {
        return Vec::new();
    }
    let kept = (world.settings.neighbours as usize).saturating_mul(SPARE);
    let wanted = world.settings.neighbours;
    let mut applied = Vec::new();
    if let Some(texts) = world.texts.filter(|_| prompts.len() <= MOST) {
        let label = format!("{wanted} nearest neighbours (TF-IDF)");
        applied.push(by(world, &prompts, &texts.nearest(&prompts, kept), "knn", label));
    }
    if let Some(answers) = &world.queries.embeddings
        && let Some(overhead) = answers.overhead(prompts.iter().copied())
    {
        let vectors: Vec<&[f32]> =
            prompts.iter().filter_map(|prompt| Some(answers.by_prompt.get(prompt)?.as_slice())).collect();
        let size = vectors.first().map_or(0, |vector| vector.len());
        if vectors.iter().all(|vector| vector.len() == size)
            && prompts.len().pow(2) / 2 * size <= MOST_PRODUCTS
        {
            let label = format!("{wanted} nearest neighbours (embeddings {})", answers.model);
            let by = by(world, &prompts, &text::nearest_vectors(&vectors, kept), "knn-embeddings", label);
            // The other points of its curve pay for the embedding, too.
            let pay = |curve: Vec<Point>| {
                curve.into_iter().map(|(cost, quality)| (cost + overhead.0, quality)).collect()
            };
            applied.push(Applied {
                overhead,
                curve: pay(by.curve),
                in_sample_curve: pay(by.in_sample_curve),
                ..by
            });
        }
    }
    applied
}

/// The strategy by those neighbours of each prompt, most alike first.
fn by(world: &World<'_>, prompts: &[u32], nearest: &[Vec<u32>], id: &str, label: String) -> Applied {
    let matrix = world.matrix;
    let wanted = world.settings.neighbours as usize;
    let known: Vec<(u32, Vec<Means>)> = matrix
        .rows
        .chunk_by(|a, b| a.prompt == b.prompt)
        .filter_map(|rows| Some((rows.first()?.fold, matrix.means(rows.iter())?)))
        .collect();
    let expected = |row: &Row, own: Option<u32>| -> Vec<Means> {
        let at = prompts.binary_search(&row.prompt).unwrap_or_default();
        let candidates = nearest.get(at).map_or(&[][..], Vec::as_slice);
        let usable = candidates.iter().filter_map(|n| known.get(*n as usize)).filter(|k| own != Some(k.0));
        average(matrix, &world.means, usable.take(wanted).map(|known| known.1.as_slice()))
    };
    // Fitting means choosing which neighbours may be used: for cross-fitting, none of the prompt's own part; in-sample, all but
    // the prompt itself.
    let crossed: Vec<Vec<Means>> = matrix.rows.iter().map(|row| expected(row, Some(row.fold))).collect();
    let in_sample: Vec<Vec<Means>> = matrix.rows.iter().map(|row| expected(row, None)).collect();
    let paths = |expected: &[Vec<Means>], choose: &dyn Fn(&[Means]) -> usize| {
        expected.iter().map(|means| Path::sure(choose(means))).collect::<Vec<_>>()
    };
    let keeps = |means: &[Means]| cheapest_that_keeps(means, world.keep());
    let curve = |expected: &[Vec<Means>]| {
        let (least, most) = (world.mean(world.weak).cost, world.mean(world.strong).cost);
        let step = (most - least).abs().max(f64::MIN_POSITIVE);
        let prices = (-8..PRICES - 8).map(|at| step * 2_f64.powf(f64::from(at) / 2.0));
        prices
            .filter_map(|price| {
                let tier = |at: usize, _: &Row| {
                    expected.get(at).map_or(world.strong, |means| best_value(means, price))
                };
                replay::point_of_tiers(matrix, tier)
            })
            .collect()
    };
    let gain = |means: &Vec<Means>| {
        let quality = |tier: usize| means.get(tier).map_or(0.0, |mean| mean.quality);
        quality(world.strong) - quality(world.weak)
    };
    let scores: Vec<f64> = crossed.iter().map(gain).collect();
    let swept = sweep::by_score(world, id, "", &scores, None).pop().and_then(|applied| applied.sweep);
    let applied = Applied::fixed(id, label, Standing::Deployable, paths(&crossed, &keeps));
    Applied {
        in_sample: Some(paths(&in_sample, &keeps)),
        curve: curve(&crossed),
        in_sample_curve: curve(&in_sample),
        sweep: swept,
        ..applied
    }
}

/// What some neighbours saw of each tier, on average; what everybody saw, where there is none. Costs are those of all prompts:
/// a few neighbours say little of them.
fn average<'a>(matrix: &Matrix, all: &[Means], neighbours: impl Iterator<Item = &'a [Means]>) -> Vec<Means> {
    let mut sums = vec![0.0; matrix.rungs];
    let mut count = 0.0;
    for means in neighbours {
        count += 1.0;
        for (sum, mean) in sums.iter_mut().zip(means) {
            *sum += mean.quality;
        }
    }
    let mean = |(overall, sum): (&Means, f64)| Means {
        quality: if count > 0.0 { sum / count } else { overall.quality },
        ..*overall
    };
    all.iter().zip(sums).map(mean).collect()
}
