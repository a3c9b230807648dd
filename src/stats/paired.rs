//! Two tiers on the same prompts: differences, tests and non-inferiority. Pairing removes what prompts have in common.

use statrs::function::gamma::ln_gamma;

use super::beta;
use super::interval::{Bounds, normal_cdf, normal_quantile};

/// What both sides did with one prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The prompt's weight: finite, zero or more.
    pub weight: f64,
    /// The first side's score (mean over its repeats), 0 to 1.
    pub first: f64,
    /// The second side's score, 0 to 1.
    pub second: f64,
}

/// A paired difference, first - second, with what it rests on. Shares are of the weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean of first - second, -1 to 1.
    pub mean: f64,
    /// Its standard error; `None` with fewer than two effective prompts.
    pub se: Option<f64>,
    /// The part of the difference in favour of the first side: with pass and fail, the share that only it passed.
    pub only_first: f64,
    /// The same for the second side.
    pub only_second: f64,
    /// Prompts.
    pub n: u64,
    /// Kish's effective prompts.
    pub n_eff: f64,
}

/// The paired difference of two sides; `None` without weight.
///
/// Miller (arXiv 2411.00640): SE = sd(first - second) / sqrt(n), with weights sqrt(sum w^2 (d - mean)^2) / sum w, times
/// n / (n - 1) under the root, n being effective.
#[must_use]
pub fn difference(pairs: &[Pair]) -> Option<Difference> {
    let largest = pairs.iter().map(|pair| pair.weight).fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return None;
    }
    let weighted = || pairs.iter().map(|pair| (pair.weight / largest, pair.first - pair.second));
    let (mut total, mut squares, mut up, mut down) = (0.0, 0.0, 0.0, 0.0);
    for (w, d) in weighted() {
        total += w;
        squares += w * w;
        up += w * d.max(0.0);
        down += w * (-d).max(0.0);
    }
    let (mean, n_eff) = ((up - down) / total, total * total / squares);
    let spread: f64 = weighted().map(|(w, d)| w * w * (d - mean).powi(2)).sum();
    let se = (n_eff > 1.0 + 1e-9).then(|| (spread * n_eff / (n_eff - 1.0)).sqrt() / total);
    let n = pairs.iter().filter(|pair| pair.weight > 0.0).count() as u64;
    Some(Difference { mean, se, only_first: up / total, only_second: down / total, n, n_eff })
}

impl Difference {
    /// The lower bound of the difference, one-sided at `confidence`, by Tango's score test (Statistics in Medicine 1998)
    /// on the effective number of prompts. It holds where the normal bound collapses: two sides that never disagreed on
    /// n prompts get -z^2 / (n + z^2), not 0. Partial disagreement of repeats counts by its size, on the safe side.
    #[must_use]
    pub fn lower_bound(&self, confidence: f64) -> Option<f64> {
        if !(0.5..1.0).contains(&confidence) || self.n_eff.is_nan() || self.n_eff <= 0.0 {
            return None;
        }
        let z = normal_quantile(confidence);
        let (mut low, mut high) = (-1.0, self.mean);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.score(middle) > z { low = middle } else { high = middle }
        }
        Some(low)
    }

    /// The upper bound, one-sided at `confidence`: the lower bound of the second side over the first, the other way round.
    #[must_use]
    pub fn upper_bound(&self, confidence: f64) -> Option<f64> {
        let mirrored =
            Self { mean: -self.mean, only_first: self.only_second, only_second: self.only_first, ..*self };
        mirrored.lower_bound(confidence).map(|low| -low)
    }

    /// The interval at `confidence`, by the same test: two-sided, a tail at each end. Never of width 0.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> Option<Bounds> {
        let one_sided = f64::midpoint(confidence, 1.0);
        Some(Bounds { low: self.lower_bound(one_sided)?, high: self.upper_bound(one_sided)? })
    }

    /// The confidence at which the difference is shown to be above `delta`: that at which [`Self::lower_bound`] touches it.
    #[must_use]
    pub fn exceeds(&self, delta: f64) -> f64 {
        if self.n_eff > 0.0 { normal_cdf(self.score(delta)) } else { 0.0 }
    }

    /// The same difference, were it seen on as many effective prompts.
    #[must_use]
    pub const fn on(self, n_eff: f64) -> Self {
        Self { n_eff, ..self }
    }

    /// Tango's score statistic for a true difference of `delta`; falls as `delta` rises.
    fn score(&self, delta: f64) -> f64 {
        let (n, b, c) = (self.n_eff, self.only_first * self.n_eff, self.only_second * self.n_eff);
        let linear = (2.0 * n - b + c) * delta - b - c;
        let constant = -c * delta * (1.0 - delta);
        // The maximum-likelihood share of "only second" when the difference is `delta`.
        let share = ((linear * linear - 8.0 * n * constant).max(0.0).sqrt() - linear) / (4.0 * n);
        let variance = n * (2.0 * share + delta * (1.0 - delta));
        let gap = b - c - n * delta;
        if variance > 0.0 { gap / variance.sqrt() } else { gap.signum() * f64::INFINITY }
    }
}

/// McNemar's exact test, two-sided: how likely a split of the discordant pairs as uneven as this one is if neither side is
/// better. 1 without discordant pairs.
#[must_use]
pub fn mcnemar_exact(only_first: u64, only_second: u64) -> f64 {
    (2.0 * tail(only_first, only_second).0).min(1.0)
}

/// The mid-p form (Fagerland, Lydersen and Laake, BMC Med Res Methodol 13:91, 2013): the observed split counts half, so the
/// exact p-value less P(X = b), and 1 - P(X = b) / 2 for a split into halves. Closer to its level than the exact test, which
/// errs on the safe side. 1 without discordant pairs.
#[must_use]
pub fn mcnemar_mid_p(only_first: u64, only_second: u64) -> f64 {
    if only_first + only_second == 0 {
        return 1.0;
    }
    let (tail, point) = tail(only_first, only_second);
    if only_first == only_second { 1.0 - point / 2.0 } else { (2.0 * tail - point).clamp(0.0, 1.0) }
}

/// P(X <= k) and P(X = k) for X ~ Binomial(a + b, 1/2), k being the smaller.
fn tail(a: u64, b: u64) -> (f64, f64) {
    let (k, n) = (a.min(b) as f64, (a + b) as f64);
    if n <= 0.0 {
        return (1.0, 1.0);
    }
    let point = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0) - n * std::f64::consts::LN_2;
    (beta::cdf(n - k, k + 1.0, 0.5), point.exp())
}

/// Prompts that a non-inferiority test needs for `power`, when both sides are equally good or differ as expected:
/// (z_confidence + z_power)^2 (p10 + p01 - (p01 - p10)^2) / margin^2. `None` where an argument makes no sense.
#[must_use]
pub fn non_inferiority_n(
    only_first: f64,
    only_second: f64,
    margin: f64,
    confidence: f64,
    power: f64,
) -> Option<u64> {
    let variance = only_first + only_second - (only_second - only_first).powi(2);
    sample_size(normal_quantile(confidence) + normal_quantile(power), variance, margin)
}

/// The chance that `more` prompts show a difference to be above -`margin` at `confidence`, by what `seen` says of it: the mean
/// over all prompts is normal around the one that was seen, with the spread of what is still to come and of what is not
/// known yet, sd sqrt(more / (n (n + more))); the bound lies z sd / sqrt(n + more) below it.
#[must_use]
pub fn chance_to_show(seen: &Difference, more: f64, margin: f64, confidence: f64) -> f64 {
    let (n, all) = (seen.n_eff, seen.n_eff + more);
    // Two sides that never disagreed so far may yet: a prompt more each way.
    let discordant = (seen.only_first + seen.only_second) * n + 2.0;
    let sd = (discordant / (n + 2.0) - seen.mean.powi(2)).max(0.0).sqrt();
    let spread = sd * (more / (n * all)).sqrt();
    let needed = normal_quantile(confidence.clamp(0.5, 1.0 - 1e-9)) * sd / all.sqrt() - margin;
    if n > 0.0 && spread > 0.0 { normal_cdf((seen.mean - needed) / spread) } else { 0.0 }
}

/// The chance that `n` prompts show a difference to be above -`margin` at `confidence`, if what `truth` says is the truth.
#[must_use]
pub fn chance_if_so(truth: &Difference, n: f64, margin: f64, confidence: f64) -> f64 {
    let sd = (truth.only_first + truth.only_second - truth.mean.powi(2)).max(0.0).sqrt();
    let z = normal_quantile(confidence.clamp(0.5, 1.0 - 1e-9));
    if sd > 0.0 { normal_cdf((truth.mean + margin) * n.max(0.0).sqrt() / sd - z) } else { 0.0 }
}

/// Prompts that show a difference of `delta` either way, at level `alpha` with `power` (Miller, eq. 9):
/// (z_(alpha/2) + z_power)^2 variance / delta^2, `variance` being omega^2 + sigma_A^2 / K_A + sigma_B^2 / K_B.
#[must_use]
pub fn difference_n(variance: f64, delta: f64, alpha: f64, power: f64) -> Option<u64> {
    sample_size(normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power), variance, delta)
}

fn sample_size(z: f64, variance: f64, delta: f64) -> Option<u64> {
    let n = (z / delta).powi(2) * variance;
    (n.is_finite() && n >= 0.0 && delta > 0.0).then(|| n.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::interval::{Stratum, stratified};
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn table(both: u32, first: u32, second: u32, neither: u32) -> Vec<Pair> {
        let cells = [(both, 1.0, 1.0), (first, 1.0, 0.0), (second, 0.0, 1.0), (neither, 0.0, 0.0)];
        let pair = |(n, first, second)| std::iter::repeat_n(Pair { weight: 2.0, first, second }, n as usize);
        cells.into_iter().flat_map(pair).collect()
    }

    #[test]
    fn routellms_gsm8k_gives_the_golden_difference() {
        let d = difference(&table(739, 382, 94, 92)).unwrap();
        assert!((100.0 * d.mean - 22.0352).abs() < 5e-5, "{d:?}");
        assert!((100.0 * d.se.unwrap() - 1.5546).abs() < 5e-5, "{d:?}");
        assert_eq!(d.n, 1307);
        // Unpaired: the variances of both shares add (the golden figure divides by n here).
        let (strong, weak) = (1121.0 / 1307.0, 833.0 / 1307.0);
        let unpaired: f64 = (strong * (1.0 - strong) + weak * (1.0 - weak)) / 1307.0;
        assert!((100.0 * unpaired.sqrt() - 1.6439).abs() < 5e-5);
    }

    #[test]
    fn the_golden_sample_sizes_come_out() {
        assert_eq!(non_inferiority_n(0.03, 0.03, 0.02, 0.95, 0.80), Some(928));
        assert_eq!(difference_n(1.0 / 9.0, 0.03, 0.05, 0.80), Some(969));
        assert_eq!(difference_n(1.0 / 9.0, 0.0, 0.05, 0.80), None);
    }

    #[test]
    fn mcnemar_agrees_with_counting() {
        // 2 of 10: 2 (1 + 10 + 45) / 1024; mid-p takes one point, 45 / 1024, away.
        assert!((mcnemar_exact(2, 8) - 112.0 / 1024.0).abs() < 1e-12);
        assert!((mcnemar_mid_p(8, 2) - 67.0 / 1024.0).abs() < 1e-12);
        assert_eq!((mcnemar_exact(0, 0), mcnemar_exact(5, 5)), (1.0, 1.0));
        // Half of what is observed is taken away once, not twice: P(X = 1) = 1 / 2 of two, 6 / 16 = 3 / 8 of four.
        assert!((mcnemar_mid_p(1, 1) - 0.75).abs() < 1e-12);
        assert!((mcnemar_mid_p(2, 2) - (1.0 - 3.0 / 16.0)).abs() < 1e-12);
        // The published example (Bentur et al., 1 v 7): exact 0.0703, mid-p 0.0391.
        assert!((mcnemar_exact(1, 7) - 18.0 / 256.0).abs() < 1e-12);
        assert!((mcnemar_mid_p(1, 7) - 10.0 / 256.0).abs() < 1e-12);
        assert!(mcnemar_exact(94, 382) < 1e-30);
    }

    #[test]
    fn as_many_prompts_as_are_asked_for_have_the_power_that_was_asked_for() {
        let truth = Difference { mean: 0.0, se: None, only_first: 0.03, only_second: 0.03, n: 1, n_eff: 1.0 };
        assert!((chance_if_so(&truth, 928.0, 0.02, 0.95) - 0.80).abs() < 1e-3);
        assert_eq!(
            chance_if_so(&Difference { only_first: 0.0, only_second: 0.0, ..truth }, 9.0, 0.02, 0.95),
            0.0
        );
    }

    #[test]
    fn the_chance_of_showing_it_grows_with_the_prompts_and_with_the_margin() {
        let seen = difference(&table(150, 6, 4, 40)).unwrap();
        let chance = |more, margin| chance_to_show(&seen, more, margin, 0.95);
        assert!(chance(100.0, 0.03) < chance(100.0, 0.06) && chance(400.0, 0.03) < chance(4000.0, 0.03));
        assert!(chance(100.0, 0.2) > 0.999 && chance(100.0, 0.001) < 0.4);
        let worse = difference(&table(100, 0, 60, 40)).unwrap();
        assert!(chance_to_show(&worse, 100.0, 0.03, 0.95) < 1e-6);
        let never = difference(&table(40, 0, 0, 0)).unwrap();
        let found = chance_to_show(&never, 100.0, 0.03, 0.95);
        assert!((0.2..0.95).contains(&found), "{found}");
        assert_eq!(chance_to_show(&Difference { n_eff: 0.0, ..never }, 10.0, 0.03, 0.95), 0.0);
    }

    #[test]
    fn agreement_on_few_prompts_is_no_proof() {
        let bound = |n| difference(&table(n, 0, 0, 0)).unwrap().lower_bound(0.95).unwrap();
        let z2 = normal_quantile(0.95).powi(2);
        assert!((bound(20) + z2 / (20.0 + z2)).abs() < 1e-9, "{}", bound(20));
        assert!(bound(20) < -0.1 && bound(100) > -0.03);
        assert_eq!(difference(&[]), None);
    }

    #[test]
    fn the_lower_bound_covers_what_it_promises() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for (only_first, only_second, n) in [(0.05, 0.08, 150), (0.02, 0.02, 200), (0.20, 0.10, 60)] {
            let (mut covered, samples) = (0, 1500);
            for _ in 0..samples {
                let (mut b, mut c) = (0, 0);
                for _ in 0..n {
                    let u = f64::from(random.next_u32()) / 4_294_967_296.0;
                    b += u32::from(u < only_first);
                    c += u32::from(u >= only_first && u < only_first + only_second);
                }
                let d = difference(&table(n - b - c, b, c, 0)).unwrap();
                covered += u32::from(d.lower_bound(0.95).unwrap() <= only_first - only_second);
            }
            let share = f64::from(covered) / f64::from(samples);
            assert!((0.93..=0.985).contains(&share), "{only_first} {only_second} {n}: {share}");
        }
    }

    #[test]
    fn a_difference_without_discordance_has_an_interval() {
        let bounds = difference(&table(50, 0, 0, 0)).unwrap().interval(0.95).unwrap();
        // z^2 / (n + z^2) either way.
        assert!(
            (bounds.low + 0.071_348).abs() < 1e-5 && (bounds.high - 0.071_348).abs() < 1e-5,
            "{bounds:?}"
        );
    }

    #[test]
    fn at_its_bounds_the_score_of_the_likeliest_table_is_the_quantile() {
        // 44 pairs, one of them discordant: the likelihood under a difference of `delta` is maximised by trying.
        let (n, b, c) = (44.0_f64, 0.0_f64, 1.0_f64);
        let bounds = difference(&table(43, 0, 1, 0)).unwrap().interval(0.95).unwrap();
        for (delta, wanted) in [(bounds.low, 1.959_964), (bounds.high, -1.959_964)] {
            let likelihood = |share: f64| {
                let log = |count: f64, p: f64| if count > 0.0 { count * p.ln() } else { 0.0 };
                log(b, share + delta) + log(c, share) + log(n - b - c, 1.0 - 2.0 * share - delta)
            };
            let least = (-delta).max(0.0);
            let tried =
                (1..200_000).map(|at| least + f64::from(at) / 200_000.0 * (1.0 - delta - 2.0 * least) / 2.0);
            let share = tried.max_by(|x, y| likelihood(*x).total_cmp(&likelihood(*y))).unwrap();
            let score = (b - c - n * delta) / (n * (2.0 * share + delta * (1.0 - delta))).sqrt();
            assert!((score - wanted).abs() < 1e-3, "{delta}: {score}");
        }
    }

    #[test]
    fn a_stratified_difference_covers_what_it_promises() {
        // By task: share of the traffic, only the first passes, only the second does, prompts.
        let truth = [(0.6, 0.02, 0.03, 40), (0.3, 0.10, 0.02, 60), (0.1, 0.0, 0.0, 20)];
        let whole: f64 = truth.iter().map(|(share, b, c, _)| share * (b - c)).sum();
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let (mut covered, samples) = (0, 600);
        for _ in 0..samples {
            let strata: Vec<Stratum> = truth
                .iter()
                .map(|(share, only_first, only_second, n)| {
                    let (mut b, mut c) = (0, 0);
                    for _ in 0..*n {
                        let u = f64::from(random.next_u32()) / 4_294_967_296.0;
                        b += u32::from(u < *only_first);
                        c += u32::from(u >= *only_first && u < only_first + only_second);
                    }
                    let seen = difference(&table(n - b - c, b, c, 0)).unwrap();
                    Stratum { share: *share, mean: seen.mean, bounds: seen.interval(0.95).unwrap() }
                })
                .collect();
            let bounds = stratified(&strata).unwrap().1;
            assert!(bounds.high - bounds.low > 0.01, "{bounds:?}");
            covered += u32::from((bounds.low..=bounds.high).contains(&whole));
        }
        let share = f64::from(covered) / f64::from(samples);
        assert!((0.93..=0.995).contains(&share), "{share}");
    }

    proptest! {
        #[test]
        fn a_bound_lies_below_the_difference_and_rises_with_n(b in 0u32..20, c in 0u32..20, same in 1u32..100) {
            let few = difference(&table(same, b, c, 0)).unwrap();
            let many = difference(&table(4 * same, 4 * b, 4 * c, 0)).unwrap();
            let (low, high) = (few.lower_bound(0.95).unwrap(), many.lower_bound(0.95).unwrap());
            prop_assert!((-1.0..=few.mean + 1e-12).contains(&low) && low <= high + 1e-9);
            prop_assert!((few.lower_bound(0.5).unwrap() - few.mean).abs() < 1e-9);
            prop_assert!(few.upper_bound(0.95).unwrap() >= few.mean - 1e-12);
            // The confidence of a difference above its own bound is that of the bound.
            prop_assert!((few.exceeds(low) - 0.95).abs() < 1e-6 && few.exceeds(low - 0.05) > few.exceeds(low));
            prop_assert!((few.on(4.0 * few.n_eff).lower_bound(0.95).unwrap() - high).abs() < 1e-9);
        }

        #[test]
        fn p_values_are_probabilities_and_mid_p_is_the_smaller(a in 0u64..400, b in 0u64..400) {
            let (exact, mid) = (mcnemar_exact(a, b), mcnemar_mid_p(a, b));
            prop_assert!((0.0..=1.0).contains(&exact) && (0.0..=1.0).contains(&mid));
            prop_assert!(mid <= exact || a + b == 0);
        }
    }
}
