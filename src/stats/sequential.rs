//! Looking at every answer as it comes, without fooling oneself: a mixture e-process and its confidence sequence.
//!
//! E_n(p0) = integral of the likelihood over Beta(1/2, 1/2), divided by the likelihood at p0. It is a martingale when p0 is
//! true, so by Ville's inequality the chance that it EVER reaches 1 / alpha is alpha at the most: the p0 that have not
//! been driven there form an interval that holds the truth at every n at once, and may stop the sampling. That is
//! [`Tally`]: equally weighted prompts in random order, one trial each.
//!
//! A claim in one direction needs less: `one_sided`, by which cells are decided.

use statrs::function::beta::ln_beta;

use super::interval::Bounds;

/// Trials, some of which passed, in the order in which they were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials that passed.
    pub passed: u64,
    /// Trials.
    pub n: u64,
}

impl Tally {
    /// The tally after one more trial.
    #[must_use]
    pub const fn and(self, passed: bool) -> Self {
        Self { passed: self.passed + passed as u64, n: self.n + 1 }
    }

    /// The natural logarithm of E_n(p0) = ln B(k + 1/2, n - k + 1/2) - ln B(1/2, 1/2) - k ln p0 - (n - k) ln (1 - p0).
    #[must_use]
    pub fn log_e(self, p0: f64) -> f64 {
        let (k, rest) = (self.passed as f64, self.n.saturating_sub(self.passed) as f64);
        // 0 ln 0 is 0: a rate of 0 is no contradiction to fails alone.
        let term = |count: f64, p: f64| if count > 0.0 { count * p.ln() } else { 0.0 };
        ln_beta(k + 0.5, rest + 0.5) - ln_beta(0.5, 0.5) - term(k, p0) - term(rest, 1.0 - p0)
    }

    /// Whether the evidence excludes a true rate of `p0` at `alpha`, however often the data were looked at before.
    #[must_use]
    pub fn excludes(self, p0: f64, alpha: f64) -> bool {
        self.log_e(p0) >= -alpha.ln()
    }

    /// The confidence sequence {p0: E_n(p0) < 1 / alpha}: an interval around k / n; [0, 1] without a trial.
    #[must_use]
    pub fn bounds(self, alpha: f64) -> Bounds {
        if self.n == 0 {
            return Bounds { low: 0.0, high: 1.0 };
        }
        let mean = self.passed as f64 / self.n as f64;
        // The logarithm is convex in p0 with its least value at the mean, so each side has one crossing.
        let edge = |mut outside: f64| {
            if !self.excludes(outside, alpha) {
                return outside;
            }
            let mut inside = mean;
            for _ in 0..60 {
                let middle = f64::midpoint(inside, outside);
                if self.excludes(middle, alpha) { outside = middle } else { inside = middle }
            }
            outside
        };
        Bounds { low: edge(0.0), high: edge(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    #[test]
    fn the_published_values_come_out() {
        assert!((Tally { passed: 18, n: 20 }.log_e(0.5) - 5.610_595_911_9).abs() < 1e-9);
        assert!((Tally { passed: 50, n: 100 }.log_e(0.5) + 2.530_876_404_0).abs() < 1e-9);
    }

    #[test]
    fn nothing_seen_excludes_nothing() {
        let bounds = Tally::default().bounds(0.05);
        assert_eq!((bounds.low, bounds.high), (0.0, 1.0));
        assert!(!Tally::default().excludes(0.9, 0.05));
        assert!(Tally { passed: 3, n: 3 }.bounds(0.05).high >= 1.0);
    }

    #[test]
    fn the_sequence_holds_the_truth_at_every_n_at_once() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        for truth in [0.5, 0.85, 0.95] {
            let samples = 600;
            let missed = (0..samples)
                .filter(|_| {
                    let mut tally = Tally::default();
                    (0..500).any(|_| {
                        tally = tally.and(f64::from(random.next_u32()) < truth * 4_294_967_296.0);
                        tally.excludes(truth, 0.05)
                    })
                })
                .count();
            // At the most 5 % by Ville; more than none, or the test shows nothing.
            assert!(missed > 0 && missed * 100 <= samples * 6, "{truth}: {missed}");
        }
    }

    proptest! {
        #[test]
        fn bounds_hold_the_mean_and_agree_with_exclusion(n in 1u64..3000, share in 0.0..=1.0f64, p0 in 0.001..0.999f64) {
            let tally = Tally { passed: (n as f64 * share) as u64, n };
            let bounds = tally.bounds(0.05);
            let mean = tally.passed as f64 / n as f64;
            prop_assert!(0.0 <= bounds.low && bounds.low <= mean && mean <= bounds.high && bounds.high <= 1.0);
            if (p0 - bounds.low).abs() > 1e-9 && (p0 - bounds.high).abs() > 1e-9 {
                prop_assert_eq!(tally.excludes(p0, 0.05), !(bounds.low..=bounds.high).contains(&p0));
            }
        }
    }
}
