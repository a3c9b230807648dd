//! What a sample of a given size can decide, before or after it is drawn.

use statrs::function::beta::ln_beta;
use statrs::function::gamma::ln_gamma;

use super::interval::normal_quantile;
use super::posterior::Posterior;

/// The most prompts that anybody is told to add: beyond it, the answer is that the cell sits on its floor.
pub const MOST: u64 = 100_000;

/// The smallest n at which P(p >= floor) >= confidence when every trial passes: with fewer, nothing can decide.
/// `None` when more than [`MOST`] would be needed, or a probability makes no sense. `posterior` is of a mean and n.
#[must_use]
pub fn smallest_n(floor: f64, confidence: f64, posterior: impl Fn(f64, f64) -> Posterior) -> Option<u64> {
    first(0, |n| posterior(1.0, n as f64).clears(floor) >= confidence)
}

/// The same when the share `rate` of the trials passes, under a uniform prior; `None` also when that rate never decides.
#[must_use]
pub fn smallest_n_at(rate: f64, floor: f64, confidence: f64) -> Option<u64> {
    first(0, |n| Posterior::new(rate, n as f64).clears(floor) >= confidence)
}

/// The smallest difference between two tiers that n prompts can show, both tiers measured on the same prompts:
/// (z_(1 - alpha/2) + z_power) sqrt(discordant / n), `discordant` being the share of prompts on which they disagree
/// (Miller, arXiv 2411.00640, for pass and fail; the small term of the squared difference is left out, which errs on the
/// safe side).
#[must_use]
pub fn detectable_difference(n: f64, discordant: f64, alpha: f64, power: f64) -> Option<f64> {
    let fine = n > 0.0
        && (0.0..=1.0).contains(&discordant)
        && alpha > 0.0
        && alpha < 1.0
        && power > 0.0
        && power < 1.0;
    fine.then(|| (normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power)) * (discordant / n).sqrt())
}

/// The chance that `more` trials bring a sample to where `clears(mean, n)` holds, by what is known of the rate after `n` trials
/// of which the share `mean` passed: how many of the further ones pass is beta-binomial (uniform prior). `clears` must not
/// fail for a higher mean where it holds for a lower one.
#[must_use]
pub fn chance_to_clear(mean: f64, n: f64, more: u32, clears: impl Fn(f64, f64) -> bool) -> f64 {
    let (n, mean) = (n.max(0.0), mean.clamp(0.0, 1.0));
    let (pass, all) = (mean * n, n + f64::from(more));
    let good = |further: u32| all > 0.0 && clears((pass + f64::from(further)) / all, all);
    if !good(more) {
        return 0.0;
    }
    // The least number that is enough, by halving.
    let (mut low, mut high) = (0, more);
    while low < high {
        let middle = u32::midpoint(low, high);
        if good(middle) { high = middle } else { low = middle + 1 }
    }
    let (a, b) = (1.0 + pass, 1.0 + n - pass);
    let chance = |further: u32| {
        let (j, rest) = (f64::from(further), f64::from(more - further));
        let choose = ln_gamma(f64::from(more) + 1.0) - ln_gamma(j + 1.0) - ln_gamma(rest + 1.0);
        (choose + ln_beta(a + j, b + rest) - ln_beta(a, b)).exp()
    };
    (low..=more).map(chance).sum::<f64>().min(1.0)
}

/// The least number of trials from `from` up to [`MOST`] more at which `decided` holds: looked for in steps that grow
/// by a twentieth, then narrowed within the step, because the posterior is not monotone in n everywhere.
pub fn first(from: u64, decided: impl Fn(u64) -> bool) -> Option<u64> {
    let mut below = None;
    let mut extra = 0;
    while extra <= MOST {
        if decided(from + extra) {
            let mut low = below.map_or(extra, |b: u64| b + 1);
            let mut high = extra;
            while low < high {
                let middle = u64::midpoint(low, high);
                if decided(from + middle) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            return Some(from + high);
        }
        below = Some(extra);
        extra = if extra == MOST { MOST + 1 } else { (extra + 1 + extra / 20).min(MOST) };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_sizes_come_out() {
        for (floor, n) in [(0.80, 13), (0.90, 28), (0.95, 58), (0.99, 298)] {
            assert_eq!(smallest_n(floor, 0.95, Posterior::new), Some(n));
        }
    }

    #[test]
    fn a_rate_on_the_floor_never_decides() {
        assert_eq!(smallest_n_at(0.95, 0.95, 0.95), None);
        assert_eq!(smallest_n_at(0.90, 0.95, 0.80), None);
        assert!(smallest_n_at(0.97, 0.95, 0.95).unwrap() > 200);
    }

    #[test]
    fn a_detectable_difference_shrinks_with_the_root_of_n() {
        let few = detectable_difference(100.0, 0.06, 0.05, 0.80).unwrap();
        let many = detectable_difference(400.0, 0.06, 0.05, 0.80).unwrap();
        assert!((few - 2.0 * many).abs() < 1e-12);
        assert!((few - 2.801_585 * (0.06f64 / 100.0).sqrt()).abs() < 1e-5, "{few}");
        // Miller's example: a variance of the difference of 1/9, 969 questions, three points.
        assert!((detectable_difference(969.0, 1.0 / 9.0, 0.05, 0.80).unwrap() - 0.03).abs() < 1e-5);
        // 3 % discordant either way, 928 prompts, two points, one-sided at 5 %.
        assert!((detectable_difference(928.0, 0.06, 0.10, 0.80).unwrap() - 0.02).abs() < 1e-5);
        assert_eq!(detectable_difference(0.0, 0.1, 0.05, 0.8), None);
    }

    #[test]
    fn the_chance_of_a_uniform_rate_is_the_share_of_counts_that_clear() {
        // Nothing known: 0 to 100 passes of 100 are as likely as each other, and from 90 on it clears.
        let clears = |mean: f64, _| mean >= 0.9 - 1e-12;
        assert!((chance_to_clear(0.0, 0.0, 100, clears) - 11.0 / 101.0).abs() < 1e-9);
        // Nobody can promise what has not been seen, nor what is out of reach.
        assert_eq!(chance_to_clear(0.0, 1000.0, 100, clears), 0.0);
        assert!((chance_to_clear(1.0, 1000.0, 100, clears) - 1.0).abs() < 1e-9);
        let near = chance_to_clear(0.89, 200.0, 100, clears);
        assert!((0.05..0.45).contains(&near), "{near}");
        assert_eq!(chance_to_clear(0.5, 0.0, 0, clears), 0.0);
    }

    proptest! {
        #[test]
        fn the_first_size_that_decides_is_found(from in 0u64..1000, at in 0u64..90_000) {
            prop_assert_eq!(first(from, |n| n >= from + at), Some(from + at));
        }
    }
}
