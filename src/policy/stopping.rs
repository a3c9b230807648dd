//! Early stopping of a cell: the first moment, in a fixed random order, at which the answers so far decide it. Each claim (good
//! enough, not good enough, between the two) has a one-sided test of its own (`stats::one_sided`), valid at every look.

use super::assessment::EarlyStop;
use super::case::OVERFLOW_TOLERANCE;
use super::floors::Floors;
use super::types::Band;
use crate::config::{DataLocation, Multiplicity, Policy, Task};
use crate::stats::floor::is_enough;
use crate::stats::interval::Bounds;
use crate::stats::one_sided::Scores;
use crate::stats::posterior::Posterior;

/// A unit of evidence with all of its answers: a prompt, or prompts that are not independent of each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Its share of passes if what has no grade had failed, 0 to 1.
    pub worst: f64,
    /// The same if it had passed.
    pub best: f64,
    /// Whether anything of it has a grade.
    pub is_graded: bool,
    /// Prompts that it consists of.
    pub prompts: u64,
}

impl Unit {
    /// A prompt of which all repeats have a grade, and this share of them passed.
    #[must_use]
    pub const fn of(share: f64) -> Self {
        Self { worst: share, best: share, is_graded: true, prompts: 1 }
    }

    /// A prompt without any grade.
    #[must_use]
    pub const fn ungraded() -> Self {
        Self { worst: 0.0, best: 1.0, is_graded: false, prompts: 1 }
    }
}

/// The chance of a wrong claim that is allowed for at a task: what its consequence leaves of certainty, or less where the policy says so.
#[must_use]
pub fn stop_alpha(task: &Task, policy: &Policy) -> f64 {
    let spare = 1.0 - Floors::of(task, policy).confidence;
    let alpha = policy.stop_alpha.map_or(spare, |alpha| alpha.get().min(spare));
    // 1 - 0.95 is 0.05, and not what floats make of it.
    (alpha * 1e9).round().max(1.0) / 1e9
}

/// Follows the units of a cell one by one, in an order that was drawn before the first answer, in proportion to weight.
#[derive(Clone, Debug)]
pub struct Watch {
    floors: Floors,
    alpha: f64,
    enough: f64,
    /// The scores as if everything without a grade had failed, and as if it had passed: what decides must decide in
    /// both, because a server's errors may depend on the prompt.
    worst: Scores,
    best: Scores,
    graded: u64,
    prompts: u64,
    decided: Option<EarlyStop>,
}

impl Watch {
    /// A watch over the cell of a task and a tier, one of `cells`. Where the policy corrects for many cells, they share alpha
    /// (Bonferroni: which of them will be decided, and in which order, is not known when the first one is).
    #[must_use]
    pub fn new(task: &Task, policy: &Policy, cells: usize) -> Self {
        let alpha = stop_alpha(task, policy);
        Self {
            floors: Floors::of(task, policy),
            alpha: match policy.multiplicity {
                Multiplicity::None => alpha,
                Multiplicity::Holm => alpha / cells.max(1) as f64,
            },
            enough: f64::from(policy.min_prompts),
            worst: Scores::default(),
            best: Scores::default(),
            graded: 0,
            prompts: 0,
            decided: None,
        }
    }

    /// Takes the next unit.
    pub fn take(&mut self, unit: Unit) {
        self.worst = self.worst.and(unit.worst);
        self.best = self.best.and(unit.best);
        self.graded += u64::from(unit.is_graded);
        self.prompts += unit.prompts;
        if self.decided.is_none()
            && is_enough(self.graded as f64, self.enough)
            && let Some(band) = self.band()
        {
            self.decided = Some(self.stop(band, None));
        }
    }

    /// The early stop, once the cell is decided; its bounds also cover the answers taken since.
    #[must_use]
    pub fn early_stop(&self) -> Option<EarlyStop> {
        let decided = self.decided?;
        // The truth keeps to all bounds of a sequence at once, so it keeps to the tighter of any two.
        let (then, now) = (decided.bounds, self.bounds());
        let both = Bounds { low: then.low.max(now.low), high: then.high.min(now.high) };
        Some(EarlyStop { bounds: if both.low <= both.high { both } else { then }, ..decided })
    }

    /// The stop of a cell whose own answers decide nothing, because the cheaper tier `by` is proven.
    #[must_use]
    pub fn spared(&self, by: usize) -> EarlyStop {
        self.stop(Band::Undecided, Some(by))
    }

    /// Whether no more calls are needed.
    #[must_use]
    pub const fn is_decided(&self) -> bool {
        self.decided.is_some()
    }

    /// Whether the tier is shown to be good enough without monitoring.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.decided.is_some_and(|stop| stop.band == Band::Route)
    }

    fn stop(&self, band: Band, spared_by: Option<usize>) -> EarlyStop {
        EarlyStop { band, prompts: self.prompts, alpha: self.alpha, bounds: self.bounds(), spared_by }
    }

    fn band(&self) -> Option<Band> {
        let Floors { route, monitor, .. } = self.floors;
        if self.worst.shows_above(route, self.alpha) {
            return Some(Band::Route);
        }
        if self.best.shows_below(monitor, self.alpha) {
            return Some(Band::Below);
        }
        // Both must be shown, so each may be at the full level (Berger's intersection-union test, 1982).
        let between = self.worst.shows_above(monitor, self.alpha) && self.best.shows_below(route, self.alpha);
        between.then_some(Band::Monitor)
    }

    fn bounds(&self) -> Bounds {
        Bounds { low: self.worst.low(self.alpha), high: self.best.high(self.alpha) }
    }
}

/// What is known, besides its quality, about whether a tier can serve a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Where its provider runs.
    pub location: DataLocation,
    /// The weighted share of the task's prompts that do not fit its context window.
    pub overflow_share: f64,
    /// Answers whose latency is known.
    pub timed: u64,
    /// Those of them that came within the task's latency limit.
    pub in_time: u64,
}

impl Known {
    /// Whether the tier can serve the task as far as is known. Where the task has a latency limit, it must be shown at the
    /// confidence of the task that 95 % of the answers keep to it: on this rests that others are not measured any further.
    #[must_use]
    pub fn can_serve(&self, task: &Task, policy: &Policy) -> bool {
        let in_time = || {
            let share = self.in_time as f64 / self.timed.max(1) as f64;
            self.timed > 0
                && Posterior::new(share, self.timed as f64).clears(0.95)
                    >= policy.confidence(task.consequence).get()
        };
        task.data_location.allows(self.location)
            && self.overflow_share <= OVERFLOW_TOLERANCE
            && (task.latency_p95.is_none() || in_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Consequence;
    use crate::policy::tests::task;
    use crate::units::{Millis, Share};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn policy() -> Policy {
        let share = Share::clamped;
        Policy {
            confidence_low: share(0.80),
            confidence_medium: share(0.90),
            confidence_high: share(0.95),
            ..Policy::default()
        }
    }

    fn of(consequence: Consequence) -> Task {
        Task { consequence, ..task("t") }
    }

    fn watch() -> Watch {
        Watch::new(&of(Consequence::High), &policy(), 9)
    }

    fn pass(passed: bool) -> Unit {
        Unit::of(f64::from(u8::from(passed)))
    }

    /// Prompts of which each `of`-th fails, until the watch is decided or has seen `most`.
    fn run(mut watch: Watch, of: u32, most: u32) -> Watch {
        for at in 1..=most {
            if watch.is_decided() {
                break;
            }
            watch.take(pass(at % of != 0));
        }
        watch
    }

    #[test]
    fn a_good_tier_a_bad_one_and_one_between_are_decided_and_one_at_the_floor_is_not() {
        let band = |of, most| run(watch(), of, most).early_stop().map(|decided| decided.band);
        assert_eq!(band(500, 500), Some(Band::Route));
        assert_eq!(band(2, 500), Some(Band::Below));
        assert_eq!(band(10, 3000), Some(Band::Monitor));
        assert_eq!(band(20, 3000), None);
    }

    #[test]
    fn a_perfect_tier_is_decided_at_once_and_sooner_where_a_mistake_costs_less() {
        let prompts = |consequence| {
            run(Watch::new(&of(consequence), &policy(), 1), 1000, 900).early_stop().unwrap().prompts
        };
        assert_eq!(
            [Consequence::High, Consequence::Medium, Consequence::Low].map(prompts),
            [68, 53, 38],
            "by 80 at alpha 0.05 and by 50 at 0.20"
        );
    }

    #[test]
    fn alpha_is_what_the_consequence_leaves_and_the_policy_may_only_lower_it() {
        let alpha = |consequence, policy: &Policy| stop_alpha(&of(consequence), policy);
        let all = |policy: &Policy| {
            [Consequence::Low, Consequence::Medium, Consequence::High].map(|c| alpha(c, policy))
        };
        assert_eq!(all(&policy()), [0.2, 0.1, 0.05]);
        let strict = Policy { stop_alpha: Some(Share::clamped(0.08)), ..policy() };
        assert_eq!(all(&strict), [0.08, 0.08, 0.05]);
        let sure = Policy { confidence_high: Share::clamped(1.0), ..policy() };
        assert_eq!(alpha(Consequence::High, &sure), 1e-9);
    }

    #[test]
    fn a_decided_cell_keeps_its_floor_outside_of_its_bounds_whatever_comes_later() {
        let mut watch = run(watch(), 1000, 1000);
        let decided = watch.early_stop().unwrap();
        assert!(decided.bounds.low >= 0.95 && decided.prompts == 68, "{decided:?}");
        for _ in 0..40 {
            watch.take(pass(false));
        }
        let later = watch.early_stop().unwrap();
        assert_eq!((later.band, later.prompts), (Band::Route, decided.prompts));
        assert!(later.bounds.low >= 0.95 && later.bounds.low <= later.bounds.high);
    }

    #[test]
    fn what_has_no_grade_counts_against_either_decision() {
        let mut open = watch();
        for at in 0..400 {
            open.take(if at % 4 == 0 { Unit::ungraded() } else { pass(true) });
        }
        assert_eq!(open.early_stop(), None);
        let mut few = watch();
        for at in 0..900 {
            few.take(if at % 300 == 0 { Unit::ungraded() } else { pass(true) });
        }
        assert_eq!(few.early_stop().map(|decided| decided.band), Some(Band::Route));
    }

    #[test]
    fn no_cell_is_decided_by_fewer_units_than_the_policy_asks_for() {
        let decided = run(watch(), 1, 200).early_stop().unwrap();
        assert_eq!((decided.band, decided.prompts), (Band::Below, 30));
        // A unit of ten near-duplicates is one.
        let mut copies = watch();
        for _ in 0..29 {
            copies.take(Unit { prompts: 10, ..pass(false) });
        }
        assert!(!copies.is_decided());
        copies.take(Unit { prompts: 10, ..pass(false) });
        assert_eq!(copies.early_stop().map(|stop| stop.prompts), Some(300));
    }

    #[test]
    fn a_promise_about_all_cells_at_once_is_shared_by_them() {
        let policy = Policy { multiplicity: Multiplicity::Holm, ..policy() };
        let decided = run(Watch::new(&of(Consequence::High), &policy, 10), 1000, 1000).early_stop().unwrap();
        assert!((decided.alpha - 0.005).abs() < 1e-12, "{decided:?}");
    }

    #[test]
    fn a_tier_that_is_not_shown_to_be_fast_enough_spares_no_other() {
        let known = Known { location: DataLocation::External, overflow_share: 0.0, timed: 0, in_time: 0 };
        let (free, policy) = (of(Consequence::High), policy());
        assert!(known.can_serve(&free, &policy));
        assert!(!Known { overflow_share: 0.02, ..known }.can_serve(&free, &policy));
        let local = Task { data_location: crate::config::DataNeed::Local, ..free.clone() };
        assert!(!known.can_serve(&local, &policy));
        let hurried = Task { latency_p95: Millis::from_ms(900.0), ..free };
        let of = |in_time, timed| Known { in_time, timed, ..known }.can_serve(&hurried, &policy);
        assert_eq!([of(0, 0), of(50, 50), of(58, 58), of(66, 68)], [false, false, true, false]);
    }

    /// What a task of 500 prompts costs on three tiers, and what it would without stopping; and the bands.
    fn race(
        rates: [f64; 3],
        consequence: Consequence,
        random: &mut ChaCha8Rng,
    ) -> (f64, f64, [Option<Band>; 3]) {
        let prices = [1.0, 5.0, 30.0];
        let mut cells = [0; 3].map(|_| Watch::new(&of(consequence), &policy(), 3));
        let (mut spent, mut whole, mut cut) = (0.0, 0.0, 3);
        for _ in 0..500 {
            for tier in 0..3 {
                whole += prices[tier];
                if tier >= cut || cells[tier].is_decided() {
                    continue;
                }
                spent += prices[tier];
                cells[tier].take(pass(f64::from(random.next_u32()) < rates[tier] * 4_294_967_296.0));
                if cells[tier].is_proven() {
                    cut = cut.min(tier + 1);
                }
            }
        }
        (spent, whole, cells.map(|cell| cell.early_stop().map(|stop| stop.band)))
    }

    fn spared(rates: [f64; 3], consequence: Consequence, runs: u32) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(29);
        let (mut spent, mut whole) = (0.0, 0.0);
        for _ in 0..runs {
            let (cost, all, _) = race(rates, consequence, &mut random);
            (spent, whole) = (spent + cost, whole + all);
        }
        1.0 - spent / whole
    }

    #[test]
    fn more_than_half_of_the_money_is_spared() {
        let [high, medium, low] = [Consequence::High, Consequence::Medium, Consequence::Low]
            .map(|consequence| spared([0.80, 0.97, 0.99], consequence, 60));
        eprintln!("spared: high {high:.3}, medium {medium:.3}, low {low:.3}");
        assert!(high >= 0.5 && medium >= high && low >= medium, "{high} {medium} {low}");
    }

    /// How often a tier at a floor is decided, by band.
    fn at_the_floor(rate: f64, consequence: Consequence, samples: u32) -> [u32; 3] {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut made = [0; 3];
        for _ in 0..samples {
            let mut watch = Watch::new(&of(consequence), &policy(), 1);
            for _ in 0..600 {
                watch.take(pass(f64::from(random.next_u32()) < rate * 4_294_967_296.0));
                if watch.is_decided() {
                    break;
                }
            }
            match watch.early_stop().map(|stop| stop.band) {
                Some(Band::Route) => made[0] += 1,
                Some(Band::Monitor) => made[1] += 1,
                Some(Band::Below) => made[2] += 1,
                Some(Band::Undecided) | None => {}
            }
        }
        made
    }

    fn promise(samples: u32) {
        for (consequence, alpha) in [(Consequence::High, 0.05), (Consequence::Low, 0.20)] {
            let most = f64::from(samples) * alpha + 2.0 * (f64::from(samples) * alpha * (1.0 - alpha)).sqrt();
            let [route, monitor, below] = at_the_floor(0.95, consequence, samples);
            eprintln!(
                "alpha {alpha}, true rate 0.95: route {route}, monitor {monitor}, below {below} of {samples}"
            );
            assert!(route > 0 && f64::from(route) <= most && f64::from(monitor) <= most && below == 0);
            let [route, monitor, below] = at_the_floor(0.85, consequence, samples);
            eprintln!(
                "alpha {alpha}, true rate 0.85: route {route}, monitor {monitor}, below {below} of {samples}"
            );
            assert!(f64::from(route + monitor) <= most && f64::from(below) <= most);
        }
    }

    #[test]
    fn a_rate_at_the_floor_is_called_wrongly_no_more_often_than_alpha() {
        promise(150);
    }

    #[test]
    #[ignore = "takes minutes: the numbers in docs/stop-early.md"]
    fn the_same_over_two_thousand_draws() {
        promise(2000);
        for consequence in [Consequence::High, Consequence::Medium, Consequence::Low] {
            let part = spared([0.80, 0.97, 0.99], consequence, 1000);
            eprintln!("{consequence:?}: {:.1} % of the money spared", 100.0 * part);
            assert!(part >= 0.5);
        }
    }
}
