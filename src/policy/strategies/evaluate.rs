//! Applied strategies to figures: means, paired bootstrap intervals, and how often each is undominated.

use super::drawing::{Drawing, Draws, draw};
use super::figures::{self, Figures};
use super::matrix::Means;
use super::replay::{Realised, realise};
use super::strategy::{Applied, Standing, Strategy, World};
use crate::stats::frontier::{self, Point};

/// Every strategy on the same answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The strategies, in the order of the registry.
    pub figures: Vec<Figures>,
    /// The rung with the best quality.
    pub best: usize,
    /// The cheapest rung.
    pub weak: usize,
    /// The costs that AIQ is taken over: USD per request of the cheapest and of the costliest rung.
    pub range: (f64, f64),
    /// Different prompts that are compared.
    pub prompts: u64,
    /// Prompts that are not, because a rung's answer has no grade or no price.
    pub left_out: u64,
    /// Parts that the prompts were dealt into.
    pub folds: u32,
    /// Draws of the bootstrap.
    pub resamples: u32,
    /// How much worse than the best single tier a winner may be, as a difference of pass rates.
    pub margin: f64,
}

impl Comparison {
    /// Whether a strategy beats the best single tier: it competes, is shown to be no worse than that by more than the margin, and
    /// to save.
    #[must_use]
    pub fn beats_best_single(&self, one: &Figures) -> bool {
        one.standing.competes()
            && one.gap.quality.low > -self.margin
            && one.gap.savings.is_some_and(|savings| savings.low > 0.0)
    }

    /// The strategy that beats the best single tier and saves the most; the first of equals. Its index.
    #[must_use]
    pub fn winner(&self) -> Option<usize> {
        let savings = |one: &Figures| one.gap.savings.map_or(0.0, |savings| savings.mean);
        let beats = self.figures.iter().enumerate().filter(|(_, one)| self.beats_best_single(one));
        beats
            .reduce(|best, next| if savings(next.1) > savings(best.1) { next } else { best })
            .map(|(at, _)| at)
    }
}

/// The cheapest rung and the best one (the cheapest of several); `None` without a rung.
#[must_use]
pub fn ends(means: &[Means]) -> Option<(usize, usize)> {
    let rungs = || means.iter().enumerate();
    let (weak, _) = rungs().min_by(|a, b| a.1.cost.total_cmp(&b.1.cost))?;
    let better = |a: &Means, b: &Means| a.quality.total_cmp(&b.quality).then(b.cost.total_cmp(&a.cost));
    let (strong, _) = rungs().max_by(|a, b| better(a.1, b.1).then(b.0.cmp(&a.0)))?;
    Some((weak, strong))
}

/// Applies the strategies and compares them; `None` where no request can be compared.
pub(super) fn compare(strategies: &[&Strategy], world: &World<'_>, drawing: Drawing) -> Option<Comparison> {
    let applied: Vec<Applied> = strategies.iter().flat_map(|strategy| (strategy.apply)(world)).collect();
    let realised: Vec<Realised> = applied.iter().map(|one| realise(world.matrix, one)).collect();
    let resamples = drawing.affordable(world.matrix.prompts);
    let draws = draw(world.matrix, &realised, drawing.seed, resamples);
    let best = applied.iter().position(|one| one.id == format!("single:{}", world.name(world.strong)))?;
    let singles: Vec<usize> = (0..applied.len())
        .filter(|at| applied.get(*at).is_some_and(|one| one.standing == Standing::Single))
        .collect();
    let frontier = on_the_frontier(&applied, &draws, resamples);
    let costs = || world.means.iter().map(|mean| mean.cost);
    let range = (costs().fold(f64::INFINITY, f64::min), costs().fold(0.0, f64::max));
    let context = figures::Context {
        world,
        drawing,
        range,
        best,
        singles: &singles,
        draws: &draws,
        realised: &realised,
        routed: applied.iter().position(|one| one.standing == Standing::CrossFitted),
        clusters: &figures::clusters(world.matrix),
    };
    let figures = applied
        .iter()
        .zip(&realised)
        .enumerate()
        .filter_map(|(at, (applied, realised))| {
            context.figures(at, applied, realised, frontier.get(at).copied()?)
        })
        .collect();
    Some(Comparison {
        figures,
        best: world.strong,
        weak: world.weak,
        range,
        prompts: world.matrix.prompts,
        left_out: world.matrix.left_out,
        folds: world.matrix.folds,
        resamples,
        margin: drawing.margin,
    })
}

/// The share of draws in which each strategy is beaten by none that could be deployed, itself included.
fn on_the_frontier(applied: &[Applied], draws: &[Draws], resamples: u32) -> Vec<Option<f64>> {
    let runs = |one: &Applied| one.standing == Standing::Single || one.standing.competes();
    let among: Vec<usize> =
        applied.iter().enumerate().filter(|(_, one)| runs(one)).map(|(at, _)| at).collect();
    let mut counts = vec![0_u32; applied.len()];
    for draw in 0..resamples as usize {
        let points: Vec<Point> = among.iter().filter_map(|at| Some(draws.get(*at)?.point(draw))).collect();
        for (at, unbeaten) in among.iter().zip(frontier::unbeaten(&points)) {
            if let Some(count) = counts.get_mut(*at) {
                *count += u32::from(unbeaten);
            }
        }
    }
    let share =
        |at: usize, count: u32| among.contains(&at).then(|| f64::from(count) / f64::from(resamples.max(1)));
    counts.into_iter().enumerate().map(|(at, count)| share(at, count)).collect()
}
