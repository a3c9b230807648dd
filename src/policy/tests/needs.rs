//! Needs beside quality: time and availability.

use super::*;
use crate::measure::Calls;
use crate::stats::posterior::Posterior;

fn ms(value: f64) -> Option<Millis> {
    Millis::from_ms(value)
}

/// Trials that all pass, of which the first `late` take 3 s and the others 1 s.
fn timed(tier: u16, late: u32, prompts: u32, cost: &str) -> Vec<Observation> {
    let all = trials(0, tier, prompts, prompts, cost).into_iter().enumerate();
    all.map(|(at, o)| Observation { total: ms(if (at as u32) < late { 3000.0 } else { 1000.0 }), ..o })
        .collect()
}

fn waits(consequence: Consequence) -> Task {
    // A low floor, so that quality is proven with the fewest prompts and only time is open.
    Task { latency_p95: ms(2000.0), consequence, route_floor: Some(Share::clamped(0.5)), ..task("t") }
}

#[test]
fn the_published_chances_of_keeping_a_need_come_out() {
    for (within, n, chance) in
        [(50.0, 50.0, 0.926_902), (49.0, 50.0, 0.730_693), (58.0, 58.0, 0.951_505), (119.0, 120.0, 0.985_143)]
    {
        let seen = Posterior::new(within / n, n).clears(0.95);
        assert!((seen - chance).abs() < 1e-6, "{within}/{n}: {seen}");
    }
}

#[test]
fn a_tier_is_feasible_open_or_too_slow_by_what_is_shown() {
    let task = waits(Consequence::High);
    let of = |late, prompts| {
        let assessment = decide(&task, &timed(0, late, prompts, "0.001")).assessments.remove(0);
        (assessment.infeasible.len(), assessment.unproven.first().copied().map(|open| open.more))
    };
    assert_eq!(of(0, 58), (0, None), "58 of 58 prove it at 0.95");
    assert_eq!(of(0, 57), (0, Some(Some(1))), "one more would");
    assert_eq!(of(3, 50).0, 0, "47 of 50 prove nothing");
    assert!(of(3, 50).1.is_some());
    assert_eq!(of(10, 50), (1, None), "40 of 50 are too few beyond doubt");
    // Three prompts in time are no proof that a tier is slow, whatever the prior says of so few.
    let low = waits(Consequence::Low);
    let few = decide(&low, &timed(0, 0, 3, "0.001")).assessments.remove(0);
    assert_eq!((few.infeasible.len(), few.unproven.len()), (0, 1));
}

#[test]
fn the_prompts_that_are_said_to_prove_a_need_do_prove_it() {
    let task = waits(Consequence::Medium);
    let decided = decide(&task, &timed(0, 3, 50, "0.001"));
    let more = decided.assessments[0].unproven[0].more.unwrap();
    let n = 50 + u32::try_from(more).unwrap();
    assert!(decide(&task, &timed(0, 3, n, "0.001")).assessments[0].unproven.is_empty());
    assert!(!decide(&task, &timed(0, 3, n - 1, "0.001")).assessments[0].unproven.is_empty());
    assert_eq!(decided.route.decision, Decision::Undecided);
    assert!(
        decided.route.reason.contains("p95 latency not proven: 47 of 50 prompts within 2.0 s; "),
        "{}",
        decided.route.reason
    );
}

#[test]
fn an_open_latency_never_sends_a_task_to_a_slower_tier() {
    let task = waits(Consequence::High);
    let cheap = timed(0, 2, 50, "0.001");
    // The dearer tier is proven to keep the need, but its p95 is higher.
    let slower: Vec<Observation> =
        timed(1, 0, 100, "0.004").into_iter().map(|o| Observation { total: ms(1900.0), ..o }).collect();
    let decided = decide(&task, &[cheap.clone(), slower].concat());
    assert!(decided.assessments[1].unproven.is_empty());
    assert_eq!((decided.route.tier.as_str(), decided.route.decision), ("tier1", Decision::Undecided));
    // One that is proven and no slower serves.
    let faster = timed(1, 0, 100, "0.004");
    let decided = decide(&task, &[cheap, faster].concat());
    assert_eq!((decided.route.tier.as_str(), decided.route.decision), ("tier2", Decision::Route));
    assert!(
        decided.route.reason.contains("tier1 costs less: p95 latency not proven"),
        "{}",
        decided.route.reason
    );
}

#[test]
fn the_time_to_first_token_is_a_need_like_the_other() {
    let need = |ms| Task { ttft_p95: Millis::from_ms(ms), ..task("t") };
    // Every first token comes after 20 ms.
    let observations = timed(0, 0, 100, "0.001");
    assert_eq!(decide(&need(50.0), &observations).route.decision, Decision::Route);
    let slow = decide(&need(10.0), &observations);
    assert_eq!(
        slow.assessments[0].infeasible,
        [Infeasible::FirstToken(ms(20.0).unwrap(), ms(10.0).unwrap())]
    );
    assert_eq!(slow.route.decision, Decision::Escalate);
}

#[test]
fn a_need_is_called_missed_no_more_often_than_the_confidence_allows() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    // The truth is the need itself: 95 % of requests are in time. High consequence: 0.95.
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let limit = (0.95 * 2f64.powi(32)) as u32;
    for n in [20u32, 60, 200] {
        let runs = 4000;
        let (mut kept, mut missed) = (0, 0);
        for _ in 0..runs {
            let within = (0..n).filter(|_| rng.next_u32() < limit).count() as f64 / f64::from(n);
            kept += u32::from(Posterior::new(within, f64::from(n)).clears(0.95) >= 0.95);
            missed += u32::from(Posterior::exact(within, f64::from(n)).misses(0.95) >= 0.95);
        }
        let share = |count: u32| f64::from(count) / f64::from(runs);
        assert!(share(missed) <= 0.05 + 0.01, "{n}: {}", share(missed));
        assert!(share(kept) <= 0.06 + 0.01, "{n}: {}", share(kept));
    }
}

/// The same trials, of which `failed` of every 100 attempts failed before the one that was answered.
fn failing(observations: Vec<Observation>, failed: u32) -> Vec<Observation> {
    let of = |at: usize| u32::from((at as u32 % 100) < failed);
    let all = observations.into_iter().enumerate();
    all.map(|(at, o)| Observation { calls: Calls { answered: 1, failed: of(at), throttled: 3 }, ..o })
        .collect()
}

#[test]
fn a_tier_that_answers_too_seldom_does_not_serve_alone() {
    let small = failing(trials(0, 0, 400, 400, "0.001"), 5);
    let alone = decide(&task("t"), &small);
    assert_eq!(alone.assessments[0].infeasible, [Infeasible::Availability(400, 420)]);
    assert_eq!(alone.route.decision, Decision::Escalate);
    // With a tier above that steps in, it serves and is watched.
    let decided = decide(&task("t"), &[small, trials(0, 1, 400, 400, "0.004")].concat());
    assert_eq!(decided.assessments[0].infeasible, []);
    assert_eq!((decided.route.tier.as_str(), decided.route.decision), ("tier1", Decision::Monitor));
    assert!(
        decided.route.reason.contains(
            "95.2 % of 420 attempts were answered (95 % CI 92.8–96.9 %), below the availability floor of 0.99"
        ),
        "{}",
        decided.route.reason
    );
    // What is not shown is not held against it: 99 of 100, and rate limits never.
    let one = failing(trials(0, 0, 100, 100, "0.001"), 1);
    assert_eq!(decide(&task("t"), &one).route.decision, Decision::Route);
}
