//! What a sample says of the true pass rate: the posterior under a uniform prior, Beta(1 + passed, 1 + failed).
//!
//! Decisions rest on this; what is displayed beside them is [`super::interval::wilson`].

use super::beta;

/// The posterior of a pass rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    pass: f64,
    fail: f64,
}

impl Posterior {
    /// The posterior after `n` (effective) trials of which the share `mean` passed.
    #[must_use]
    pub fn new(mean: f64, n: f64) -> Self {
        let (mean, n) = (mean.clamp(0.0, 1.0), n.max(0.0));
        Self { pass: 1.0 + mean * n, fail: 1.0 + (1.0 - mean) * n }
    }

    /// P(true rate >= floor).
    #[must_use]
    pub fn clears(&self, floor: f64) -> f64 {
        // By symmetry, so that a probability near one keeps its digits.
        beta::cdf(self.fail, self.pass, 1.0 - floor)
    }

    /// P(true rate < floor).
    #[must_use]
    pub fn misses(&self, floor: f64) -> f64 {
        beta::cdf(self.pass, self.fail, floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_trial_every_rate_is_as_likely() {
        assert!((Posterior::new(0.0, 0.0).clears(0.8) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn all_pass_clears_the_floor_from_the_published_n_on() {
        for (floor, n) in [(0.80, 13.0), (0.90, 28.0), (0.95, 58.0), (0.99, 298.0)] {
            assert!(Posterior::new(1.0, n).clears(floor) >= 0.95, "{floor}");
            assert!(Posterior::new(1.0, n - 1.0).clears(floor) < 0.95, "{floor}");
        }
    }

    proptest! {
        #[test]
        fn clearing_and_missing_are_all_there_is(mean in 0.0..=1.0f64, n in 0.0..10_000.0f64, floor in 0.01..0.99f64) {
            let posterior = Posterior::new(mean, n);
            prop_assert!((posterior.clears(floor) + posterior.misses(floor) - 1.0).abs() < 1e-7);
        }

        #[test]
        fn a_higher_floor_is_harder_to_clear(mean in 0.0..=1.0f64, n in 0.0..5000.0f64, floor in 0.01..0.9f64) {
            let posterior = Posterior::new(mean, n);
            prop_assert!(posterior.clears(floor + 0.05) <= posterior.clears(floor) + 1e-12);
        }
    }
}
