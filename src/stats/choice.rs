//! One option for each of several groups, so that together they are good enough at the least cost: the multiple-choice knapsack
//! problem, solved by dynamic programming over the Pareto front of (cost, quality), group by group.
//!
//! A partial choice is dropped where another one costs as little and is as good, where even the best of the rest would not do,
//! or where the linear relaxation of the rest (mixing allowed: the groups' hulls, end to end) already costs more than a whole
//! choice that is known. So the front stays small, and the result is exact; where it grows beyond a bound all the same, the
//! dearest by that relaxation go, and the result says by how much it can miss the least cost.

use super::frontier::{self, Point};

/// The most partial choices that are kept.
pub const FRONT: usize = 20_000;

/// An option of each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The option of each group, by its index.
    pub options: Vec<usize>,
    /// What they cost together.
    pub cost: f64,
    /// How good they are together.
    pub quality: f64,
    /// By how much this can be dearer than the cheapest choice that is as good, as a share of that one's cost; 0 where it is the
    /// cheapest, infinite where that one may cost nothing.
    pub gap: f64,
}

/// Qualities that differ by less are equal: a sum depends on its order in the last bits.
const SLACK: f64 = 1e-12;

/// The cheapest options, one of each group, whose qualities add up to `wanted`; of equals the best, then the first. `None` where
/// no choice is as good. At most `front` partial choices are kept.
#[must_use]
pub fn cheapest(groups: &[Vec<Point>], wanted: f64, front: usize) -> Option<Choice> {
    let rests = Rest::after_each(groups);
    // Every partial choice that was ever kept: what it extends, and by which option.
    let mut trail: Vec<(usize, usize)> = vec![(0, 0)];
    let mut states = vec![State { cost: 0.0, quality: 0.0, trail: 0 }];
    let (mut known, mut dropped) = (f64::INFINITY, f64::INFINITY);
    for (group, rest) in groups.iter().zip(&rests) {
        let mut next: Vec<(State, f64, usize)> = Vec::with_capacity(states.len() * group.len());
        for state in &states {
            for (option, (cost, quality)) in group.iter().enumerate() {
                let (cost, quality) = (state.cost + cost, state.quality + quality);
                next.push((State { cost, quality, trail: state.trail }, 0.0, option));
            }
        }
        next.sort_by(|a, b| a.0.cost.total_cmp(&b.0.cost).then(b.0.quality.total_cmp(&a.0.quality)));
        let mut best = f64::NEG_INFINITY;
        next.retain_mut(|(state, least, _)| {
            if state.quality <= best {
                return false;
            }
            best = state.quality;
            let Some((relaxed, whole)) = rest.completes(wanted - state.quality) else { return false };
            known = known.min(state.cost + whole);
            *least = state.cost + relaxed;
            true
        });
        next.retain(|(_, least, _)| *least <= known + SLACK * known.abs());
        if next.len() > front.max(1) {
            dropped = dropped.min(thin(&mut next, front.max(1), rest, wanted));
        }
        states = next
            .into_iter()
            .map(|(state, _, option)| {
                trail.push((state.trail, option));
                State { trail: trail.len() - 1, ..state }
            })
            .collect();
    }
    let found = states.into_iter().find(|state| state.quality >= wanted - SLACK)?;
    let mut options = Vec::with_capacity(groups.len());
    let mut at = found.trail;
    while at > 0 {
        let (before, option) = trail.get(at).copied()?;
        options.push(option);
        at = before;
    }
    options.reverse();
    let gap = if dropped < found.cost { found.cost / dropped - 1.0 } else { 0.0 };
    Some(Choice { options, cost: found.cost, quality: found.quality, gap })
}

/// Keeps as many as that: the one that is known to be completed the cheapest, and of the others those whose relaxation costs
/// least. Returns the least relaxation of what goes.
fn thin(states: &mut Vec<(State, f64, usize)>, front: usize, rest: &Rest, wanted: f64) -> f64 {
    let whole = |state: &State| {
        rest.completes(wanted - state.quality).map_or(f64::INFINITY, |(_, whole)| state.cost + whole)
    };
    let least_whole = |states: &[(State, f64, usize)]| {
        let all = states.iter().enumerate().map(|(at, (state, ..))| (at, whole(state)));
        all.reduce(|least, next| if next.1 < least.1 { next } else { least }).map_or(0, |(at, _)| at)
    };
    let first = least_whole(states);
    states.swap(0, first);
    if let Some((_, others)) = states.split_first_mut() {
        others.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cost.total_cmp(&b.0.cost)));
    }
    let gone = states.split_off(front);
    states.sort_by(|a, b| a.0.cost.total_cmp(&b.0.cost));
    gone.iter().map(|(_, least, _)| *least).fold(f64::INFINITY, f64::min)
}

/// Options of the first groups.
#[derive(Clone, Copy, Debug)]
struct State {
    cost: f64,
    quality: f64,
    /// Where its options are.
    trail: usize,
}

/// The groups that are still to come, mixing allowed: the corners of their joint hull, rising in quality.
struct Rest {
    corners: Vec<Point>,
}

impl Rest {
    /// The rest after each group.
    fn after_each(groups: &[Vec<Point>]) -> Vec<Self> {
        let mut rests = Vec::with_capacity(groups.len());
        // The cheapest of each group, and the steps up the hulls of all of them, the cheapest quality first.
        let (mut base, mut steps): (Point, Vec<Point>) = ((0.0, 0.0), Vec::new());
        for group in groups.iter().rev() {
            rests.push(Self::of(base, &steps));
            let hull = frontier::hull(group);
            if let Some(first) = hull.first() {
                base = (base.0 + first.0, base.1 + first.1);
            }
            steps.extend(hull.windows(2).filter_map(|pair| match pair {
                [a, b] => Some((b.0 - a.0, b.1 - a.1)),
                _ => None,
            }));
            steps.sort_by(|a, b| (a.0 * b.1).total_cmp(&(b.0 * a.1)));
        }
        rests.reverse();
        rests
    }

    fn of(base: Point, steps: &[Point]) -> Self {
        let mut corners = vec![base];
        let mut at = base;
        for step in steps {
            at = (at.0 + step.0, at.1 + step.1);
            corners.push(at);
        }
        Self { corners }
    }

    /// What it costs at least to be as good as that, mixing allowed, and without mixing at the corner that is; `None` where it
    /// never is.
    fn completes(&self, wanted: f64) -> Option<(f64, f64)> {
        let next = self.corners.partition_point(|corner| corner.1 < wanted - SLACK);
        let corner = self.corners.get(next)?;
        let before = next.checked_sub(1).and_then(|at| self.corners.get(at));
        let relaxed = before.map_or(corner.0, |before| {
            let part = ((wanted - before.1) / (corner.1 - before.1)).clamp(0.0, 1.0);
            before.0 + part * (corner.0 - before.0)
        });
        Some((relaxed, corner.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// The least cost of all choices that are as good, by trying every one.
    fn tried(groups: &[Vec<Point>], wanted: f64) -> Option<f64> {
        let Some((first, others)) = groups.split_first() else {
            return (wanted <= SLACK).then_some(0.0);
        };
        let each = first.iter().filter_map(|(cost, quality)| Some(cost + tried(others, wanted - quality)?));
        each.reduce(f64::min)
    }

    /// The way `map-NN` was found before: from the best options downwards, always the step that saves most for what it loses.
    fn greedy(groups: &[Vec<Point>], wanted: f64) -> f64 {
        let mut now: Vec<Point> =
            groups.iter().map(|group| *group.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()).collect();
        loop {
            let spare = now.iter().map(|point| point.1).sum::<f64>() - wanted;
            let steps = groups.iter().enumerate().flat_map(|(at, group)| group.iter().map(move |o| (at, *o)));
            let step = steps
                .filter(|(at, other)| now[*at].0 > other.0 && now[*at].1 - other.1 <= spare + 1e-12)
                .max_by(|a, b| {
                    let ratio = |(at, o): (usize, Point)| {
                        (now[at].0 - o.0) / (now[at].1 - o.1).max(f64::MIN_POSITIVE)
                    };
                    ratio(*a).total_cmp(&ratio(*b))
                });
            match step {
                Some((at, other)) => now[at] = other,
                None => return now.iter().map(|point| point.0).sum(),
            }
        }
    }

    #[test]
    fn the_step_that_saves_most_for_its_loss_is_not_always_the_one_to_take() {
        // What may be lost is .10. The first step down saves 6 for .06 and leaves no room for the other two, which save 9 for .10.
        let group = |cheap: f64, lost: f64| vec![(0.0, 1.0 - lost), (cheap, 1.0)];
        let groups = [group(6.0, 0.06), group(4.5, 0.05), group(4.5, 0.05)];
        let found = cheapest(&groups, 2.9, FRONT).unwrap();
        assert_eq!((found.options.as_slice(), found.cost, found.gap), ([1, 0, 0].as_slice(), 6.0, 0.0));
        assert!((greedy(&groups, 2.9) - 9.0).abs() < 1e-12, "{}", greedy(&groups, 2.9));
    }

    fn random(groups: usize, options: usize, seed: u64) -> Vec<Vec<Point>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut unit = || f64::from(rng.next_u32()) / 4_294_967_296.0;
        (0..groups)
            .map(|_| {
                let weight = 0.2 + unit();
                let one = |at: usize| (weight * (at as f64 * 3.0 + unit()), weight * unit().sqrt());
                (0..options).map(one).collect()
            })
            .collect()
    }

    #[test]
    fn fifty_seven_groups_of_two_are_solved_exactly_on_a_small_front() {
        for seed in 0..20 {
            let groups = random(57, 2, seed);
            let best: f64 = groups.iter().map(|group| group[1].1).sum();
            let found = cheapest(&groups, 0.97 * best, FRONT).unwrap();
            assert_eq!(found.gap, 0.0);
            assert!(found.quality >= 0.97 * best - 1e-9);
            // A front of a thousandth is as good: nothing had to be dropped.
            assert!(cheapest(&groups, 0.97 * best, FRONT / 20).unwrap().cost <= found.cost * (1.0 + 1e-9));
        }
    }

    #[test]
    fn what_costs_in_proportion_to_its_quality_fills_the_front_and_the_gap_is_stated() {
        // The relaxation prunes nothing here: all that is as good costs nearly the same.
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let group = |_| {
            let size = 0.5 + f64::from(rng.next_u32()) / 4_294_967_296.0;
            vec![(0.0, 0.0), (size, size)]
        };
        let groups: Vec<Vec<Point>> = (0..40).map(group).collect();
        let found = cheapest(&groups, 20.0, 500).unwrap();
        assert!(found.quality >= 20.0 - 1e-9 && found.gap < 1e-3, "{found:?}");
        assert!(found.cost / (1.0 + found.gap) <= 20.0 + 1e-3);
    }

    proptest! {
        #[test]
        fn nothing_cheaper_is_as_good(seed in any::<u64>(), groups in 1usize..=7, keep in 0.5..1.0f64) {
            let groups = random(groups, 3, seed);
            let singles = (0..3).map(|tier| groups.iter().map(|group| group[tier].1).sum::<f64>());
            let wanted = keep * singles.fold(0.0, f64::max);
            let least = tried(&groups, wanted).unwrap();
            let found = cheapest(&groups, wanted, FRONT).unwrap();
            prop_assert!((found.cost - least).abs() < 1e-9 && found.gap == 0.0, "{found:?}, not {least}");
            prop_assert!(greedy(&groups, wanted) >= least - 1e-9);
            // Its options are what it says they are.
            let sum = found.options.iter().zip(&groups).fold((0.0, 0.0), |sum, (option, group)| {
                (sum.0 + group[*option].0, sum.1 + group[*option].1)
            });
            prop_assert!((sum.0 - found.cost).abs() < 1e-9 && (sum.1 - found.quality).abs() < 1e-9);
            // On a front of three the gap is stated, and holds.
            let cut = cheapest(&groups, wanted, 3).unwrap();
            prop_assert!(cut.quality >= wanted - 1e-9);
            prop_assert!(cut.cost <= least * (1.0 + cut.gap) + 1e-9, "{cut:?}, {least}");
        }
    }
}
