//! A quantity known as low, likely and high: the PERT distribution, a beta distribution on [low, high] whose mode is `likely`
//! and whose mean is (low + 4 likely + high) / 6 (Malcolm, Roseboom, Clark and Fazar 1959, Operations Research 7). Of the
//! distributions by three such points it is the one that neither leaves the bounds, as a normal does, nor
//! weighs them as much as a triangular does; a quantity of requests stays 0 or more.

use super::beta;

/// Low, likely and high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pert {
    /// As low as it can get.
    pub low: f64,
    /// The most likely value.
    pub likely: f64,
    /// As high as it can get.
    pub high: f64,
}

/// Points of the table.
const GRID: usize = 512;

impl Pert {
    /// The quantile at `p`, 0 to 1.
    #[must_use]
    pub fn quantile(self, p: f64) -> f64 {
        let span = self.high - self.low;
        if span.is_nan() || span <= 0.0 {
            return self.likely;
        }
        let part = 4.0 * (self.likely - self.low) / span;
        self.low + span * beta::quantile(1.0 + part, 5.0 - part, p.clamp(0.0, 1.0))
    }

    /// The value at each of some probabilities, by a table of the distribution function, which is linear in between.
    #[must_use]
    pub fn quantiles(self, at: &[f64]) -> Vec<f64> {
        let span = self.high - self.low;
        if span.is_nan() || span <= 0.0 {
            return vec![self.likely; at.len()];
        }
        let part = 4.0 * (self.likely - self.low) / span;
        let place = |k: usize| k as f64 / GRID as f64;
        let table: Vec<f64> = (0..=GRID).map(|k| beta::cdf(1.0 + part, 5.0 - part, place(k))).collect();
        let value = |p: &f64| {
            let next = table.partition_point(|known| known < p).clamp(1, GRID);
            let known = |k: usize| table.get(k).copied().unwrap_or(1.0);
            let (from, to) = (known(next - 1), known(next));
            let within = if to > from { ((p - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
            (self.low + span * (place(next - 1) + within / GRID as f64)).clamp(self.low, self.high)
        };
        at.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_symmetric_one_has_its_median_in_the_middle_and_a_skewed_one_its_mean_at_the_formula() {
        let even = Pert { low: 0.0, likely: 10.0, high: 20.0 };
        assert!((even.quantile(0.5) - 10.0).abs() < 1e-9);
        // Beta(3, 3) at .025 and .975: .146633, .853367 (R 4.3, qbeta).
        assert!((even.quantile(0.025) - 2.932_66).abs() < 1e-4, "{}", even.quantile(0.025));
        let skewed = Pert { low: 30_000.0, likely: 50_000.0, high: 120_000.0 };
        let points: Vec<f64> = (0..20_000).map(|k| (f64::from(k) + 0.5) / 20_000.0).collect();
        let values = skewed.quantiles(&points);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean / ((30_000.0 + 200_000.0 + 120_000.0) / 6.0) - 1.0).abs() < 5e-4, "{mean}");
    }

    #[test]
    fn a_plain_number_is_itself() {
        let plain = Pert { low: 5.0, likely: 5.0, high: 5.0 };
        assert_eq!(plain.quantiles(&[0.0, 0.3, 1.0]), [5.0; 3]);
    }

    proptest! {
        #[test]
        fn quantiles_rise_within_the_bounds(low in 0.0..10.0f64, up in 0.0..10.0f64, more in 0.01..10.0f64) {
            let pert = Pert { low, likely: low + up, high: low + up + more };
            let points: Vec<f64> = (0..=1000).map(|k| f64::from(k) / 1000.0).collect();
            let values = pert.quantiles(&points);
            prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(values.iter().all(|value| low <= *value && *value <= pert.high));
        }
    }
}
