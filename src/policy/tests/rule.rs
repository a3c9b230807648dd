//! Non-inferiority, the three intervals, and many cells at once.

use super::*;
use crate::config::{IntervalMethod, Policy, Rule, Task};

fn non_inferior() -> Policy {
    Policy { rule: Rule::NonInferior, ..Policy::default() }
}

/// A tier that fails the prompts of `fails`, of `prompts`.
fn but(tier: u16, prompts: u32, fails: std::ops::Range<u32>, cost: &str) -> Vec<Observation> {
    let trial = |i| if fails.contains(&i) { failed(0, tier, i, "wrong") } else { passed(0, tier, i) };
    (0..prompts).map(trial).map(|o| Observation { cost: Some(cents(cost)), ..o }).collect()
}

fn decide_by(task: &Task, policy: &Policy, observations: &[Observation]) -> Decided {
    let tiers = observations.iter().map(|o| usize::from(o.tier) + 1).max().unwrap();
    decide_with(task, policy, &ladder(tiers), observations)
}

#[test]
fn a_tier_that_is_no_worse_than_the_best_is_routed_whatever_the_floor() {
    // The best passes 80 % only: no floor is cleared, and yet the small tier is as good as anything measured.
    let observations = [but(0, 300, 0..62, "0.001"), but(1, 300, 0..60, "0.004")].concat();
    let floor = decide_by(&task("t"), &Policy::default(), &observations);
    assert_eq!(floor.route.decision, Decision::Escalate);
    let Decided { route, assessments } = decide_by(&task("t"), &non_inferior(), &observations);
    assert_eq!((route.tier.as_str(), route.decision), ("tier1", Decision::Route));
    assert!(route.confidence.unwrap() > 0.8 && assessments[0].p_route.unwrap() < 0.01);
    insta::assert_snapshot!(route.reason, @"cheapest tier that is non-inferior to the best tier (margin 3.0 points): 79.3 % of 300 prompts pass (95 % CI 74.4–83.5 %); -0.7 points against tier2 on 300 shared prompts (lower bound -1.6); confidence = 0.99, medium consequence requires 0.90");
}

#[test]
fn worse_by_more_than_the_margin_is_monitored_then_turned_down() {
    let second = |fails| [but(0, 400, 0..fails, "0.001"), but(1, 400, 0..8, "0.004")].concat();
    // 2.8, 4 and 12 points worse: not shown to be within 3, within 6, and shown to be beyond.
    for (fails, wanted) in [(19, Band::Monitor), (24, Band::Monitor), (56, Band::Below), (12, Band::Route)] {
        let decided = decide_by(&task("t"), &non_inferior(), &second(fails));
        assert_eq!(decided.assessments[0].band, wanted, "{fails}");
        assert_eq!(decided.assessments[1].band, Band::Route);
    }
    let decided = decide_by(&task("t"), &non_inferior(), &second(24));
    insta::assert_snapshot!(decided.route.reason, @"cheapest tier that is non-inferior to the best tier (monitor margin 6.0 points): 94.0 % of 400 prompts pass (95 % CI 91.2–95.9 %); -4.0 points against tier2 on 400 shared prompts (lower bound -5.5); confidence = 0.95, medium consequence requires 0.90");
    // A narrower margin for monitoring leaves it to the better tier, and a wider margin of the task's own lets it serve.
    let strict = Policy { monitor_margin: Some(Share::clamped(0.03)), ..non_inferior() };
    assert_eq!(decide_by(&task("t"), &strict, &second(24)).route.tier.as_str(), "tier2");
    let wide = Task { margin: Some(Share::clamped(0.08)), ..task("t") };
    assert_eq!(decide_by(&wide, &non_inferior(), &second(24)).assessments[0].band, Band::Route);
}

#[test]
fn too_few_prompts_decide_nothing_not_even_that_the_best_is_the_best() {
    for consequence in [Consequence::Low, Consequence::Medium, Consequence::High] {
        let task = Task { consequence, ..task("t") };
        let observations = [but(0, 20, 0..0, "0.001"), but(1, 20, 0..1, "0.004")].concat();
        let decided = decide_by(&task, &non_inferior(), &observations);
        assert_eq!(bands(&decided), [Band::Undecided, Band::Undecided]);
        assert_eq!(decided.route.decision, Decision::Undecided);
    }
    let observations = [but(0, 60, 0..3, "0.001"), but(1, 60, 0..1, "0.004")].concat();
    let high = Task { consequence: Consequence::High, ..task("t") };
    let decided = decide_by(&high, &non_inferior(), &observations);
    let more = decided.assessments[0].more_prompts.unwrap();
    insta::assert_snapshot!(decided.route.reason, @"cheapest tier that is non-inferior to the best tier (margin 3.0 points): 98.3 % of 60 prompts pass (95 % CI 91.1–99.7 %); +3.3 points against tier1 on 60 shared prompts (lower bound -1.1); confidence = 0.98, high consequence requires 0.95; tier1 could be good enough: 95.0 % of 60 prompts pass (95 % CI 86.3–98.3 %); -3.3 points against tier2 on 60 shared prompts (lower bound -9.6); 155 more distinct prompts may decide");
    // What it says would decide does, in the same proportions.
    let prompts = 60 + u32::try_from(more).unwrap();
    let scaled = |fails: u32| fails * prompts / 60;
    let again = [but(0, prompts, 0..scaled(3), "0.001"), but(1, prompts, 0..scaled(1), "0.004")].concat();
    assert_ne!(decide_by(&high, &non_inferior(), &again).assessments[0].band, Band::Undecided);
}

#[test]
fn a_named_reference_needs_no_proof_and_the_others_are_held_against_it_alone() {
    let policy = Policy { reference: Some("tier2".parse().unwrap()), ..non_inferior() };
    // The third tier is far better than the reference: nobody asked.
    let observations =
        [but(0, 300, 0..46, "0.001"), but(1, 300, 0..45, "0.004"), but(2, 300, 0..3, "0.02")].concat();
    let Decided { route, assessments } = decide_by(&task("t"), &policy, &observations);
    assert_eq!((route.tier.as_str(), route.decision), ("tier1", Decision::Route));
    assert_eq!(assessments[1].band, Band::Route);
    assert_eq!((assessments[1].odds, assessments[1].comparison), (None, None));
    insta::assert_snapshot!(route.reason, @"cheapest tier that is non-inferior to tier2 (margin 3.0 points): 84.7 % of 300 prompts pass (95 % CI 80.2–88.3 %); -0.3 points against tier2 on 300 shared prompts (lower bound -1.1); confidence = 1.00, medium consequence requires 0.90");
    // Held against all, it is not good enough.
    assert_eq!(decide_by(&task("t"), &non_inferior(), &observations).assessments[0].band, Band::Below);
    // The reference serves itself where nothing cheaper does.
    let observations = [but(0, 300, 0..90, "0.001"), but(1, 300, 0..45, "0.004")].concat();
    let Decided { route, .. } = decide_by(&task("t"), &policy, &observations);
    assert_eq!((route.tier.as_str(), route.confidence), ("tier2", None));
    insta::assert_snapshot!(route.reason, @"cheapest tier that is good enough, being the reference that the others are compared with: 85.0 % of 300 prompts pass (95 % CI 80.5–88.6 %)");
}

#[test]
fn the_luck_of_the_one_that_looks_best_is_not_held_against_the_others_twice() {
    // Three tiers of one quality: whichever looks best by a prompt or two, all are routed.
    let observations =
        [but(0, 400, 0..12, "0.001"), but(1, 400, 10..20, "0.004"), but(2, 400, 40..51, "0.02")].concat();
    let decided = decide_by(&task("t"), &non_inferior(), &observations);
    assert_eq!(bands(&decided), [Band::Route; 3]);
}

#[test]
fn trials_without_a_grade_on_either_side_can_turn_it_over() {
    let mut observations = [but(0, 200, 0..4, "0.001"), but(1, 200, 0..3, "0.004")].concat();
    assert_eq!(decide_by(&task("t"), &non_inferior(), &observations).assessments[0].band, Band::Route);
    for lost in observations.iter_mut().filter(|o| o.tier == 0 && o.prompt >= 180) {
        *lost = unanswered(0, 0, lost.prompt, Some(Outcome::Error));
    }
    let decided = decide_by(&task("t"), &non_inferior(), &observations);
    assert_eq!(decided.assessments[0].doubt, Some(Doubt::CouldFlip(20)));
    // A rival that answered nothing is no yardstick, and without one nothing is decided.
    let only =
        [but(0, 200, 0..4, "0.001"), (0..200).map(|i| unanswered(0, 1, i, Some(Outcome::Error))).collect()];
    let decided = decide_by(&task("t"), &non_inferior(), &only.concat());
    assert_eq!(decided.assessments[0].doubt, Some(Doubt::NoPairs));
    assert_eq!(decided.route.decision, Decision::Undecided);
}

#[test]
fn the_exact_interval_asks_for_more_than_the_posterior() {
    let high = Task { consequence: Consequence::High, ..task("t") };
    let by = |interval, prompts| {
        let policy = Policy { interval, ..Policy::default() };
        let settings = measure::Settings { interval, ..SETTINGS };
        let observations = but(0, prompts, 0..0, "0.001");
        let cells = measure::cells(&observations, 1, 1, &settings).remove(0);
        let requests = Requests::of(&observations, 0, 1);
        let tiers = ladder(1);
        let case = plain(&high, &policy, &tiers, &cells, &requests);
        (case.assess().remove(0).band, cells[0].pass_rate.unwrap())
    };
    // All pass at a floor of 0.95 and a confidence of 0.95: 58 by the uniform prior, 59 by the exact test, 38 by Jeffreys.
    for (interval, n) in
        [(IntervalMethod::Wilson, 58), (IntervalMethod::ClopperPearson, 59), (IntervalMethod::Jeffreys, 38)]
    {
        assert_eq!(by(interval, n).0, Band::Route, "{interval:?}");
        assert_eq!(by(interval, n - 1).0, Band::Monitor, "{interval:?}");
        let rate = by(interval, n).1;
        assert_eq!(rate.interval, interval);
    }
    // 100 of 100: 0.9630 by Wilson, 0.9638 by Clopper and Pearson, 0.9752 by Jeffreys.
    let low = |interval| by(interval, 100).1.low;
    assert!((low(IntervalMethod::Wilson) - 0.963_007).abs() < 1e-5);
    assert!((low(IntervalMethod::ClopperPearson) - 0.963_783).abs() < 1e-5);
    assert!((low(IntervalMethod::Jeffreys) - 0.975_255).abs() < 1e-5, "{}", low(IntervalMethod::Jeffreys));
}

#[test]
fn uneven_weights_and_repeats_keep_wilsons_interval() {
    let settings = measure::Settings { interval: IntervalMethod::ClopperPearson, ..SETTINGS };
    let method = |observations: &[Observation]| {
        measure::cells(observations, 1, 1, &settings).remove(0).remove(0).pass_rate.unwrap().interval
    };
    let even = but(0, 40, 0..3, "0.001");
    assert_eq!(method(&even), IntervalMethod::ClopperPearson);
    let mut uneven = even.clone();
    uneven[7].weight = 2.0;
    assert_eq!(method(&uneven), IntervalMethod::Wilson);
    let repeated: Vec<Observation> =
        even.iter().cloned().chain(even.iter().map(|o| Observation { repeat: 1, ..o.clone() })).collect();
    assert_eq!(method(&repeated), IntervalMethod::Wilson);
}

#[test]
fn holm_asks_more_of_a_cell_the_more_cells_there_are() {
    let high = Task { consequence: Consequence::High, ..task("t") };
    // 58 of 58 just meets the floor alone; among ten such cells it does not.
    let decided = decide(&high, &trials(0, 0, 58, 58, "0.001"));
    assert_eq!(decided.assessments[0].band, Band::Route);
    let rows: Vec<Vec<Assessment>> = vec![decided.assessments.clone(); 10];
    let strictness = holm(&rows, &[]);
    // Holm's first of ten equal claims counts ten times, and so do the others, which may not do better.
    assert!(strictness.iter().flatten().all(|s| (s.route - 10.0).abs() < 1e-9), "{strictness:?}");
    let observations = trials(0, 0, 58, 58, "0.001");
    let cells = measure::cells(&observations, 1, 1, &SETTINGS).remove(0);
    let requests = Requests::of(&observations, 0, 1);
    let (policy, tiers) = (Policy::default(), ladder(1));
    let case = Case { strictness: &strictness[0], ..plain(&high, &policy, &tiers, &cells, &requests) };
    let together = case.assess();
    assert_eq!(together[0].band, Band::Monitor);
    insta::assert_snapshot!(case.route(&together).unwrap().reason, @"no tier meets the 0.95 route floor, and at high consequence monitoring needs a gate, which intent@1 has not; tier1 comes closest: 100.0 % of 58 prompts pass (95 % CI 93.8–100.0 %)");
    // One cell alone is as strict as ever.
    assert_eq!(holm(&rows[..1], &[]), [[Strictness::default()]]);
    // Cells that were stopped early still count: the others may not spend what those have spent.
    let bounds = crate::stats::interval::Bounds { low: 0.96, high: 1.0 };
    let stop = EarlyStop { band: Band::Route, prompts: 40, alpha: 0.005, bounds, spared_by: None };
    let stopped: Vec<Vec<Option<EarlyStop>>> = (0..9).map(|_| vec![Some(stop)]).collect();
    assert!((holm(&rows, &stopped)[9][0].route - 10.0).abs() < 1e-9);
}
