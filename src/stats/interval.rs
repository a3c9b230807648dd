//! Intervals for a share, given its mean and a (real-valued, effective) number of trials.
//!
//! No Wald interval: below a few hundred trials it leaves [0, 1] and covers too little ("Don't use the CLT",
//! arXiv 2503.01747).

use statrs::function::erf::{erfc, erfc_inv};

use super::beta;

/// The two bounds of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The quantile of the standard normal distribution at `p`.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// The standard normal distribution function at `z`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    erfc(-z / std::f64::consts::SQRT_2) / 2.0
}

/// Wilson's score interval (Wilson 1927): for display. `None` without a trial, or where an argument makes no sense.
#[must_use]
pub fn wilson(mean: f64, n: f64, confidence: f64) -> Option<Bounds> {
    let (mean, n, tail) = checked(mean, n, confidence)?;
    let z = normal_quantile(1.0 - tail);
    let z2 = z * z;
    let centre = (mean + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (mean * (1.0 - mean) / n + z2 / (4.0 * n * n)).sqrt();
    // In theory the interval contains the mean; rounding must not change that.
    Some(Bounds { low: (centre - half).clamp(0.0, mean), high: (centre + half).clamp(mean, 1.0) })
}

/// The "exact" interval of Clopper and Pearson (1934): covers at least `confidence`, for where that is promised.
#[must_use]
pub fn clopper_pearson(mean: f64, n: f64, confidence: f64) -> Option<Bounds> {
    let (mean, n, tail) = checked(mean, n, confidence)?;
    let (pass, fail) = (mean * n, (1.0 - mean) * n);
    let low = if pass <= 0.0 { 0.0 } else { beta::quantile(pass, fail + 1.0, tail) };
    let high = if fail <= 0.0 { 1.0 } else { beta::quantile(pass + 1.0, fail, 1.0 - tail) };
    Some(Bounds { low, high })
}

/// The equal-tailed interval of the posterior under Jeffreys' prior, Beta(1/2, 1/2), with the bounds 0 and 1 where no
/// trial or every trial passed (Brown, Cai and DasGupta 2001).
#[must_use]
pub fn jeffreys(mean: f64, n: f64, confidence: f64) -> Option<Bounds> {
    let (mean, n, tail) = checked(mean, n, confidence)?;
    let (pass, fail) = (mean * n, (1.0 - mean) * n);
    let low = if pass <= 0.0 { 0.0 } else { beta::quantile(pass + 0.5, fail + 0.5, tail) };
    let high = if fail <= 0.0 { 1.0 } else { beta::quantile(pass + 0.5, fail + 0.5, 1.0 - tail) };
    Some(Bounds { low, high })
}

/// A part of a population, and an estimate of it with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stratum {
    /// Its share of the whole: finite, zero or more. Those of all strata need not add up to 1.
    pub share: f64,
    /// The estimate.
    pub mean: f64,
    /// Its interval, at the confidence that the whole is to have.
    pub bounds: Bounds,
}

/// The mean over independent strata with its interval, by variance recovery (MOVER; Zou and Donner, Statistics in Medicine 2008):
/// what each stratum's own bound says of its variance there is added up, so that an interval that holds at the edge stays so:
/// L = sum w p - sqrt(sum (w (p - l))^2), and U alike. `None` without a share.
#[must_use]
pub fn stratified(strata: &[Stratum]) -> Option<(f64, Bounds)> {
    let total: f64 = strata.iter().map(|stratum| stratum.share).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let sum = |of: &dyn Fn(&Stratum) -> f64| strata.iter().map(of).sum::<f64>();
    let mean = sum(&|one| one.share / total * one.mean);
    let below = sum(&|one| (one.share / total * (one.mean - one.bounds.low)).powi(2)).sqrt();
    let above = sum(&|one| (one.share / total * (one.bounds.high - one.mean)).powi(2)).sqrt();
    Some((mean, Bounds { low: mean - below, high: mean + above }))
}

/// The arguments and the probability of one tail, where they make sense.
fn checked(mean: f64, n: f64, confidence: f64) -> Option<(f64, f64, f64)> {
    let fine =
        (-1e-9..=1.0 + 1e-9).contains(&mean) && n > 0.0 && n.is_finite() && (0.0..1.0).contains(&confidence);
    fine.then(|| (mean.clamp(0.0, 1.0), n, (1.0 - confidence) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn close(bounds: Option<Bounds>, low: f64, high: f64) {
        let bounds = bounds.unwrap();
        assert!((bounds.low - low).abs() < 6e-5 && (bounds.high - high).abs() < 6e-5, "{bounds:?}");
    }

    #[test]
    fn eighteen_of_twenty_gives_the_published_bounds() {
        close(wilson(0.9, 20.0, 0.95), 0.6990, 0.9721);
        close(clopper_pearson(0.9, 20.0, 0.95), 0.6830, 0.9877);
        close(jeffreys(0.9, 20.0, 0.95), 0.7161, 0.9786);
    }

    #[test]
    fn a_clean_sheet_is_no_certainty() {
        close(wilson(1.0, 20.0, 0.95), 0.8389, 1.0);
        close(clopper_pearson(1.0, 20.0, 0.95), 0.8316, 1.0);
        assert_eq!(clopper_pearson(0.0, 20.0, 0.95).unwrap().low, 0.0);
    }

    #[test]
    fn no_trial_has_no_interval() {
        assert_eq!(wilson(0.5, 0.0, 0.95), None);
        assert_eq!(wilson(f64::NAN, 10.0, 0.95), None);
        assert_eq!(jeffreys(1.5, 10.0, 0.95), None);
        assert_eq!(clopper_pearson(0.5, 10.0, 1.0), None);
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        assert!((normal_quantile(0.975) - 1.959_963_985).abs() < 1e-8);
        assert!((normal_quantile(0.05) + 1.644_853_627).abs() < 1e-8);
        assert!((normal_cdf(1.959_963_985) - 0.975).abs() < 1e-9 && normal_cdf(f64::NEG_INFINITY) == 0.0);
    }

    /// A stratum with Wilson's interval.
    fn stratum(share: f64, passed: u32, n: u32) -> Stratum {
        let mean = f64::from(passed) / f64::from(n);
        Stratum { share, mean, bounds: wilson(mean, f64::from(n), 0.95).unwrap() }
    }

    #[test]
    fn three_strata_give_the_golden_interval() {
        let strata = [stratum(0.2, 18, 30), stratum(0.79, 998, 1000), stratum(0.01, 28, 30)];
        let (mean, bounds) = stratified(&strata).unwrap();
        assert!((mean - 0.917_753).abs() < 5e-7, "{mean}");
        assert!(
            (bounds.low - 0.882_120).abs() < 5e-7 && (bounds.high - 0.948_597).abs() < 5e-7,
            "{bounds:?}"
        );
        // Shares may be requests per day.
        let scaled = strata.map(|one| Stratum { share: 1000.0 * one.share, ..one });
        assert!((stratified(&scaled).unwrap().1.low - bounds.low).abs() < 1e-12);
        assert_eq!(stratified(&[]), None);
    }

    #[test]
    fn a_clean_sheet_in_every_stratum_is_no_certainty_and_one_stratum_keeps_its_own_interval() {
        let (mean, bounds) = stratified(&[stratum(0.5, 50, 50), stratum(0.5, 50, 50)]).unwrap();
        assert!((mean - 1.0).abs() < 1e-12 && bounds.low > 0.93 && bounds.low < 0.97, "{bounds:?}");
        let alone = stratum(3.0, 45, 50);
        let (_, bounds) = stratified(&[alone]).unwrap();
        assert!(
            (bounds.low - alone.bounds.low).abs() < 1e-12 && (bounds.high - alone.bounds.high).abs() < 1e-12
        );
    }

    #[test]
    fn a_stratified_rate_covers_what_it_promises() {
        // Much traffic on an easy task, a fifth on a hard one that was measured on few prompts.
        let truth = [(0.2, 0.6, 30), (0.79, 0.998, 1000), (0.01, 0.93, 30)];
        let whole: f64 = truth.iter().map(|(share, p, _)| share * p).sum();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut covered, mut pooled, samples) = (0, 0, 600);
        for _ in 0..samples {
            let strata = truth.map(|(share, p, n)| {
                let passed = (0..n).filter(|_| f64::from(rng.next_u32()) < p * 4_294_967_296.0).count();
                (stratum(share, passed as u32, n), f64::from(n))
            });
            let (mean, bounds) = stratified(&strata.map(|one| one.0)).unwrap();
            covered += u32::from((bounds.low..=bounds.high).contains(&whole));
            // What was done before: Kish's effective n of the strata, and the mean's p (1 - p).
            let n = 1.0 / strata.iter().map(|(one, n)| one.share * one.share / n).sum::<f64>();
            let before = wilson(mean, n, 0.95).unwrap();
            pooled += u32::from((before.low..=before.high).contains(&whole));
        }
        let share = |count: u32| f64::from(count) / f64::from(samples);
        assert!((0.93..=0.98).contains(&share(covered)), "{}", share(covered));
        assert!(share(pooled) < 0.9, "pooling is no longer worse: {}", share(pooled));
    }

    /// How often the interval covers a known truth, over 4,000 seeded samples.
    fn coverage(truth: f64, n: u32, seed: u64, interval: fn(f64, f64, f64) -> Option<Bounds>) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let samples = 4000;
        let mut covered = 0;
        for _ in 0..samples {
            let passed = (0..n).filter(|_| f64::from(rng.next_u32()) < truth * 4_294_967_296.0).count();
            let bounds = interval(passed as f64 / f64::from(n), f64::from(n), 0.95).unwrap();
            covered += u32::from((bounds.low..=bounds.high).contains(&truth));
        }
        f64::from(covered) / f64::from(samples)
    }

    #[test]
    fn wilson_covers_what_it_promises_on_average() {
        for (truth, n) in [(0.5, 50), (0.85, 60), (0.95, 200), (0.97, 100)] {
            let share = coverage(truth, n, 7, wilson);
            assert!((0.925..=0.98).contains(&share), "{truth} {n}: {share}");
        }
    }

    #[test]
    fn clopper_pearson_covers_at_least_what_it_promises() {
        assert!(coverage(0.9, 40, 11, clopper_pearson) >= 0.945);
    }

    proptest! {
        #[test]
        fn intervals_hold_the_mean_and_shrink_with_n(mean in 0.0..=1.0f64, n in 1.0..5000.0f64, more in 1.1..20.0f64) {
            for interval in [wilson, clopper_pearson, jeffreys] {
                let near = interval(mean, n, 0.95).unwrap();
                prop_assert!(near.low <= near.high && (0.0..=1.0).contains(&near.low) && near.high <= 1.0);
                let far = interval(mean, n * more, 0.95).unwrap();
                prop_assert!(far.high - far.low <= near.high - near.low + 1e-9);
            }
            for interval in [wilson, clopper_pearson] {
                let near = interval(mean, n, 0.95).unwrap();
                prop_assert!(near.low <= mean + 1e-9 && mean <= near.high + 1e-9);
            }
        }
    }
}
