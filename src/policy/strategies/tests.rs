//! Small matrices whose figures can be worked out by hand.

use super::text::Texts;
use super::*;
use crate::config::{ClassifierSettings, StrategySettings};
use crate::measure::Observation;
use crate::measure::tests::{cents, failed, passed};
use crate::policy::audit;
use crate::units::{Millis, Share};

const SETTING: Drawing =
    Drawing { seed: 1, resamples: 100, confidence: 0.95, failure_cost: Some(1.0), margin: 0.03 };

/// Two tiers, a prompt a letter: `b`oth pass, only the `w`eak one, only the `s`trong one, `n`one. The strong one costs ten
/// times as much. The gate accepts what passes.
pub(super) fn answers(task: u16, from: u32, letters: &str) -> Vec<Observation> {
    let answer = |tier: u16, prompt: u32, good: bool| {
        let base = if good { passed(task, tier, prompt) } else { failed(task, tier, prompt, "wrong") };
        let cost = if tier == 0 { cents("0.001") } else { cents("0.01") };
        Observation { cost: Some(cost), gate_passed: Some(good), ..base }
    };
    let both = |(at, letter): (usize, char)| {
        let prompt = from + at as u32;
        [answer(0, prompt, matches!(letter, 'b' | 'w')), answer(1, prompt, matches!(letter, 'b' | 's'))]
    };
    letters.chars().enumerate().flat_map(both).collect()
}

fn compared(
    observations: &[Observation],
    shares: &[f64],
    texts: Option<&Texts>,
    settings: &StrategySettings,
) -> Comparison {
    let matrix = Matrix::new(observations, 2, 2, shares, 1, settings.folds);
    let means = matrix.means(matrix.rows.iter()).unwrap();
    let (weak, strong) = ends(&means).unwrap();
    let names = ["small".parse().unwrap(), "large".parse().unwrap()];
    let routes = vec![RouteOf { tier: 0, escalates_to: vec![Some(1), None] }; shares.len()];
    let world = World {
        matrix: &matrix,
        texts,
        queries: &queries::Queries::default(),
        settings,
        names: &names,
        routers: &[],
        routes: &routes,
        crossed: &[],
        means,
        weak,
        strong,
    };
    compare(&world, SETTING).unwrap()
}

pub(super) fn plain(observations: &[Observation], shares: &[f64]) -> Comparison {
    compared(observations, shares, None, &StrategySettings::default())
}

fn one<'a>(comparison: &'a Comparison, id: &str) -> &'a Figures {
    comparison.figures.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[track_caller]
fn near(value: f64, wanted: f64) {
    assert!((value - wanted).abs() < 1e-9, "{value}, not {wanted}");
}

#[test]
fn a_cascade_pays_for_every_tier_that_it_tries_and_a_perfect_router_for_one() {
    let all = plain(&answers(0, 0, "bbwsn"), &[1.0]);
    let cascade = one(&all, "cascade-perfect");
    // Two of five go up: 0.001 + 0.4 x 0.01.
    near(cascade.cost.mean, 0.005);
    near(cascade.quality.mean, 0.8);
    near(cascade.escalated, 0.4);
    let perfect = one(&all, "perfect-router");
    // One of five needs the large tier; what no tier passes goes to the cheapest.
    near(perfect.cost.mean, (4.0 * 0.001 + 0.01) / 5.0);
    near(perfect.quality.mean, 0.8);
    near(perfect.selection.unwrap().optimal, 1.0);
    near(one(&all, "single:small").expected_bill.unwrap(), 0.001 + 0.4);
    // The routes escalate what the gate rejects, like the cascade.
    near(one(&all, "routes").cost.mean, 0.005);
}

#[test]
fn the_latency_of_a_cascade_is_the_sum_of_its_calls() {
    let all = plain(&answers(0, 0, "sssss"), &[1.0]);
    assert_eq!(one(&all, "cascade").latency, Some((200.0, 200.0)));
    let mut untimed = answers(0, 0, "sssss");
    untimed[3].total = None;
    assert_eq!(one(&plain(&untimed, &[1.0]), "cascade").latency, None, "an unknown is unknown");
}

#[test]
fn a_map_sends_each_task_where_it_is_served_well_enough() {
    let mut observations = answers(0, 0, &"b".repeat(20));
    observations.extend(answers(1, 20, &"s".repeat(20)));
    let all = plain(&observations, &[20.0, 20.0]);
    let map = one(&all, "map-97");
    near(map.quality.mean, 1.0);
    near(map.cost.mean, 0.0055);
    near(map.in_sample.unwrap().0, 0.0055);
    near(map.cost_save.unwrap(), 0.45);
    assert_eq!(one(&all, "single:large").frontier, Some(0.0));
}

#[test]
fn what_is_fitted_is_judged_on_other_prompts() {
    // Each prompt has a word of its own: seen, it tells everything; unseen, nothing.
    let mut texts = Texts::default();
    (0..40).for_each(|prompt| texts.push(&format!("word{prompt}")));
    let letters = "wswss".repeat(8);
    let all = compared(&answers(0, 0, &letters), &[1.0], Some(&texts), &StrategySettings::default());
    let keywords = one(&all, "keywords");
    let (honest, flattering) = (keywords.aiq.unwrap(), keywords.in_sample_aiq.unwrap());
    assert!(flattering > honest + 0.05, "{flattering} in sample, {honest} on other prompts");
}

#[test]
fn neighbours_that_share_words_share_their_tier() {
    let mut texts = Texts::default();
    (0..40).for_each(|n| texts.push(if n % 2 == 0 { "what is the capital" } else { "prove this theorem" }));
    let letters: String = (0..40).map(|prompt| if prompt % 2 == 0 { 'b' } else { 's' }).collect();
    let all = compared(&answers(0, 0, &letters), &[1.0], Some(&texts), &StrategySettings::default());
    let nearest = one(&all, "knn");
    near(nearest.quality.mean, 1.0);
    near(nearest.cost.mean, 0.0055);
    near(nearest.selection.unwrap().optimal, 1.0);
    assert!(nearest.apgr.unwrap() > 0.7, "{:?}", nearest.apgr);
}

#[test]
fn a_classifier_is_as_right_as_it_is_said_to_be_and_has_its_price() {
    let classifier = assumed("0.0005", 0, 0.9);
    let settings = StrategySettings { classifier: Some(classifier), ..StrategySettings::default() };
    let all = compared(&answers(0, 0, "wwsss"), &[1.0], None, &settings);
    let classifier = one(&all, "classifier");
    near(classifier.quality.mean, 0.9);
    // Right: 0.4 x 0.001 + 0.6 x 0.01; wrong: the other way round.
    near(classifier.cost.mean, 0.0005 + 0.9 * 0.0064 + 0.1 * 0.0046);
}

fn assumed(price: &str, latency: u32, accuracy: f64) -> ClassifierSettings {
    ClassifierSettings {
        ask: None,
        instructions: None,
        max_output_tokens: crate::units::Tokens(16),
        model: None,
        price: Some(cents(price)),
        latency_ms: Millis::from_ms(f64::from(latency)).unwrap(),
        accuracy: Some(Share::clamped(accuracy)),
    }
}

#[test]
fn the_hybrid_asks_its_classifier_only_where_words_do_not_tell() {
    // A third of the prompts say by a word that the small tier passes, a third that it does not; the words of the others are new.
    let mut texts = Texts::default();
    let letters: String = (0..60)
        .map(|prompt| {
            let (text, letter) = match prompt % 3 {
                0 => ("capital capital city".to_owned(), 'b'),
                1 => ("prove theorem lemma".to_owned(), 's'),
                _ => (format!("unheard{prompt}"), if prompt % 2 == 0 { 'b' } else { 's' }),
            };
            texts.push(&text);
            letter
        })
        .collect();
    let settings =
        StrategySettings { classifier: Some(assumed("0.0005", 300, 1.0)), ..StrategySettings::default() };
    let all = compared(&answers(0, 0, &letters), &[1.0], Some(&texts), &settings);
    let (hybrid, asked) = (one(&all, "hybrid"), one(&all, "classifier"));
    near(hybrid.quality.mean, 1.0);
    near(asked.cost.mean, 0.0005 + 0.0055);
    // A third of the price; a third of the requests wait for it, too.
    near(hybrid.cost.mean, 0.0005 / 3.0 + 0.0055);
    assert_eq!((hybrid.latency, asked.latency), (Some((100.0, 400.0)), Some((400.0, 400.0))));
    // Settings that leave nothing to the words ask everywhere, and those that leave nothing to the classifier nowhere.
    let bounds = |below: f64, above: f64| {
        let hybrid = crate::config::HybridSettings { below, above };
        let settings = StrategySettings { hybrid, ..settings.clone() };
        compared(&answers(0, 0, &letters), &[1.0], Some(&texts), &settings)
    };
    near(one(&bounds(0.0, 100.0), "hybrid").cost.mean, 0.0005 + 0.0055);
    assert!(one(&bounds(50.0, 50.0), "hybrid").cost.mean < 0.0101);
    assert_eq!(one(&bounds(50.0, 50.0), "hybrid").latency, Some((100.0, 100.0)));
    assert!(plain(&answers(0, 0, "bs"), &[1.0]).figures.iter().all(|one| one.id != "hybrid"));
}

#[test]
fn a_request_that_a_rung_did_not_answer_compares_nothing_and_is_counted() {
    let mut observations = answers(0, 0, "bbbs");
    observations[7].cost = None;
    let all = plain(&observations, &[1.0]);
    assert_eq!((all.prompts, all.left_out), (3, 1));
    assert_eq!(one(&all, "perfect-router").n, 3);
}

#[test]
fn repeats_of_a_prompt_share_its_weight_and_its_part() {
    let mut observations = answers(0, 0, "bs");
    let again: Vec<Observation> = observations
        .iter()
        .filter(|o| o.prompt == 1)
        .map(|o| Observation { repeat: 1, ..o.clone() })
        .collect();
    observations.extend(again);
    let matrix = Matrix::new(&observations, 2, 2, &[1.0], 1, 5);
    assert_eq!(matrix.rows.iter().map(|row| row.weight).collect::<Vec<_>>(), [0.5, 0.25, 0.25]);
    assert_eq!(matrix.rows[1].fold, matrix.rows[2].fold);
    assert_eq!(matrix.prompts, 2);
}

#[test]
fn tasks_count_by_their_share_of_the_traffic() {
    let mut observations = answers(0, 0, "bb");
    observations.extend(answers(1, 2, "ssss"));
    near(one(&plain(&observations, &[3.0, 1.0]), "single:small").quality.mean, 0.75);
}

#[test]
fn a_gate_is_measured_against_the_whole_oracle() {
    let mut observations = answers(0, 0, &"b".repeat(20));
    // The small tier's good answers are all rejected but one; a wrong one of the large tier is accepted.
    observations.iter_mut().filter(|o| o.tier == 0 && o.prompt > 0).for_each(|o| o.gate_passed = Some(false));
    observations.push(failed(0, 1, 99, "wrong"));
    let cells = audit::gate(&observations, 0, 2, 0.95);
    assert_eq!((cells[0].false_rejects.count, cells[0].false_rejects.of), (19, 20));
    assert!(!cells[0].is_dead(), "exactly 95 % is not more than 95 %");
    assert_eq!((cells[1].false_accepts.count, cells[1].false_accepts.of), (1, 1));
    assert_eq!(cells[0].false_accepts.share(), None);
    observations[0].gate_passed = Some(false);
    assert!(audit::gate(&observations, 0, 2, 0.95)[0].is_dead());
}

#[test]
fn the_tolerable_error_of_a_gate_is_what_only_the_lower_tier_has() {
    let matrix = Matrix::new(&answers(0, 0, "bbbwsss"), 2, 2, &[1.0], 1, 5);
    let pair = audit::pairs(&matrix).remove(0);
    assert_eq!((pair.both, pair.only_lower, pair.only_upper, pair.neither), (3, 1, 3, 0));
    near(pair.tolerable_gate_error.unwrap(), 0.25);
}

#[test]
fn copies_of_a_prompt_tell_its_neighbours_nothing() {
    // Four copies a template, and which tier passes is the template's own: its copies know, other prompts do not. The small tier
    // passes half of them and the large one four fifths, so that what is sent by other templates goes to the large tier.
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let (projects, templates) = (20, 40);
    let (mut honest, mut flattered) = (0.0, 0.0);
    let mut random = ChaCha8Rng::seed_from_u64(9);
    for _ in 0..projects {
        let mut texts = Texts::default();
        let mut letters = String::new();
        for template in 0..templates {
            let unit = |random: &mut ChaCha8Rng| f64::from(random.next_u32()) / 4_294_967_296.0;
            let (small, large) = (unit(&mut random) < 0.5, unit(&mut random) < 0.8);
            for _ in 0..4 {
                texts.push(&format!("alpha{template} beta{template} gamma{template}"));
                letters.push(match (small, large) {
                    (true, true) => 'b',
                    (true, false) => 'w',
                    (false, true) => 's',
                    (false, false) => 'n',
                });
            }
        }
        let alone = answers(0, 0, &letters);
        let clustered: Vec<Observation> = alone
            .iter()
            .map(|seen| Observation { cluster: Some(seen.prompt / 4 * 4), ..seen.clone() })
            .collect();
        let settings = StrategySettings::default();
        let gain = |seen: &[Observation]| {
            let all = compared(seen, &[1.0], Some(&texts), &settings);
            // What the large tier passes here is what is expected of prompts that nobody knows.
            one(&all, "knn").quality.mean - one(&all, "single:large").quality.mean
        };
        honest += gain(&clustered) / f64::from(projects);
        flattered += gain(&alone) / f64::from(projects);
    }
    assert!(honest.abs() < 0.01, "optimism {honest}");
    assert!(flattered > 0.05, "dealt one by one, copies no longer flatter: {flattered}");
}
