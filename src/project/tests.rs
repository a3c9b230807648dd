//! What routes are said to cost.

use super::*;
use crate::config::ProjectionSettings;
use crate::measure::tests::{SETTINGS, cents};
use crate::measure::{Money, Observation, Settings};
use crate::path::Requests;
use crate::policy::tests::trials;
use crate::stats::bootstrap;
use crate::units::Usd;

fn names() -> (Vec<TaskName>, Vec<TierName>) {
    let tasks = ["a", "b"].map(|name| name.parse().unwrap()).to_vec();
    (tasks, ["tier1", "tier2"].map(|name| name.parse().unwrap()).to_vec())
}

fn setup<'a>(tiers: &'a [TierName], resamples: u32, settings: &'a ProjectionSettings) -> Setup<'a> {
    Setup {
        tiers,
        cheapest_sufficient_tier: Some(1),
        weighted_by: Weighting::Traffic,
        settings,
        baseline: None,
        resamples,
        seed: 1,
        confidence: SETTINGS.confidence,
    }
}

/// Task a is routed to tier 1, which escalates to tier 2; task b to tier 2.
fn projected(observations: &[Observation], traffic: [Option<f64>; 2]) -> Projection {
    let cells = measure::cells(observations, 2, 2, &SETTINGS);
    let (tasks, tiers) = names();
    let drawn = drawn(observations, [0, 1], SETTINGS.resamples);
    let routed: Vec<Routed<'_>> = (0..2)
        .map(|at| Routed {
            name: &tasks[at],
            of: &tasks[at],
            requests_per_day: traffic[at],
            cells: &cells[at],
            tier: at,
            route: drawn[at].as_ref(),
            traffic_range: None,
            output_shares: &[Some(0.5), Some(0.5)],
            otherwise: None,
        })
        .collect();
    project(&routed, &setup(&tiers, SETTINGS.resamples, &ProjectionSettings::default()))
}

/// What requests cost on the routes of both tasks, which start at those tiers.
fn drawn(observations: &[Observation], tiers: [usize; 2], resamples: u32) -> Vec<Option<Charged>> {
    let play = |task: usize| {
        let plan = bootstrap::Plan { seed: SETTINGS.seed, stream: task as u64, resamples };
        let played = Requests::of(observations, task, 2).play(tiers[task], &[Some(1), None])?;
        Some(Charged { draws: played.draws(plan), output: Some(0.5) })
    };
    (0..2).map(play).collect()
}

fn uniform() -> Vec<Observation> {
    let mut observations = [
        trials(0, 0, 100, 100, "0.001"),
        trials(0, 1, 100, 100, "0.01"),
        trials(1, 0, 100, 100, "0.001"),
        trials(1, 1, 100, 100, "0.01"),
    ]
    .concat();
    // A tenth of task a's requests escalates from tier 1.
    for o in observations.iter_mut().filter(|o| o.task == 0 && o.tier == 0 && o.prompt % 10 == 0) {
        o.gate_passed = Some(false);
    }
    observations
}

#[test]
fn traffic_times_cost_times_days() {
    let projection = projected(&uniform(), [Some(1000.0), Some(100.0)]);
    // Task a: 1000 x (0.001 + 0.1 x 0.01) = 2; task b: 100 x 0.01 = 1.
    assert_eq!(projection.tasks[0].routed.day.mean, cents("2"));
    let total = projection.total.unwrap();
    assert_eq!((total.day.mean, total.year.mean), (cents("3"), cents("1095")));
    assert_eq!(total.month.mean, cents("91.25"));
    assert_eq!(projection.requests_per_day, 1100.0);
    assert_eq!(projection.baselines[1].cost.unwrap().day.mean, cents("11"));
    let savings = projection.baselines[1].savings.unwrap();
    assert!(
        (savings.mean - 8.0 / 11.0).abs() < 1e-12
            && savings.low < savings.mean
            && savings.mean < savings.high
    );
    // The smallest tier for everything is cheaper still, and the figure says so.
    assert!(projection.baselines[0].savings.unwrap().mean < 0.0);
    assert_eq!(projection.total_uncached.unwrap().day.mean, cents("2.4"));
    assert_eq!(projection.baselines[1].pass_rate.unwrap().n, 200);
}

#[test]
fn what_is_unknown_is_left_out_and_named() {
    let (tasks, _) = names();
    let projection = projected(&uniform(), [None, Some(100.0)]);
    assert_eq!(projection.left_out, tasks[..1]);
    assert_eq!((projection.tasks.len(), projection.requests_per_day), (1, 100.0));
    let mut observations = uniform();
    observations.iter_mut().filter(|o| o.task == 0 && o.tier == 1).for_each(|o| o.cost = None);
    let projection = projected(&observations, [Some(1000.0), Some(100.0)]);
    // Tier 1 has a cost at task a, but what escalates from it has none.
    assert_eq!(projection.left_out, tasks[..1]);
    let projection = projected(&uniform(), [None, None]);
    assert_eq!((projection.total, projection.baselines[0].cost), (None, None));
    assert_eq!(projection.baselines[0].savings, None);
}

#[test]
fn a_saving_is_surer_than_the_costs_it_compares() {
    let mut observations = uniform();
    for o in &mut observations {
        // Long prompts are dear at every tier.
        o.cost = o.cost.and_then(|cost| cost.times((1 + o.prompt % 50).into()));
        o.gate_passed = Some(true);
    }
    let cells = measure::cells(&observations, 2, 2, &Settings { resamples: 1000, ..SETTINGS });
    let (tasks, tiers) = names();
    let drawn = drawn(&observations, [0, 0], 1000);
    let routed: Vec<Routed<'_>> = (0..2)
        .map(|at| Routed {
            name: &tasks[at],
            of: &tasks[at],
            requests_per_day: Some(100.0),
            cells: &cells[at],
            tier: 0,
            route: drawn[at].as_ref(),
            traffic_range: None,
            output_shares: &[Some(0.5), Some(0.5)],
            otherwise: None,
        })
        .collect();
    let projection = project(&routed, &setup(&tiers, 1000, &ProjectionSettings::default()));
    let savings = projection.baselines[1].savings.unwrap();
    // Tier 1 is a tenth of tier 2 on every single prompt: there is no doubt about that, though there is about the sums.
    assert!(savings.high - savings.low < 1e-9 && (savings.mean - 0.9).abs() < 1e-9, "{savings:?}");
    let total: Money = projection.total.unwrap().day;
    assert!(total.high - total.low > Usd::from_literal(0.1).unwrap(), "{total:?}");
}
