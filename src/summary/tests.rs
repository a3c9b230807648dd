//! The summary of small runs.

mod bill;
mod evidence;
mod strategies;

use std::collections::BTreeMap;

use super::assemble::Gate;
use super::*;
use crate::config::{
    Config, DataLocation, Limits, Policy, Prices, Provider, RunSettings, Task, Tier, TierRole,
};
use crate::ident::{Digest, TierName};
use crate::measure::Observation;
use crate::measure::tests::cents;
use crate::policy::tests::{task, trials};
use crate::price::ModelPrice;
use crate::units::{Tokens, Usd};

fn config(tasks: Vec<Task>) -> Config {
    let tier = |name: &str, model: &str| Tier {
        name: name.parse().unwrap(),
        model: model.parse().unwrap(),
        role: TierRole::Rung,
        same_class: Vec::new(),
        max_output_tokens: None,
        context_window: None,
        params: BTreeMap::new(),
    };
    let provider = Provider {
        name: "p".parse().unwrap(),
        api: "openai".to_owned(),
        base_url: None,
        api_version: None,
        api_key_env: None,
        headers: BTreeMap::new(),
        data_location: DataLocation::External,
        limits: Limits { concurrency: 1, requests_per_minute: None, tokens_per_minute: None },
        stream: true,
        max_tokens_field: None,
        served_model: None,
        script: None,
        line: 1,
    };
    Config {
        path: "route-prof.toml".into(),
        root: ".".into(),
        tiers: vec![tier("tier1", "p/small"), tier("tier2", "p/large")],
        providers: BTreeMap::from([(provider.name.clone(), provider)]),
        prices: Prices::default(),
        tasks,
        policy: Policy { bootstrap_resamples: 200, ..Policy::default() },
        projection: Default::default(),
        baseline: None,
        simulate: Default::default(),
        strategy: crate::config::StrategySettings::default(),
        run: RunSettings::default(),
        tape: None,
    }
}

fn price(input: &str, output: &str) -> ModelPrice {
    ModelPrice {
        input: cents(input),
        output: cents(output),
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        long_context: None,
        batch: None,
        context_window: Some(Tokens(200_000)),
        deprecated: None,
    }
}

pub(super) struct Setting {
    pub(super) config: Config,
    source: Source,
    errors: u64,
    deprecated: Option<String>,
    /// Prompts of each task; 100 where left out.
    prompts: Vec<u64>,
}

impl Setting {
    pub(super) fn of(tasks: Vec<Task>) -> Self {
        Self { config: config(tasks), source: Source::Live, errors: 0, deprecated: None, prompts: Vec::new() }
    }

    pub(super) fn assemble(&self, observations: &[Observation]) -> Summary {
        let digest = Digest::of(b"x");
        let trials = observations.len() as u64;
        let run = RunFacts {
            id: "run-1".parse().unwrap(),
            corpus: "corpus.jsonl".to_owned(),
            source: self.source.clone(),
            measured: None,
            // A corpus of a usual size, whatever the test needs of it.
            prompts: (trials / 2).max(200),
            trials,
            answered: trials - self.errors,
            errors: self.errors,
            missing: 0,
            repeats: 1,
            seed: 1,
            stop_early: None,
        };
        let evidence = Evidence {
            corpus: digest,
            tiers: digest,
            tasks: digest,
            policy: digest,
            prices: digest,
            price_source: "built-in catalogue of 2026-11-22".to_owned(),
            price_note: None,
            oracles: BTreeMap::new(),
            labels: BTreeMap::new(),
        };
        let tasks: Vec<MeasuredTask<'_>> = self
            .config
            .tasks
            .iter()
            .enumerate()
            .map(|(at, task)| MeasuredTask {
                task,
                gate: Gate::Present,
                prompts: self.prompts.get(at).copied().unwrap_or(100),
                distinct_prompts: self.prompts.get(at).copied().unwrap_or(100),
                adversarial: 0,
                labelled: None,
            })
            .collect();
        let large = ModelPrice { deprecated: self.deprecated.clone(), ..price("3", "15") };
        let mut prices = vec![price("1", "5")];
        prices.resize(self.config.tiers.len(), large);
        assemble(Inputs {
            config: &self.config,
            tool: "route-prof 0.1.0".to_owned(),
            run,
            evidence,
            tasks: &tasks,
            prices: &prices,
            observations,
            texts: None,
            stopped: &[],
            queries: &Default::default(),
            queried: &[],
            served: &BTreeMap::new(),
            spend: Spend {
                attempts: trials,
                retries: 0,
                list_price: Usd::ZERO,
                billed: Usd::ZERO,
                unpriced: 0,
                judge: None,
            },
            notices: Vec::new(),
        })
        .unwrap()
    }
}

pub(super) fn with_traffic(name: &str, requests: f64) -> Task {
    Task { requests_per_day: Some(requests), ..task(name) }
}

fn codes(summary: &Summary) -> Vec<&str> {
    summary.notices.iter().map(|notice| notice.code.as_str()).collect()
}

/// Task a is easy, task b needs tier 2.
fn mixed() -> Vec<Observation> {
    [
        trials(0, 0, 99, 100, "0.001"),
        trials(0, 1, 100, 100, "0.01"),
        trials(1, 0, 20, 100, "0.001"),
        trials(1, 1, 99, 100, "0.01"),
    ]
    .concat()
}

#[test]
fn a_good_run_says_what_it_found_and_nothing_else() {
    let summary = Setting::of(vec![with_traffic("a", 9000.0), with_traffic("b", 1000.0)]).assemble(&mixed());
    assert_eq!(codes(&summary), Vec::<&str>::new());
    let routes: Vec<_> = summary.tasks.iter().map(|t| (t.route.tier.as_str(), t.route.decision)).collect();
    assert_eq!(routes, [("tier1", Decision::Route), ("tier2", Decision::Route)]);
    assert_eq!(summary.default_tier.as_str(), "tier2");
    assert_eq!(summary.projection.cheapest_sufficient_tier.as_ref().map(TierName::as_str), Some("tier2"));
    // By traffic: 0.9 x 0.99 + 0.1 x 0.20.
    let rate = summary.tiers[0].pass_rate.unwrap();
    assert_eq!((rate.mean, rate.n, rate.n_eff), (0.911, 200, 122.0));
    assert_eq!(summary.tiers[0].cost_per_request, Some(cents("0.001")));
    assert_eq!(summary.tiers[0].guard_input_tokens, Some(Tokens(160_000)));
    assert_eq!(summary.projection.total.unwrap().day.mean, cents("19"));
}

#[test]
fn a_task_without_traffic_counts_for_nothing_and_is_named() {
    let summary = Setting::of(vec![with_traffic("a", 900.0), task("b")]).assemble(&mixed());
    // That of a alone: the corpus would give b half of the weight.
    let rate = summary.tiers[0].pass_rate.unwrap();
    assert_eq!((rate.mean, rate.n), (0.99, 100));
    assert_eq!(codes(&summary), ["traffic-missing"]);
    assert!(summary.notices[0].text.contains("Add it to [task.b]"), "{}", summary.notices[0].text);
    assert_eq!(summary.projection.left_out[0].as_str(), "b");
    assert_eq!(summary.projection.weighted_by, Some(Weighting::Traffic));
}

#[test]
fn without_any_traffic_the_corpus_weighs_the_tasks_and_a_notice_says_so() {
    let summary = Setting::of(vec![task("a"), task("b")]).assemble(&mixed());
    assert_eq!(summary.tiers[0].pass_rate.unwrap().mean, 0.595);
    assert_eq!(codes(&summary), ["weighted-by-corpus"]);
    assert_eq!(summary.projection.weighted_by, Some(Weighting::Corpus));
}

#[test]
fn a_cost_that_is_unknown_is_told_apart_from_traffic_that_is_not_stated() {
    let mut observations = mixed();
    observations.iter_mut().filter(|o| o.task == 1).for_each(|o| o.cost = None);
    let summary =
        Setting::of(vec![with_traffic("a", 900.0), with_traffic("b", 100.0)]).assemble(&observations);
    let of =
        |code: &str| summary.notices.iter().find(|notice| notice.code == code).map(|notice| &notice.text);
    assert_eq!(of("traffic-missing"), None);
    assert!(of("not-projected").unwrap().contains("a cost on the route is unknown"), "{:?}", codes(&summary));
}

#[test]
fn a_route_that_may_be_wrong_widens_the_bill_once_more_than_the_prompts_varies() {
    let mut setting = Setting::of(vec![with_traffic("a", 900.0)]);
    // 99 of 100 pass on tier 1, which is then below .95 with a probability of some 3 %; tier 2 costs ten times as much.
    let observations = [trials(0, 0, 99, 100, "0.001"), trials(0, 1, 100, 100, "0.01")].concat();
    let plain = setting.assemble(&observations);
    let total = |summary: &Summary| summary.projection.total.unwrap().day;
    assert_eq!((total(&plain).low, total(&plain).high), (total(&plain).mean, total(&plain).mean));
    setting.config.projection.stated = true;
    let summary = setting.assemble(&observations);
    let sources = summary.projection.sources.clone().unwrap();
    let names: Vec<BillSource> = sources.iter().map(|one| one.source).collect();
    assert_eq!(names, [BillSource::Prompts, BillSource::Routes]);
    assert_eq!((sources[0].share, sources[1].share), (0.0, 1.0));
    let wrong = 1.0 - summary.tasks[0].route.confidence.unwrap();
    assert!((0.025..0.05).contains(&wrong), "{wrong}");
    // More often than the 2.5 % above the interval, the next tier serves.
    assert_eq!((total(&summary).mean, total(&summary).high), (cents("0.9"), cents("9")));
    setting.config.projection.routes_may_flip = false;
    assert_eq!(total(&setting.assemble(&observations)), total(&plain));
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_read_back_as_they_were() {
    let setting = Setting::of(vec![with_traffic("a", 900.0), with_traffic("b", 100.0)]);
    let mut observations = mixed();
    let one = serde_json::to_string(&setting.assemble(&observations)).unwrap();
    observations.reverse();
    assert_eq!(serde_json::to_string(&setting.assemble(&observations)).unwrap(), one);
    let read: Summary = serde_json::from_str(&one).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), one);
}

#[test]
fn shares_carry_six_places_and_money_ten_digits() {
    let mut observations = trials(0, 0, 2, 3, "0.001");
    observations[0].cost = Some(cents("0.00200000000000001"));
    let summary = Setting::of(vec![task("a")]).assemble(&observations);
    let cell = &summary.tasks[0].cells[0];
    assert_eq!(cell.pass_rate.unwrap().mean, 0.666_667);
    assert_eq!(cell.cost.unwrap().mean, cents("0.001333333333"));
}

#[test]
fn a_replay_and_a_script_are_said_to_be_one() {
    let mut setting = Setting::of(vec![with_traffic("a", 9000.0), with_traffic("b", 10000.0)]);
    for (source, code) in [
        (Source::Recording("tape-1".to_owned()), "replay"),
        (Source::Script, "script"),
        (Source::Mixed, "mixed-source"),
    ] {
        setting.source = source;
        assert_eq!(codes(&setting.assemble(&mixed())), [code]);
    }
    // What a tape does not hold, running again does not add.
    setting.source = Source::Recording("tape-1".to_owned());
    setting.errors = 1;
    let summary = setting.assemble(&mixed());
    assert_eq!(codes(&summary), ["replay", "incomplete"]);
    assert!(!summary.notices[1].text.contains("again"));
}

#[test]
fn notices_appear_where_they_are_true() {
    let mut setting = Setting::of(vec![with_traffic("a", 900.0)]);
    setting.deprecated = Some("2026-12-31".to_owned());
    setting.errors = 2;
    // Tier 2 is costlier and no better, so tier 1 alone does, and a router adds nothing.
    let mut observations = [trials(0, 0, 100, 100, "0.001"), trials(0, 1, 99, 100, "0.01")].concat();
    observations.truncate(198);
    let summary = setting.assemble(&observations);
    let texts: Vec<String> =
        summary.notices.iter().map(|notice| format!("{}: {}", notice.code, notice.text)).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    incomplete: 2 of 198 trials have no answer (2 ended in an error, 0 were not sent). They are not evidence. Run the same command again to complete it.
    router-does-not-pay: No router is needed: all traffic on tier1 is good enough for every task and costs $27.38 a month; the routes cost $27.38.
    deprecated-model: p/large, the model of tier2, will be withdrawn after 2026-12-31.
    ");
}

#[test]
fn too_little_evidence_is_said_aloud() {
    let summary = Setting::of(vec![task("a"), task("b")]).assemble(
        &[
            trials(0, 0, 10, 10, "0.001"),
            trials(0, 1, 10, 10, "0.01"),
            trials(1, 0, 0, 100, "0.001"),
            trials(1, 1, 5, 100, "0.01"),
        ]
        .concat(),
    );
    assert_eq!(codes(&summary), ["undecided", "no-tier-good-enough", "weighted-by-corpus"]);
    assert_eq!(summary.projection.total, None);
}

#[test]
fn a_task_without_any_trial_is_undecided_and_not_zero() {
    let summary = Setting::of(vec![with_traffic("a", 10.0)]).assemble(&[]);
    let cell = &summary.tasks[0].cells[0];
    assert_eq!((cell.pass_rate, cell.cost, cell.p_route, cell.band), (None, None, None, Band::Undecided));
    assert_eq!(summary.tasks[0].route.tier.as_str(), "tier2");
    assert_eq!(summary.projection.left_out.len(), 1);
    assert_eq!(summary.tiers[0].pass_rate, None);
}

#[test]
fn a_small_tier_that_hands_much_on_is_named() {
    let with = |rejected: usize| {
        let mut observations = [trials(0, 0, 99, 100, "0.001"), trials(0, 1, 100, 100, "0.01")].concat();
        observations.iter_mut().take(rejected).for_each(|o| o.gate_passed = Some(false));
        Setting::of(vec![with_traffic("a", 9000.0)]).assemble(&observations)
    };
    assert!(codes(&with(30)).contains(&"small-tier-retries"), "{:?}", codes(&with(30)));
    assert!(!codes(&with(29)).contains(&"small-tier-retries"));
}

#[test]
fn a_gate_that_turns_good_answers_away_is_named_with_its_cost() {
    let mut observations = [trials(0, 0, 99, 100, "0.001"), trials(0, 1, 100, 100, "0.01")].concat();
    observations.iter_mut().take(100).for_each(|o| o.gate_passed = Some(false));
    let summary = Setting::of(vec![with_traffic("a", 9000.0)]).assemble(&observations);
    let notice = summary.notices.iter().find(|notice| notice.code == "dead-gate").unwrap();
    insta::assert_snapshot!(notice.text, @"Dead gate: the gate of intent@1 on tier1 rejects more than 95 % of the good answers to a. A cascade through the ladder costs $11.00 per 1,000 requests with a pass rate of 100.0 %; the last tier alone costs $10.00 with 100.0 %.");
}

#[test]
fn a_task_with_few_prompts_beside_one_with_many_is_named() {
    let few = |prompts: u32| {
        [
            trials(0, 0, 300, 300, "0.001"),
            trials(0, 1, 300, 300, "0.01"),
            trials(1, 0, prompts, prompts, "0.001"),
            trials(1, 1, prompts, prompts, "0.01"),
        ]
        .concat()
    };
    let mut setting = Setting::of(vec![with_traffic("a", 9000.0), with_traffic("b", 9000.0)]);
    setting.prompts = vec![300, 30];
    assert!(codes(&setting.assemble(&few(30))).contains(&"unbalanced-corpus"));
    setting.prompts = vec![300, 31];
    assert!(!codes(&setting.assemble(&few(31))).contains(&"unbalanced-corpus"));
}

#[test]
fn a_long_ladder_is_named() {
    let ladder = |rungs: u16| {
        let mut setting = Setting::of(vec![with_traffic("a", 9000.0)]);
        while setting.config.tiers.len() < usize::from(rungs) {
            let mut tier = setting.config.tiers[1].clone();
            tier.name = format!("tier{}", setting.config.tiers.len() + 1).parse().unwrap();
            setting.config.tiers.push(tier);
        }
        let observations: Vec<_> = (0..rungs).flat_map(|tier| trials(0, tier, 100, 100, "0.001")).collect();
        setting.assemble(&observations)
    };
    assert!(codes(&ladder(5)).contains(&"too-many-models"), "{:?}", codes(&ladder(5)));
    assert!(!codes(&ladder(4)).contains(&"too-many-models"));
}

#[test]
fn the_price_that_flips_a_route_is_where_the_tiers_cost_the_same() {
    let summary = Setting::of(vec![with_traffic("a", 9000.0)])
        .assemble(&[trials(0, 0, 99, 100, "0.001"), trials(0, 1, 100, 100, "0.01")].concat());
    let flips = &summary.strategies.unwrap().route_flips;
    let factors: Vec<f64> = flips.iter().map(|flip| flip.factor).collect();
    assert_eq!(factors, [0.1, 10.0], "{flips:?}");
}
