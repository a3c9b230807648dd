//! What cells are made of.

use super::*;
use crate::record::{Outcome, Verdict};
use crate::units::{Millis, Tokens, Usd};

pub(crate) const SETTINGS: Settings =
    Settings { confidence: 0.95, interval: IntervalMethod::Wilson, resamples: 200, seed: 1 };

pub(crate) fn cents(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A reply that passed, with all that can be known of it.
pub(crate) fn passed(task: u16, tier: u16, prompt: u32) -> Observation {
    Observation {
        prompt,
        cluster: None,
        drawn: None,
        task,
        tier,
        repeat: 0,
        weight: 1.0,
        outcome: Some(Outcome::Reply),
        verdict: Some(Verdict::Pass),
        gate_passed: Some(true),
        truth_passed: None,
        total: Millis::from_ms(100.0),
        first_content: Millis::from_ms(20.0),
        input: Some(Tokens(100)),
        output: Some(Tokens(10)),
        cost: Some(cents("0.001")),
        cost_uncached: Some(cents("0.002")),
        attempts: 1,
        calls: Calls { answered: 1, ..Calls::default() },
        wasted: Usd::ZERO,
        unpriced: 0,
    }
}

pub(crate) fn failed(task: u16, tier: u16, prompt: u32, reason: &str) -> Observation {
    Observation { verdict: Some(Verdict::Fail(reason.to_owned())), ..passed(task, tier, prompt) }
}

/// A trial without an answer.
pub(crate) fn unanswered(task: u16, tier: u16, prompt: u32, outcome: Option<Outcome>) -> Observation {
    Observation {
        prompt,
        task,
        tier,
        weight: 1.0,
        outcome,
        attempts: u32::from(outcome.is_some()),
        ..Observation::default()
    }
}

fn cell(observations: &[Observation]) -> CellEvidence {
    cells(observations, 1, 1, &SETTINGS).remove(0).remove(0)
}

#[test]
fn infrastructure_is_no_evidence_about_quality() {
    let mut observations: Vec<_> = (0..8).map(|i| passed(0, 0, i)).collect();
    observations.push(failed(0, 0, 8, "wrong"));
    observations.push(Observation { outcome: Some(Outcome::Refused), verdict: None, ..passed(0, 0, 9) });
    observations.push(unanswered(0, 0, 10, Some(Outcome::Error)));
    observations.push(unanswered(0, 0, 11, Some(Outcome::Overflow)));
    observations.push(unanswered(0, 0, 12, None));
    observations.push(Observation { verdict: Some(Verdict::Ungraded("no".into())), ..passed(0, 0, 13) });
    let cell = cell(&observations);
    let rate = cell.pass_rate.unwrap();
    assert!((rate.mean - 0.8).abs() < 1e-12 && rate.n == 10 && (rate.n_eff - 10.0).abs() < 1e-9, "{rate:?}");
    let counts = Counts {
        passed: 8,
        failed: 1,
        refused: 1,
        truncated: 0,
        ungraded: 1,
        errors: 1,
        overflow: 1,
        missing: 1,
    };
    assert_eq!(cell.counts, counts);
    assert_eq!(cell.counts.all(), 14);
    assert!((cell.if_fail.unwrap().mean - 8.0 / 13.0).abs() < 1e-12);
    assert!((cell.if_pass.unwrap().mean - 11.0 / 13.0).abs() < 1e-12);
    assert!((cell.overflow_share.unwrap() - 1.0 / 14.0).abs() < 1e-12);
    assert_eq!(cell.latency.unwrap().n, 11);
}

#[test]
fn production_sees_the_gate_and_not_the_truth() {
    let mut observations: Vec<_> = (0..6).map(|i| failed(0, 0, i, "wrong")).collect();
    observations[0].gate_passed = Some(false);
    observations.push(Observation {
        outcome: Some(Outcome::Truncated),
        verdict: None,
        gate_passed: None,
        ..passed(0, 0, 6)
    });
    observations.push(passed(0, 0, 7));
    let rate = cell(&observations).gate_rejection_rate.unwrap();
    assert!((rate.mean - 0.25).abs() < 1e-12 && rate.n == 8, "{rate:?}");
}

#[test]
fn a_prompt_without_weight_counts_in_n_only() {
    let heavy = Observation { weight: 3.0, ..passed(0, 0, 0) };
    let light = Observation { weight: 0.0, cost: Some(cents("9")), ..failed(0, 0, 1, "x") };
    let cell = cell(&[heavy, light.clone()]);
    assert_eq!((cell.pass_rate.unwrap().mean, cell.pass_rate.unwrap().n), (1.0, 2));
    assert_eq!(cell.cost.unwrap().mean, cents("0.001"));
    let nothing = self::cell(&[light]);
    assert_eq!((nothing.pass_rate, nothing.cost, nothing.latency), (None, None, None));
}

#[test]
fn repeats_that_agree_are_one_prompt() {
    let observations: Vec<_> = (0..40)
        .flat_map(|i| (0..3).map(move |repeat| (i, repeat)))
        .map(|(i, repeat)| {
            let base = if i % 4 == 0 { failed(0, 0, i, "x") } else { passed(0, 0, i) };
            Observation { repeat, ..base }
        })
        .collect();
    let cell = cell(&observations);
    let rate = cell.pass_rate.unwrap();
    assert_eq!((rate.n, cell.prompts), (120, 40));
    assert!((rate.n_eff - 40.0).abs() < 1e-9, "{rate:?}");
}

#[test]
fn retried_attempts_are_paid_for_too() {
    let mut observations: Vec<_> = (0..4).map(|i| passed(0, 0, i)).collect();
    observations[0].attempts = 3;
    observations[0].wasted = cents("0.001");
    observations[0].unpriced = 1;
    let cell = cell(&observations);
    // One prompt costs its answer, what was wasted, and one attempt of unknown cost: three times as much.
    assert_eq!(cell.cost.unwrap().mean, cents("0.0015"));
    assert!((cell.retry_rate - 0.5).abs() < 1e-12);
}

#[test]
fn reasons_beyond_ten_lines_are_folded() {
    let mut observations: Vec<_> = (0..30).map(|i| failed(0, 0, i, &format!("r{:02}", i % 15))).collect();
    observations.push(failed(0, 0, 30, "r07"));
    let reasons = cell(&observations).fail_reasons;
    assert_eq!(reasons.len(), 10);
    assert_eq!((reasons[0].reason.as_str(), reasons[0].count), ("r07", 3));
    assert_eq!((reasons[1].reason.as_str(), reasons[1].count), ("r00", 2));
    assert_eq!((reasons[9].reason.as_str(), reasons[9].count), ("other", 12));
    assert_eq!(reasons.iter().map(|r| r.count).sum::<u64>(), 31);
}

#[test]
fn the_order_of_observations_does_not_matter() {
    let mut observations: Vec<_> = (0..60)
        .map(|i| Observation {
            cost: Usd::from_literal(f64::from(i) / 7000.0).ok(),
            ..passed(0, (i % 2) as u16, i / 2)
        })
        .collect();
    let one = cells(&observations, 1, 2, &SETTINGS);
    observations.reverse();
    observations.swap(3, 17);
    assert_eq!(cells(&observations, 1, 2, &SETTINGS), one);
}

#[test]
fn tiers_of_a_task_are_drawn_together() {
    let dear = |o: Observation| Observation { tier: 1, cost: o.cost.map(|c| c + cents("0.005")), ..o };
    let cheap: Vec<_> = (0..30)
        .map(|i| Observation { cost: Usd::from_literal(f64::from(i) / 1000.0).ok(), ..passed(0, 0, i) })
        .collect();
    let both: Vec<_> = cheap.iter().cloned().chain(cheap.iter().cloned().map(dear)).collect();
    let row = cells(&both, 1, 2, &SETTINGS).remove(0);
    for (low, high) in row[0].cost_draws.replicates.iter().zip(&row[1].cost_draws.replicates) {
        assert!((high - low - 0.005).abs() < 1e-12);
    }
}

#[test]
fn tasks_count_by_their_share() {
    let mut observations: Vec<_> = (0..10).map(|i| passed(0, 0, i)).collect();
    observations.extend((10..20).map(|i| Observation {
        total: Millis::from_ms(900.0),
        cost: Some(cents("0.003")),
        ..failed(1, 0, i, "x")
    }));
    let cells = cells(&observations, 2, 1, &SETTINGS);
    let tier = over_tasks(&observations, &cells, &[900.0, 100.0], 0.95).remove(0);
    let rate = tier.pass_rate.unwrap();
    assert!((rate.mean - 0.9).abs() < 1e-12 && rate.n == 20, "{rate:?}");
    assert!((rate.n_eff - 10.0 / 0.82).abs() < 1e-9, "{rate:?}");
    assert!((tier.cost.unwrap() - 0.0012).abs() < 1e-12);
    let latency = tier.latency.unwrap();
    assert_eq!((latency.mean.ms(), latency.p50.ms(), latency.quantiles[20].ms()), (180.0, 100.0, 900.0));
    let unmeasured = over_tasks(
        &observations[..10],
        &super::cells(&observations[..10], 2, 1, &SETTINGS),
        &[1.0, 1.0],
        0.95,
    );
    assert_eq!((unmeasured[0].pass_rate, unmeasured[0].cost), (None, None));
}
