//! A sample in which every unit is drawn in proportion to its weight, so that the plain mean of what was drawn, at any moment
//! that does not depend on the scores, estimates the weighted mean of all.
//!
//! Units lie in a random order. Each is kept with a chance of its weight over the heaviest one, by a coin of its own: thinning, or
//! Poisson sampling in proportion to size. If units are drawn from a population with weights and scores (w, s), a kept one has
//! the mean score E(w s) / E(w), independently of the others: what a test of bounded means needs. No unit is drawn twice. Sampling with
//! replacement would have the same mean, but its repeats would count as evidence about prompts that nobody has written:
//! thirty prompts that pass, drawn seventy times, would prove 95 %. Keys such as u^(1/w) (Efraimidis and Spirakis), taken to the end
//! of the list, leave the light units for last and favour the heavy ones before that.

use rand_chacha::rand_core::Rng;

/// Which of some units are drawn. Units of equal weight all are; one without weight never is.
#[must_use]
pub fn in_proportion(weights: &[f64], random: &mut impl Rng) -> Vec<bool> {
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    // A coin for each, wanted or not: a weight that changes leaves the coins of the others as they are.
    let kept = |weight: &f64| {
        let coin = (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
        coin * heaviest < *weight
    };
    weights.iter().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::one_sided::Scores;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn uniform(random: &mut ChaCha8Rng) -> f64 {
        (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Prompts whose weight goes with their outcome: a third of weight 1 pass 70 %, a third of weight 2 pass 90 %, a third of weight 4 pass
    /// 99 %. By weight 92.3 % pass, by number 86.3 %.
    fn prompt(random: &mut ChaCha8Rng) -> (f64, f64) {
        let (weight, rate) = [(1.0, 0.70), (2.0, 0.90), (4.0, 0.99)][(random.next_u32() % 3) as usize];
        (weight, f64::from(u8::from(uniform(random) < rate)))
    }

    const TRUTH: f64 = (0.70 + 2.0 * 0.90 + 4.0 * 0.99) / 7.0;

    #[test]
    fn the_plain_mean_of_what_is_drawn_first_is_the_weighted_rate() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (runs, each) = (4000, 20);
        let (mut drawn, mut keyed) = (0.0, 0.0);
        for _ in 0..runs {
            let prompts: Vec<(f64, f64)> = (0..80).map(|_| prompt(&mut random)).collect();
            let weights: Vec<f64> = prompts.iter().map(|(weight, _)| *weight).collect();
            let kept = in_proportion(&weights, &mut random);
            let first: Vec<f64> =
                prompts.iter().zip(kept).filter(|(_, kept)| *kept).map(|(p, _)| p.1).take(each).collect();
            drawn += first.iter().sum::<f64>() / first.len() as f64;
            // Sampling without replacement by exponential keys, to see the test tell the difference.
            let mut keys: Vec<(f64, f64)> =
                prompts.iter().map(|(weight, score)| (-uniform(&mut random).ln() / weight, *score)).collect();
            keys.sort_by(|a, b| a.0.total_cmp(&b.0));
            keyed += keys.iter().take(2 * each).map(|(_, score)| score).sum::<f64>() / (2 * each) as f64;
        }
        let (drawn, keyed) = (drawn / f64::from(runs), keyed / f64::from(runs));
        // The standard error is below 0.001.
        assert!((drawn - TRUTH).abs() < 0.003, "{drawn} for {TRUTH}");
        assert!(TRUTH - keyed > 0.01, "{keyed}: keys favour the light once the heavy are gone");
    }

    #[test]
    fn a_weighted_rate_at_the_floor_is_called_wrongly_no_more_often_than_alpha() {
        let mut random = ChaCha8Rng::seed_from_u64(19);
        let (runs, alpha) = (400, 0.20);
        let (mut above, mut below, mut plainly) = (0, 0, 0);
        for _ in 0..runs {
            let prompts: Vec<(f64, f64)> = (0..300).map(|_| prompt(&mut random)).collect();
            let weights: Vec<f64> = prompts.iter().map(|(weight, _)| *weight).collect();
            let kept = in_proportion(&weights, &mut random);
            let (mut scores, mut all) = (Scores::default(), Scores::default());
            let (mut up, mut down, mut plain) = (false, false, false);
            for ((_, score), kept) in prompts.iter().zip(kept) {
                all = all.and(*score);
                plain = plain || all.shows_below(TRUTH, alpha);
                if kept {
                    scores = scores.and(*score);
                    up = up || scores.shows_above(TRUTH, alpha);
                    down = down || scores.shows_below(TRUTH, alpha);
                }
            }
            above += u32::from(up);
            below += u32::from(down);
            plainly += u32::from(plain);
        }
        let most = f64::from(runs) * alpha + 2.0 * (f64::from(runs) * alpha * (1.0 - alpha)).sqrt();
        assert!(f64::from(above) <= most && f64::from(below) <= most, "{above} {below} of {runs}");
        assert!(f64::from(plainly) > most, "{plainly}: without the draw the promise would be broken");
    }

    #[test]
    fn equal_weights_are_all_drawn_and_no_weight_never() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(in_proportion(&[2.0; 50], &mut random), [true; 50]);
        assert_eq!(in_proportion(&[0.0; 5], &mut random), [false; 5]);
        assert_eq!(in_proportion(&[0.0, 3.0], &mut random), [false, true]);
        let kept = in_proportion(&[1.0, 4.0].repeat(4000), &mut random);
        let share =
            |odd: usize| kept.iter().skip(odd).step_by(2).filter(|kept| **kept).count() as f64 / 4000.0;
        assert!((share(0) - 0.25).abs() < 0.03 && share(1) >= 1.0, "{} {}", share(0), share(1));
    }
}
