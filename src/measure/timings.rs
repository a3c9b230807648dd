//! How long answers took: the latency of a cell, and whether it keeps within a need.

use std::collections::BTreeMap;

use super::facts::Latency;
use crate::stats::order;
use crate::stats::quantile::Sorted;
use crate::stats::weighted::{self, Cluster};
use crate::units::Millis;

/// The times of one answered trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timing {
    /// What it is evidence of, together with all others of the same number.
    pub(super) unit: u32,
    /// From the request to the end of the reply, in milliseconds.
    pub(super) total: f64,
    /// To the first visible token, in milliseconds; streamed replies only.
    pub(super) first: Option<f64>,
    /// Its part of the prompt's weight.
    pub(super) weight: f64,
}

/// The times of all answered trials of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timings(pub(super) Vec<Timing>);

/// Which time of a reply is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// To its end.
    Total,
    /// To its first visible token.
    FirstToken,
}

/// How many requests kept within a need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Within {
    /// Their weighted share.
    pub share: f64,
    /// The clusters that it rests on.
    pub n: u64,
    /// The effective number of them, after weighting.
    pub n_eff: f64,
}

impl Timing {
    const fn of(&self, time: Time) -> Option<f64> {
        match time {
            Time::Total => Some(self.total),
            Time::FirstToken => self.first,
        }
    }
}

impl Timings {
    /// The share of requests that took no longer than `need`; `None` where no time of weight was measured.
    #[must_use]
    pub fn within(&self, time: Time, need: Millis) -> Option<Within> {
        let clusters = self.clusters(time, |ms| f64::from(u8::from(ms <= need.ms())));
        let estimate = weighted::estimate(&clusters)?;
        let n = clusters.iter().filter(|cluster| cluster.weight > 0.0).count() as u64;
        Some(Within { share: estimate.mean, n, n_eff: estimate.n_eff })
    }

    /// The clusters, each with the weighted mean of `value` over its trials.
    fn clusters(&self, time: Time, value: impl Fn(f64) -> f64) -> Vec<Cluster> {
        let mut by_unit: BTreeMap<u32, (f64, f64, u32)> = BTreeMap::new();
        for timing in &self.0 {
            let Some(ms) = timing.of(time) else { continue };
            let (weight, sum, trials) = by_unit.entry(timing.unit).or_default();
            *weight += timing.weight;
            *sum += timing.weight * value(ms);
            *trials += 1;
        }
        let clusters = by_unit.into_values().filter(|(weight, ..)| *weight > 0.0);
        clusters.map(|(weight, sum, trials)| Cluster { weight, mean: sum / weight, trials }).collect()
    }

    /// The latency that they show, with intervals at `confidence`; `None` without weight.
    pub(super) fn latency(&self, confidence: f64) -> Option<Latency> {
        let sorted = |time| Sorted::weighted(self.0.iter().filter_map(|t| Some((t.of(time)?, t.weight))));
        let (total, first) = (sorted(Time::Total)?, sorted(Time::FirstToken));
        let mut quantiles = [Millis::default(); 21];
        for (at, quantile) in quantiles.iter_mut().enumerate() {
            *quantile = Millis::from_ms(total.at(at as f64 / 20.0))?;
        }
        let (p95_low, p95_high) = self.bounds(Time::Total, &total, confidence);
        let p95 = Millis::from_ms(total.at(0.95))?;
        Some(Latency {
            n: self.0.len() as u64,
            p50: Millis::from_ms(total.at(0.5))?,
            p95,
            // The quantile is interpolated, the bounds are values of the sample: it lies between them all the same.
            p95_low: p95_low.map(|low| low.min(p95)),
            p95_high: p95_high.map(|high| high.max(p95)),
            mean: Millis::from_ms(weighted::mean(self.0.iter().map(|t| (t.total, t.weight)))?)?,
            ttft_p50: first.as_ref().and_then(|first| Millis::from_ms(first.at(0.5))),
            ttft_p95: first.as_ref().and_then(|first| Millis::from_ms(first.at(0.95))),
            quantiles,
        })
    }

    /// The order-statistic interval of the 95th percentile. Repeats and clusters count once: the ranks are those of a sample
    /// of the effective size, and found among the values by the weight up to them.
    fn bounds(&self, time: Time, sorted: &Sorted, confidence: f64) -> (Option<Millis>, Option<Millis>) {
        let Some(estimate) = weighted::estimate(&self.clusters(time, |_| 1.0)) else { return (None, None) };
        // Below a whole cluster there is none; a hair is rounding.
        let n = (estimate.n_eff + 1e-6).floor() as u64;
        let (low, high) = order::ranks(n, 0.95, confidence);
        let at = |rank: u64| Millis::from_ms(sorted.at((rank - 1) as f64 / (n - 1).max(1) as f64));
        (low.and_then(at), high.and_then(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn timings(values: impl IntoIterator<Item = f64>) -> Timings {
        let all = values.into_iter().enumerate();
        Timings(all.map(|(at, total)| Timing { unit: at as u32, total, first: None, weight: 1.0 }).collect())
    }

    fn ms(value: f64) -> Millis {
        Millis::from_ms(value).unwrap()
    }

    #[test]
    fn the_bounds_are_the_values_of_the_published_ranks() {
        for (n, low, high) in
            [(50, Some(44.0), None), (100, Some(90.0), Some(100.0)), (300, Some(277.0), Some(293.0))]
        {
            let latency = timings((1..=n).map(f64::from)).latency(0.95).unwrap();
            assert_eq!((latency.p95_low, latency.p95_high), (low.map(ms), high.map(ms)), "{n}");
        }
    }

    #[test]
    fn copies_of_a_prompt_do_not_bound_anything() {
        // 100 prompts three times each: as many ranks as 100.
        let once = timings((1..=100).map(f64::from));
        let mut thrice = Timings::default();
        for timing in &once.0 {
            thrice.0.extend([Timing { weight: 1.0 / 3.0, ..*timing }; 3]);
        }
        let (a, b) = (once.latency(0.95).unwrap(), thrice.latency(0.95).unwrap());
        assert_eq!((a.p95_low, a.p95_high, b.n), (b.p95_low, b.p95_high, 300));
        let within = thrice.within(Time::Total, ms(95.0)).unwrap();
        assert_eq!((within.n, within.share), (100, 0.95));
        assert!((within.n_eff - 100.0).abs() < 1e-9);
        assert_eq!(thrice.within(Time::FirstToken, ms(95.0)), None);
    }

    #[test]
    fn the_interval_of_the_95th_percentile_covers_it() {
        // Exponential latencies: the 95th percentile is ln 20. Uneven weights that have nothing to do with them, too.
        let truth = 20f64.ln() * 1000.0;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
        for uneven in [false, true] {
            let runs = 1500;
            let covered = (0..runs)
                .filter(|_| {
                    let mut sample = timings((0..150).map(|_| -uniform().ln() * 1000.0));
                    if uneven {
                        sample.0.iter_mut().for_each(|timing| timing.weight = 0.5 + uniform());
                    }
                    let latency = sample.latency(0.95).unwrap();
                    latency.p95_low.is_none_or(|low| low.ms() <= truth)
                        && latency.p95_high.is_none_or(|high| high.ms() >= truth)
                })
                .count();
            let share = covered as f64 / f64::from(runs);
            // Ranks are whole numbers: it covers somewhat more than it promises.
            assert!((0.94..0.985).contains(&share), "{uneven}: {share}");
        }
    }
}
