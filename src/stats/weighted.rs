//! Weighted means of clustered trials, and their effective sample size.
//!
//! A cluster is a prompt with its repeats, or several prompts that have a template, a source or most of their text in common.
//! A prompt's weight counts once, shared by its repeats, so that it does not weigh less because one of its repeats was lost.

/// What belongs together, with the mean of its results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// Its weight: finite, zero or more.
    pub weight: f64,
    /// Weighted mean over what it holds; for shares, 0 to 1.
    pub mean: f64,
    /// Its trials.
    pub trials: u32,
}

/// A weighted share and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The weighted mean.
    pub mean: f64,
    /// The effective sample size: the number of equally weighted independent trials that would carry the same information.
    pub n_eff: f64,
}

/// The weighted mean of any quantity; `None` without weight.
#[must_use]
pub fn mean(values: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, weight) in values {
        sum += value * weight;
        total += weight;
    }
    (total > 0.0).then_some(sum / total)
}

/// The weighted share of passes, and its effective n; `None` without weight.
///
/// The unit is the cluster, and its score the mean over what it holds: Kish (1965), n_eff = (sum w)^2 / sum w^2 over the clusters'
/// weights. That is the cautious end of the design effect 1 + (m - 1) rho (an intra-cluster correlation rho of 1): repeats and
/// near-duplicates make a score finer, never n larger. n_eff depends on the design alone and not on what passed, so that one more
/// pass cannot cost a decision.
#[must_use]
pub fn estimate(clusters: &[Cluster]) -> Option<Estimate> {
    let largest = clusters.iter().map(|c| c.weight).fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return None;
    }
    // Weights relative to the largest, so that no square leaves the range of a float.
    let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for cluster in clusters.iter().filter(|c| c.trials > 0) {
        let w = cluster.weight / largest;
        total += w;
        sum += w * cluster.mean;
        squares += w * w;
    }
    (squares > 0.0).then(|| Estimate { mean: (sum / total).clamp(0.0, 1.0), n_eff: total * total / squares })
}

/// Estimates of several strata (tasks), combined by their shares of the whole: the variances add, so that
/// 1 / n_eff = sum share^2 / n_eff. `None` when a stratum with a share has no estimate.
#[must_use]
pub fn combine(strata: impl IntoIterator<Item = (f64, Option<Estimate>)>) -> Option<Estimate> {
    let (mut mean, mut inverse, mut total) = (0.0, 0.0, 0.0);
    for (share, estimate) in strata {
        if share > 0.0 {
            let estimate = estimate?;
            mean += share * estimate.mean;
            inverse += share * share / estimate.n_eff;
            total += share;
        }
    }
    (total > 0.0).then(|| Estimate { mean: mean / total, n_eff: total * total / inverse })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn single(weight: f64, pass: bool) -> Cluster {
        Cluster { weight, mean: f64::from(u8::from(pass)), trials: 1 }
    }

    #[test]
    fn equal_weights_are_worth_their_number() {
        let clusters: Vec<_> = (0..20).map(|i| single(3.0, i < 18)).collect();
        let estimate = estimate(&clusters).unwrap();
        assert!((estimate.mean - 0.9).abs() < 1e-12 && (estimate.n_eff - 20.0).abs() < 1e-9, "{estimate:?}");
    }

    #[test]
    fn uneven_weights_are_worth_less() {
        let estimate = estimate(&[single(3.0, true), single(1.0, false)]).unwrap();
        assert!((estimate.mean - 0.75).abs() < 1e-12 && (estimate.n_eff - 1.6).abs() < 1e-12, "{estimate:?}");
    }

    #[test]
    fn no_weight_is_no_estimate() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[single(0.0, true)]), None);
        let one = estimate(&[single(0.0, false), single(1e200, true)]).unwrap();
        assert_eq!((one.mean, one.n_eff), (1.0, 1.0));
    }

    #[test]
    fn repeats_that_always_agree_add_nothing() {
        let clusters: Vec<_> = (0..50).map(|i| Cluster { trials: 4, ..single(1.0, i % 5 > 0) }).collect();
        assert!((estimate(&clusters).unwrap().n_eff - 50.0).abs() < 1e-9);
    }

    #[test]
    fn strata_combine_by_their_shares() {
        let strata = [
            (0.5, Some(Estimate { mean: 1.0, n_eff: 50.0 })),
            (0.5, Some(Estimate { mean: 0.5, n_eff: 50.0 })),
        ];
        let all = combine(strata).unwrap();
        assert!((all.mean - 0.75).abs() < 1e-12 && (all.n_eff - 100.0).abs() < 1e-9);
        assert_eq!(combine([(0.5, None), (0.5, strata[0].1)]), None);
        assert_eq!(combine([(0.0, None)]), None);
    }

    proptest! {
        #[test]
        fn the_effective_n_lies_between_one_and_the_clusters(
            clusters in prop::collection::vec((0.0..10.0f64, 0u32..=3, 3u32..=3), 1..40),
        ) {
            let clusters: Vec<_> = clusters
                .into_iter()
                .map(|(weight, passed, trials)| Cluster { weight, mean: f64::from(passed) / f64::from(trials), trials })
                .collect();
            if let Some(estimate) = estimate(&clusters) {
                prop_assert!((0.0..=1.0).contains(&estimate.mean));
                prop_assert!(estimate.n_eff >= 1.0 - 1e-9 && estimate.n_eff <= clusters.len() as f64 + 1e-9);
            }
        }
    }
}
