//! Quantiles of weighted samples.
//!
//! The k-th of the sorted values stands at p_k = (S_k - w_k/2 - w_1/2) / (S_n - w_1/2 - w_n/2), where S is the running
//! sum of the weights; between two values the quantile is linear. With equal weights that is type 7 of Hyndman and Fan
//! (1996), the default of R and NumPy; the 0 % and 100 % quantiles are always the least and the greatest value.

/// A sample, sorted once and queried often.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted {
    /// Values with their positions, both rising.
    points: Vec<(f64, f64)>,
}

impl Sorted {
    /// A sample of (value, weight); values of no weight, and what is not a finite number, are left out. `None` when
    /// nothing is left.
    #[must_use]
    pub fn weighted(samples: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let mut points: Vec<(f64, f64)> = samples
            .into_iter()
            .filter(|(value, weight)| value.is_finite() && weight.is_finite() && *weight > 0.0)
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (first, last) = (points.first()?.1 / 2.0, points.last()?.1 / 2.0);
        let total: f64 = points.iter().map(|point| point.1).sum();
        let span = total - first - last;
        let mut before = 0.0;
        for point in &mut points {
            let weight = point.1;
            let at = before + weight / 2.0 - first;
            before += weight;
            point.1 = if span > 0.0 { at / span } else { 0.0 };
        }
        Some(Self { points })
    }

    /// A sample of equally weighted values.
    #[must_use]
    pub fn plain(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        Self::weighted(values.into_iter().map(|value| (value, 1.0)))
    }

    /// The quantile at `p`, 0 to 1.
    #[must_use]
    pub fn at(&self, p: f64) -> f64 {
        let next = self.points.partition_point(|point| point.1 < p);
        let last = self.points.last().map_or(f64::NAN, |point| point.0);
        let Some(&(high, to)) = self.points.get(next) else { return last };
        let Some(&(low, from)) = next.checked_sub(1).and_then(|at| self.points.get(at)) else { return high };
        if to > from { low + (high - low) * ((p - from) / (to - from)) } else { high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_give_type_seven() {
        let sorted = Sorted::plain([4.0, 1.0, 3.0, 2.0]).unwrap();
        for (p, value) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)] {
            assert!((sorted.at(p) - value).abs() < 1e-12, "{p}: {}", sorted.at(p));
        }
    }

    #[test]
    fn a_heavy_value_pulls_the_median() {
        assert!(Sorted::weighted([(1.0, 1.0), (2.0, 1.0), (9.0, 8.0)]).unwrap().at(0.5) > 4.0);
    }

    #[test]
    fn values_without_weight_do_not_count() {
        let sorted = Sorted::weighted([(1.0, 1.0), (100.0, 0.0), (f64::NAN, 1.0)]).unwrap();
        assert_eq!((sorted.at(0.0), sorted.at(1.0)), (1.0, 1.0));
        assert_eq!(Sorted::weighted([(1.0, 0.0)]), None);
        assert_eq!(Sorted::plain([]), None);
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_stay_within_the_sample(
            sample in prop::collection::vec((0.0..1e6f64, 0.001..100.0f64), 1..60), p in 0.0..=1.0f64, q in 0.0..=1.0f64,
        ) {
            let sorted = Sorted::weighted(sample.iter().copied()).unwrap();
            let (p, q) = (p.min(q), p.max(q));
            prop_assert!(sorted.at(p) <= sorted.at(q) + 1e-6);
            let least = sample.iter().map(|s| s.0).fold(f64::MAX, f64::min);
            let most = sample.iter().map(|s| s.0).fold(f64::MIN, f64::max);
            prop_assert!(least <= sorted.at(p) + 1e-6 && sorted.at(q) <= most + 1e-6);
        }
    }
}
