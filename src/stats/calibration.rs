//! A judge that errs, compared with people: how often it is right about good and about bad answers, and what that makes of a
//! pass rate that it measured.
//!
//! Correction: Rogan and Gladen (1978), `theta = (p + q0 - 1) / (q0 + q1 - 1)`, with the interval of arXiv 2511.21140.

use super::interval::{Bounds, normal_quantile, wilson};
use super::kappa;

/// A person's or a judge's verdict on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Good enough.
    Pass,
    /// Not good enough.
    Fail,
}

/// The least `sensitivity + specificity - 1` of a judge whose word says anything: at 0 it says pass as often of bad answers
/// as of good ones, and a correction would divide by nothing.
pub const LEAST_INFORMATION: f64 = 0.1;

/// Answers with the same human verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Class {
    n: u64,
    weight: f64,
    squares: f64,
    agreed: f64,
}

impl Class {
    fn take(&mut self, agreed: bool, weight: f64) {
        self.n += 1;
        self.weight += weight;
        self.squares += weight * weight;
        self.agreed += if agreed { weight } else { 0.0 };
    }

    fn share(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.agreed / self.weight)
    }

    /// Kish's effective number.
    fn n_eff(&self) -> f64 {
        if self.squares > 0.0 { self.weight * self.weight / self.squares } else { 0.0 }
    }
}

/// The verdicts of a judge and of people on the same answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confusion {
    good: Class,
    bad: Class,
}

impl Confusion {
    /// Takes an answer in. The weight is the number of answers that it stands for: what was drawn by the judge's verdict is
    /// not drawn evenly, and would flatter the judge unweighted.
    pub fn take(&mut self, people: Word, judge: Word, weight: f64) {
        if weight.is_finite() && weight > 0.0 {
            match people {
                Word::Pass => self.good.take(judge == Word::Pass, weight),
                Word::Fail => self.bad.take(judge == Word::Fail, weight),
            }
        }
    }

    /// Answers.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.good.n + self.bad.n
    }

    /// Answers that people pass.
    #[must_use]
    pub const fn passed_by_people(&self) -> u64 {
        self.good.n
    }

    /// Answers that people fail.
    #[must_use]
    pub const fn failed_by_people(&self) -> u64 {
        self.bad.n
    }

    /// The share of good answers that the judge passes, q1; `None` without a good answer.
    #[must_use]
    pub fn sensitivity(&self) -> Option<f64> {
        self.good.share()
    }

    /// The share of bad answers that the judge fails, q0; `None` without a bad answer.
    #[must_use]
    pub fn specificity(&self) -> Option<f64> {
        self.bad.share()
    }

    /// The share of answers on which both agree; `None` without an answer.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        let all = self.good.weight + self.bad.weight;
        (all > 0.0).then(|| (self.good.agreed + self.bad.agreed) / all)
    }

    /// Cohen's kappa.
    #[must_use]
    pub fn kappa(&self) -> Option<f64> {
        let (good, bad) = (&self.good, &self.bad);
        kappa::cohen(good.agreed, good.weight - good.agreed, bad.weight - bad.agreed, bad.agreed)
    }

    /// Whether the judge's verdicts are informative: better than chance at telling good answers from bad ones.
    #[must_use]
    pub fn is_informative(&self) -> bool {
        match (self.sensitivity(), self.specificity()) {
            (Some(q1), Some(q0)) => q0 + q1 - 1.0 >= LEAST_INFORMATION,
            (None, _) | (_, None) => false,
        }
    }

    /// The pass rate that people would give, from the rate `p` that the judge gave to `n` answers; `None` where the judge
    /// is too uninformative for a correction.
    #[must_use]
    pub fn corrected(&self, p: f64, n: f64, confidence: f64) -> Option<Corrected> {
        let (q1, q0) = (self.sensitivity()?, self.specificity()?);
        let sane = (0.0..=1.0).contains(&p) && n > 0.0 && n.is_finite() && (0.0..1.0).contains(&confidence);
        if !sane || !self.is_informative() {
            return None;
        }
        let theta = (p + q0 - 1.0) / (q0 + q1 - 1.0);
        let z = normal_quantile(0.5 + confidence / 2.0);
        let z2 = z * z;
        let (m1, m0) = (self.good.n_eff(), self.bad.n_eff());
        // Everything is drawn a little to the middle, so that a judge who was never wrong so far may yet err.
        let (p, n) = ((n * p + z2 / 2.0) / (n + z2), n + z2);
        let (q1, m1) = ((m1 * q1 + 1.0) / (m1 + 2.0), m1 + 2.0);
        let (q0, m0) = ((m0 * q0 + 1.0) / (m0 + 2.0), m0 + 2.0);
        let information = q0 + q1 - 1.0;
        if information <= 0.0 {
            return None;
        }
        let smooth = (p + q0 - 1.0) / information;
        let (of_bad, of_good) = (q0 * (1.0 - q0) / m0, q1 * (1.0 - q1) / m1);
        let centre = smooth + 2.0 * z2 * (smooth * of_good - (1.0 - smooth) * of_bad);
        let variance = p * (1.0 - p) / n + (1.0 - smooth).powi(2) * of_bad + smooth.powi(2) * of_good;
        let half = z * variance.sqrt() / information;
        let rate = theta.clamp(0.0, 1.0);
        let bounds = Bounds { low: (centre - half).clamp(0.0, rate), high: (centre + half).clamp(rate, 1.0) };
        Some(Corrected { rate, bounds, n_eff: as_wide(rate, bounds, n - z2, confidence) })
    }
}

/// The number of trials, `most` at the most, whose Wilson interval reaches as far as these bounds do, on the side where they
/// reach farther.
fn as_wide(rate: f64, bounds: Bounds, most: f64, confidence: f64) -> f64 {
    let within = |n: f64| {
        wilson(rate, n, confidence).is_some_and(|own| own.low >= bounds.low && own.high <= bounds.high)
    };
    // A tenth of a trial is wider than any bounds that are of use.
    let (mut wide, mut narrow) = (0.1, most);
    if within(wide) || !within(narrow) {
        return if within(wide) { wide } else { narrow };
    }
    for _ in 0..50 {
        let middle = f64::midpoint(wide, narrow);
        if within(middle) { narrow = middle } else { wide = middle }
    }
    narrow
}

/// A pass rate corrected for the measured errors of the judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrected {
    /// The rate.
    pub rate: f64,
    /// Its interval: the judge's own uncertainty is in it.
    pub bounds: Bounds,
    /// The effective sample size: the number of human-graded answers whose Wilson interval is as wide. Never more than
    /// the judge has graded.
    pub n_eff: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A judge that is right about so many of the good and of the bad answers.
    fn judge(good: (u32, u32), bad: (u32, u32)) -> Confusion {
        let mut confusion = Confusion::default();
        for at in 0..good.1 {
            confusion.take(Word::Pass, if at < good.0 { Word::Pass } else { Word::Fail }, 1.0);
        }
        for at in 0..bad.1 {
            confusion.take(Word::Fail, if at < bad.0 { Word::Fail } else { Word::Pass }, 1.0);
        }
        confusion
    }

    #[test]
    fn the_corrected_rate_is_that_of_the_paper() {
        let corrected = judge((180, 200), (140, 200)).corrected(0.4, 1000.0, 0.95).unwrap();
        assert!((corrected.rate - 0.166_667).abs() < 1e-6, "{corrected:?}");
        assert!((corrected.bounds.low - 0.056_351).abs() < 1e-6, "{corrected:?}");
        assert!((corrected.bounds.high - 0.262_733).abs() < 1e-6, "{corrected:?}");
    }

    #[test]
    fn a_judge_that_guesses_is_not_corrected() {
        assert_eq!(judge((100, 200), (100, 200)).corrected(0.4, 1000.0, 0.95), None);
        assert_eq!(judge((200, 200), (10, 200)).corrected(0.9, 1000.0, 0.95), None);
        assert_eq!(judge((200, 200), (0, 0)).corrected(0.9, 1000.0, 0.95), None, "never seen a bad answer");
    }

    #[test]
    fn a_weight_stands_for_the_answers_that_were_not_drawn() {
        let mut drawn = Confusion::default();
        // Of 90 passes 9 were looked at, of 10 fails all: one of the nine was bad.
        for at in 0..9 {
            drawn.take(if at == 0 { Word::Fail } else { Word::Pass }, Word::Pass, 10.0);
        }
        for _ in 0..10 {
            drawn.take(Word::Fail, Word::Fail, 1.0);
        }
        assert_eq!(drawn.n(), 19);
        assert!((drawn.specificity().unwrap() - 0.5).abs() < 1e-12);
        assert!((drawn.agreement().unwrap() - 0.9).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate_and_stays_a_share(
            p in 0.0..=1.0_f64, n in 1.0..5000.0_f64,
            good in 1..300_u32, right in 0..300_u32, bad in 1..300_u32, caught in 0..300_u32,
        ) {
            let confusion = judge((right.min(good), good), (caught.min(bad), bad));
            if let Some(c) = confusion.corrected(p, n, 0.95) {
                prop_assert!(0.0 <= c.bounds.low && c.bounds.low <= c.rate);
                prop_assert!(c.rate <= c.bounds.high && c.bounds.high <= 1.0);
            }
        }
    }

    #[test]
    fn a_corrected_rate_is_worth_as_many_answers_as_its_interval_is_wide() {
        let judge = |n: u64, wrong: u64| {
            let mut seen = Confusion::default();
            (0..n).for_each(|at| {
                seen.take(Word::Pass, if at < wrong { Word::Fail } else { Word::Pass }, 1.0);
                seen.take(Word::Fail, if at < wrong { Word::Pass } else { Word::Fail }, 1.0);
            });
            seen
        };
        let worth = |n, wrong, p| judge(n, wrong).corrected(p, 1000.0, 0.95).unwrap();
        // More labels are worth more, a judge that errs is worth less, and no judge is better than people.
        let (few, many, erring) = (worth(40, 0, 0.9), worth(4000, 0, 0.9), worth(40, 8, 0.7));
        assert!(erring.n_eff < few.n_eff && few.n_eff < many.n_eff && many.n_eff <= 1000.0);
        assert!(many.n_eff > 900.0, "{many:?}");
        for one in [few, erring, worth(40, 0, 1.0), worth(40, 2, 0.96)] {
            let own = wilson(one.rate, one.n_eff, 0.95).unwrap();
            assert!(
                own.low >= one.bounds.low - 1e-6 && own.high <= one.bounds.high + 1e-6,
                "{one:?} {own:?}"
            );
            let wider = wilson(one.rate, one.n_eff * 0.98, 0.95).unwrap();
            assert!(wider.low < one.bounds.low || wider.high > one.bounds.high, "{one:?}");
        }
    }
}
