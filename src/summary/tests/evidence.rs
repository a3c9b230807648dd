//! What counts as evidence: clusters, not copies; prompts, not replies.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::config::Consequence;
use crate::measure;
use crate::measure::tests::{SETTINGS, failed, passed};
use crate::policy::{Band, Decision};

/// Prompts of one tier, each as (cluster, passes).
fn copies(prompts: &[(u32, bool)]) -> Vec<Observation> {
    let one = |(at, (cluster, good)): (usize, &(u32, bool))| {
        let base = if *good { passed(0, 0, at as u32) } else { failed(0, 0, at as u32, "wrong") };
        Observation { cluster: Some(*cluster), ..base }
    };
    prompts.iter().enumerate().map(one).collect()
}

fn one_tier(consequence: Consequence) -> Setting {
    let mut setting = Setting::of(vec![Task { consequence, ..with_traffic("a", 1000.0) }]);
    setting.config.tiers.truncate(1);
    setting
}

#[test]
fn fifteen_copies_of_four_texts_are_four_prompts() {
    let prompts: Vec<(u32, bool)> = (0..60).map(|at| (at % 4, true)).collect();
    let summary = one_tier(Consequence::High).assemble(&copies(&prompts));
    let task = &summary.tasks[0];
    assert_eq!(task.route.decision, Decision::Undecided, "{}", task.route.reason);
    let rate = task.cells[0].pass_rate.unwrap();
    assert_eq!((rate.n, rate.n_eff, task.cells[0].distinct_prompts), (60, 4.0, 4));
    insta::assert_snapshot!(task.route.reason, @"too little evidence to decide; tier1 serves until there is enough. tier1: 100.0 % of 60 prompts pass (4 distinct; 95 % CI 51.0–100.0 %); too few prompts for any decision (at least 30); 26 more distinct prompts would decide with probability 0.50");
}

#[test]
fn clusters_whose_prompts_always_agree_are_covered() {
    // Intra-cluster correlation 1, 30 clusters of 1 to 9 copies: at least .93 in the mean over true rates .80 to .99.
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut means = Vec::new();
    for truth in [0.80, 0.85, 0.90, 0.95, 0.97, 0.99] {
        let (samples, mut covered) = (400, 0);
        for _ in 0..samples {
            let mut prompts = Vec::new();
            for cluster in 0..30 {
                let good = f64::from(random.next_u32()) < truth * 4_294_967_296.0;
                prompts.extend(std::iter::repeat_n((cluster * 10, good), 1 + random.next_u32() as usize % 3));
            }
            let settings = measure::Settings { resamples: 1, ..SETTINGS };
            let rate = measure::cells(&copies(&prompts), 1, 1, &settings)[0][0].pass_rate.unwrap();
            covered += u32::from((rate.low..=rate.high).contains(&truth));
        }
        means.push(f64::from(covered) / f64::from(samples));
    }
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    println!("covered {mean:.3}: {means:.3?}");
    assert!(mean >= 0.93, "{mean}: {means:?}");
}

/// `passes[i]` of three repeats of prompt i pass.
fn repeated(passes: &[u32]) -> Vec<Observation> {
    let of = |(at, passes): (usize, &u32)| {
        let (at, passes) = (at as u32, *passes);
        (0..3).map(move |repeat| {
            let base = if repeat < passes { passed(0, 0, at) } else { failed(0, 0, at, "wrong") };
            Observation { repeat, ..base }
        })
    };
    passes.iter().enumerate().flat_map(of).collect()
}

#[test]
fn repeats_are_no_prompts() {
    // Twenty prompts, three times each: too few whichever of them fail. Once 60 of 60 was undecided and 59 of 60 routed.
    for lost in 0..=1 {
        let mut passes = vec![3; 20];
        passes[0] -= lost;
        let summary = one_tier(Consequence::Low).assemble(&repeated(&passes));
        assert_eq!(summary.tasks[0].route.decision, Decision::Undecided);
        assert_eq!(summary.tasks[0].cells[0].pass_rate.unwrap().n_eff, 20.0);
    }
}

fn rank(band: Band) -> u32 {
    match band {
        Band::Below => 0,
        Band::Undecided => 1,
        Band::Monitor => 2,
        Band::Route => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn one_more_pass_never_loses_a_route(
        prompts in prop::collection::vec((0u32..3, 0u32..12, 1u32..4), 30..70),
        ungraded in 0usize..3,
        which in any::<prop::sample::Index>(),
        consequence in prop::sample::select(vec![Consequence::Low, Consequence::Medium, Consequence::High]),
    ) {
        // Mostly good prompts, so that floors are near; clusters of a few prompts, weights of 1 to 3.
        let passes: Vec<u32> = prompts.iter().map(|(lost, often, _)| if *often == 0 { 3 - lost } else { 3 }).collect();
        let build = |passes: &[u32]| {
            let mut observations = repeated(passes);
            for (at, one) in observations.iter_mut().enumerate() {
                let (_, cluster, weight) = prompts[at / 3];
                one.weight = f64::from(weight);
                one.cluster = (cluster < 3).then_some((at / 3 / 4 * 4) as u32);
                if at < ungraded {
                    one.verdict = None;
                }
            }
            observations
        };
        let mut fewer = passes.clone();
        fewer[which.index(passes.len())] -= 1;
        let decide = |passes: &[u32]| {
            let mut setting = one_tier(consequence);
            setting.config.policy.bootstrap_resamples = 100;
            setting.config.policy.min_prompts = 10;
            rank(setting.assemble(&build(passes)).tasks[0].cells[0].band)
        };
        prop_assert!(decide(&passes) >= decide(&fewer));
    }
}

#[test]
fn the_unit_is_the_cluster_for_differences_too() {
    let both = |tier: u16, good: fn(u32) -> bool| {
        (0..40).map(move |at| {
            let base = if good(at) { passed(0, tier, at) } else { failed(0, tier, at, "wrong") };
            Observation { cluster: Some(at / 10), ..base }
        })
    };
    let observations: Vec<Observation> = both(0, |at| at >= 10).chain(both(1, |_| true)).collect();
    let cells = measure::cells(&observations, 1, 2, &SETTINGS);
    let seen = cells[0][0].versus[0].seen.unwrap();
    assert_eq!((seen.n, seen.n_eff, seen.mean), (4, 4.0, -0.25));
}

/// A tier below another one: whether it meets the monitor floor only, or the route floor, too.
fn two_tiers(small: u32, large: u32, consequence: Consequence) -> (Setting, Vec<Observation>) {
    let setting = Setting::of(vec![Task { consequence, ..with_traffic("a", 1000.0) }]);
    (setting, [trials(0, 0, small, 300, "0.001"), trials(0, 1, large, 300, "0.01")].concat())
}

#[test]
fn the_monitor_floor_does_not_displace_a_proven_tier_at_high_consequence() {
    let (setting, observations) = two_tiers(270, 300, Consequence::High);
    let route = &setting.assemble(&observations).tasks[0].route;
    assert_eq!((route.tier.as_str(), route.decision), ("tier2", Decision::Route));
    insta::assert_snapshot!(route.reason, @"cheapest tier that meets the 0.95 route floor: 100.0 % of 300 prompts pass (95 % CI 98.7–100.0 %); P(true rate ≥ 0.95) = 1.00, high consequence requires 0.95; tier1 meets the 0.85 monitor floor, which does not displace a proven tier at high consequence");
    // At medium consequence it may, unless the policy says otherwise; the verdict says what that saves.
    let (mut setting, observations) = two_tiers(270, 300, Consequence::Medium);
    let summary = setting.assemble(&observations);
    assert_eq!(summary.tasks[0].route.tier.as_str(), "tier1");
    let monitored = summary.monitored.unwrap();
    assert_eq!((monitored.routes.len(), monitored.displacing.len()), (1, 1));
    // 1,000 requests a day at nine thousandths of a dollar more.
    assert_eq!(monitored.saves_per_month, Some(cents("273.75")));
    setting.config.policy.monitor_saves = crate::config::MonitorSaves::Low;
    assert_eq!(setting.assemble(&observations).tasks[0].route.tier.as_str(), "tier2");
}

#[test]
fn at_high_consequence_monitoring_needs_a_gate_and_says_what_it_catches() {
    let (setting, mut observations) = two_tiers(200, 270, Consequence::High);
    // The gate of the large tier catches two thirds of its wrong answers.
    for (at, one) in
        observations.iter_mut().filter(|one| one.tier == 1 && one.passed() == Some(false)).enumerate()
    {
        one.gate_passed = Some(at % 3 == 0);
    }
    let route = setting.assemble(&observations).tasks[0].route.clone();
    assert_eq!((route.tier.as_str(), route.decision), ("tier2", Decision::Monitor));
    insta::assert_snapshot!(route.reason, @"cheapest tier that meets the 0.85 monitor floor: 90.0 % of 300 prompts pass (95 % CI 86.1–92.9 %); P(true rate ≥ 0.85) = 0.99, high consequence requires 0.95; its gate, which is required, catches 20 of 30 wrong answers (67 %, 95 % CI 49–81 %)");
}

#[test]
fn the_number_of_wrong_routes_is_the_sum_of_what_is_left_open() {
    let summary = Setting::of(vec![with_traffic("a", 1.0), with_traffic("b", 1.0)]).assemble(&mixed());
    let (wrong, routes) = summary.expected_wrong_routes().unwrap();
    let left: f64 = summary.tasks.iter().map(|task| 1.0 - task.route.confidence.unwrap()).sum();
    assert!((wrong - left).abs() < 1e-12 && routes == 2 && wrong > 0.0);
}

#[test]
fn the_chance_that_more_prompts_decide_is_the_share_that_they_do() {
    // Undecided after 60 prompts of which 57 pass. Truths are drawn from the posterior, then the further prompts.
    let mut setting = one_tier(Consequence::Medium);
    setting.config.policy.monitor_floor = crate::units::Share::clamped(0.94);
    let first: Vec<(u32, bool)> = (0..60).map(|at| (at, at % 20 != 0)).collect();
    let cell = setting.assemble(&copies(&first)).tasks[0].cells[0].clone();
    let (more, chance) = (cell.more_prompts.unwrap() as u32, cell.more_chance.unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut unit = move || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    let (samples, mut decided) = (600, 0);
    for _ in 0..samples {
        let truth = crate::stats::beta::quantile(58.0, 4.0, unit());
        let passes = (0..more).filter(|_| unit() < truth).count() as u32;
        let posterior = crate::stats::posterior::Posterior::new(
            f64::from(57 + passes) / f64::from(60 + more),
            f64::from(60 + more),
        );
        let good = posterior.clears(0.94) >= 0.90 || posterior.clears(0.95) >= 0.90;
        decided += u32::from(good || posterior.misses(0.94) >= 0.90);
    }
    let share = f64::from(decided) / f64::from(samples);
    println!("stated {chance:.3}, seen {share:.3}");
    assert!((share - chance).abs() < 0.05, "stated {chance}, seen {share}, {more} more");
}

#[test]
fn the_cheapest_single_tier_is_one_that_the_policy_lets_serve_alone() {
    // At high consequence a tier on the monitor floor serves no task that has a proven tier, whatever it costs.
    let (setting, observations) = two_tiers(270, 300, Consequence::High);
    let summary = setting.assemble(&observations);
    assert_eq!(summary.projection.cheapest_sufficient_tier.as_ref().map(TierName::as_str), Some("tier2"));
    let (setting, observations) = two_tiers(270, 300, Consequence::Medium);
    let summary = setting.assemble(&observations);
    assert_eq!(summary.projection.cheapest_sufficient_tier.as_ref().map(TierName::as_str), Some("tier1"));
}

#[test]
fn what_was_decided_on_other_prompts_is_the_decision_that_is_written() {
    // Thirty-six prompts: four fifths of them are fewer than thirty, which must not turn every part's decision over.
    let mut setting = Setting::of(vec![Task { consequence: Consequence::Low, ..with_traffic("a", 1000.0) }]);
    setting.config.policy.route_floor = crate::units::Share::clamped(0.8);
    setting.config.policy.monitor_floor = crate::units::Share::clamped(0.5);
    let observations = [trials(0, 0, 33, 36, "0.001"), trials(0, 1, 36, 36, "0.01")].concat();
    let summary = setting.assemble(&observations);
    assert_eq!(summary.tasks[0].route.tier.as_str(), "tier1");
    let strategies = summary.strategies.unwrap();
    assert_eq!(strategies.routed_elsewhere, Some(0.0));
    assert_eq!(strategies.routed_quality.unwrap().mean, 0.916_667);
}

#[test]
fn prompts_that_a_dearer_tier_did_not_answer_still_count_for_the_routes() {
    // The small tier gives ten wrong answers that the gate accepts; the large one has none of them.
    let mut setting = Setting::of(vec![Task { consequence: Consequence::Low, ..with_traffic("a", 1000.0) }]);
    setting.config.policy.route_floor = crate::units::Share::clamped(0.8);
    let mut observations = [trials(0, 0, 90, 100, "0.001"), trials(0, 1, 100, 100, "0.01")].concat();
    for lost in observations.iter_mut().filter(|one| one.tier == 1 && one.prompt >= 90) {
        (lost.outcome, lost.verdict, lost.cost) = (Some(crate::record::Outcome::Error), None, None);
    }
    let summary = setting.assemble(&observations);
    assert_eq!(summary.tasks[0].route.tier.as_str(), "tier1");
    assert_eq!(summary.strategies.unwrap().routed_quality.unwrap().mean, 0.9);
}
