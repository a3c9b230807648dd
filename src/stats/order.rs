//! Which of the sorted values of a sample bound a quantile: the order-statistic interval (David and Nagaraja, Order
//! Statistics, 7.1), which assumes nothing about the distribution.

use super::beta;

/// The ranks, from 1, of the values between which the quantile at `p` lies with `confidence`, each side erring with half of
/// the rest at the most. A side is `None` where the sample is too small to bound it: the 95th percentile has no upper bound
/// below 72 values.
#[must_use]
pub fn ranks(n: u64, p: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    let inner = |share: f64| share > 0.0 && share < 1.0;
    if n == 0 || !inner(p) || !inner(confidence) {
        return (None, None);
    }
    let tail = (1.0 - confidence) / 2.0;
    // How many of n values lie at or below the quantile is binomial. The k-th is above it when at most k - 1 are below.
    let low = last(n, |k| above(n, k, p) <= tail);
    let high = last(n, |k| 1.0 - above(n, k, p) > tail).map_or(Some(1), |k| (k < n).then_some(k + 1));
    (low, high)
}

/// P(the k-th of n values is above the quantile at `p`) = P(Bin(n, p) <= k - 1).
fn above(n: u64, k: u64, p: f64) -> f64 {
    let (n, k) = (n as f64, k as f64);
    // P(Bin >= k) = I_p(k, n - k + 1).
    1.0 - beta::cdf(k, n - k + 1.0, p)
}

/// The last k of 1..=n for which `holds`, which holds for a first part of them.
fn last(n: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    (low > 0).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_ranks_come_out() {
        assert_eq!(ranks(50, 0.95, 0.95), (Some(44), None));
        assert_eq!(ranks(100, 0.95, 0.95), (Some(90), Some(100)));
        assert_eq!(ranks(300, 0.95, 0.95), (Some(277), Some(293)));
    }

    #[test]
    fn small_samples_bound_nothing() {
        assert_eq!(ranks(0, 0.95, 0.95), (None, None));
        assert_eq!(ranks(1, 0.95, 0.95), (None, None));
        assert_eq!((ranks(71, 0.95, 0.95).1, ranks(72, 0.95, 0.95).1), (None, Some(72)));
        assert_eq!(ranks(100, 1.0, 0.95), (None, None));
    }

    #[test]
    fn each_side_errs_as_rarely_as_promised_and_no_more_often_one_rank_further_in() {
        for n in [40u64, 73, 200, 999, 20_000] {
            let (low, high) = ranks(n, 0.95, 0.95);
            let low = low.unwrap();
            assert!(above(n, low, 0.95) <= 0.025 && above(n, low + 1, 0.95) > 0.025, "{n}");
            if let Some(high) = high {
                assert!(1.0 - above(n, high, 0.95) <= 0.025 && 1.0 - above(n, high - 1, 0.95) > 0.025, "{n}");
            }
        }
    }
}
