//! Early stopping of a cell: the first moment, in a fixed random order of its prompts, at which the answers so far decide it. The
//! test is a confidence sequence (`stats::sequential`), valid at every look, not an interval for a fixed n.

use super::assessment::EarlyStop;
use super::band::is_enough;
use super::floors::Floors;
use super::types::Band;
use crate::config::{Multiplicity, Policy, Task};
use crate::stats::interval::Bounds;
use crate::stats::sequential::{Tally, Unit, Wealth, weighted_bounds};

/// The weights of a cell's prompts, as far as a watch must know them in advance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights {
    /// One trial per prompt, all of the same weight: the closed form applies.
    Even,
    /// Anything else; the heaviest prompt weighs this much.
    Uneven(f64),
}

/// Follows the answers of a cell one by one, in an order that was drawn before the first answer.
#[derive(Clone, Debug)]
pub struct Watch {
    floors: Floors,
    alpha: f64,
    enough: f64,
    weights: Weights,
    /// The sequence as if every prompt without a grade had failed, and as if it had passed: what decides must decide in
    /// both, because a server's errors may depend on the prompt.
    worst: Sequence,
    best: Sequence,
    graded: Effective,
    looked: u64,
    decided: Option<EarlyStop>,
}

impl Watch {
    /// A watch over the cell of a task and a tier, one of `cells`. Its alpha is the policy's, or less where the consequence requires
    /// for more confidence; where the policy corrects for many cells, they share it (Bonferroni: which
    /// of them will be decided, and in which order, is not known when the first one is).
    #[must_use]
    pub fn new(task: &Task, policy: &Policy, weights: Weights, cells: usize) -> Self {
        let floors = Floors::of(task, policy);
        let spare = 1.0 - floors.confidence;
        let alpha = policy.stop_alpha.get().min(if spare > 0.0 { spare } else { 1e-9 });
        let alpha = match policy.multiplicity {
            Multiplicity::None => alpha,
            Multiplicity::Holm => alpha / cells.max(1) as f64,
        };
        let sequence = || Sequence::new(weights, floors);
        Self {
            floors,
            alpha,
            enough: f64::from(policy.min_prompts),
            weights,
            worst: sequence(),
            best: sequence(),
            graded: Effective::default(),
            looked: 0,
            decided: None,
        }
    }

    /// Takes the next prompt: the share of its repeats that passed, `None` where none has a grade, and its weight.
    pub fn take(&mut self, share: Option<f64>, weight: f64) {
        let relative = match self.weights {
            Weights::Even => 1.0,
            Weights::Uneven(heaviest) if heaviest > 0.0 => (weight / heaviest).clamp(0.0, 1.0),
            Weights::Uneven(_) => 0.0,
        };
        self.worst.take(share.unwrap_or(0.0), relative);
        self.best.take(share.unwrap_or(1.0), relative);
        if share.is_some() {
            self.graded.take(relative);
        }
        self.looked += 1;
        if self.decided.is_none()
            && is_enough(self.graded.n(), self.enough)
            && let Some(band) = self.band()
        {
            self.decided =
                Some(EarlyStop { band, prompts: self.looked, alpha: self.alpha, bounds: self.bounds() });
        }
    }

    /// The early stop, once the cell is decided; its bounds also cover the answers taken since.
    #[must_use]
    pub fn early_stop(&self) -> Option<EarlyStop> {
        let decided = self.decided?;
        if decided.prompts == self.looked {
            return Some(decided);
        }
        // The truth lies in all sets of the sequence at once, so it lies in the intersection of any two.
        let (then, now) = (decided.bounds, self.bounds());
        let both = Bounds { low: then.low.max(now.low), high: then.high.min(now.high) };
        Some(EarlyStop { bounds: if both.low <= both.high { both } else { then }, ..decided })
    }

    /// Whether no more calls are needed.
    #[must_use]
    pub const fn is_decided(&self) -> bool {
        self.decided.is_some()
    }

    fn band(&self) -> Option<Band> {
        let Floors { route, monitor, .. } = self.floors;
        if self.worst.clears(Floor::Route, route, self.alpha) {
            return Some(Band::Route);
        }
        if self.best.misses(Floor::Monitor, monitor, self.alpha) {
            return Some(Band::Below);
        }
        let between = self.worst.clears(Floor::Monitor, monitor, self.alpha)
            && self.best.misses(Floor::Route, route, self.alpha);
        between.then_some(Band::Monitor)
    }

    fn bounds(&self) -> Bounds {
        Bounds { low: self.worst.bounds(self.alpha).low, high: self.best.bounds(self.alpha).high }
    }
}

/// Which of the two floors.
#[derive(Clone, Copy)]
enum Floor {
    Route,
    Monitor,
}

#[derive(Clone, Debug)]
enum Sequence {
    Even(Tally),
    Uneven(Box<Uneven>),
}

#[derive(Clone, Debug)]
struct Uneven {
    route: Wealth,
    monitor: Wealth,
    units: Vec<Unit>,
    sum: f64,
    total: f64,
}

impl Sequence {
    fn new(weights: Weights, floors: Floors) -> Self {
        match weights {
            Weights::Even => Self::Even(Tally::default()),
            Weights::Uneven(_) => Self::Uneven(Box::new(Uneven {
                route: Wealth::against(floors.route),
                monitor: Wealth::against(floors.monitor),
                units: Vec::new(),
                sum: 0.0,
                total: 0.0,
            })),
        }
    }

    fn take(&mut self, share: f64, weight: f64) {
        match self {
            Self::Even(tally) => *tally = tally.and(share >= 0.5),
            Self::Uneven(uneven) => {
                let unit = Unit { share, weight };
                uneven.route.take(unit);
                uneven.monitor.take(unit);
                uneven.units.push(unit);
                uneven.sum += share * weight;
                uneven.total += weight;
            }
        }
    }

    fn mean(&self) -> f64 {
        match self {
            Self::Even(tally) => tally.passed as f64 / tally.n.max(1) as f64,
            Self::Uneven(uneven) if uneven.total > 0.0 => uneven.sum / uneven.total,
            Self::Uneven(_) => f64::NAN,
        }
    }

    fn excludes(&self, floor: Floor, p0: f64, alpha: f64) -> bool {
        match (self, floor) {
            (Self::Even(tally), _) => tally.excludes(p0, alpha),
            (Self::Uneven(uneven), Floor::Route) => uneven.route.excludes(alpha),
            (Self::Uneven(uneven), Floor::Monitor) => uneven.monitor.excludes(alpha),
        }
    }

    fn clears(&self, floor: Floor, p0: f64, alpha: f64) -> bool {
        self.mean() > p0 && self.excludes(floor, p0, alpha)
    }

    fn misses(&self, floor: Floor, p0: f64, alpha: f64) -> bool {
        self.mean() < p0 && self.excludes(floor, p0, alpha)
    }

    fn bounds(&self, alpha: f64) -> Bounds {
        match self {
            Self::Even(tally) => tally.bounds(alpha),
            Self::Uneven(uneven) => weighted_bounds(&uneven.units, alpha),
        }
    }
}

/// Kish's effective number of prompts.
#[derive(Clone, Copy, Debug, Default)]
struct Effective {
    total: f64,
    squares: f64,
}

impl Effective {
    fn take(&mut self, weight: f64) {
        self.total += weight;
        self.squares += weight * weight;
    }

    fn n(self) -> f64 {
        if self.squares > 0.0 { self.total * self.total / self.squares } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::task;
    use crate::units::Share;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn watch(weights: Weights) -> Watch {
        Watch::new(&task("t"), &Policy::default(), weights, 9)
    }

    /// Prompts of which each `of`-th fails, until the watch is decided or has seen `most`.
    fn run(mut watch: Watch, of: u32, most: u32) -> Watch {
        for at in 1..=most {
            if watch.is_decided() {
                break;
            }
            watch.take(Some(f64::from(u8::from(at % of != 0))), 1.0);
        }
        watch
    }

    #[test]
    fn a_good_tier_a_bad_one_and_one_between_are_decided_and_one_at_the_floor_is_not() {
        let band = |of, most| run(watch(Weights::Even), of, most).early_stop().map(|decided| decided.band);
        assert_eq!(band(500, 500), Some(Band::Route));
        assert_eq!(band(2, 500), Some(Band::Below));
        assert_eq!(band(10, 3000), Some(Band::Monitor));
        assert_eq!(band(20, 3000), None);
    }

    #[test]
    fn a_decided_cell_keeps_its_floor_outside_of_its_bounds_whatever_comes_later() {
        let mut watch = run(watch(Weights::Even), 1000, 1000);
        let decided = watch.early_stop().unwrap();
        assert!(decided.bounds.low >= 0.95 && decided.prompts < 300, "{decided:?}");
        for _ in 0..40 {
            watch.take(Some(0.0), 1.0);
        }
        let later = watch.early_stop().unwrap();
        assert_eq!((later.band, later.prompts), (Band::Route, decided.prompts));
        assert!(later.bounds.low >= 0.95 && later.bounds.low <= later.bounds.high);
    }

    #[test]
    fn what_has_no_grade_counts_against_either_decision() {
        let mut open = watch(Weights::Even);
        for at in 0..400 {
            open.take(if at % 4 == 0 { None } else { Some(1.0) }, 1.0);
        }
        assert_eq!(open.early_stop(), None);
        let mut few = watch(Weights::Even);
        for at in 0..900 {
            few.take(if at % 300 == 0 { None } else { Some(1.0) }, 1.0);
        }
        assert_eq!(few.early_stop().map(|decided| decided.band), Some(Band::Route));
    }

    #[test]
    fn no_cell_is_decided_by_fewer_prompts_than_the_policy_asks_for() {
        let decided = run(watch(Weights::Even), 1, 200).early_stop().unwrap();
        assert_eq!((decided.band, decided.prompts), (Band::Below, 30));
    }

    #[test]
    fn a_high_consequence_asks_for_a_smaller_alpha() {
        let policy = Policy { confidence_medium: Share::clamped(0.99), ..Policy::default() };
        let strict = run(Watch::new(&task("t"), &policy, Weights::Even, 9), 1000, 1000).early_stop().unwrap();
        let usual = run(watch(Weights::Even), 1000, 1000).early_stop().unwrap();
        assert!((strict.alpha - 0.01).abs() < 1e-9 && strict.prompts > usual.prompts, "{strict:?} {usual:?}");
    }

    #[test]
    fn a_promise_about_all_cells_at_once_is_shared_by_them() {
        let policy = Policy { multiplicity: Multiplicity::Holm, ..Policy::default() };
        let decided =
            run(Watch::new(&task("t"), &policy, Weights::Even, 10), 1000, 1000).early_stop().unwrap();
        assert!((decided.alpha - 0.005).abs() < 1e-12, "{decided:?}");
    }

    #[test]
    fn even_prompts_settle_at_much_the_same_moment_by_either_form() {
        for of in [2, 4, 200] {
            let even = run(watch(Weights::Even), of, 2000).early_stop().unwrap();
            let uneven = run(watch(Weights::Uneven(1.0)), of, 2000).early_stop().unwrap();
            assert_eq!(even.band, uneven.band);
            assert!(even.prompts.abs_diff(uneven.prompts) <= 1, "{even:?} {uneven:?}");
            assert!((even.bounds.low - uneven.bounds.low).abs() < 0.01);
        }
    }

    #[test]
    fn a_rate_at_the_floor_is_called_wrongly_no_more_often_than_alpha() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let (samples, mut wrong) = (400, 0);
        for _ in 0..samples {
            let mut watch = watch(Weights::Uneven(2.0));
            for _ in 0..250 {
                let weight = f64::from(1 + random.next_u32() % 2);
                watch.take(
                    Some(f64::from(u8::from(f64::from(random.next_u32()) < 0.85 * 4_294_967_296.0))),
                    weight,
                );
            }
            // Whatever a cell at the monitor floor is decided as excludes its true rate.
            wrong += u32::from(watch.is_decided());
        }
        assert!(wrong > 0 && wrong * 100 <= samples * 6, "{wrong}");
    }
}
