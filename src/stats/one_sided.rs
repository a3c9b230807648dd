//! Claims in one direction, tested after every score: "the rate is above p0" and "the rate is below p0", each with an e-process of
//! its own and the bound that inverts it.
//!
//! Above: E_n = 1/2 (1/p0)^n [no fail so far] + 1/2 x the mean over p, uniform on (p0, 1), of (p/p0)^k ((1-p)/(1-p0))^(n-k).
//! Below: the mean over p, uniform on (0, p0), of the same. Under every rate that the claim denies the process is a nonnegative
//! supermartingale that begins at 1, so by Ville's inequality it EVER reaches 1 / alpha with a chance of alpha at the most.
//!
//! Scores may be fractions (the share of a prompt's repeats that pass), and k is then their sum. A factor
//! (p/p0)^s ((1-p)/(1-p0))^(1-s) is convex in s, so it lies under its chord, the bet 1 + lambda (s - p0) with
//! lambda = (p-p0) / (p0 (1-p0)) (Hoeffding, JASA 1963, for bounded values; the bet is that of Waudby-Smith and Ramdas, JRSS B 2024). The
//! bet's mean is 1 at the most where the claim is false, hence so is the factor's: fractions make the test stricter, never wrong.
//! For scores of 0 and 1 the two are the same.

use super::beta;

/// The nearest that a rate under test may come to 0 or 1.
const LEAST: f64 = 1e-9;

/// Scores between 0 and 1 in the order in which they were drawn, as far as the tests need them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Their sum.
    pub sum: f64,
    /// Their number.
    pub n: u64,
}

impl Scores {
    /// With one more score, 0 to 1.
    #[must_use]
    pub fn and(self, score: f64) -> Self {
        Self { sum: self.sum + score.clamp(0.0, 1.0), n: self.n + 1 }
    }

    /// Their mean; 0 without any.
    #[must_use]
    pub fn mean(self) -> f64 {
        if self.n > 0 { self.sum / self.n as f64 } else { 0.0 }
    }

    /// Sum, and what is left of the number.
    fn parts(self) -> (f64, f64) {
        let n = self.n as f64;
        let k = self.sum.clamp(0.0, n);
        (k, n - k)
    }

    /// The natural logarithm of the evidence that the rate is above `p0`.
    #[must_use]
    pub fn log_above(self, p0: f64) -> f64 {
        if p0 >= 1.0 {
            return f64::NEG_INFINITY;
        }
        let p0 = p0.max(LEAST);
        let (k, rest) = self.parts();
        // Through the complement's lower tail, which is where the digits are.
        let tail = beta::ln_cdf(rest + 1.0, k + 1.0, 1.0 - p0);
        let mixed =
            beta::ln_complete(k + 1.0, rest + 1.0) + tail - k * p0.ln() - (rest + 1.0) * (-p0).ln_1p();
        let perfect = if rest > 0.0 { f64::NEG_INFINITY } else { -k * p0.ln() };
        let most = mixed.max(perfect);
        most + (0.5 * ((mixed - most).exp() + (perfect - most).exp())).ln()
    }

    /// The natural logarithm of the evidence that the rate is below `p0`.
    #[must_use]
    pub fn log_below(self, p0: f64) -> f64 {
        if p0 <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let p0 = p0.min(1.0 - LEAST);
        let (k, rest) = self.parts();
        beta::ln_complete(k + 1.0, rest + 1.0) + beta::ln_cdf(k + 1.0, rest + 1.0, p0)
            - (k + 1.0) * p0.ln()
            - rest * (-p0).ln_1p()
    }

    /// What no mixture exceeds: the logarithm of the likelihood ratio at the mean, n KL(mean, p0). It is quickly computed, and on the
    /// claim's side of p0 alone can a mixture come near it.
    fn most(self, p0: f64) -> f64 {
        let (k, rest) = self.parts();
        let n = self.n as f64;
        let term = |count: f64, p: f64| if count > 0.0 { count * (count / n / p).ln() } else { 0.0 };
        // A hair more, for rounding.
        term(k, p0) + term(rest, 1.0 - p0) + 1e-9
    }

    /// Whether the rate is shown to be above `p0` at `alpha`, however often one looked before.
    #[must_use]
    pub fn shows_above(self, p0: f64, alpha: f64) -> bool {
        self.mean() > p0 && self.most(p0) >= -alpha.ln() && self.log_above(p0) >= -alpha.ln()
    }

    /// Whether the rate is shown to be below `p0` at `alpha`, however often one looked before.
    #[must_use]
    pub fn shows_below(self, p0: f64, alpha: f64) -> bool {
        self.n > 0 && self.mean() < p0 && self.most(p0) >= -alpha.ln() && self.log_below(p0) >= -alpha.ln()
    }

    /// The largest rate that the true one is shown to be above: a lower bound that holds at every look at once with
    /// 1 - `alpha`. 0 without scores.
    #[must_use]
    pub fn low(self, alpha: f64) -> f64 {
        // The evidence falls as p0 rises: with p = p0 + (1 - p0) u the integrand is (1 + u (1-p0)/p0)^k (1-u)^(n-k).
        crossing(0.0, self.mean(), |p0| self.shows_above(p0, alpha))
    }

    /// The least rate that the true one is shown to be below: an upper bound that holds at every look at once with
    /// 1 - `alpha`. 1 without scores.
    #[must_use]
    pub fn high(self, alpha: f64) -> f64 {
        if self.n == 0 {
            return 1.0;
        }
        crossing(1.0, self.mean(), |p0| self.shows_below(p0, alpha))
    }
}

/// Where the rates that are excluded end, between `outside` and the mean.
fn crossing(outside: f64, mean: f64, excluded: impl Fn(f64) -> bool) -> f64 {
    let (mut out, mut inside) = (outside, mean);
    // A rate of exactly 0 or 1 is under test only as far as floats go.
    for _ in 0..50 {
        let middle = f64::midpoint(out, inside);
        if excluded(middle) { out = middle } else { inside = middle }
    }
    if out == outside { outside } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn passes(n: u64, passed: u64) -> Scores {
        Scores { sum: passed as f64, n }
    }

    #[test]
    fn the_published_values_come_out() {
        let above = [
            (100, 100, 0.95, 4.615_922_184_7),
            (200, 198, 0.95, 3.246_099_817_3),
            (300, 297, 0.95, 5.507_062_680_2),
            (100, 90, 0.85, -0.392_953_838_2),
        ];
        for (n, k, p0, log_e) in above {
            assert!((passes(n, k).log_above(p0) - log_e).abs() < 1e-9, "{n} {k}");
        }
        let below = [
            (50, 40, 0.95, 5.075_771_416_2),
            (100, 85, 0.95, 4.658_542_087_9),
            (60, 45, 0.85, 0.200_771_542_9),
        ];
        for (n, k, p0, log_e) in below {
            assert!((passes(n, k).log_below(p0) - log_e).abs() < 1e-9, "{n} {k}");
        }
    }

    #[test]
    fn a_perfect_tier_settles_after_the_published_numbers_of_prompts() {
        let settles = |p0: f64, alpha: f64| (1..500).find(|n| passes(*n, *n).shows_above(p0, alpha)).unwrap();
        assert_eq!([0.05, 0.10, 0.20].map(|alpha| settles(0.95, alpha)), [68, 53, 38]);
        assert_eq!([0.05, 0.20].map(|alpha| settles(0.85, alpha)), [22, 12]);
        // The targets: by 80 and by 50.
        assert!(settles(0.95, 0.05) <= 80 && settles(0.95, 0.20) <= 50);
    }

    #[test]
    fn a_hundred_thousand_scores_are_no_trouble() {
        let scores = passes(100_000, 99_500);
        assert!(scores.log_above(0.95).is_finite() && scores.shows_above(0.95, 1e-9));
        assert!(passes(100_000, 50_000).log_below(0.95) > 10_000.0);
        assert!(passes(100_000, 50_000).log_above(0.95) < 0.0);
        assert!(passes(100_000, 0).log_below(1.0).is_finite());
        let (low, high) = (scores.low(0.05), scores.high(0.05));
        assert!(0.993 < low && low < 0.995 && 0.995 < high && high < 0.997, "{low} {high}");
    }

    #[test]
    fn nothing_seen_shows_nothing_and_no_rate_is_above_one_or_below_nought() {
        let none = Scores::default();
        assert!(none.log_above(0.9).abs() < 1e-9 && none.log_below(0.9).abs() < 1e-9);
        assert_eq!((none.low(0.05), none.high(0.05)), (0.0, 1.0));
        assert!(!passes(1000, 1000).shows_above(1.0, 0.5) && !passes(1000, 0).shows_below(0.0, 0.5));
        assert!(passes(1000, 1000).high(0.05) >= 1.0 && passes(1000, 0).low(0.05) <= 0.0);
    }

    #[test]
    fn a_true_rate_of_99_percent_settles_after_the_published_median() {
        for (alpha, median) in [(0.05, 153), (0.20, 38)] {
            let mut random = ChaCha8Rng::seed_from_u64(3);
            let mut settled: Vec<u64> = (0..151)
                .map(|_| {
                    let mut scores = Scores::default();
                    (1..1000)
                        .find(|_| {
                            scores = scores.and(f64::from(u8::from(random.next_u32() % 100 > 0)));
                            scores.shows_above(0.95, alpha)
                        })
                        .unwrap_or(1000)
                })
                .collect();
            settled.sort_unstable();
            assert!(settled[75].abs_diff(median) <= 25, "alpha {alpha}: {}", settled[75]);
        }
    }

    /// How often each claim that a rate at `p0` denies is made within `looks` scores drawn by `score`.
    fn wrong(p0: f64, alpha: f64, samples: u32, looks: u32, mut score: impl FnMut() -> f64) -> [u32; 2] {
        let mut made = [0, 0];
        for _ in 0..samples {
            let (mut scores, mut above, mut below) = (Scores::default(), false, false);
            for _ in 0..looks {
                scores = scores.and(score());
                above = above || scores.shows_above(p0, alpha);
                below = below || scores.shows_below(p0, alpha);
            }
            made[0] += u32::from(above);
            made[1] += u32::from(below);
        }
        made
    }

    /// What Ville allows, with two standard errors of the simulation.
    fn allowed(alpha: f64, samples: u32) -> f64 {
        f64::from(samples) * (alpha + 2.0 * (alpha * (1.0 - alpha) / f64::from(samples)).sqrt())
    }

    fn promise_at_the_floor(samples: u32) {
        for (p0, alpha) in [(0.95, 0.05), (0.95, 0.20), (0.85, 0.05)] {
            let mut random = ChaCha8Rng::seed_from_u64(17);
            let made = wrong(p0, alpha, samples, 600, || {
                f64::from(u8::from(f64::from(random.next_u32()) < p0 * 4_294_967_296.0))
            });
            eprintln!("p0 {p0}, alpha {alpha}: above {}, below {} of {samples}", made[0], made[1]);
            let most = allowed(alpha, samples);
            // More than none, or the test shows nothing.
            assert!(made.iter().all(|made| *made > 0 && f64::from(*made) <= most), "{p0} {alpha}: {made:?}");
        }
    }

    #[test]
    fn a_rate_at_the_floor_is_called_above_or_below_no_more_often_than_alpha() {
        promise_at_the_floor(250);
    }

    #[test]
    #[ignore = "takes a minute: the numbers in docs/stop-early.md"]
    fn the_same_over_two_thousand_draws() {
        promise_at_the_floor(2000);
    }

    #[test]
    fn fractional_scores_leave_the_promise_standing() {
        // Prompts of three repeats: most pass all, some none, some are flaky. The mean is p0.
        let (p0, alpha, samples) = (0.85, 0.20, 400);
        let mut random = ChaCha8Rng::seed_from_u64(23);
        let made = wrong(p0, alpha, samples, 300, || match random.next_u32() % 100 {
            0..70 => 1.0,
            70..85 => 2.0 / 3.0,
            85..97 => 5.0 / 12.0,
            _ => 0.0,
        });
        assert!(made.iter().all(|made| f64::from(*made) <= allowed(alpha, samples)), "{made:?}");
    }

    proptest! {
        #[test]
        fn bounds_hold_the_mean_and_agree_with_the_claims(n in 1u64..3000, share in 0.0..=1.0f64, p0 in 0.001..0.999f64) {
            let scores = Scores { sum: n as f64 * share, n };
            let (low, high) = (scores.low(0.05), scores.high(0.05));
            prop_assert!(0.0 <= low && low <= scores.mean() && scores.mean() <= high && high <= 1.0);
            if (p0 - low).abs() > 1e-9 && (p0 - high).abs() > 1e-9 {
                prop_assert_eq!(scores.shows_above(p0, 0.05), p0 < low);
                prop_assert_eq!(scores.shows_below(p0, 0.05), p0 > high);
            }
        }

        #[test]
        fn a_higher_score_is_never_worse_evidence(n in 1u64..2000, share in 0.0..0.99f64, more in 0.0..1.0f64, p0 in 0.01..0.99f64) {
            let one = Scores { sum: n as f64 * share, n };
            let two = Scores { sum: one.sum + more.min(n as f64 - one.sum), n };
            prop_assert!(two.log_above(p0) >= one.log_above(p0) - 1e-7);
            prop_assert!(two.log_below(p0) <= one.log_below(p0) + 1e-7);
        }
    }
}
