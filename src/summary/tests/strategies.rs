//! The comparison of strategies on projects whose truth is known.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::measure::tests::{failed, passed};

const COSTS: [&str; 3] = ["0.001", "0.005", "0.03"];

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// A project of tasks that carry as much traffic each, on a ladder of three.
fn setting(tasks: usize, resamples: u32) -> Setting {
    let names = (0..tasks).map(|task| with_traffic(&format!("t{task}"), 1000.0)).collect();
    let mut setting = Setting::of(names);
    let third = Tier { name: "tier3".parse().unwrap(), ..setting.config.tiers[1].clone() };
    setting.config.tiers.push(third);
    setting.config.policy.bootstrap_resamples = resamples;
    setting
}

/// `prompts` prompts of each task, each tier passing with its true rate.
fn observed(rates: &[[f64; 3]], prompts: u32, rng: &mut ChaCha8Rng) -> Vec<Observation> {
    let mut observations = Vec::new();
    for (task, rates) in rates.iter().enumerate() {
        for prompt in 0..prompts {
            let prompt = task as u32 * 10_000 + prompt;
            for (tier, (rate, cost)) in rates.iter().zip(COSTS).enumerate() {
                let (task, tier) = (task as u16, tier as u16);
                let good = unit(rng) < *rate;
                let base =
                    if good { passed(task, tier, prompt) } else { failed(task, tier, prompt, "wrong") };
                observations.push(Observation { cost: Some(cents(cost)), ..base });
            }
        }
    }
    observations
}

fn line<'a>(summary: &'a Summary, id: &str) -> &'a StrategyLine {
    let table = &summary.strategies.as_ref().unwrap().table;
    table.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("no {id}"))
}

/// What came out of projects whose true rates are known.
#[derive(Debug, Default)]
struct Outcome {
    /// The pass rate of the routes minus their true one, judged on their own prompts and on others: the mean.
    own: f64,
    crossed: f64,
    /// Standard error of the latter.
    se: f64,
    /// How often the routes that compete were the winner, and how often they were then truly more than a point worse than the best
    /// single tier.
    wins: u32,
    wrong: u32,
    /// The same for the rule that was: the routes judged on their own prompts, passing as often as the best single tier.
    wins_before: u32,
    wrong_before: u32,
}

/// Three tasks with three tiers of close rates, 60 prompts each.
fn simulated(projects: u32, seed: u64) -> Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut setting = setting(3, 40);
    setting.config.strategy.keep.truncate(1);
    setting.config.policy.route_floor = crate::units::Share::clamped(0.88);
    setting.config.policy.monitor_floor = crate::units::Share::clamped(0.84);
    let (mut found, mut squares) = (Outcome::default(), 0.0);
    for _ in 0..projects {
        let rates: [[f64; 3]; 3] = std::array::from_fn(|_| {
            let base = 0.87 + 0.1 * unit(&mut rng);
            std::array::from_fn(|_| base + 0.06 * unit(&mut rng) - 0.03)
        });
        let summary = setting.assemble(&observed(&rates, 60, &mut rng));
        let tier = |task: usize| {
            let name = &summary.tasks[task].route.tier;
            setting.config.tiers.iter().position(|tier| tier.name == *name).unwrap()
        };
        let truth: f64 = (0..3).map(|task| rates[task][tier(task)]).sum::<f64>() / 3.0;
        let of = |tier: usize| rates.iter().map(|rates| rates[tier]).sum::<f64>() / 3.0;
        let is_wrong = u32::from(truth < (0..3).map(of).fold(0.0, f64::max) - 0.01);
        let before = line(&summary, "routes");
        found.own += (before.pass_rate.mean - truth) / f64::from(projects);
        let gap = line(&summary, "routed-cross-fitted").pass_rate.mean - truth;
        found.crossed += gap / f64::from(projects);
        squares += gap * gap / f64::from(projects);
        let strategies = summary.strategies.as_ref().unwrap();
        assert_ne!(strategies.winner.as_deref(), Some("routes"));
        assert_eq!(strategies.routed_quality, Some(line(&summary, "routed-cross-fitted").pass_rate));
        if strategies.winner.as_deref() == Some("routed-cross-fitted") {
            found.wins += 1;
            found.wrong += is_wrong;
        }
        if before.quality_gap.mean >= 0.0 && before.savings.is_some_and(|savings| savings.low > 0.0) {
            found.wins_before += 1;
            found.wrong_before += is_wrong;
        }
    }
    found.se = ((squares - found.crossed * found.crossed) / f64::from(projects)).sqrt();
    found
}

#[test]
fn the_routes_that_compete_are_not_flattered() {
    let found = simulated(36, 17);
    assert!(found.crossed.abs() < 2.5 * found.se, "{found:?}");
    assert!(
        found.own > found.crossed + 0.006,
        "judged on their own prompts they are no longer flattered: {found:?}"
    );
}

#[test]
#[ignore = "half a minute: 300 projects; `cargo test --lib -- --ignored truly_worse`"]
fn routes_that_win_seldom_are_truly_worse() {
    let found = simulated(300, 5);
    println!("{found:?}");
    assert!(found.crossed.abs() < 2.5 * found.se && found.own > found.crossed + 0.006, "{found:?}");
    // Of 180 prompts few show that much; the rule that was named a winner in 76 projects, wrongly in 11.
    assert!(found.wrong <= 1 && found.wrong_before >= 8 && found.wins_before >= 50, "{found:?}");
}

#[test]
fn one_quantity_has_one_interval_and_none_of_width_zero() {
    // Everything passes on both tiers of both tasks.
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let summary = setting(2, 100).assemble(&observed(&[[1.0; 3]; 2], 50, &mut rng));
    for (at, tier) in summary.tiers.iter().enumerate() {
        let line = line(&summary, &format!("single:{}", tier.name));
        let (rate, baseline) = (tier.pass_rate.unwrap(), &summary.projection.baselines[at]);
        let shown = (rate.mean, rate.low, rate.high);
        assert_eq!((line.pass_rate.mean, line.pass_rate.low, line.pass_rate.high), shown);
        let projected = baseline.pass_rate.unwrap();
        assert_eq!((projected.mean, projected.low, projected.high), shown);
        assert_eq!(line.month, baseline.cost.map(|cost| cost.month));
        // Two tasks of 50 each: more than one task of 50 says, less than one of 100.
        assert!(rate.low > 0.93 && rate.low < 0.965, "{rate:?}");
    }
    let routes = line(&summary, "routes");
    assert_eq!(routes.month, summary.projection.total.map(|total| total.month));
    let table = &summary.strategies.as_ref().unwrap().table;
    let best = format!("single:{}", summary.strategies.as_ref().unwrap().best_single_tier);
    for line in table {
        assert!(line.pass_rate.high > line.pass_rate.low, "{line:?}");
        assert!(line.quality_gap.high > line.quality_gap.low || line.id == best, "{line:?}");
        if let Some(gain) = line.gain_over_random {
            assert!(gain.high > gain.low, "{line:?}");
        }
    }
}

#[test]
fn what_few_prompts_show_is_not_overstated() {
    // Eight prompts that everything passes show of no tier that it is needless, or too bad.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let few = setting(1, 50).assemble(&observed(&[[1.0; 3]], 8, &mut rng));
    assert!(few.tiers.iter().all(|tier| tier.dominated_by.is_none()));
    assert!(!codes(&few).contains(&"dominated-tier"));
    // Three hundred do.
    let many = setting(1, 50).assemble(&observed(&[[1.0; 3]], 300, &mut rng));
    assert_eq!(many.tiers[2].dominated_by.as_ref().map(TierName::as_str), Some("tier1"));
}

#[test]
fn a_single_tier_that_passes_less_often_than_the_routes_makes_no_router_needless() {
    // One task floor of .80: the small tier is good enough everywhere and passes 9 points less than the routes.
    let low = Task { route_floor: Some(crate::units::Share::clamped(0.85)), ..with_traffic("low", 1000.0) };
    let mut setting = setting(1, 100);
    setting.config.tasks = vec![low, with_traffic("high", 1000.0)];
    let answers = |task: u16, passes: [u32; 3]| -> Vec<Observation> {
        passes
            .iter()
            .zip(["0.01", "0.009", "0.012"])
            .enumerate()
            .flat_map(|(tier, (passes, cost))| trials(task, tier as u16, *passes, 300, cost))
            .collect()
    };
    // The first tier is good enough for both; at the first task the second one is cheaper and better.
    let summary = setting.assemble(&[answers(0, [270, 300, 300]), answers(1, [297, 200, 300])].concat());
    let code = |code: &str| codes(&summary).contains(&code);
    assert!(!code("router-does-not-pay"), "{:?}", codes(&summary));
    let gap = line(&summary, "single:tier1").routed_gap.unwrap();
    assert!(gap.low > 0.02, "{gap:?}");
}
