//! The bound above which a rate seen in production is no noise: the predictive distribution of a count in a window.

use statrs::function::gamma::ln_gamma;

use super::beta;

/// Windows above this are as good as endless: the count's own noise is gone, and the rate's uncertainty is all there is.
const ENDLESS: u32 = 1_000_000;

/// The share of a window of `window` requests that is exceeded with a probability of 1 - confidence at the most, when
/// nothing has changed since the share `mean` of `n` (effective) requests was seen.
///
/// The quantile of the beta-binomial predictive distribution under Jeffreys' prior, Beta(1/2, 1/2) (Gelman et al.,
/// Bayesian Data Analysis, 2.4). `None` for an empty window or a confidence that makes no sense.
#[must_use]
pub fn predictive_bound(mean: f64, n: f64, window: u32, confidence: f64) -> Option<f64> {
    let shares = (0.0..1.0).contains(&confidence) && (0.0..=1.0).contains(&mean);
    if window == 0 || !shares || !n.is_finite() || n < 0.0 {
        return None;
    }
    let (a, b) = (0.5 + mean * n, 0.5 + (1.0 - mean) * n);
    if window > ENDLESS {
        return Some(beta::quantile(a, b, confidence));
    }
    let size = f64::from(window);
    // P(0), then P(k + 1) / P(k) = (m - k)(a + k) / ((k + 1)(b + m - k - 1)), in logarithms: P(0) may be tiny.
    let mut log = ln_gamma(b + size) - ln_gamma(b) + ln_gamma(a + b) - ln_gamma(a + b + size);
    let mut sum = 0.0;
    for count in 0..window {
        sum += log.exp();
        if sum >= confidence {
            return Some(f64::from(count) / size);
        }
        let k = f64::from(count);
        log += ((size - k) * (a + k) / ((k + 1.0) * (b + size - k - 1.0))).ln();
    }
    Some(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn with_a_flat_prior_of_ones_every_count_is_as_likely() {
        // n = 1 at a mean of one half under Jeffreys is Beta(1, 1): the counts 0..=9 have a tenth each.
        let bound = predictive_bound(0.5, 1.0, 9, 0.75).unwrap();
        assert!((bound - 7.0 / 9.0).abs() < 1e-12, "{bound}");
    }

    #[test]
    fn much_evidence_leaves_the_binomial() {
        // Binomial(2000, 0.03): mean 60, sd 7.6; the 99 % quantile is 78.
        let bound = predictive_bound(0.03, 1e9, 2000, 0.99).unwrap() * 2000.0;
        assert!((bound - 78.0).abs() < 1.01, "{bound}");
    }

    #[test]
    fn little_evidence_widens_the_bound() {
        assert!(predictive_bound(0.03, 30.0, 2000, 0.99) > predictive_bound(0.03, 3000.0, 2000, 0.99));
        assert!(predictive_bound(0.0, 30.0, 2000, 0.99).unwrap() > 0.0);
        assert_eq!(predictive_bound(0.1, 30.0, 0, 0.99), None);
    }

    #[test]
    fn an_endless_window_agrees_with_a_long_one() {
        let long = predictive_bound(0.03, 200.0, ENDLESS, 0.99).unwrap();
        let endless = predictive_bound(0.03, 200.0, u32::MAX, 0.99).unwrap();
        assert!((long - endless).abs() < 1e-3, "{long} {endless}");
    }

    proptest! {
        #[test]
        fn the_bound_is_a_share_that_grows_with_the_confidence(mean in 0.0..=1.0f64, n in 0.0..500.0f64, window in 1u32..300) {
            let low = predictive_bound(mean, n, window, 0.9).unwrap();
            let high = predictive_bound(mean, n, window, 0.99).unwrap();
            prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
        }
    }
}
