//! What may come out otherwise than expected, drawn: a world for each bootstrap replicate, so that a draw of the prompts meets a
//! draw of traffic, prices, lengths, caches and routes. Pure functions of vectors and a seed.
//!
//! Each quantity is drawn by Latin hypercube (McKay, Beckman and Conover 1979): one value from each of as many equally likely strata
//! as there are worlds, in a seeded order of its own. So the spread of a single source is exact but for the grid, and a
//! few thousand worlds are enough for its bounds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::types::Source;
use crate::config::{ProjectionSettings, Range, TrafficMoves};
use crate::stats::pert::Pert;
use crate::stats::skew;

/// Streams of the seed that no bootstrap of prompts uses: those are numbered by task.
const STREAMS: u64 = 1 << 40;

/// What a request costs on a plan, in USD: as billed, and as if nothing came from a cache.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// The mean.
    pub(super) mean: f64,
    /// A value per replicate.
    pub(super) replicates: Vec<f64>,
    /// The mean without cache.
    pub(super) bare: f64,
    /// Its replicates.
    pub(super) bare_replicates: Vec<f64>,
    /// The part of the cost that pays for output tokens; `None` where it is unknown.
    pub(super) output: Option<f64>,
}

/// The next tier up, which serves if the route is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Otherwise {
    /// What a request costs there.
    pub(super) cost: Cost,
    /// How probable it is.
    pub(super) probability: f64,
}

/// A task on a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Which of the tasks it is: the number of its draws.
    pub(super) task: usize,
    /// Requests per day, the likely number.
    pub(super) traffic: f64,
    /// What a request costs.
    pub(super) cost: &'a Cost,
    /// What it costs if the route is wrong; `None` where nothing else would serve.
    pub(super) otherwise: Option<&'a Otherwise>,
}

/// Which sources vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Varies {
    /// All.
    All,
    /// Only one.
    Only(Source),
}

impl Varies {
    fn with(self, source: Source) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => one == source,
        }
    }
}

/// A task as the draws see it: its traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// Low, likely, high; `None` for a plain number.
    pub(super) range: Option<Range>,
    /// Whether another tier would serve if the route is wrong.
    pub(super) may_flip: bool,
    /// The first one of the same configured task, whose bands share one traffic: itself where there are no bands.
    pub(super) like: usize,
}

/// The draws. A source that does not vary has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Worlds {
    /// Traffic as a factor of the likely one, per task.
    traffic: Vec<Option<Vec<f64>>>,
    price: Option<Vec<f64>>,
    length: Option<Vec<f64>>,
    cache: Option<Vec<f64>>,
    /// A probability per world and task: below that of being wrong, the route is.
    right: Vec<Option<Vec<f64>>>,
}

impl Worlds {
    /// Draws `n` worlds.
    pub(super) fn draw(settings: &ProjectionSettings, tasks: &[Traffic], n: usize, seed: u64) -> Self {
        let uniform = |stream: u64| stratified(seed, STREAMS + stream, n);
        let factors =
            |range: Option<Range>, stream| range.map(|range| pert(range).quantiles(&uniform(stream)));
        let stated = settings.stated || tasks.iter().any(|task| task.range.is_some());
        let own = |task: usize| 16 + 2 * task as u64;
        let traffic = tasks.iter().map(|task| {
            let range = task.range.filter(|range| range.likely > 0.0)?;
            let stream = match settings.traffic {
                TrafficMoves::Together => 3,
                TrafficMoves::Independently => own(task.like),
            };
            Some(pert(range.times(1.0 / range.likely)).quantiles(&uniform(stream)))
        });
        let right = tasks.iter().enumerate().map(|(at, task)| {
            (stated && settings.routes_may_flip && task.may_flip).then(|| uniform(own(at) + 1))
        });
        Self {
            traffic: traffic.collect(),
            price: factors(settings.price, 0),
            length: factors(settings.output_length, 1),
            cache: factors(settings.cache, 2),
            right: right.collect(),
        }
    }

    /// The sources that vary, in a fixed order; the prompts always do.
    pub(super) fn sources(&self) -> Vec<Source> {
        let any = |draws: &[Option<Vec<f64>>]| draws.iter().any(Option::is_some);
        let all = [
            (Source::Prompts, true),
            (Source::Traffic, any(&self.traffic)),
            (Source::OutputLength, self.length.is_some()),
            (Source::Price, self.price.is_some()),
            (Source::Routes, any(&self.right)),
            (Source::Cache, self.cache.is_some()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(source, _)| source).collect()
    }

    /// What the parts cost per day in each of `n` worlds.
    pub(super) fn days(&self, parts: &[Part<'_>], varies: Varies, n: usize) -> Vec<f64> {
        (0..n).map(|r| self.day(parts, varies, r)).collect()
    }

    /// The same, with the prompts spread as far as the interval of their mean reaches ([`skew`]): for bounds. Ratios of two
    /// plans are taken of [`Self::days`], which stay paired.
    pub(super) fn spread(&self, parts: &[Part<'_>], varies: Varies, n: usize) -> Vec<f64> {
        let mut days = self.days(parts, varies, n);
        if varies.with(Source::Prompts) {
            let plain = self.days(parts, Varies::Only(Source::Prompts), n);
            let mean = parts.iter().map(|part| part.traffic * part.cost.mean).sum();
            for ((day, plain), spread) in days.iter_mut().zip(&plain).zip(skew::spread(mean, &plain)) {
                if *plain > 0.0 {
                    *day *= spread / plain;
                }
            }
        }
        days
    }

    fn day(&self, parts: &[Part<'_>], varies: Varies, r: usize) -> f64 {
        let factor = |draws: &Option<Vec<f64>>, source| match draws {
            Some(draws) if varies.with(source) => draws.get(r).copied().unwrap_or(1.0),
            Some(_) | None => 1.0,
        };
        let price = factor(&self.price, Source::Price);
        let length = factor(&self.length, Source::OutputLength);
        let cache = factor(&self.cache, Source::Cache);
        let sum: f64 = parts
            .iter()
            .map(|part| {
                let cost = match (part.otherwise, self.right.get(part.task)) {
                    (Some(otherwise), Some(Some(draws)))
                        if varies.with(Source::Routes)
                            && draws.get(r).is_some_and(|u| *u < otherwise.probability) =>
                    {
                        &otherwise.cost
                    }
                    _ => part.cost,
                };
                let (billed, bare) = if varies.with(Source::Prompts) {
                    let at = |values: &[f64]| values.get(r).copied().unwrap_or(f64::NAN);
                    (at(&cost.replicates), at(&cost.bare_replicates))
                } else {
                    (cost.mean, cost.bare)
                };
                let cached = bare - cache * (bare - billed);
                let longer = 1.0 + cost.output.unwrap_or(0.0) * (length - 1.0);
                let traffic = self.traffic.get(part.task).map_or(1.0, |draws| factor(draws, Source::Traffic));
                part.traffic * traffic * cached * longer
            })
            .sum();
        sum * price
    }
}

fn pert(range: Range) -> Pert {
    Pert { low: range.low, likely: range.likely, high: range.high }
}

/// One probability from the middle of each of `n` strata, shuffled.
fn stratified(seed: u64, stream: u64, n: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    let mut values: Vec<f64> = (0..n).map(|k| (k as f64 + 0.5) / n as f64).collect();
    for at in (1..n).rev() {
        let other = (u64::from(rng.next_u32()) * (at as u64 + 1)) >> 32;
        values.swap(at, other as usize);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bootstrap;
    use proptest::prelude::*;

    fn range(low: f64, likely: f64, high: f64) -> Option<Range> {
        Some(Range { low, likely, high })
    }

    /// Replicates around a mean, with a known spread.
    fn cost(mean: f64, spread: f64, seed: u64, n: usize) -> Cost {
        let draws = stratified(seed, 999, n);
        let replicates: Vec<f64> =
            draws.iter().map(|u| mean + spread * crate::stats::interval::normal_quantile(*u)).collect();
        let bare: Vec<f64> = replicates.iter().map(|cost| 1.25 * cost).collect();
        Cost { mean, replicates, bare: 1.25 * mean, bare_replicates: bare, output: Some(0.6) }
    }

    fn part(task: usize, traffic: f64, cost: &Cost) -> Part<'_> {
        Part { task, traffic, cost, otherwise: None }
    }

    fn plain() -> Traffic {
        Traffic { range: None, may_flip: false, like: 0 }
    }

    fn variance(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
    }

    const N: usize = 4000;

    #[test]
    fn with_plain_numbers_only_the_prompts_vary() {
        let worlds = Worlds::draw(&ProjectionSettings::default(), &[plain()], N, 1);
        assert_eq!(worlds.sources(), [Source::Prompts]);
        let cost = cost(2.0, 0.1, 1, N);
        let days = worlds.days(&[part(0, 10.0, &cost)], Varies::All, N);
        let bounds = bootstrap::interval(days.iter().copied(), 0.95).unwrap();
        assert!((bounds.low - (20.0 - 1.96)).abs() < 0.02, "{bounds:?}");
    }

    #[test]
    fn each_source_has_the_spread_that_its_numbers_say() {
        let settings = ProjectionSettings {
            stated: true,
            price: range(0.5, 1.0, 1.5),
            output_length: range(0.8, 1.0, 1.2),
            cache: range(0.0, 1.0, 1.0),
            ..ProjectionSettings::default()
        };
        let tasks = [Traffic { range: range(5.0, 10.0, 15.0), may_flip: true, like: 0 }];
        let worlds = Worlds::draw(&settings, &tasks, N, 1);
        let (own, dear) = (cost(2.0, 0.1, 1, N), cost(6.0, 0.1, 1, N));
        let otherwise = Otherwise { cost: dear, probability: 0.25 };
        let part = Part { otherwise: Some(&otherwise), ..part(0, 10.0, &own) };
        let only = |source| variance(&worlds.days(&[part], Varies::Only(source), N));
        // A symmetric PERT on [m - d, m + d] is a scaled beta(3, 3): variance d^2 / 7.
        let close = |is: f64, should: f64| assert!((is / should - 1.0).abs() < 0.02, "{is} {should}");
        close(only(Source::Prompts), 1.0);
        close(only(Source::Traffic), 10.0f64.powi(2) / 7.0);
        close(only(Source::Price), 10.0f64.powi(2) / 7.0);
        close(only(Source::OutputLength), (20.0 * 0.6 * 0.2f64).powi(2) / 7.0);
        // Wrong in a quarter of the worlds, and then 40 dearer.
        close(only(Source::Routes), 0.25 * 0.75 * 40.0f64.powi(2));
        // PERT on [0, 1] with mode 1 is beta(5, 1): variance 5 / 252; without cache 5 dearer.
        close(only(Source::Cache), 25.0 * 5.0 / 252.0);
        assert_eq!(worlds.sources().len(), 6);
    }

    #[test]
    fn tasks_move_together_unless_told_otherwise() {
        let tasks = |like: [usize; 2]| {
            like.map(|like| Traffic { range: range(5.0, 10.0, 15.0), may_flip: false, like })
        };
        let cost = cost(1.0, 0.0, 1, N);
        let sum = |traffic, like| {
            let settings = ProjectionSettings { traffic, ..ProjectionSettings::default() };
            let worlds = Worlds::draw(&settings, &tasks(like), N, 1);
            variance(&worlds.days(&[part(0, 10.0, &cost), part(1, 10.0, &cost)], Varies::All, N))
        };
        let together = sum(TrafficMoves::Together, [0, 1]);
        let apart = sum(TrafficMoves::Independently, [0, 1]);
        // The bands of a task share its traffic, whatever other tasks do.
        let bands = sum(TrafficMoves::Independently, [0, 0]);
        assert!((bands / (100.0 / 7.0) - 1.0).abs() < 0.02, "{bands}");
        assert!((together / (100.0 / 7.0) - 1.0).abs() < 0.02, "{together}");
        assert!((apart / (50.0 / 7.0) - 1.0).abs() < 0.08, "{apart}");
    }

    #[test]
    fn the_same_seed_draws_the_same_worlds() {
        let settings = ProjectionSettings { price: range(0.5, 1.0, 2.0), ..ProjectionSettings::default() };
        let draw = |seed| Worlds::draw(&settings, &[plain()], 500, seed);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        // Truth: traffic, price and cost per request are drawn from what is stated; the interval is made by whoever sees the mean of
        // 80 prompts. Of 300 projects, 95 % of the true bills are inside.
        let settings = ProjectionSettings { price: range(0.6, 1.0, 1.3), ..ProjectionSettings::default() };
        let traffic = Range { low: 500.0, likely: 1000.0, high: 2500.0 };
        let tasks = [Traffic { range: Some(traffic), may_flip: false, like: 0 }];
        let (rounds, n) = (300, 400);
        let (price, requests) = (stratified(9, 1, rounds), stratified(9, 2, rounds));
        let mut held = 0;
        for round in 0..rounds {
            let price = pert(settings.price.unwrap()).quantile(price[round]);
            let requests = pert(traffic).quantile(requests[round]);
            let costs: Vec<f64> = stratified_costs(round as u64);
            let column = bootstrap::Column::new(costs.iter().map(|cost| Some((*cost, 1.0))));
            let mean = column.mean().unwrap();
            let plan = bootstrap::Plan { seed: 3, stream: round as u64, resamples: n as u32 };
            let replicates = bootstrap::means(plan, &[column]).remove(0);
            let cost =
                Cost { mean, bare: mean, bare_replicates: replicates.clone(), replicates, output: None };
            let worlds = Worlds::draw(&settings, &tasks, n, round as u64);
            let days = worlds.spread(&[part(0, 1000.0, &cost)], Varies::All, n);
            let bounds = bootstrap::interval(days, 0.95).unwrap();
            let truth = requests * price * 0.5f64.exp().sqrt();
            held += u32::from(bounds.low <= truth && truth <= bounds.high);
        }
        let coverage = f64::from(held) / rounds as f64;
        assert!((0.92..0.98).contains(&coverage), "{coverage}");
    }

    /// Lognormal costs with sigma 0.5 wouldn't have mean 1: theirs is exp(sigma^2 / 2) with sigma^2 = 0.5.
    fn stratified_costs(round: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 + round);
        let sigma = 0.5f64.sqrt();
        (0..80)
            .map(|_| {
                let u = (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
                (sigma * crate::stats::interval::normal_quantile(u)).exp()
            })
            .collect()
    }

    proptest! {
        /// Twice the traffic is twice the bill, in every world; and all sources together vary at least as much as the prompts.
        #[test]
        fn the_bill_is_linear_in_traffic(traffic in 1.0..1e6f64, seed: u64) {
            let settings = ProjectionSettings { price: range(0.5, 1.0, 2.0), ..ProjectionSettings::default() };
            let worlds = Worlds::draw(&settings, &[plain()], 300, seed);
            let cost = cost(0.01, 0.001, seed, 300);
            let once = worlds.days(&[part(0, traffic, &cost)], Varies::All, 300);
            let twice = worlds.days(&[part(0, 2.0 * traffic, &cost)], Varies::All, 300);
            for (one, two) in once.iter().zip(&twice) {
                prop_assert!((two / one - 2.0).abs() < 1e-9);
            }
            let alone = worlds.days(&[part(0, traffic, &cost)], Varies::Only(Source::Prompts), 300);
            prop_assert!(variance(&once) > 0.5 * variance(&alone));
        }
    }
}
