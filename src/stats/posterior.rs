//! The posterior of the true pass rate under a uniform prior, Beta(1 + passed, 1 + failed).
//!
//! Decisions rest on this; the displayed interval is [`super::interval::wilson`]. Jeffreys' prior and the exact bounds are
//! optional.

use super::beta;

/// The posterior of a pass rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// The two parameters of the Beta distribution for the probability that the rate is above a floor.
    above: (f64, f64),
    /// The parameters for the probability that it is below. The same, except where both err on the safe side.
    below: (f64, f64),
}

impl Posterior {
    /// The posterior after `n` (effective) trials of which the share `mean` passed.
    #[must_use]
    pub fn new(mean: f64, n: f64) -> Self {
        Self::with_prior(mean, n, 1.0)
    }

    /// The same under Jeffreys' prior, Beta(1/2, 1/2).
    #[must_use]
    pub fn jeffreys(mean: f64, n: f64) -> Self {
        Self::with_prior(mean, n, 0.5)
    }

    /// No posterior but the exact test's confidence (Clopper and Pearson 1934): [`Self::clears`] is 1 - P(as many passes or
    /// more at the floor), [`Self::misses`] is 1 - P(as few or fewer). The two add up to less than 1, so that each errs on the
    /// safe side.
    #[must_use]
    pub fn exact(mean: f64, n: f64) -> Self {
        let (pass, fail) = counts(mean, n);
        Self { above: (pass, fail + 1.0), below: (pass + 1.0, fail) }
    }

    fn with_prior(mean: f64, n: f64, prior: f64) -> Self {
        let (pass, fail) = counts(mean, n);
        let both = (prior + pass, prior + fail);
        Self { above: both, below: both }
    }

    /// P(true rate >= floor).
    #[must_use]
    pub fn clears(&self, floor: f64) -> f64 {
        let (pass, fail) = self.above;
        // Nothing passed: nothing is shown.
        if pass <= 0.0 {
            return 0.0;
        }
        // By symmetry, so that a probability near one keeps its digits.
        beta::cdf(fail, pass, 1.0 - floor)
    }

    /// P(true rate < floor).
    #[must_use]
    pub fn misses(&self, floor: f64) -> f64 {
        let (pass, fail) = self.below;
        if fail <= 0.0 { 0.0 } else { beta::cdf(pass, fail, floor) }
    }
}

/// Passes and fails, which need not be whole.
fn counts(mean: f64, n: f64) -> (f64, f64) {
    let (mean, n) = (mean.clamp(0.0, 1.0), n.max(0.0));
    (mean * n, (1.0 - mean) * n)
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

    #[test]
    fn the_exact_bound_and_jeffreys_clear_a_floor_when_their_interval_does() {
        use crate::stats::interval::{clopper_pearson, jeffreys};
        // 95 % one-sided is the lower bound of the 90 % interval.
        for (passed, n) in [(18.0, 20.0), (57.0, 60.0), (190.0, 200.0)] {
            let exact = clopper_pearson(passed / n, n, 0.90).unwrap();
            let posterior = Posterior::exact(passed / n, n);
            assert!((posterior.clears(exact.low) - 0.95).abs() < 1e-6);
            assert!((posterior.misses(exact.high) - 0.95).abs() < 1e-6);
            let low = jeffreys(passed / n, n, 0.90).unwrap().low;
            assert!((Posterior::jeffreys(passed / n, n).clears(low) - 0.95).abs() < 1e-6);
        }
        // 0.95^59 < 0.05 < 0.95^58: the exact test requires one prompt more than the uniform prior.
        assert!(Posterior::exact(1.0, 59.0).clears(0.95) >= 0.95);
        assert!(Posterior::exact(1.0, 58.0).clears(0.95) < 0.95);
        assert_eq!(
            (Posterior::exact(0.0, 9.0).clears(0.1), Posterior::exact(1.0, 9.0).misses(0.9)),
            (0.0, 0.0)
        );
    }

    proptest! {
        #[test]
        fn the_exact_test_never_says_more_than_a_posterior(mean in 0.0..=1.0f64, n in 1.0..500.0f64, floor in 0.01..0.99f64) {
            let (exact, uniform) = (Posterior::exact(mean, n), Posterior::new(mean, n));
            prop_assert!(exact.clears(floor) <= uniform.clears(floor) + 1e-9);
            prop_assert!(exact.misses(floor) <= uniform.misses(floor) + 1e-9);
            prop_assert!(exact.clears(floor) + exact.misses(floor) <= 1.0 + 1e-9);
        }

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
