//! Which tier a task gets, and what is said about it.

mod needs;
mod rule;
mod turning;

use super::*;
use crate::config::{Consequence, DataLocation, DataNeed, Policy, Task};
use crate::measure::tests::{SETTINGS, cents, failed, passed, unanswered};
use crate::measure::{self, CellEvidence, Observation};
use crate::path::Requests;
use crate::record::Outcome;
use crate::units::{Millis, Share, Tokens, Usd};

pub(crate) fn task(name: &str) -> Task {
    Task {
        name: name.parse().unwrap(),
        description: None,
        oracle: "intent@1".parse().unwrap(),
        consequence: Consequence::Medium,
        latency_p95: None,
        ttft_p95: None,
        escalate_above: None,
        data_location: DataNeed::Any,
        requests_per_day: None,
        system: None,
        shots: Vec::new().into(),
        template: None,
        params: std::collections::BTreeMap::new(),
        max_output_tokens: None,
        route_floor: None,
        monitor_floor: None,
        margin: None,
        latency_penalty: None,
        owner: None,
        traffic_range: None,
        expected_output_tokens: None,
        split: Vec::new(),
        band: None,
        line: 1,
    }
}

/// `passes` of `prompts` prompts pass at a tier, each for `cost` USD.
pub(crate) fn trials(task: u16, tier: u16, passes: u32, prompts: u32, cost: &str) -> Vec<Observation> {
    let base = u32::from(task) * 10_000;
    (0..prompts)
        .map(
            |i| if i < passes { passed(task, tier, base + i) } else { failed(task, tier, base + i, "wrong") },
        )
        .map(|o| Observation { cost: Some(cents(cost)), ..o })
        .collect()
}

fn ladder(tiers: usize) -> Vec<TierFacts> {
    (1..=tiers)
        .map(|i| TierFacts {
            name: format!("tier{i}").parse().unwrap(),
            location: DataLocation::External,
            window: Some(Tokens(200_000)),
        })
        .collect()
}

struct Decided {
    assessments: Vec<Assessment>,
    route: Route,
}

/// A case with nothing beside its cells: no gate, no cap, nothing stopped, each cell alone against the floors.
fn plain<'a>(
    task: &'a Task,
    policy: &'a Policy,
    tiers: &'a [TierFacts],
    cells: &'a [CellEvidence],
    requests: &'a Requests,
) -> Case<'a> {
    Case {
        task,
        policy,
        tiers,
        cells,
        requests,
        gates: &[],
        gate: None,
        caps: &[],
        stopped: &[],
        first: 0,
        references: None,
        strictness: &[],
    }
}

fn decide_with(task: &Task, policy: &Policy, tiers: &[TierFacts], observations: &[Observation]) -> Decided {
    let cells = measure::cells(observations, 1, tiers.len(), &SETTINGS).remove(0);
    let requests = Requests::of(observations, 0, tiers.len());
    let references = references(policy, tiers);
    let case = Case {
        gate: Some(&task.oracle),
        references: references.as_deref(),
        ..plain(task, policy, tiers, &cells, &requests)
    };
    let assessments = case.assess();
    let route = case.route(&assessments).unwrap();
    Decided { assessments, route }
}

fn decide(task: &Task, observations: &[Observation]) -> Decided {
    let tiers = observations.iter().map(|o| usize::from(o.tier) + 1).max().unwrap();
    decide_with(task, &Policy::default(), &ladder(tiers), observations)
}

fn bands(decided: &Decided) -> Vec<Band> {
    decided.assessments.iter().map(|a| a.band).collect()
}

#[test]
fn the_cheapest_tier_that_clears_the_floor_serves() {
    let observations =
        [trials(0, 0, 120, 210, "0.001"), trials(0, 1, 205, 210, "0.004"), trials(0, 2, 209, 210, "0.02")]
            .concat();
    let Decided { route, assessments } = decide(&task("t"), &observations);
    assert_eq!(
        assessments.iter().map(|a| a.band).collect::<Vec<_>>(),
        [Band::Below, Band::Route, Band::Route]
    );
    assert_eq!((route.tier.as_str(), route.decision), ("tier2", Decision::Route));
    assert_eq!(route.fallback, ["tier3".parse().unwrap()]);
    assert_eq!(route.max_input_tokens, Some(Tokens(160_000)));
    assert_eq!(route.quality_gate, QualityGate::Optional);
    assert!(route.confidence.unwrap() > 0.8);
    insta::assert_snapshot!(route.reason, @"cheapest tier that meets the 0.95 route floor: 97.6 % of 210 prompts pass (95 % CI 94.5–99.0 %); P(true rate ≥ 0.95) = 0.96, medium consequence requires 0.90");
}

#[test]
fn between_the_floors_a_tier_serves_with_monitoring() {
    let Decided { route, .. } = decide(&task("t"), &trials(0, 0, 182, 200, "0.001"));
    assert_eq!(route.decision, Decision::Monitor);
    insta::assert_snapshot!(route.reason, @"cheapest tier that meets the 0.85 monitor floor: 91.0 % of 200 prompts pass (95 % CI 86.2–94.2 %); P(true rate ≥ 0.85) = 0.99, medium consequence requires 0.90");
}

#[test]
fn a_small_task_is_never_routed_with_confidence() {
    let high = Task { consequence: Consequence::Low, ..task("t") };
    let observations = [trials(0, 0, 20, 20, "0.001"), trials(0, 1, 20, 20, "0.004")].concat();
    let decided = decide(&high, &observations);
    assert_eq!(bands(&decided), [Band::Undecided, Band::Undecided]);
    assert_eq!(decided.assessments[0].doubt, Some(Doubt::TooFew));
    assert_eq!(decided.assessments[0].more_prompts, Some(10));
    assert_eq!((decided.route.tier.as_str(), decided.route.decision), ("tier2", Decision::Undecided));
    assert_eq!(decided.route.confidence, None);
    insta::assert_snapshot!(decided.route.reason, @"too little evidence to decide; tier2 serves until there is enough. tier1: 100.0 % of 20 prompts pass (95 % CI 83.9–100.0 %); too few prompts for any decision (at least 30); 10 more distinct prompts would decide with probability 0.97; tier2: 100.0 % of 20 prompts pass (95 % CI 83.9–100.0 %); too few prompts for any decision (at least 30); 10 more distinct prompts would decide with probability 0.97");
}

#[test]
fn high_consequence_asks_for_more_evidence_and_for_a_gate() {
    let high = Task { consequence: Consequence::High, ..task("t") };
    let observations = trials(0, 0, 57, 57, "0.001");
    let decided = decide(&high, &observations);
    assert_eq!(decided.assessments[0].band, Band::Monitor);
    assert_eq!(decide(&high, &trials(0, 0, 58, 58, "0.001")).assessments[0].band, Band::Route);
    assert_eq!(decided.route.quality_gate, QualityGate::Required);
}

#[test]
fn the_prompts_that_are_said_to_decide_do_decide() {
    let decided = decide(&task("t"), &trials(0, 0, 102, 120, "0.001"));
    assert_eq!(decided.assessments[0].doubt, Some(Doubt::NearFloor), "{:?}", decided.assessments[0]);
    assert_eq!(decided.assessments[0].more_prompts, None, "85 % is the floor itself");
    let decided = decide(&task("t"), &trials(0, 0, 84, 100, "0.001"));
    let more = decided.assessments[0].more_prompts.unwrap();
    let n = 100 + u32::try_from(more).unwrap();
    // As near to 84 % as whole prompts allow, on the side that is harder to decide.
    let settled = decide(&task("t"), &trials(0, 0, (f64::from(n) * 0.84).floor() as u32, n, "0.001"));
    assert_eq!(settled.assessments[0].band, Band::Below, "{more}");
}

#[test]
fn answers_that_are_missing_can_undo_a_decision() {
    let mut observations = trials(0, 0, 200, 200, "0.001");
    observations.extend((200..202).map(|i| unanswered(0, 0, i, Some(Outcome::Error))));
    assert_eq!(bands(&decide(&task("t"), &observations)), [Band::Route]);
    observations.extend((202..240).map(|i| unanswered(0, 0, i, None)));
    let decided = decide(&task("t"), &observations);
    assert_eq!(decided.assessments[0].doubt, Some(Doubt::CouldFlip(40)));
    assert_eq!(decided.assessments[0].more_prompts, None);
    insta::assert_snapshot!(decided.route.reason, @"too little evidence to decide; tier1 serves until there is enough. tier1: 100.0 % of 200 prompts pass (95 % CI 98.1–100.0 %); 40 trials without a grade could change that");
}

#[test]
fn when_no_tier_is_good_enough_the_best_serves_and_says_so() {
    let observations =
        [trials(0, 0, 20, 100, "0.001"), trials(0, 1, 60, 100, "0.004"), trials(0, 2, 60, 100, "0.02")]
            .concat();
    let Decided { route, .. } = decide(&task("t"), &observations);
    assert_eq!((route.tier.as_str(), route.decision), ("tier2", Decision::Escalate));
    insta::assert_snapshot!(route.reason, @"no tier meets the 0.85 monitor floor; tier2 comes closest: 60.0 % of 100 prompts pass (95 % CI 50.2–69.1 %)");
}

#[test]
fn an_undecided_tier_below_the_chosen_one_is_mentioned() {
    let observations = [trials(0, 0, 84, 100, "0.001"), trials(0, 1, 100, 100, "0.004")].concat();
    let Decided { route, .. } = decide(&task("t"), &observations);
    assert_eq!((route.tier.as_str(), route.decision), ("tier2", Decision::Route));
    insta::assert_snapshot!(route.reason, @"cheapest tier that meets the 0.95 route floor: 100.0 % of 100 prompts pass (95 % CI 96.3–100.0 %); P(true rate ≥ 0.95) = 0.99, medium consequence requires 0.90; tier1 could be good enough: 84.0 % of 100 prompts pass (95 % CI 75.6–89.9 %); 1940 more distinct prompts would decide with probability 0.79");
}

#[test]
fn escalations_can_make_the_cheap_tier_the_dearer_one() {
    // Tier 1 passes what its gate accepts, but its gate rejects half.
    let mut observations = trials(0, 0, 100, 100, "0.008");
    observations.iter_mut().filter(|o| o.prompt % 2 == 0).for_each(|o| o.gate_passed = Some(false));
    observations.extend(trials(0, 1, 100, 100, "0.01"));
    let Decided { route, assessments } = decide(&task("t"), &observations);
    let cost = assessments[0].effective_cost.unwrap();
    assert_eq!((cost.serving, cost.escalation, cost.total), (cents("0.008"), cents("0.005"), cents("0.013")));
    assert_eq!(route.tier.as_str(), "tier2");
    assert_eq!(route.cost_per_request, Some(cents("0.01")));
}

#[test]
fn waiting_costs_only_tasks_that_wait() {
    let policy = Policy { latency_penalty: cents("0.01"), ..Policy::default() };
    let observations = trials(0, 0, 100, 100, "0.001");
    let waiting = |task: &Task| {
        decide_with(task, &policy, &ladder(1), &observations).assessments[0].effective_cost.unwrap().waiting
    };
    assert_eq!(waiting(&task("t")), Usd::ZERO);
    assert_eq!(waiting(&Task { latency_p95: Millis::from_ms(2000.0), ..task("t") }), cents("0.001"));
}

#[test]
fn a_slow_tier_cannot_serve_but_can_catch_what_others_reject() {
    let slow: Vec<_> = trials(0, 1, 100, 100, "0.004")
        .into_iter()
        .map(|o| Observation { total: Millis::from_ms(3000.0), ..o })
        .collect();
    let task = Task { latency_p95: Millis::from_ms(2000.0), ..task("t") };
    let decided = decide(&task, &[trials(0, 0, 100, 100, "0.001"), slow.clone()].concat());
    assert_eq!(decided.route.tier.as_str(), "tier1");
    assert_eq!(decided.route.fallback, ["tier2".parse().unwrap()]);
    let decided = decide(&task, &[trials(0, 0, 10, 100, "0.001"), slow].concat());
    assert_eq!((decided.route.tier.as_str(), decided.route.decision), ("tier1", Decision::Escalate));
}

#[test]
fn data_that_may_not_leave_does_not() {
    let task = Task { data_location: DataNeed::Local, ..task("t") };
    let observations = [trials(0, 0, 50, 100, "0.001"), trials(0, 1, 100, 100, "0.004")].concat();
    let mut tiers = ladder(2);
    tiers[0].location = DataLocation::Local;
    let Decided { route, assessments } = decide_with(&task, &Policy::default(), &tiers, &observations);
    assert_eq!(assessments[1].infeasible, [Infeasible::DataLocation]);
    assert_eq!((route.tier.as_str(), route.decision), ("tier1", Decision::Escalate));
    assert!(route.fallback.is_empty());
    tiers[0].location = DataLocation::External;
    let Decided { route, .. } = decide_with(&task, &Policy::default(), &tiers, &observations);
    insta::assert_snapshot!(route.reason, @"no tier is feasible for this task. tier1: its provider is external and the data must stay local; tier2: its provider is external and the data must stay local");
}

#[test]
fn a_few_prompts_that_do_not_fit_are_bypassed_and_many_are_not() {
    let with = |overflow: u32| {
        let mut observations = trials(0, 0, 200, 200, "0.001");
        observations.extend((200..200 + overflow).map(|i| unanswered(0, 0, i, Some(Outcome::Overflow))));
        decide(&task("t"), &observations).assessments.remove(0).infeasible
    };
    assert_eq!(with(2), []);
    assert_eq!(with(3), [Infeasible::Context(3)]);
}

#[test]
fn the_alarm_lies_above_noise_and_above_the_baseline() {
    let mut observations = trials(0, 0, 100, 100, "0.001");
    observations.iter_mut().take(3).for_each(|o| o.gate_passed = Some(false));
    let escalation = decide(&task("t"), &observations).route.escalation.unwrap();
    assert!((escalation.baseline - 0.03).abs() < 1e-12);
    assert!((0.06..0.12).contains(&escalation.alert_above), "{escalation:?}");
    // With a clean sheet, a relative rise says nothing; the posterior still gives a bound.
    let clean = decide(&task("t"), &trials(0, 0, 100, 100, "0.001")).route.escalation.unwrap();
    assert!(clean.baseline == 0.0 && clean.alert_above > 0.0);
}

#[test]
fn unknown_costs_leave_the_choice_to_the_ladder() {
    let mut observations = [trials(0, 0, 200, 200, "0.001"), trials(0, 1, 200, 200, "0.0001")].concat();
    assert_eq!(decide(&task("t"), &observations).route.tier.as_str(), "tier2");
    observations.iter_mut().filter(|o| o.tier == 1).for_each(|o| o.cost = None);
    let Decided { route, assessments } = decide(&task("t"), &observations);
    assert_eq!(assessments[1].effective_cost, None);
    assert_eq!(route.tier.as_str(), "tier1");
    insta::assert_snapshot!(route.reason, @"lowest tier that meets the 0.95 route floor: 100.0 % of 200 prompts pass (95 % CI 98.1–100.0 %); P(true rate ≥ 0.95) = 1.00, medium consequence requires 0.90; a cost is unknown, so the order of the ladder decides");
}

#[test]
fn a_tasks_own_floors_win() {
    let easy = Task { route_floor: Some(Share::clamped(0.5)), ..task("t") };
    let floors = Floors::of(&easy, &Policy::default());
    assert_eq!((floors.route, floors.monitor), (0.5, 0.5));
    assert_eq!(decide(&easy, &trials(0, 0, 70, 100, "0.001")).route.decision, Decision::Route);
}

#[test]
fn dearer_and_no_better_is_dominated_where_that_is_shown_unless_it_keeps_data_local() {
    let tier =
        |pass_rate, cost, location| Standing { pass_rate: Some(pass_rate), cost: Some(cost), location };
    let mut tiers = [
        tier(0.9, 1.0, DataLocation::External),
        tier(0.9, 2.0, DataLocation::External),
        tier(0.95, 3.0, DataLocation::External),
        tier(0.94, 4.0, DataLocation::External),
    ];
    assert_eq!(dominated(&tiers, |_, _| true), [None, Some(0), None, Some(2)]);
    assert_eq!(default_tier(&dominated(&tiers, |_, _| true)), 2);
    tiers[3].location = DataLocation::Local;
    assert_eq!(dominated(&tiers, |_, _| true), [None, Some(0), None, None]);
    tiers[0].cost = None;
    assert_eq!(dominated(&tiers, |_, _| true), [None; 4]);
    // Where the evidence shows nothing, nothing is said.
    tiers[2].location = DataLocation::External;
    assert_eq!(dominated(&tiers, |_, _| false), [None; 4]);
}

#[test]
fn the_best_single_tier_is_good_enough_everywhere() {
    let good = |task| {
        [
            trials(task, 0, 50, 100, "0.001"),
            trials(task, 1, 100, 100, "0.02"),
            trials(task, 2, 100, 100, "0.01"),
        ]
    };
    let rows: Vec<Vec<Assessment>> = [
        good(0).concat(),
        trials(0, 0, 100, 100, "0.001").into_iter().chain(good(0).concat().split_off(100)).collect(),
    ]
    .iter()
    .map(|observations| decide(&task("t"), observations).assessments)
    .collect();
    let costs = [Some(0.001), Some(0.02), Some(0.01)];
    assert_eq!(cheapest_sufficient_tier(&rows, &[true; 9], &costs), Some(2));
    assert_eq!(cheapest_sufficient_tier(&rows[1..], &[true; 9], &costs), Some(0));
    assert_eq!(cheapest_sufficient_tier(&rows, &[true; 9], &[None, None, None]), Some(1));
    assert_eq!(cheapest_sufficient_tier(&[], &[true; 9], &costs), None);
}

#[test]
fn the_stated_number_of_wrong_routes_is_the_number_of_wrong_routes() {
    // True rates are uniform, as the prior has it; the cheapest tier that is shown to be good enough serves. What is left open after the
    // choice among three tiers is what is wrong.
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let mut unit = move || f64::from(random.next_u32()) / 4_294_967_296.0;
    let task = Task { consequence: Consequence::Low, ..task("t") };
    let policy = Policy { monitor_floor: Share::clamped(0.90), ..Policy::default() };
    let (mut stated, mut wrong, mut routes) = (0.0, 0, 0);
    for _ in 0..700 {
        let truths: [f64; 3] = std::array::from_fn(|_| unit());
        let mut observations = Vec::new();
        for (tier, (truth, cost)) in truths.iter().zip(["0.001", "0.01", "0.1"]).enumerate() {
            let passes = (0..60).filter(|_| unit() < *truth).count() as u32;
            observations.extend(trials(0, tier as u16, passes, 60, cost));
        }
        let route = decide_with(&task, &policy, &ladder(3), &observations).route;
        let Some(p) = route.confidence else { continue };
        let tier: usize = route.tier.as_str()[4..].parse().unwrap();
        let floor = if route.decision == Decision::Route { 0.95 } else { 0.90 };
        routes += 1;
        stated += 1.0 - p;
        wrong += u32::from(truths[tier - 1] < floor);
    }
    println!("stated {stated:.1}, wrong {wrong}, of {routes} routes");
    // Two standard errors of a sum of some fifteen.
    assert!(
        routes > 100 && (stated - f64::from(wrong)).abs() < 2.0 * stated.sqrt(),
        "{stated} {wrong} {routes}"
    );
}
