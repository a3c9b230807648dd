//! What repeats of the same prompt show: how often all of k tries pass, and how flaky a tier is.

use super::weighted::Cluster;

/// pass^k: the chance that k tries at a prompt all pass, the mean of C(s, k) / C(n, k) over prompts with s passes of n
/// tries, weighted. Prompts with fewer than k tries are left out; `None` when none has as many, or k is 0.
#[must_use]
pub fn pass_power(prompts: impl IntoIterator<Item = (f64, u32, u32)>, k: u32) -> Option<f64> {
    let long = prompts.into_iter().filter(|(_, _, tries)| *tries >= k && k > 0);
    super::weighted::mean(long.map(|(weight, passed, tries)| {
        let drawn = (0..k).map(|i| f64::from(passed.saturating_sub(i)) / f64::from(tries - i));
        (drawn.product(), weight)
    }))
}

/// Where the variance of a trial's result comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flakiness {
    /// Variance between repeats of the same prompt: what asking again can change. Unbiased, mean of s^2 over prompts.
    pub within: f64,
    /// Variance of the prompts' true rates: what only other prompts can change. Not below 0.
    pub between: f64,
    /// The weighted share of prompts whose repeats did not all agree.
    pub unstable: f64,
    /// Prompts with at least two repeats.
    pub prompts: u64,
}

/// Splits the variance of pass and fail by prompts with at least two repeats; `None` when there are none with weight.
///
/// One-way analysis of variance: within = mean of n/(n-1) p (1 - p), between = variance of the prompts' means less
/// within / n (Miller's omega^2 and sigma^2, arXiv 2411.00640).
#[must_use]
pub fn flakiness(clusters: &[Cluster]) -> Option<Flakiness> {
    let repeated = || clusters.iter().filter(|c| c.trials >= 2 && c.weight > 0.0);
    let mean_of =
        |value: &dyn Fn(&Cluster) -> f64| super::weighted::mean(repeated().map(|c| (value(c), c.weight)));
    let own = |c: &Cluster| {
        let n = f64::from(c.trials);
        n / (n - 1.0) * c.mean * (1.0 - c.mean)
    };
    let mean = mean_of(&|c| c.mean)?;
    let weights: Vec<f64> = repeated().map(|c| c.weight).collect();
    let n_eff = super::floor::kish(&weights)?;
    let spread = mean_of(&|c| (c.mean - mean).powi(2))?;
    let spread = if n_eff > 1.0 { spread * n_eff / (n_eff - 1.0) } else { spread };
    Some(Flakiness {
        within: mean_of(&own)?,
        between: (spread - mean_of(&|c| own(c) / f64::from(c.trials))?).max(0.0),
        unstable: mean_of(&|c| f64::from(u8::from(c.mean > 0.0 && c.mean < 1.0)))?,
        prompts: weights.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    #[test]
    fn pass_power_counts_the_ways_to_draw_passes_only() {
        // C(3, 2) / C(4, 2) = 3 / 6; C(4, 2) / C(4, 2) = 1; the prompt tried once is left out.
        let prompts = [(1.0, 3, 4), (1.0, 4, 4), (9.0, 0, 1)];
        assert!((pass_power(prompts, 2).unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(pass_power([(1.0, 1, 4)], 2), Some(0.0));
        assert_eq!(pass_power(prompts, 5), None);
        assert_eq!(pass_power(prompts, 0), None);
    }

    #[test]
    fn stable_repeats_leave_all_variance_to_the_prompts() {
        let clusters: Vec<_> =
            (0..10).map(|i| Cluster { weight: 1.0, mean: f64::from(u8::from(i < 5)), trials: 3 }).collect();
        let found = flakiness(&clusters).unwrap();
        assert_eq!((found.within, found.unstable, found.prompts), (0.0, 0.0, 10));
        assert!((found.between - 0.25 * 10.0 / 9.0).abs() < 1e-12);
        assert_eq!(flakiness(&[Cluster { weight: 1.0, mean: 1.0, trials: 1 }]), None);
    }

    #[test]
    fn independent_repeats_leave_none_to_them() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let clusters: Vec<_> = (0..4000)
            .map(|_| {
                let passed = (0..5).filter(|_| random.next_u32() % 10 < 8).count();
                Cluster { weight: 1.0, mean: passed as f64 / 5.0, trials: 5 }
            })
            .collect();
        let found = flakiness(&clusters).unwrap();
        assert!((found.within - 0.16).abs() < 0.01 && found.between < 0.005, "{found:?}");
    }
}
