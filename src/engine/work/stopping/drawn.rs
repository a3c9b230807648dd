//! The order in which early stopping looks at a task's prompts: units of evidence, drawn in proportion to weight.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::stats::draw;

/// Sets the coins of the draw apart from other random numbers of the same seed.
const STREAM: u64 = 0x6472_6177;

/// Prompts that count as one piece of evidence, with their weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) prompts: Vec<(u32, f64)>,
}

impl Unit {
    fn weight(&self) -> f64 {
        self.prompts.iter().map(|(_, weight)| weight).sum()
    }
}

/// A task's prompts as they were drawn before the first answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    /// The units that were drawn, in random order. Each counts alike.
    pub(crate) units: Vec<Unit>,
    /// The prompts that were not drawn: they are measured where the others do not decide.
    pub(crate) rest: Vec<u32>,
    /// What each prompt weighs in the mean over the drawn units; `None` where that is its own weight.
    weights: Option<HashMap<u32, f64>>,
}

impl Drawn {
    /// Draws from `prompts`, which lie in random order, each with its cluster and its weight.
    pub(crate) fn new(prompts: &[(u32, u32, f64)], seed: u64, task: u64) -> Self {
        let mut place: HashMap<u32, usize> = HashMap::new();
        let mut units: Vec<Unit> = Vec::new();
        for (prompt, cluster, weight) in prompts {
            let at = *place.entry(*cluster).or_insert(units.len());
            match units.get_mut(at) {
                Some(unit) => unit.prompts.push((*prompt, *weight)),
                None => units.push(Unit { prompts: vec![(*prompt, *weight)] }),
            }
        }
        let weights: Vec<f64> = units.iter().map(Unit::weight).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(STREAM ^ (task << 32));
        let kept = draw::in_proportion(&weights, &mut random);
        let is_even = weights.windows(2).all(|pair| pair.first() == pair.last());
        let (mut drawn, mut rest) = (Vec::new(), Vec::new());
        for (unit, kept) in units.into_iter().zip(kept) {
            if kept { drawn.push(unit) } else { rest.extend(unit.prompts.iter().map(|(prompt, _)| *prompt)) }
        }
        let part = weights.iter().sum::<f64>() / drawn.len().max(1) as f64;
        let of_unit = |unit: &Unit| {
            let whole = unit.weight();
            let of = move |(prompt, weight): &(u32, f64)| (*prompt, part * (weight / whole));
            unit.prompts.iter().map(of).collect::<Vec<_>>()
        };
        let weights = (!is_even).then(|| drawn.iter().flat_map(of_unit).collect());
        Self { units: drawn, rest, weights }
    }

    /// What a prompt weighs in the mean over the drawn units, 0 if it was not drawn; `None` where that is its own weight, as
    /// all units weigh alike. The weights add up to those of all prompts.
    pub(crate) fn weight(&self, prompt: u32) -> Option<f64> {
        self.weights.as_ref().map(|weights| weights.get(&prompt).copied().unwrap_or(0.0))
    }

    /// Prompts in all.
    pub(crate) fn prompts(&self) -> usize {
        self.units.iter().map(|unit| unit.prompts.len()).sum::<usize>() + self.rest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IntervalMethod;
    use crate::measure::{self, Observation, Settings};
    use crate::path::Requests;
    use crate::policy::strategies::Matrix;
    use crate::record::{Outcome, Verdict};
    use rand_chacha::rand_core::Rng;

    #[test]
    fn prompts_that_weigh_alike_are_all_drawn_in_their_order_and_keep_their_weight() {
        let prompts: Vec<(u32, u32, f64)> = [4, 2, 9].map(|at| (at, at, 2.0)).to_vec();
        let drawn = Drawn::new(&prompts, 1, 0);
        let order: Vec<u32> = drawn.units.iter().flat_map(|unit| &unit.prompts).map(|(at, _)| *at).collect();
        assert_eq!((order, drawn.rest.len(), drawn.weight(4), drawn.prompts()), (vec![4, 2, 9], 0, None, 3));
    }

    #[test]
    fn a_cluster_is_one_unit_and_counts_as_the_others_do() {
        // 60 clusters of one prompt and 60 of three: the latter are drawn three times as often.
        let prompts: Vec<(u32, u32, f64)> =
            (0..240).map(|at| (at, if at < 60 { at } else { 60 + (at - 60) / 3 }, 1.0)).collect();
        let drawn = Drawn::new(&prompts, 3, 0);
        let large = drawn.units.iter().filter(|unit| unit.prompts.len() == 3).count();
        assert_eq!(large, 60);
        assert!((10..35).contains(&(drawn.units.len() - large)), "{}", drawn.units.len());
        let all: f64 = (0..240).map(|at| drawn.weight(at).unwrap()).sum();
        assert!((all - 240.0).abs() < 1e-9, "{all}");
        let of_unit =
            |unit: &Unit| unit.prompts.iter().map(|(at, _)| drawn.weight(*at).unwrap()).sum::<f64>();
        let part = of_unit(&drawn.units[0]);
        assert!(drawn.units.iter().all(|unit| (of_unit(unit) - part).abs() < 1e-9));
        assert!(drawn.rest.iter().all(|at| drawn.weight(*at) == Some(0.0)));
        assert_eq!(drawn, Drawn::new(&prompts, 3, 0), "a function of the seed");
        assert_ne!(drawn, Drawn::new(&prompts, 4, 0));
    }

    /// Prompts whose weight goes with their outcome and their cost: a third of weight 1 pass 70 %, a third of weight 2 pass 90 %, a third
    /// of weight 4 pass 99 %; each costs its weight in tenths of a cent.
    #[test]
    fn every_mean_of_a_stopped_cell_is_unbiased_for_the_weighted_one() {
        let (rate, cost) = ((0.70 + 2.0 * 0.90 + 4.0 * 0.99) / 7.0, 0.001 * (1.0 + 4.0 + 16.0) / 7.0);
        let mut random = ChaCha8Rng::seed_from_u64(41);
        let runs = 500;
        let mut sums = [0.0; 7];
        for run in 0..runs {
            let kinds: Vec<usize> = (0..120).map(|_| (random.next_u32() % 3) as usize).collect();
            let weight = |at: u32| [1.0, 2.0, 4.0][kinds[at as usize]];
            let prompts: Vec<(u32, u32, f64)> = (0..120).map(|at| (at, at, weight(at))).collect();
            let drawn = Drawn::new(&prompts, run, 0);
            let asked: Vec<u32> = drawn.units.iter().take(30).map(|unit| unit.prompts[0].0).collect();
            let mut observations = Vec::new();
            for at in 0..120 {
                let mut answer = |share: f64| {
                    let passed = f64::from(random.next_u32()) < share * 4_294_967_296.0;
                    Observation {
                        outcome: Some(Outcome::Reply),
                        verdict: Some(if passed { Verdict::Pass } else { Verdict::Fail("wrong".into()) }),
                        cost: measure::usd(0.001 * weight(at)),
                        cost_uncached: measure::usd(0.001 * weight(at)),
                        attempts: 1,
                        ..Observation::default()
                    }
                };
                let place = Observation { prompt: at, weight: weight(at), ..Observation::default() };
                let own = answer([0.70, 0.90, 0.99][kinds[at as usize]]);
                let stopped = if asked.contains(&at) { own } else { Observation::default() };
                let put = |of: Observation, tier: u16, drawn: Option<f64>| Observation {
                    prompt: place.prompt,
                    weight: place.weight,
                    tier,
                    drawn,
                    ..of
                };
                observations.push(put(stopped, 0, drawn.weight(at)));
                observations.push(put(answer([0.5, 0.6, 0.9][kinds[at as usize]]), 1, None));
            }
            let settings =
                Settings { confidence: 0.95, interval: IntervalMethod::Wilson, resamples: 1, seed: 1 };
            let cells = measure::cells(&observations, 1, 2, &settings).remove(0);
            let seen = cells[0].pass_rate.unwrap();
            assert!((seen.n_eff - 30.0).abs() < 1e-6 && cells[0].weight - cells[1].weight < 1e-6);
            let requests = Requests::of(&observations, 0, 2);
            let played = |start: usize| requests.play(start, &[None, None]).unwrap();
            let matrix = Matrix::new(&observations, 2, 2, &[1.0], 1, 2);
            let means = matrix.means(matrix.rows.iter()).unwrap();
            let found = [
                seen.mean,
                cells[0].cost_draws.mean.unwrap(),
                cells[1].pass_rate.unwrap().mean,
                played(0).cost,
                played(1).quality().unwrap().0.mean,
                means[0].quality,
                means[1].quality,
            ];
            sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        }
        let other = (0.5 + 2.0 * 0.6 + 4.0 * 0.9) / 7.0;
        for (at, (sum, truth)) in sums.iter().zip([rate, cost, other, cost, other, rate, other]).enumerate() {
            let mean = sum / runs as f64;
            // Weighing what was drawn by weight would be off by a twentieth and more.
            assert!((mean / truth - 1.0).abs() < 0.012, "{at}: {mean} for {truth}");
        }
    }
}
