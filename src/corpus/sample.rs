//! A stratified sample: strata are task, length (quartiles of the task) and whether a prompt is adversarial; places are
//! given out by the largest remainder, and weights rescaled so that each task keeps its total.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the sample needs to know of a prompt.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// The index of its task.
    pub task: u16,
    /// Its characters.
    pub characters: u64,
    /// Whether it is adversarial.
    pub adversarial: bool,
    /// Its weight.
    pub weight: f64,
}

/// Draws `n` of the units: their indices, ascending, each with its new weight. The same seed draws the same units.
#[must_use]
pub fn draw(units: &[Unit], n: usize, seed: u64) -> Vec<(usize, f64)> {
    let mut lengths: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    let mut totals: BTreeMap<u16, f64> = BTreeMap::new();
    for unit in units {
        lengths.entry(unit.task).or_default().push(unit.characters);
        *totals.entry(unit.task).or_default() += unit.weight;
    }
    lengths.values_mut().for_each(|all| all.sort_unstable());
    let quartile = |unit: &Unit| {
        let all = lengths.get(&unit.task).map(Vec::as_slice).unwrap_or_default();
        let below = all.partition_point(|other| *other < unit.characters);
        (4 * below).checked_div(all.len()).unwrap_or_default()
    };
    let mut tasks: BTreeMap<u16, BTreeMap<(bool, usize), Vec<usize>>> = BTreeMap::new();
    for (at, unit) in units.iter().enumerate() {
        let strata = tasks.entry(unit.task).or_default();
        strata.entry((unit.adversarial, quartile(unit))).or_default().push(at);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sizes: Vec<usize> = lengths.values().map(Vec::len).collect();
    let mut drawn = Vec::new();
    for ((task, strata), places) in tasks.iter().zip(apportion(&sizes, n)) {
        // First between plain and adversarial, so that rounding within quartiles does not eat the adversarial share.
        let kinds = [false, true].map(|kind| {
            strata.iter().filter(move |((of, _), _)| *of == kind).map(|(_, all)| all).collect::<Vec<_>>()
        });
        let kind_sizes: Vec<usize> =
            kinds.iter().map(|strata| strata.iter().map(|all| all.len()).sum()).collect();
        let mut chosen = Vec::new();
        for (strata, places) in kinds.iter().zip(apportion(&kind_sizes, places)) {
            let sizes: Vec<usize> = strata.iter().map(|all| all.len()).collect();
            for (all, places) in strata.iter().zip(apportion(&sizes, places)) {
                chosen.extend(pick(all, places, &mut random));
            }
        }
        let weight = |at: &usize| units.get(*at).map_or(0.0, |unit| unit.weight);
        let sum: f64 = chosen.iter().map(weight).sum();
        let total = totals.get(task).copied().unwrap_or_default();
        let factor = if sum > 0.0 { total / sum } else { 1.0 };
        drawn.extend(chosen.into_iter().map(|at| (at, weight(&at) * factor)));
    }
    drawn.sort_by_key(|(at, _)| *at);
    drawn
}

/// Draws so many of each group, in random order: the same seed draws the same things.
#[must_use]
pub fn draw_places(groups: &[Vec<usize>], places: &[usize], seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = Vec::new();
    for (group, places) in groups.iter().zip(places) {
        drawn.extend(pick(group, *places, &mut random));
    }
    let all = drawn.len();
    pick(&drawn, all, &mut random)
}

/// `places` of `all`, drawn without putting back.
fn pick(all: &[usize], places: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut pool = all.to_vec();
    for at in 0..places.min(pool.len()) {
        let left = (pool.len() - at) as u64;
        let other = at + usize::try_from((u64::from(random.next_u32()) * left) >> 32).unwrap_or_default();
        pool.swap(at, other);
    }
    pool.truncate(places);
    pool
}

/// Shares `n` places by size with the largest remainder (Hamilton), none getting more than it has; where there are enough
/// places, every group that is not empty gets one.
#[must_use]
pub fn apportion(sizes: &[usize], n: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    if n >= all {
        return sizes.to_vec();
    }
    let mut places: Vec<usize> = sizes.iter().map(|size| size * n / all).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    let remainder = |at: &usize| sizes.get(*at).map_or(0, |size| size * n % all);
    order.sort_by_key(|at| std::cmp::Reverse(remainder(at)));
    let mut left = n - places.iter().sum::<usize>();
    for at in order {
        if left == 0 {
            break;
        }
        if let (Some(place), Some(size)) = (places.get_mut(at), sizes.get(at))
            && *place < *size
        {
            *place += 1;
            left -= 1;
        }
    }
    // A group that came away with nothing takes a place from the largest, while that has several.
    for at in 0..places.len() {
        let empty = places.get(at) == Some(&0) && sizes.get(at).is_some_and(|size| *size > 0);
        let richest = (0..places.len()).rev().max_by_key(|other| places.get(*other).copied());
        if let (true, Some(richest)) = (empty, richest)
            && places.get(richest).is_some_and(|most| *most > 1)
        {
            if let Some(place) = places.get_mut(richest) {
                *place -= 1;
            }
            if let Some(place) = places.get_mut(at) {
                *place += 1;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(task: u16, characters: u64, adversarial: bool, weight: f64) -> Unit {
        Unit { task, characters, adversarial, weight }
    }

    proptest! {
        #[test]
        fn a_sample_has_its_size_and_keeps_the_total_of_every_task(
            units in prop::collection::vec((0u16..4, 1u64..500, any::<bool>(), 0.1f64..9.0), 1..80),
            n in 4usize..100,
            seed in any::<u64>(),
        ) {
            let units: Vec<Unit> = units.into_iter().map(|(t, c, a, w)| unit(t, c, a, w)).collect();
            let drawn = draw(&units, n, seed);
            prop_assert_eq!(drawn.len(), n.min(units.len()));
            prop_assert!(drawn.windows(2).all(|two| two[0].0 < two[1].0));
            for task in 0..4 {
                let before: f64 = units.iter().filter(|unit| unit.task == task).map(|unit| unit.weight).sum();
                let after: f64 = drawn.iter().filter(|(at, _)| units[*at].task == task).map(|(_, weight)| weight).sum();
                prop_assert!((before - after).abs() < 1e-9 * before.max(1.0));
            }
            prop_assert_eq!(draw(&units, n, seed), drawn);
        }
    }

    #[test]
    fn the_adversarial_share_is_kept() {
        let units: Vec<Unit> = (0..200).map(|at| unit(0, at, at % 10 == 0, 1.0)).collect();
        let drawn = draw(&units, 50, 7);
        assert_eq!(drawn.iter().filter(|(at, _)| units[*at].adversarial).count(), 5);
    }
}
