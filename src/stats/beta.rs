//! The beta distribution: its distribution function and quantile, for any size of sample.
//!
//! `statrs` stops its continued fraction after 140 terms, which is too few for samples of a hundred thousand, and its
//! inverse need not end. Both are therefore here; the logarithm of the gamma function is still its.

use statrs::function::gamma::ln_gamma;

/// More terms than any sample that fits in memory needs: the fraction converges within O(sqrt(max(a, b))) terms.
const TERMS: u32 = 100_000;

/// P(X <= x) for X ~ Beta(a, b): the regularised incomplete beta function I_x(a, b).
///
/// Continued fraction 26.5.8 of Abramowitz and Stegun, evaluated by Lentz's method. NaN when a shape is not positive.
#[must_use]
pub fn cdf(a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean only; above it, the complement does.
    if is_above(a, b, x) { 1.0 - ln_lower(b, a, 1.0 - x).exp() } else { ln_lower(a, b, x).exp() }
        .clamp(0.0, 1.0)
}

/// The natural logarithm of P(X <= x) for X ~ Beta(a, b), also where the probability itself is too small for a float. NaN when
/// a shape is not positive.
#[must_use]
pub fn ln_cdf(a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x >= 1.0 {
        return 0.0;
    }
    if is_above(a, b, x) {
        (-ln_lower(b, a, 1.0 - x).exp()).max(-1.0).ln_1p()
    } else {
        ln_lower(a, b, x).min(0.0)
    }
}

/// The natural logarithm of the complete beta function B(a, b).
#[must_use]
pub fn ln_complete(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

fn is_above(a: f64, b: f64, x: f64) -> bool {
    x > (a + 1.0) / (a + b + 2.0)
}

fn ln_lower(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let front = a * x.ln() + b * (-x).ln_1p() - ln_complete(a, b) - a.ln();
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..=TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front + h.ln()
}

/// The x with P(X <= x) = p for X ~ Beta(a, b), by bisection: slow and sure, to 2^-60.
#[must_use]
pub fn quantile(a: f64, b: f64, p: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) || p.is_nan() {
        return f64::NAN;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if cdf(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values_hold_small_and_large() {
        assert!((cdf(1.0, 1.0, 0.3) - 0.3).abs() < 1e-14);
        assert!((cdf(2.0, 3.0, 0.4) - 0.5248).abs() < 1e-12);
        // I_x(a, a) at one half is one half, whatever the size.
        for a in [0.5, 10.0, 1e4, 5e6] {
            assert!((cdf(a, a, 0.5) - 0.5).abs() < 1e-6, "{a}");
        }
        // Beta(n + 1, 1): x^(n + 1).
        assert!((cdf(300_001.0, 1.0, 0.99999) - 0.99999f64.powi(300_001)).abs() < 1e-9);
    }

    #[test]
    fn a_probability_too_small_for_a_float_has_its_logarithm() {
        // Beta(n + 1, 1): (n + 1) ln x.
        assert!((ln_cdf(100_001.0, 1.0, 0.5) - 100_001.0 * 0.5f64.ln()).abs() < 1e-6);
        assert!((ln_cdf(3.0, 4.0, 0.3) - cdf(3.0, 4.0, 0.3).ln()).abs() < 1e-12);
        assert!((ln_cdf(3.0, 4.0, 0.9) - cdf(3.0, 4.0, 0.9).ln()).abs() < 1e-12);
        assert_eq!((ln_cdf(2.0, 2.0, 0.0), ln_cdf(2.0, 2.0, 1.0)), (f64::NEG_INFINITY, 0.0));
        assert!((ln_complete(2.0, 3.0) - (1.0f64 / 12.0).ln()).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_not_a_number() {
        assert!(cdf(0.0, 1.0, 0.5).is_nan());
        assert!(cdf(1.0, 1.0, f64::NAN).is_nan());
        assert!(quantile(-1.0, 1.0, 0.5).is_nan());
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_distribution_function(a in 0.5..5000.0f64, b in 0.5..5000.0f64, p in 0.001..0.999f64) {
            prop_assert!((cdf(a, b, quantile(a, b, p)) - p).abs() < 1e-7);
        }

        #[test]
        fn the_distribution_function_agrees_with_statrs_where_that_converges(
            a in 0.5..200.0f64, b in 0.5..200.0f64, x in 0.0..1.0f64,
        ) {
            prop_assert!((cdf(a, b, x) - statrs::function::beta::beta_reg(a, b, x)).abs() < 1e-9);
        }
    }
}
