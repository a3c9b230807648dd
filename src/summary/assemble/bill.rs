//! What the routes will cost, from the decisions.

use super::decided::Decided;
use super::inputs::Inputs;
use crate::ident::TierName;
use crate::measure::{CellEvidence, Draws};
use crate::path::Played;
use crate::policy::Decision;
use crate::price::ModelPrice;
use crate::project::{self, Charged, Projection, Routed, Setup, Weighting};
use crate::stats::bootstrap::Plan;

/// The projection of the routes; `drawn` is what a request of each task costs on its route.
pub(super) fn projection(
    inputs: &Inputs<'_>,
    decided: &[Decided<'_>],
    drawn: &[Option<[Draws; 2]>],
    tiers: &[TierName],
    cheapest_sufficient_tier: Option<usize>,
    weighted_by: Weighting,
) -> Projection {
    let config = inputs.config;
    let resamples = config.policy.bootstrap_resamples;
    let routes: Vec<Option<Charged>> = decided
        .iter()
        .zip(drawn)
        .map(|(task, draws)| {
            // Only where answers may be longer: playing all requests takes time.
            let varies = config.projection.output_length.is_some();
            let played = varies.then(|| task.requests.play(task.tier, &task.escalates_to)).flatten();
            let output = played.and_then(|played| path_share(&played, inputs.prices));
            Some(Charged { draws: draws.clone()?, output })
        })
        .collect();
    // A bootstrap of its own: only where it counts.
    let flips = config.projection.routes_may_flip
        && (config.projection.stated
            || decided.iter().any(|task| task.measured.task.traffic_range.is_some()));
    let otherwise: Vec<Option<(Charged, f64)>> = decided
        .iter()
        .enumerate()
        .map(|(at, task)| {
            let next = task.escalates_to.get(task.tier).copied().flatten().filter(|_| flips)?;
            let wrong = wrong(task)?;
            let played = task.requests.play(next, &task.escalates_to)?;
            // The plan of the task's cells: the same replicate of two paths sees the same prompts.
            let plan = Plan { seed: config.run.seed, stream: at as u64, resamples };
            Some((Charged { draws: played.draws(plan), output: path_share(&played, inputs.prices) }, wrong))
        })
        .collect();
    let outputs: Vec<Vec<Option<f64>>> = decided
        .iter()
        .map(|task| {
            let cells = task.cells.iter().zip(inputs.prices);
            cells.map(|(cell, price)| output_share(cell, price)).collect()
        })
        .collect();
    let routed: Vec<Routed<'_>> = decided
        .iter()
        .zip(&outputs)
        .zip(routes.iter().zip(&otherwise))
        .map(|((task, outputs), (route, otherwise))| Routed {
            name: &task.measured.task.name,
            of: task.measured.task.of(),
            requests_per_day: task.measured.task.requests_per_day,
            traffic_range: task.measured.task.traffic_range,
            cells: task.cells,
            tier: task.tier,
            route: route.as_ref(),
            otherwise: otherwise.as_ref().map(|(charged, wrong)| (charged, *wrong)),
            output_shares: outputs,
        })
        .collect();
    project::project(
        &routed,
        &Setup {
            tiers,
            cheapest_sufficient_tier,
            weighted_by,
            settings: &config.projection,
            baseline: config.baseline.as_ref(),
            resamples,
            seed: config.run.seed,
            confidence: config.policy.interval_confidence.get(),
        },
    )
}

/// The probability that the tier that serves does not meet the floor that its route claims.
fn wrong(task: &Decided<'_>) -> Option<f64> {
    match task.route.decision {
        Decision::Route | Decision::Monitor => task.route.confidence.map(|right| 1.0 - right),
        // It claims nothing that could be wrong.
        Decision::Escalate | Decision::Undecided => None,
    }
}

/// The part of a cell's cost that pays for output tokens; `None` where tokens or cost are unknown.
fn output_share(cell: &CellEvidence, price: &ModelPrice) -> Option<f64> {
    let cost = cell.cost_draws.mean.filter(|cost| *cost > 0.0)?;
    Some((cell.tokens?.output_mean * price.output.to_f64() / 1e6 / cost).min(1.0))
}

/// The same of a path, by what each tier adds to it.
fn path_share(played: &Played, prices: &[ModelPrice]) -> Option<f64> {
    let mut output = 0.0;
    for ((cost, tokens), price) in played.by_tier.iter().zip(prices) {
        if *cost > 0.0 {
            output += ((*tokens)? * price.output.to_f64() / 1e6).min(*cost);
        }
    }
    (played.cost > 0.0).then(|| (output / played.cost).min(1.0))
}
