//! Rates from labels: published values, and simulations with a known truth.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::stats::interval::{normal_quantile, wilson};
use crate::stats::posterior::Posterior;

/// So many answers with a verdict, of which so many are labelled, each with the same probability; some of those are passes.
fn answers(seen: Seen, all: u32, labelled: u32, good: u32, from: u32) -> Vec<Unit> {
    let inclusion = f64::from(labelled) / f64::from(all);
    let unit = |at: u32| {
        let word = if at < good { Word::Pass } else { Word::Fail };
        let label = (at < labelled).then_some(Label { word, inclusion });
        Unit { cluster: from + at, weight: 1.0, seen, label }
    };
    (0..all).map(unit).collect()
}

/// 1,000 answers of which the judge passes 700; of 200 labelled ones people agree with 110 passes and 52 fails.
fn published() -> Vec<Unit> {
    [answers(Seen::Passed, 700, 140, 110, 0), answers(Seen::Failed, 300, 60, 8, 700)].concat()
}

/// The variance of the textbook, which is right for many labels.
fn textbook(strata: &[Stratum], n: f64) -> f64 {
    let mean: f64 = strata.iter().map(|s| s.share * s.mean).sum();
    let of =
        |s: &Stratum| s.share.powi(2) * s.mean * (1.0 - s.mean) / s.n + s.share * (s.mean - mean).powi(2) / n;
    strata.iter().map(of).sum()
}

/// PPI++ (arXiv 2311.01453) on the same answers, as a second opinion: lambda, rate and standard error.
fn ppi(units: &[Unit]) -> (f64, f64, f64) {
    let f = |unit: &Unit| f64::from(u8::from(unit.seen == Seen::Passed));
    let pairs: Vec<(f64, f64)> = units
        .iter()
        .filter_map(|unit| Some((f64::from(u8::from(unit.label?.word == Word::Pass)), f(unit))))
        .collect();
    // The published form: labelled answers, and the others.
    let others: Vec<f64> = units.iter().filter(|unit| unit.label.is_none()).map(f).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, n) = values.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
        sum / n
    };
    let (n, rest) = (pairs.len() as f64, others.len() as f64);
    let (y, l) = (mean(&mut pairs.iter().map(|p| p.0)), mean(&mut pairs.iter().map(|p| p.1)));
    let covariance = mean(&mut pairs.iter().map(|p| (p.0 - y) * (p.1 - l))) * n / (n - 1.0);
    let all = mean(&mut units.iter().map(f));
    let spread = all * (1.0 - all) * (n + rest) / (n + rest - 1.0);
    let lambda = covariance / ((1.0 + n / rest) * spread);
    let u = mean(&mut others.iter().copied());
    let residual = mean(&mut pairs.iter().map(|p| p.0 - lambda * p.1));
    let left = mean(&mut pairs.iter().map(|p| (p.0 - lambda * p.1 - residual).powi(2))) * n / (n - 1.0);
    let variance = lambda * lambda * spread / rest + left / n;
    (lambda, lambda * u + residual, variance.sqrt())
}

#[test]
fn labels_on_the_same_answers_give_the_published_rate() {
    let units = published();
    let found = rate(&units, 1000.0, 0.95).unwrap();
    assert!((found.mean - 0.59).abs() < 1e-12 && found.labels == 200, "{found:?}");
    let error = textbook(&strata(&units).unwrap(), 1000.0).sqrt();
    assert!((error - 0.029_189).abs() < 5e-7, "{error}");
    let half = normal_quantile(0.975) * error;
    assert!((found.mean - half - 0.532_790).abs() < 1e-6, "{half}");
    assert!((found.mean + half - 0.647_210).abs() < 1e-6, "{half}");
    // The interval shown is one for few labels, too: with many, the two agree to two thousandths.
    let shown = found.bounds;
    assert!((shown.low - 0.532_790).abs() < 2e-3 && (shown.high - 0.647_210).abs() < 2e-3, "{shown:?}");
    let alone = wilson(118.0 / 200.0, 200.0, 0.95).unwrap();
    assert!((alone.low - 0.520_765).abs() < 1e-6 && (alone.high - 0.655_843).abs() < 1e-6, "{alone:?}");
    assert!(alone.low < shown.low && shown.high < alone.high);
    let (lambda, second, error) = ppi(&units);
    assert!((lambda - 0.524_002_864).abs() < 1e-8, "{lambda}");
    assert!((second - 0.59).abs() < 1e-9 && (error - 0.029_257).abs() < 1e-6, "{second} {error}");
}

/// An oracle, a tier and how much of it is labelled.
#[derive(Clone, Copy, Debug)]
struct World {
    /// The share of answers that people would pass.
    truth: f64,
    /// The share of good answers that the oracle passes.
    sensitivity: f64,
    /// The share of bad answers that the oracle fails.
    specificity: f64,
    answers: u32,
    passes_labelled: u32,
    fails_labelled: u32,
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32()) / 4_294_967_296.0
}

impl World {
    /// A draw of its answers; the first of each verdict are labelled, which is as good as any, being independent.
    fn draw(&self, random: &mut ChaCha8Rng) -> Vec<Unit> {
        let mut units: Vec<(Unit, Word)> = Vec::new();
        for cluster in 0..self.answers {
            let good = uniform(random) < self.truth;
            let passed = uniform(random) < if good { self.sensitivity } else { 1.0 - self.specificity };
            let seen = if passed { Seen::Passed } else { Seen::Failed };
            let word = if good { Word::Pass } else { Word::Fail };
            units.push((Unit { cluster, weight: 1.0, seen, label: None }, word));
        }
        for (seen, most) in [(Seen::Passed, self.passes_labelled), (Seen::Failed, self.fails_labelled)] {
            let all = units.iter().filter(|(unit, _)| unit.seen == seen).count() as u32;
            let inclusion = f64::from(most.min(all)) / f64::from(all.max(1));
            for (unit, word) in units.iter_mut().filter(|(unit, _)| unit.seen == seen).take(most as usize) {
                unit.label = Some(Label { word: *word, inclusion });
            }
        }
        units.into_iter().map(|(unit, _)| unit).collect()
    }

    fn covered(&self, draws: u32, random: &mut ChaCha8Rng) -> f64 {
        let (mut held, mut all) = (0, 0);
        for _ in 0..draws {
            let Some(found) = rate(&self.draw(random), f64::from(self.answers), 0.95) else { continue };
            let bounds = found.bounds;
            assert!(bounds.high - bounds.low > 1e-3, "{bounds:?}");
            all += 1;
            held += u32::from((bounds.low..=bounds.high).contains(&self.truth));
        }
        f64::from(held) / f64::from(all)
    }
}

#[test]
fn the_interval_holds_the_truth_with_few_labels_too() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut worst = (1.0, String::new());
    // Answers, labelled passes, labelled fails at the most.
    for (answers, passes_labelled, fails_labelled) in [(60, 20, 60), (60, 20, 3), (60, 58, 60), (300, 60, 20)]
    {
        for (sensitivity, specificity) in [(0.97, 1.0), (0.97, 0.9), (0.9, 0.7)] {
            let mut of_truths = Vec::new();
            for truth in [0.6, 0.8, 0.9, 0.95, 0.97, 0.99] {
                let world =
                    World { truth, sensitivity, specificity, answers, passes_labelled, fails_labelled };
                of_truths.push(world.covered(200, &mut random));
            }
            let mean = of_truths.iter().sum::<f64>() / of_truths.len() as f64;
            let text = format!("{answers} {passes_labelled} {fails_labelled} {sensitivity}: {of_truths:.2?}");
            // Two hundred draws are uncertain by .015.
            assert!(of_truths.iter().all(|one| *one > 0.89), "{text}");
            if mean < worst.0 {
                worst = (mean, text);
            }
        }
    }
    assert!(worst.0 >= 0.93, "{worst:?}");
}

#[test]
fn labels_drawn_evenly_never_say_less_than_they_say_alone() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut narrower, mut draws, mut least, mut sum) = (0, 0, 9.0_f64, 0.0);
    for (truth, sensitivity, specificity) in
        [(0.6, 0.9, 0.8), (0.9, 0.95, 0.6), (0.95, 0.97, 0.9), (0.8, 0.6, 0.5)]
    {
        let world = World {
            truth,
            sensitivity,
            specificity,
            answers: 300,
            passes_labelled: 300,
            fails_labelled: 300,
        };
        for labelled in [60, 150, 299] {
            for _ in 0..40 {
                let mut units = world.draw(&mut random);
                // Drawn without regard to the verdict; the inclusion is what an import finds in each stratum.
                units.iter_mut().skip(labelled).for_each(|unit| unit.label = None);
                for seen in [Seen::Passed, Seen::Failed] {
                    let of = |unit: &&Unit| unit.seen == seen;
                    let all = units.iter().filter(of).count() as f64;
                    let known = units.iter().filter(of).filter(|unit| unit.label.is_some()).count() as f64;
                    for unit in units.iter_mut().filter(|unit| unit.seen == seen) {
                        unit.label = unit.label.map(|label| Label { inclusion: known / all, ..label });
                    }
                }
                let words: Vec<Word> = units.iter().filter_map(|unit| Some(unit.label?.word)).collect();
                let good = words.iter().filter(|word| **word == Word::Pass).count() as f64;
                let alone = wilson(good / words.len() as f64, words.len() as f64, 0.95).unwrap();
                let found = rate(&units, 300.0, 0.95).unwrap();
                // At the rate that the verdicts show, as many labels alone never say more. The share of labels that pass is another
                // rate where a draw holds few of the fails, and overlooks what the verdicts show.
                let same = wilson(found.mean, words.len() as f64, 0.95).unwrap();
                let is_narrow = found.bounds.high - found.bounds.low <= 1.02 * (same.high - same.low);
                let untold =
                    units.iter().filter(|unit| unit.seen == Seen::Failed).all(|unit| unit.label.is_none());
                assert!(is_narrow || untold, "{found:?} {same:?}");
                let ratio = (found.bounds.high - found.bounds.low) / (alone.high - alone.low);
                (draws, narrower) = (draws + 1, narrower + u32::from(ratio < 1.0 + 1e-9));
                sum += ratio;
                least = least.min(found.n_eff / words.len() as f64);
            }
        }
    }
    assert!(sum / f64::from(draws) < 0.96 && narrower * 10 > draws * 7, "{narrower} of {draws}, {sum}");
    assert!(least > 0.85, "{least}");
}

#[test]
fn almost_all_answers_labelled_are_as_good_as_the_labels() {
    // The audit's case: 999 of 1,000 answers labelled; people pass 42.2 % of them.
    let units = [answers(Seen::Passed, 500, 500, 350, 0), answers(Seen::Failed, 500, 499, 72, 500)].concat();
    let found = rate(&units, 1000.0, 0.95).unwrap();
    let alone = wilson(422.0 / 999.0, 999.0, 0.95).unwrap();
    assert!((found.bounds.low - alone.low).abs() < 1e-3 && (found.bounds.high - alone.high).abs() < 1e-3);
    assert!((found.bounds.low - 0.392).abs() < 1e-3 && (found.bounds.high - 0.453).abs() < 1e-3, "{found:?}");
    // All of 60 answers labelled, two of them falsely failed: it is as if the oracle had never erred.
    let all = [answers(Seen::Passed, 58, 58, 58, 0), answers(Seen::Failed, 2, 2, 2, 58)].concat();
    let found = rate(&all, 60.0, 0.95).unwrap();
    assert!((found.mean - 1.0).abs() < 1e-12 && (found.n_eff - 60.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn what_nobody_has_looked_at_stays_what_the_oracle_says() {
    let passes = answers(Seen::Passed, 80, 40, 38, 0);
    let fails = answers(Seen::Failed, 20, 0, 0, 80);
    assert_eq!(rate(&fails, 20.0, 0.95), None, "no label");
    let found = rate(&[passes, fails.clone()].concat(), 100.0, 0.95).unwrap();
    assert!((found.mean - 0.8 * 0.95).abs() < 1e-12, "unlabelled fails are fails: {found:?}");
    assert!(found.bounds.high > 0.9, "but they may not be: {found:?}");
    let unlabelled = answers(Seen::Passed, 80, 0, 0, 0);
    let labelled = answers(Seen::Failed, 20, 20, 20, 80);
    assert_eq!(
        rate(&[unlabelled, labelled.clone()].concat(), 100.0, 0.95),
        None,
        "praise of the fails alone"
    );
    // A refusal needs nobody's word.
    let settled = answers(Seen::Settled(false), 20, 0, 0, 100);
    let found = rate(&[labelled, settled].concat(), 40.0, 0.95).unwrap();
    assert!((found.mean - 0.5).abs() < 1e-12 && found.labels == 20, "{found:?}");
}

#[test]
fn a_label_stands_for_the_answers_that_were_not_picked() {
    // Of 100 passes ten are hard: all of those were picked and half are bad, of the 90 others nine were picked and are good.
    let mut units = answers(Seen::Passed, 10, 10, 5, 0);
    units.extend(answers(Seen::Passed, 90, 9, 9, 10));
    let found = rate(&units, 100.0, 0.95).unwrap();
    assert!((found.mean - 0.95).abs() < 1e-12, "{found:?}");
    // Kish: (10 + 90)^2 / (10 + 9 x 100).
    let stratum = strata(&units).unwrap()[0];
    assert!((stratum.n - 10_000.0 / 910.0).abs() < 1e-9, "{stratum:?}");
    assert!(found.n_eff < 12.0, "{found:?}");
}

#[test]
fn copies_of_an_answer_are_one_piece_of_evidence() {
    let mut copies = answers(Seen::Passed, 60, 60, 60, 0);
    copies.iter_mut().for_each(|unit| unit.cluster %= 4);
    let found = rate(&copies, 4.0, 0.95).unwrap();
    assert!((found.n_eff - 4.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn labels_let_a_good_tier_route_that_a_strict_oracle_holds_back() {
    const DRAWS: u32 = 400;
    let mut random = ChaCha8Rng::seed_from_u64(21);
    let mut routes = |truth: f64, passes_labelled: u32, confidence: f64| {
        let (sensitivity, specificity) = (0.97, 1.0);
        let world =
            World { truth, sensitivity, specificity, answers: 60, passes_labelled, fails_labelled: 60 };
        let (mut without, mut with, mut labels) = (0, 0, 0);
        for _ in 0..DRAWS {
            let units = world.draw(&mut random);
            let passed = units.iter().filter(|unit| unit.seen == Seen::Passed).count() as f64 / 60.0;
            without += u32::from(Posterior::new(passed, 60.0).clears(0.95) >= confidence);
            let found = rate(&units, 60.0, 0.95).unwrap();
            with += u32::from(Posterior::new(found.mean, found.n_eff).clears(0.95) >= confidence);
            labels += found.labels;
        }
        let share = |count: u32| f64::from(count) / f64::from(DRAWS);
        (share(without), share(with), labels as f64 / f64::from(DRAWS))
    };
    // The oracle fails 3 % of the good answers. All fails and 32 passes are labelled: 34 of 60 answers.
    let (without, with, labels) = routes(1.0, 32, 0.8);
    assert!((0.40..0.52).contains(&without), "as the audit found, 46 %: {without}");
    assert!(with > 0.99 && labels < 36.0, "{with} with {labels} labels");
    let (without, with, labels) = routes(1.0, 45, 0.9);
    assert!(without < 0.25 && with > 0.99 && labels < 49.0, "{without}, {with} with {labels} labels");
    // And a tier at the floor, or below it, does not come through more often than the confidence allows.
    for (truth, passes_labelled, confidence) in
        [(0.95, 32, 0.8), (0.95, 60, 0.8), (0.93, 60, 0.8), (0.95, 60, 0.95)]
    {
        let (_, with, _) = routes(truth, passes_labelled, confidence);
        // Two standard errors of 400 draws.
        assert!(with <= 1.0 - confidence + 0.04, "{truth} {passes_labelled} {confidence}: {with}");
    }
}
