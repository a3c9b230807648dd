//! A sequential detector for a rise of a rate in production: a Bernoulli CUSUM (Page 1954; Reynolds and Stoumbos 1999).
//!
//! S starts at 0. Each request makes it max(0, S + x - reference), x being 1 where the gate rejects the reply and else 0;
//! S >= threshold is an alarm. The reference is the best one for telling two rates apart, by the likelihood ratio, rounded
//! to one over a whole number: then S moves on a lattice, one step down or m steps up, and its run lengths are those of a
//! finite Markov chain (Brook and Evans 1972), which is solved here without any simulation.

use super::interval::wilson;

/// The rejections that a first window should hold: with fewer, it says too little about the baseline.
const FEWEST: f64 = 20.0;
/// The lowest baseline that is planned for, however long the window.
const LOWEST: f64 = 0.001;
/// The chance that the first window understates the baseline by more than the detector allows for.
const UNDERSTATED: f64 = 0.10;
/// The chance with which a rise is found within the stated number of requests.
const FOUND: f64 = 0.95;
/// States of the chain at the most: what needs more is no detector for a first window of this size.
const MOST_STATES: usize = 200_000;
/// Steps times states at the most when looking for the number of requests: below a second.
const MOST_WORK: u64 = 300_000_000;
/// Above this many lattice steps to a rejection, the number of requests is computed on this coarser lattice.
const COARSE: usize = 59;
/// What the coarser lattice may understate: measured below 1 %.
const COARSENESS: f64 = 1.01;

/// A detector: what a monitor needs to run it, and what it promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detector {
    /// The rate that it takes for normal: that of the measurement, unless the first window could not show so low a rate.
    pub baseline: f64,
    /// What each request takes from S, in rejections.
    pub reference: f64,
    /// The S that is an alarm, in rejections; half a lattice step below the true one, so that rounding changes nothing.
    pub threshold: f64,
    /// The requests within which `rise` times the baseline is found with 95 %, from S = 0 on; `None` where that takes too
    /// long to compute.
    pub found_within: Option<u64>,
    /// The walk itself.
    walk: Walk,
}

/// A walk on a lattice: a rejection is `up` steps up, any other request one down but not below 0, and `alarm` the first
/// state that is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Walk {
    up: usize,
    alarm: usize,
}

/// The detector of a rise to `rise` times the share `measured`, with a mean of at least `run_length` requests between false
/// alarms.
///
/// Production measures its own baseline in a first window of `window` requests. The run length holds for the true rates up to
/// the upper bound (one-sided, 90 %) of what such a window shows, not only for the baseline itself. `None` where no such
/// detector exists: `rise` times the baseline is no share, or the window leaves too little room below it.
#[must_use]
pub fn design(measured: f64, window: u32, rise: f64, run_length: f64) -> Option<Detector> {
    let fine = (0.0..=1.0).contains(&measured) && window > 0 && rise > 1.0 && run_length.is_finite();
    if !fine {
        return None;
    }
    let baseline = measured.max(FEWEST / f64::from(window)).max(LOWEST);
    let (normal, risen) = (upper(baseline, window)?, rise * baseline);
    if risen >= 1.0 || normal >= risen {
        return None;
    }
    let gain = (risen / normal).ln();
    let loss = ((1.0 - normal) / (1.0 - risen)).ln();
    let up = (gain / loss).round().max(1.0);
    // Downwards in the normal state, or every run ends in an alarm.
    if up * normal >= 1.0 - normal {
        return None;
    }
    let up = up as usize;
    let walk = Walk { up, alarm: lowest_alarm(normal, up, run_length)? };
    let reference = 1.0 / (up as f64 + 1.0);
    Some(Detector {
        baseline,
        reference,
        threshold: (walk.alarm as f64 - 0.5) * reference,
        found_within: walk.found_within(risen),
        walk,
    })
}

impl Detector {
    /// The mean number of requests until an alarm where the gate rejects the share `rate`.
    #[must_use]
    pub fn run_length(&self, rate: f64) -> Option<f64> {
        let mut chain = Chain::new(rate, self.walk.up)?;
        (1..self.walk.alarm).for_each(|_| chain.grow());
        Some(chain.run_length())
    }
}

/// The one-sided upper bound of a rate of which a window showed `share`.
fn upper(share: f64, window: u32) -> Option<f64> {
    // Wilson's upper bound at twice the chance is the one-sided one.
    wilson(share, f64::from(window), 1.0 - 2.0 * UNDERSTATED).map(|bounds| bounds.high)
}

/// The lowest alarm with a mean run length of `wanted` at least.
fn lowest_alarm(rate: f64, up: usize, wanted: f64) -> Option<usize> {
    let mut chain = Chain::new(rate, up)?;
    while chain.run_length() < wanted {
        if chain.states() > MOST_STATES {
            return None;
        }
        chain.grow();
    }
    Some(chain.states())
}

/// The chain below an alarm, built from its top state down.
///
/// From a state, the walk sooner or later either arrives one step lower or raises an alarm. The chance of the first, and the
/// mean number of requests until either, depend only on the distance from the alarm and follow from those of the states
/// above: with a chance of 1 - p it is one request, else the walk must come down again from `up` steps higher. Every term is
/// positive, so that no digits are lost.
struct Chain {
    rate: f64,
    up: usize,
    /// Running products of the chances to arrive one step lower, from the top state down; the first entry is 1.
    descended: Vec<f64>,
    /// Running sums of the mean requests spent on the way down, from the top state; the first entry is 0.
    spent: Vec<f64>,
}

impl Chain {
    fn new(rate: f64, up: usize) -> Option<Self> {
        let fine = rate > 0.0 && rate < 1.0 && up > 0;
        fine.then(|| Self { rate, up, descended: vec![1.0], spent: vec![0.0] })
    }

    /// States below the alarm, the lowest (0) included, which is closed by [`Self::run_length`].
    const fn states(&self) -> usize {
        self.descended.len()
    }

    /// For the state below those so far: the chance to come back to it from `up` steps higher, and the mean requests
    /// until that or an alarm.
    fn above(&self) -> (f64, f64) {
        let Some(from) = self.states().checked_sub(self.up + 1) else { return (0.0, 0.0) };
        let (Some(before), Some(start)) = (self.descended.get(from), self.spent.get(from)) else {
            return (0.0, 0.0);
        };
        let (last, sum) = (self.descended.last().copied(), self.spent.last().copied());
        (last.unwrap_or_default() / before, (sum.unwrap_or_default() - start) / before)
    }

    /// Adds a state: the alarm is one step further away from state 0.
    fn grow(&mut self) {
        let (back, time) = self.above();
        let stays = 1.0 - self.rate * back;
        let lower = (1.0 - self.rate) / stays;
        let requests = (1.0 + self.rate * time) / stays;
        let last = self.descended.last().copied().unwrap_or_default();
        self.spent.push(self.spent.last().copied().unwrap_or_default() + last * requests);
        self.descended.push(last * lower);
    }

    /// The mean number of requests from state 0 to the alarm.
    fn run_length(&self) -> f64 {
        let (back, time) = self.above();
        (1.0 + self.rate * time) / (self.rate * (1.0 - back))
    }
}

impl Walk {
    /// The requests within which it raises an alarm with a chance of 95 %.
    fn found_within(self, rate: f64) -> Option<u64> {
        if self.up <= COARSE {
            return self.quantile(rate);
        }
        // Rejections are rare: counted in rejections, the walk is as good as the same on a coarser lattice, where a request
        // stands for several.
        let scale = (self.up + 1) as f64 / (COARSE + 1) as f64;
        let coarse = Self { up: COARSE, alarm: (self.alarm as f64 / scale).ceil() as usize };
        let requests = coarse.quantile(rate * scale)? as f64 * scale * COARSENESS;
        Some(requests.ceil() as u64)
    }

    fn quantile(self, rate: f64) -> Option<u64> {
        let mut alive = vec![0.0; self.alarm];
        *alive.first_mut()? = 1.0;
        let mut next = alive.clone();
        let mut requests = 0;
        while alive.iter().sum::<f64>() > 1.0 - FOUND {
            if requests * self.alarm as u64 > MOST_WORK {
                return None;
            }
            // One down, the lowest state staying; then the rejected ones up.
            next.clear();
            next.extend(alive.iter().skip(1).map(|chance| chance * (1.0 - rate)));
            next.push(0.0);
            if let (Some(lowest), Some(stay)) = (next.first_mut(), alive.first()) {
                *lowest += stay * (1.0 - rate);
            }
            for (to, from) in next.iter_mut().skip(self.up).zip(&alive) {
                *to += from * rate;
            }
            std::mem::swap(&mut alive, &mut next);
            requests += 1;
        }
        Some(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Requests until the alarm, as a monitor would count them from the figures in `router.toml`.
    fn simulate(detector: &Detector, reference: f64, rate: f64, rng: &mut ChaCha8Rng) -> u64 {
        let limit = (rate * 2f64.powi(32)) as u32;
        let (mut s, mut requests) = (0.0f64, 0);
        while s < detector.threshold {
            let rejected = rng.next_u32() < limit;
            s = (s + f64::from(u8::from(rejected)) - reference).max(0.0);
            requests += 1;
        }
        requests
    }

    #[test]
    fn a_chain_of_two_states_is_solved_by_hand() {
        // Up 1, alarm at 1: every rejection is one. Alarm at 2: two in a row (geometric: (1 + p) / p^2).
        let mut chain = Chain::new(0.1, 1).unwrap();
        assert!((chain.run_length() - 10.0).abs() < 1e-9);
        chain.grow();
        assert!((chain.run_length() - 110.0).abs() < 1e-9, "{}", chain.run_length());
    }

    #[test]
    fn the_run_length_agrees_with_the_solved_system() {
        // Solved densely with another program: rate .03, 22 up, alarm at 232; rate .0104, 59 up, alarm at 720.
        for (rate, up, alarm, length) in
            [(0.03, 22, 232, 201_886.743), (1.0 / 96.0, 59, 720, 108_285.564_829_591_08 * 96.0)]
        {
            let mut chain = Chain::new(rate, up).unwrap();
            (1..alarm).for_each(|_| chain.grow());
            assert!((chain.run_length() / length - 1.0).abs() < 1e-6, "{} {length}", chain.run_length());
        }
    }

    #[test]
    fn a_doubling_of_three_per_cent_is_found_in_the_stated_number() {
        let detector = design(0.03, 2000, 2.0, 200_000.0).unwrap();
        assert!(detector.run_length(0.03).unwrap() >= 200_000.0);
        assert!(detector.run_length(upper(0.03, 2000).unwrap()).unwrap() >= 200_000.0);
        let within = detector.found_within.unwrap();
        assert!((1000..2000).contains(&within), "{within}");
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let runs = 2000;
        let found =
            (0..runs).filter(|_| simulate(&detector, detector.reference, 0.06, &mut rng) <= within).count();
        let share = found as f64 / f64::from(runs);
        assert!((0.935..0.967).contains(&share), "{share}");
    }

    #[test]
    fn false_alarms_are_as_rare_as_stated_where_the_first_window_understates() {
        // The rate that the stated run length is computed for: the upper bound of the first window.
        let detector = design(0.03, 2000, 2.0, 200_000.0).unwrap();
        let worst = upper(0.03, 2000).unwrap();
        let exact = detector.run_length(worst).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        let runs = 150u32;
        let sum: u64 = (0..runs).map(|_| simulate(&detector, detector.reference, worst, &mut rng)).sum();
        let mean = sum as f64 / f64::from(runs);
        // The standard error of a mean of 150 geometric runs is 8 %.
        assert!((mean / exact - 1.0).abs() < 0.2 && mean >= 0.9 * 200_000.0, "{mean} {exact}");
        // At the baseline itself they are rarer by far.
        assert!(detector.run_length(0.03).unwrap() > 3_000_000.0);
    }

    #[test]
    fn nine_first_windows_of_ten_keep_the_run_length() {
        // The monitor's own baseline, from a first window: the true rate is 3 %.
        let detector = design(0.03, 2000, 2.0, 200_000.0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(13);
        let limit = (0.03 * 2f64.powi(32)) as u32;
        let windows = 400;
        let kept = (0..windows)
            .filter(|_| {
                let seen = (0..2000).filter(|_| rng.next_u32() < limit).count() as f64 / 2000.0;
                scaled(&detector, seen).run_length(0.03).unwrap() >= 0.9 * 200_000.0
            })
            .count();
        let share = kept as f64 / f64::from(windows);
        assert!(share >= 0.87, "{share}");
    }

    /// The detector of a monitor whose first window showed that share: its reference goes with the upper bounds of the two shares,
    /// because a window says less of a lower one. For the chain, that is a lattice of another width.
    fn scaled(detector: &Detector, seen: f64) -> Detector {
        let bound = |share: f64| upper(share, 2000).unwrap();
        let reference = detector.reference * bound(seen) / bound(detector.baseline);
        let up = (1.0 / reference).round() as usize - 1;
        let walk = Walk { up, alarm: (detector.threshold * (up as f64 + 1.0)).ceil() as usize };
        Detector { walk, ..*detector }
    }

    #[test]
    fn a_lower_or_higher_baseline_of_production_keeps_the_run_length_too() {
        let detector = design(0.03, 2000, 2.0, 200_000.0).unwrap();
        for seen in [0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04] {
            let worst = scaled(&detector, seen).run_length(upper(seen, 2000).unwrap()).unwrap();
            println!("{seen}: {worst:.0}");
            // The lattice rounds the reference by up to a fiftieth.
            assert!(worst >= 0.85 * 200_000.0, "{seen}: {worst}");
        }
    }

    #[test]
    fn a_baseline_that_the_first_window_cannot_show_is_raised() {
        let none = design(0.0, 2000, 2.0, 200_000.0).unwrap();
        assert!((none.baseline - 0.01).abs() < 1e-12);
        let long = design(0.0, 1_000_000, 2.0, 200_000.0).unwrap();
        assert!((long.baseline - 0.001).abs() < 1e-12);
    }

    #[test]
    fn the_coarser_lattice_is_close_and_on_the_safe_side() {
        let walk = Walk { up: 119, alarm: 1440 };
        let (exact, coarse) =
            (walk.quantile(0.0125).unwrap() as f64, walk.found_within(0.0125).unwrap() as f64);
        assert!(coarse >= exact && coarse < exact * 1.03, "{exact} {coarse}");
    }

    #[test]
    fn there_is_no_detector_where_none_can_be() {
        assert_eq!(design(0.6, 2000, 2.0, 200_000.0), None, "twice 60 % is no share");
        assert_eq!(design(0.03, 0, 2.0, 200_000.0), None);
        assert_eq!(design(0.03, 2000, 1.0, 200_000.0), None);
        assert_eq!(design(0.03, 200, 1.05, 200_000.0), None, "the window cannot tell so little from chance");
    }
}
