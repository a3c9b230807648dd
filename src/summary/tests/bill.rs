//! The bill of routes whose gates reject, against arithmetic by hand and by brute force.

use proptest::prelude::*;

use super::*;
use crate::config::Consequence;
use crate::measure::tests::{failed, passed};

/// The month of a daily amount.
fn month(day: f64) -> f64 {
    day * 365.0 / 12.0
}

/// A prompt at a tier: its cost in USD, whether the gate accepts it, whether it is good.
fn answer(task: u16, tier: u16, prompt: u32, (cost, accepted, good): (f64, bool, bool)) -> Observation {
    let base = if good { passed(task, tier, prompt) } else { failed(task, tier, prompt, "wrong") };
    let cost = crate::measure::usd(cost);
    Observation { cost, cost_uncached: cost, gate_passed: Some(accepted), ..base }
}

fn tiers(setting: &mut Setting, names: &[&str]) {
    let first = setting.config.tiers[0].clone();
    setting.config.tiers =
        names.iter().map(|name| Tier { name: name.parse().unwrap(), ..first.clone() }).collect();
}

fn routes_of(summary: &Summary) -> &StrategyLine {
    let table = &summary.strategies.as_ref().unwrap().table;
    table.iter().find(|line| line.id == "routes").unwrap()
}

#[test]
fn long_requests_that_every_gate_rejects_pay_for_every_tier() {
    // The case of the audit: of 100 prompts the 20 long ones are rejected by small and mid. A product of means says 0.2 x the mean
    // of mid, and misses that the long ones cost ten times as much and are rejected again.
    let mut setting = Setting::of(vec![with_traffic("a", 10_000.0)]);
    tiers(&mut setting, &["small", "mid", "large"]);
    setting.config.tasks[0].consequence = Consequence::Low;
    let mut observations = Vec::new();
    for prompt in 0..100 {
        let long = prompt % 5 == 0;
        let factor = if long { 10.0 } else { 1.0 };
        for (tier, cost) in [(0, 0.000_01), (1, 0.000_1), (2, 0.001)] {
            let accepted = !long || tier == 2;
            observations.push(answer(0, tier, prompt, (cost * factor, accepted, true)));
        }
    }
    let summary = setting.assemble(&observations);
    assert_eq!(summary.tasks[0].route.tier.as_str(), "small");
    let day = 10_000.0 * (0.8 * 0.000_01 + 0.2 * 10.0 * (0.000_01 + 0.000_1 + 0.001));
    let total = summary.projection.total.unwrap().month;
    assert!((total.mean.to_f64() - month(day)).abs() < 0.01, "{total:?} {}", month(day));
    // A third of the prompts may be long by chance, or a tenth: the interval says so.
    assert!(total.low.to_f64() < 0.7 * month(day) && total.high.to_f64() > 1.3 * month(day), "{total:?}");
    let route = &summary.tasks[0].route;
    assert!((route.cost_per_request.unwrap().to_f64() - day / 10_000.0).abs() < 1e-9);
    let after = route.after_fallback.unwrap();
    assert_eq!((after.escalation_rate, after.pass_rate.unwrap().mean), (0.2, 1.0));
    // A fifth takes three answers of 100 ms each.
    assert_eq!((after.latency_p50.unwrap().ms(), after.latency_p95.unwrap().ms()), (100.0, 300.0));
    assert_eq!(routes_of(&summary).month.unwrap().mean, total.mean);
}

/// What a request costs on its path, and whether the answer that stands is good.
fn walk(of: &[(f64, bool, bool)], start: usize) -> (f64, bool) {
    let mut cost = 0.0;
    for (at, (price, accepted, good)) in of.iter().enumerate().skip(start) {
        cost += price;
        if *accepted || at + 1 == of.len() {
            return (cost, *good);
        }
    }
    (cost, false)
}

type Prompts = Vec<(u8, u8, u8, u8)>;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Length drives cost, rejection and quality at every tier, so that nothing is independent of anything.
    #[test]
    fn the_projection_is_the_routes_replayed_to_the_cent_and_agrees_with_brute_force(
        tasks in prop::collection::vec(prop::collection::vec((0u8..=255, 0u8..=255, 0u8..=255, 1u8..5), 12..50), 1..4),
        rungs in 2usize..5,
        traffic in prop::collection::vec(1u32..100_000, 3),
    ) {
        let named = |at: usize| with_traffic(&format!("t{at}"), f64::from(traffic[at]));
        let mut setting = Setting::of((0..tasks.len()).map(named).collect());
        setting.config.policy.min_prompts = 5;
        tiers(&mut setting, &["a", "b", "c", "d"][..rungs]);
        let of = |(length, hard, luck, _): (u8, u8, u8, u8)| -> Vec<(f64, bool, bool)> {
            (0..rungs)
                .map(|tier| {
                    let skill = 90 + 50 * tier as u32;
                    let rejected = u32::from(length) / 2 + u32::from(hard) / 2 > skill;
                    let cost = 1e-5 * 4f64.powi(tier as i32) * (1.0 + f64::from(length) * f64::from(length) / 500.0);
                    (cost, !rejected, !rejected && u32::from(luck) < 230 + 6 * tier as u32)
                })
                .collect()
        };
        let mut observations = Vec::new();
        for (task, prompts) in tasks.iter().enumerate() {
            for (at, prompt) in prompts.iter().enumerate() {
                for (tier, seen) in of(*prompt).into_iter().enumerate() {
                    let number = (task * 1000 + at) as u32;
                    let one = answer(task as u16, tier as u16, number, seen);
                    observations.push(Observation { weight: f64::from(prompt.3), ..one });
                }
            }
        }
        let summary = setting.assemble(&observations);
        let (mut day, mut good, mut requests) = (0.0, 0.0, 0.0);
        for (task, prompts) in tasks.iter().enumerate() {
            let names: Vec<&str> = summary.tiers.iter().map(|tier| tier.name.as_str()).collect();
            let start = names.iter().position(|name| *name == summary.tasks[task].route.tier.as_str()).unwrap();
            let prompts: &Prompts = prompts;
            let all: f64 = prompts.iter().map(|prompt| f64::from(prompt.3)).sum();
            let per: f64 = prompts.iter().map(|p| f64::from(p.3) * walk(&of(*p), start).0).sum::<f64>() / all;
            let passes = |p: &(u8, u8, u8, u8)| f64::from(p.3) * f64::from(u8::from(walk(&of(*p), start).1));
            let rate = prompts.iter().map(passes).sum::<f64>() / all;
            let route = &summary.tasks[task].route;
            prop_assert!((route.cost_per_request.unwrap().to_f64() / per - 1.0).abs() < 1e-8);
            let after = route.after_fallback.unwrap();
            prop_assert!((after.pass_rate.unwrap().mean - rate).abs() < 2e-6);
            day += f64::from(traffic[task]) * per;
            good += f64::from(traffic[task]) * rate;
            requests += f64::from(traffic[task]);
        }
        let total = summary.projection.total.unwrap().month;
        prop_assert!((total.mean.to_f64() - month(day)).abs() < 0.01 + 1e-8 * month(day), "{total:?} {}", month(day));
        let routes = routes_of(&summary);
        prop_assert_eq!(routes.month.unwrap().mean.rounded(2), total.mean.rounded(2));
        prop_assert!((routes.pass_rate.mean - good / requests).abs() < 2e-6);
        // The simulated day walks the same paths: its profiles carry the whole bill.
        for task in &summary.tasks {
            let start = summary.tiers.iter().position(|tier| tier.name == task.route.tier).unwrap();
            let of = |profile: &RequestProfile| {
                let tiers: Vec<(f64, bool, bool)> =
                    profile.tiers.iter().flatten().map(|tier| (tier.cost.to_f64(), tier.accepted, true)).collect();
                profile.share * walk(&tiers, start).0
            };
            let per: f64 = task.profiles.iter().map(of).sum();
            prop_assert!((per / task.route.cost_per_request.unwrap().to_f64() - 1.0).abs() < 1e-4);
        }
    }
}

#[test]
fn a_missing_answer_above_is_expected_to_cost_what_rejected_requests_cost_there() {
    let mut setting = Setting::of(vec![with_traffic("a", 1000.0)]);
    setting.config.tasks[0].consequence = Consequence::Low;
    let mut observations = Vec::new();
    for prompt in 0..100 {
        let long = prompt % 5 == 0;
        observations.push(answer(0, 0, prompt, (0.001, !long, true)));
        // Of every other long request the large tier's answer is missing; a short one costs less there.
        let large = answer(0, 1, prompt, (if long { 0.1 } else { 0.03 }, true, true));
        let lost = long && prompt % 2 == 0;
        observations.push(if lost { Observation { outcome: None, verdict: None, ..large } } else { large });
    }
    let summary = setting.assemble(&observations);
    assert_eq!(summary.tasks[0].route.tier.as_str(), "tier1");
    let per = summary.tasks[0].route.cost_per_request.unwrap().to_f64();
    assert!((per - (0.001 + 0.2 * 0.1)).abs() < 1e-9, "{per}");
}

#[test]
fn the_bill_of_a_rejecting_gate_covers_its_truth() {
    // Lengths are lognormal, the longest fifth is rejected: the truth is known. 400 projects of 100 prompts.
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut normal = move || {
        let unit = |random: &mut ChaCha8Rng| (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
        (-2.0 * unit(&mut random).ln()).sqrt() * (std::f64::consts::TAU * unit(&mut random)).cos()
    };
    let (sigma, cut): (f64, f64) = (0.7, 0.841_621);
    // E[length; length beyond the cut] of a lognormal: exp(sigma^2 / 2) Phi(sigma - cut).
    let mean = (sigma * sigma / 2.0).exp();
    let beyond = mean * crate::stats::interval::normal_cdf(sigma - cut);
    let truth = month(1000.0 * (0.001 * mean + 0.01 * beyond));
    let (projects, mut covered, mut sum) = (400, 0, 0.0);
    for _ in 0..projects {
        let mut observations = Vec::new();
        for prompt in 0..100 {
            let z = normal();
            let length = (sigma * z).exp();
            observations.push(answer(0, 0, prompt, (0.001 * length, z < cut, true)));
            observations.push(answer(0, 1, prompt, (0.01 * length, true, true)));
        }
        let requests = crate::path::Requests::of(&observations, 0, 2);
        let plan = crate::stats::bootstrap::Plan { seed: 1, stream: 0, resamples: 200 };
        let played = requests.play(0, &[Some(1), None]).unwrap();
        let [cost, _] = played.draws(plan);
        let day = |value: f64| month(1000.0 * value);
        let money =
            crate::measure::money(day(cost.mean.unwrap()), cost.replicates.into_iter().map(day), 0.95)
                .unwrap();
        covered += u32::from((money.low.to_f64()..=money.high.to_f64()).contains(&truth));
        sum += money.mean.to_f64() / truth;
    }
    let (share, bias) = (f64::from(covered) / f64::from(projects), sum / f64::from(projects) - 1.0);
    println!("covered {share:.3}, bias {bias:.4}");
    // As if rejection were independent of length, the bill would be 45 % too low.
    assert!(share >= 0.88 && bias.abs() < 0.02, "covered {share}, bias {bias}");
}

#[test]
fn where_no_rejected_request_was_answered_above_the_bill_is_dear_and_not_cheap() {
    // Ten long requests cost twenty times as much everywhere; the gate of the small tier rejects them, and the mid tier errs on just these.
    let mut setting = Setting::of(vec![with_traffic("a", 1000.0)]);
    tiers(&mut setting, &["small", "mid", "large"]);
    setting.config.tasks[0].consequence = Consequence::Low;
    let mut observations = Vec::new();
    for prompt in 0..100 {
        let long = prompt % 10 == 0;
        let factor = if long { 20.0 } else { 1.0 };
        for (tier, cost) in [(0, 0.000_1), (1, 0.000_5), (2, 0.002)] {
            let one = answer(0, tier, prompt, (cost * factor, !long || tier == 2, true));
            let lost = long && tier == 1;
            observations.push(if lost { Observation { outcome: None, verdict: None, ..one } } else { one });
        }
    }
    let requests = crate::path::Requests::of(&observations, 0, 3);
    let played = requests.play(0, &[Some(1), Some(2), None]).unwrap();
    // The mid tier's answer costs twenty times what a short one does, and is taken to be rejected again.
    let wanted = 0.9 * 0.000_1 + 0.1 * 20.0 * (0.000_1 + 0.000_5 + 0.002);
    assert!((played.cost - wanted).abs() < 1e-12, "{} {wanted}", played.cost);
}
