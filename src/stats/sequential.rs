//! Looking at every answer as it comes, without fooling oneself: a mixture e-process and its confidence sequence.
//!
//! E_n(p0) = integral of the likelihood over Beta(1/2, 1/2), divided by the likelihood at p0. It is a martingale when p0 is
//! true, so by Ville's inequality the chance that it EVER reaches 1 / alpha is alpha at the most: the p0 that have not
//! been driven there form an interval that holds the truth at every n at once, and may stop the sampling. That is
//! [`Tally`]: equally weighted prompts in random order, one trial each.
//!
//! [`Wealth`] is the same for weighted prompts whose repeats may disagree. The Beta mixture is a bettor who wagers on every
//! p1 against p0: a trial multiplies that wager by 1 + lambda (y - p0), lambda = (p1 - p0) / (p0 (1 - p0)), which is p1 / p0
//! for a pass. With lambda times the prompt's weight relative to the heaviest one, no factor is negative and each is 1 in the
//! mean when the weighted rate is p0: a betting process for bounded values (Waudby-Smith and Ramdas, JRSS B 2024).

use statrs::function::beta::ln_beta;

use super::interval::Bounds;

/// Trials, some of which passed, in the order in which they were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials that passed.
    pub passed: u64,
    /// Trials.
    pub n: u64,
}

impl Tally {
    /// The tally after one more trial.
    #[must_use]
    pub const fn and(self, passed: bool) -> Self {
        Self { passed: self.passed + passed as u64, n: self.n + 1 }
    }

    /// The natural logarithm of E_n(p0) = ln B(k + 1/2, n - k + 1/2) - ln B(1/2, 1/2) - k ln p0 - (n - k) ln (1 - p0).
    #[must_use]
    pub fn log_e(self, p0: f64) -> f64 {
        let (k, rest) = (self.passed as f64, self.n.saturating_sub(self.passed) as f64);
        // 0 ln 0 is 0: a rate of 0 is no contradiction to fails alone.
        let term = |count: f64, p: f64| if count > 0.0 { count * p.ln() } else { 0.0 };
        ln_beta(k + 0.5, rest + 0.5) - ln_beta(0.5, 0.5) - term(k, p0) - term(rest, 1.0 - p0)
    }

    /// Whether the evidence excludes a true rate of `p0` at `alpha`, however often the data were looked at before.
    #[must_use]
    pub fn excludes(self, p0: f64, alpha: f64) -> bool {
        self.log_e(p0) >= -alpha.ln()
    }

    /// The confidence sequence {p0: E_n(p0) < 1 / alpha}: an interval around k / n; [0, 1] without a trial.
    #[must_use]
    pub fn bounds(self, alpha: f64) -> Bounds {
        if self.n == 0 {
            return Bounds { low: 0.0, high: 1.0 };
        }
        let mean = self.passed as f64 / self.n as f64;
        // The logarithm is convex in p0 with its least value at the mean, so each side has one crossing.
        let edge = |mut outside: f64| {
            if !self.excludes(outside, alpha) {
                return outside;
            }
            let mut inside = mean;
            for _ in 0..60 {
                let middle = f64::midpoint(inside, outside);
                if self.excludes(middle, alpha) { outside = middle } else { inside = middle }
            }
            outside
        };
        Bounds { low: edge(0.0), high: edge(1.0) }
    }
}

/// Wagers of the mixture. Their p1 lie so that each carries the same part of Beta(1/2, 1/2), the arcsine law.
const WAGERS: usize = 128;

/// Factors that are multiplied before a logarithm is taken: none of them is above 1 / [`LEAST`] or below `LEAST`^2.
const STRETCH: usize = 16;

/// The nearest that a rate under test may come to 0 or 1.
const LEAST: f64 = 1e-6;

/// A prompt's result in a weighted sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// The share of its repeats that passed, 0 to 1.
    pub share: f64,
    /// Its weight relative to the heaviest prompt there is, 0 to 1.
    pub weight: f64,
}

/// The wealth of betting against one rate, for prompts of any weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Wealth {
    p0: f64,
    /// The logarithm of each wager's wealth, up to the last stretch.
    logs: Vec<f64>,
    /// The factors since then.
    products: Vec<f64>,
    since: usize,
}

impl Wealth {
    /// Nothing is wagered yet against the rate `p0`.
    #[must_use]
    pub fn against(p0: f64) -> Self {
        Self {
            p0: p0.clamp(LEAST, 1.0 - LEAST),
            logs: vec![0.0; WAGERS],
            products: vec![1.0; WAGERS],
            since: 0,
        }
    }

    /// One more prompt, in the random order.
    pub fn take(&mut self, unit: Unit) {
        let surprise = unit.weight * (unit.share - self.p0) / (self.p0 * (1.0 - self.p0));
        for (at, product) in self.products.iter_mut().enumerate() {
            *product *= 1.0 + surprise * (wager(at) - self.p0);
        }
        self.since += 1;
        if self.since == STRETCH {
            for (log, product) in self.logs.iter_mut().zip(&mut self.products) {
                *log += product.ln();
                *product = 1.0;
            }
            self.since = 0;
        }
    }

    /// The natural logarithm of the mean wealth, which is an e-value against p0.
    #[must_use]
    pub fn log_e(&self) -> f64 {
        let logs = || self.logs.iter().zip(&self.products).map(|(log, product)| log + product.ln());
        let most = logs().fold(f64::NEG_INFINITY, f64::max);
        most + (logs().map(|log| (log - most).exp()).sum::<f64>() / WAGERS as f64).ln()
    }

    /// Whether the evidence excludes p0 at `alpha`, however often the data were looked at before.
    #[must_use]
    pub fn excludes(&self, alpha: f64) -> bool {
        self.log_e() >= -alpha.ln()
    }
}

/// The p1 of a wager.
fn wager(at: usize) -> f64 {
    (std::f64::consts::FRAC_PI_2 * (at as f64 + 0.5) / WAGERS as f64).sin().powi(2)
}

/// The confidence sequence of weighted prompts after all of `units`: an interval around their weighted mean.
#[must_use]
pub fn weighted_bounds(units: &[Unit], alpha: f64) -> Bounds {
    let Some(mean) = super::weighted::mean(units.iter().map(|unit| (unit.share, unit.weight))) else {
        return Bounds { low: 0.0, high: 1.0 };
    };
    // The wealth need not rise monotonically away from the mean, so the bound is the outermost rate that is not excluded.
    let excluded = |p0: f64| {
        let mut wealth = Wealth::against(p0);
        units.iter().for_each(|unit| wealth.take(*unit));
        wealth.excludes(alpha)
    };
    let edge = |outside: f64| {
        const STEPS: u32 = 32;
        let at = |step: u32| outside + (mean - outside) * f64::from(step) / f64::from(STEPS);
        let Some(first) = (0..=STEPS).find(|step| !excluded(at(*step))) else { return mean };
        if first == 0 {
            return outside;
        }
        let (mut outer, mut inner) = (at(first - 1), at(first));
        for _ in 0..20 {
            let middle = f64::midpoint(outer, inner);
            if excluded(middle) { outer = middle } else { inner = middle }
        }
        outer
    };
    Bounds { low: edge(0.0), high: edge(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    #[test]
    fn the_published_values_come_out() {
        assert!((Tally { passed: 18, n: 20 }.log_e(0.5) - 5.610_595_911_9).abs() < 1e-9);
        assert!((Tally { passed: 50, n: 100 }.log_e(0.5) + 2.530_876_404_0).abs() < 1e-9);
    }

    #[test]
    fn nothing_seen_excludes_nothing() {
        let bounds = Tally::default().bounds(0.05);
        assert_eq!((bounds.low, bounds.high), (0.0, 1.0));
        assert!(!Tally::default().excludes(0.9, 0.05));
        assert!(Tally { passed: 3, n: 3 }.bounds(0.05).high >= 1.0);
    }

    #[test]
    fn the_sequence_holds_the_truth_at_every_n_at_once() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        for truth in [0.5, 0.85, 0.95] {
            let samples = 600;
            let missed = (0..samples)
                .filter(|_| {
                    let mut tally = Tally::default();
                    (0..500).any(|_| {
                        tally = tally.and(f64::from(random.next_u32()) < truth * 4_294_967_296.0);
                        tally.excludes(truth, 0.05)
                    })
                })
                .count();
            // At the most 5 % by Ville; more than none, or the test shows nothing.
            assert!(missed > 0 && missed * 100 <= samples * 6, "{truth}: {missed}");
        }
    }

    /// The weighted process over trials that pass or fail, all of the same weight.
    fn even(passed: u64, n: u64, p0: f64) -> f64 {
        let mut wealth = Wealth::against(p0);
        (0..n).for_each(|at| wealth.take(Unit { share: f64::from(u8::from(at < passed)), weight: 1.0 }));
        wealth.log_e()
    }

    #[test]
    fn even_weights_give_the_same_as_the_closed_form() {
        for (passed, n, p0) in
            [(18, 20, 0.5), (50, 100, 0.5), (880, 1000, 0.9), (990, 1000, 0.95), (0, 40, 0.2)]
        {
            let (closed, betting) = (Tally { passed, n }.log_e(p0), even(passed, n, p0));
            assert!((closed - betting).abs() < 0.02, "{passed} of {n}: {closed} {betting}");
        }
    }

    #[test]
    fn weights_and_repeats_leave_the_promise_standing() {
        // The weights go with the outcome: heavy prompts pass more often, so the weighted rate is not the plain one.
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut draw = move |share: f64| f64::from(random.next_u32()) < share * 4_294_967_296.0;
        let truth = (0.5 * 0.2 * 0.7 + 0.5 * 0.95) / (0.5 * 0.2 + 0.5);
        let (samples, looks) = (400, 200);
        let mut missed = 0;
        for _ in 0..samples {
            let mut wealth = Wealth::against(truth);
            for _ in 0..looks {
                let (weight, rate) = if draw(0.5) { (1.0, 0.95) } else { (0.2, 0.7) };
                let share = f64::midpoint(f64::from(u8::from(draw(rate))), f64::from(u8::from(draw(rate))));
                wealth.take(Unit { share, weight });
                if wealth.excludes(0.05) {
                    missed += 1;
                    break;
                }
            }
        }
        assert!(missed > 0 && missed * 100 <= samples * 6, "{missed} of {samples}");
    }

    #[test]
    fn weighted_bounds_close_in_on_the_weighted_mean() {
        let unit = |at: u32| Unit {
            share: f64::from(u8::from(!at.is_multiple_of(10))),
            weight: 1.0 / f64::from(1 + at % 3),
        };
        let units: Vec<Unit> = (0..400).map(unit).collect();
        let (near, far) = (weighted_bounds(&units, 0.05), weighted_bounds(&units[..60], 0.05));
        assert!(
            far.low < near.low && near.low < 0.9 && 0.9 < near.high && near.high < far.high,
            "{near:?} {far:?}"
        );
        assert!(near.high - near.low < 0.15);
        let none = weighted_bounds(&[], 0.05);
        assert_eq!((none.low, none.high), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn bounds_hold_the_mean_and_agree_with_exclusion(n in 1u64..3000, share in 0.0..=1.0f64, p0 in 0.001..0.999f64) {
            let tally = Tally { passed: (n as f64 * share) as u64, n };
            let bounds = tally.bounds(0.05);
            let mean = tally.passed as f64 / n as f64;
            prop_assert!(0.0 <= bounds.low && bounds.low <= mean && mean <= bounds.high && bounds.high <= 1.0);
            if (p0 - bounds.low).abs() > 1e-9 && (p0 - bounds.high).abs() > 1e-9 {
                prop_assert_eq!(tally.excludes(p0, 0.05), !(bounds.low..=bounds.high).contains(&p0));
            }
        }
    }
}
