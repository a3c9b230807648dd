//! A pass rate from verdicts on all answers and from people's labels on some of the same answers: post-stratification by
//! verdict, `theta = sum W_v m_v`, where W_v is the share of answers with verdict v and m_v the share of those that people pass.
//!
//! Uses the labels as what they are, a sample of the answers whose rate is asked for; [`super::calibration`] is for labels of other
//! answers. Its variance is that of two stages of sampling, `sum W_v^2 m_v (1 - m_v) / n_v + sum W_v (m_v - theta)^2 / N` (Neyman
//! 1938), which is never more than that of the labels alone. A stratum of few labels, or whose labels all agree, has no variance to
//! be trusted, so each part enters with its Wilson interval instead (variance recovery, Zou and Donner 2008).

use std::collections::BTreeMap;

use super::calibration::Word;
use super::interval::{Bounds, wilson};

/// What an answer counts as while nobody has looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// The oracle passes it.
    Passed,
    /// The oracle fails it.
    Failed,
    /// It needs no label: a refusal or a truncated answer is a fail whatever the oracle.
    Settled(bool),
}

/// A person's word on an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// What the person says.
    pub word: Word,
    /// The probability with which the answer was picked to be labelled, above 0 and at most 1.
    pub inclusion: f64,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// The number of its cluster: answers of a cluster count as one piece of evidence.
    pub cluster: u32,
    /// Its weight: finite, zero or more.
    pub weight: f64,
    /// What it counts as without a label.
    pub seen: Seen,
    /// The label, if it has one.
    pub label: Option<Label>,
}

/// A pass rate by the words of people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    /// The rate.
    pub mean: f64,
    /// Its interval.
    pub bounds: Bounds,
    /// The effective sample size: the number of answers that, all labelled, would have a Wilson interval that reaches as far
    /// towards the middle. For a good tier that is the lower bound, on which a route depends.
    pub n_eff: f64,
    /// Labels that it rests on.
    pub labels: u64,
}

/// Labels that were picked with nearly the same probability have a Kish's effective number of at least this share of their number.
const EVEN: f64 = 0.75;

/// The labelled answers with a verdict.
#[derive(Clone, Copy, Debug)]
struct Stratum {
    /// Its share of all answers.
    share: f64,
    /// The weighted share of labels that are a pass.
    mean: f64,
    /// The effective number of labels, Kish's over clusters: none where nobody has looked, without end where none is needed.
    n: f64,
}

impl Stratum {
    fn bounds(&self, confidence: f64) -> Option<Bounds> {
        if self.n.is_infinite() {
            return Some(Bounds { low: self.mean, high: self.mean });
        }
        if self.n > 0.0 {
            wilson(self.mean, self.n, confidence)
        } else {
            Some(Bounds { low: 0.0, high: 1.0 })
        }
    }
}

/// The rate of answers that people would pass. `n` is the effective number of answers in all, with a label or not. Fails that
/// nobody has looked at count as fails, so that labels on passes alone can only lower a rate; `None` where no pass is labelled
/// although there are some, or without any label or weight.
#[must_use]
pub fn rate(units: &[Unit], n: f64, confidence: f64) -> Option<Labelled> {
    let labels = units.iter().filter(|unit| unit.label.is_some() && !is_settled(unit.seen)).count() as u64;
    let strata = strata(units)?;
    if labels == 0 || !(n > 0.0 && n.is_finite()) {
        return None;
    }
    let mean = strata.iter().map(|stratum| stratum.share * stratum.mean).sum::<f64>().clamp(0.0, 1.0);
    let bounds = bounds(&strata, mean, n, confidence)?;
    let n_eff = worth(mean, bounds, n, confidence);
    // Labels that were drawn evenly are a plain sample, and no stratification may make less of them: at the same rate, the interval is
    // never wider than that of the labels alone.
    match evenly_drawn(&strata).map(|alone| alone.min(n)) {
        Some(alone) => {
            let plain = wilson(mean, alone, confidence)?;
            let bounds = Bounds { low: plain.low.max(bounds.low), high: plain.high.min(bounds.high) };
            Some(Labelled { mean, bounds, n_eff: n_eff.max(alone), labels })
        }
        None => Some(Labelled { mean, bounds, n_eff, labels }),
    }
}

/// The interval: each part reaches as far as its own Wilson interval does, and the squares add up.
fn bounds(strata: &[Stratum], mean: f64, n: f64, confidence: f64) -> Option<Bounds> {
    let between: f64 = strata.iter().map(|stratum| stratum.share * (stratum.mean - mean).powi(2)).sum();
    // The shares of the verdicts are a sample, too: worth as much as this many answers.
    let shares = n * mean * (1.0 - mean) / between;
    let of_shares =
        if shares.is_finite() { wilson(mean, shares, confidence)? } else { Bounds { low: mean, high: mean } };
    let (mut down, mut up) = ((mean - of_shares.low).powi(2), (of_shares.high - mean).powi(2));
    for stratum in strata {
        let own = stratum.bounds(confidence)?;
        down += (stratum.share * (stratum.mean - own.low)).powi(2);
        up += (stratum.share * (own.high - stratum.mean)).powi(2);
    }
    Some(Bounds { low: (mean - down.sqrt()).max(0.0), high: (mean + up.sqrt()).min(1.0) })
}

/// The number of answers, `most` at the most, whose Wilson interval reaches as far towards the middle as these bounds do. On the
/// other side bounds may be far out for a few fails that nobody has looked at, which says nothing about the side that counts.
fn worth(mean: f64, bounds: Bounds, most: f64, confidence: f64) -> f64 {
    let within = |n: f64| {
        wilson(mean, n, confidence)
            .is_some_and(|own| if mean >= 0.5 { own.low >= bounds.low } else { own.high <= bounds.high })
    };
    let (mut few, mut many) = (0.0, most);
    if !within(many) {
        return many;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(few, many);
        if within(middle) { many = middle } else { few = middle }
    }
    many
}

/// The effective number of labels, taken as a sample without regard to verdicts, where they were drawn about evenly: `None` where
/// they were not, or where some answers need none. How many fell to each verdict by chance takes nothing from a plain sample.
fn evenly_drawn(strata: &[Stratum]) -> Option<f64> {
    let labels: f64 = strata.iter().map(|stratum| stratum.n).sum();
    let squares: f64 = strata.iter().map(|stratum| stratum.share.powi(2) / stratum.n).sum();
    let alone = 1.0 / squares;
    (labels.is_finite() && alone.is_finite() && alone >= EVEN * labels).then_some(labels)
}

const fn is_settled(seen: Seen) -> bool {
    matches!(seen, Seen::Settled(_))
}

/// The answers with a verdict: their weight, and by cluster for how many the labels stand, and the labels that are a pass.
type Tally = (f64, BTreeMap<u32, (f64, f64)>);

/// The strata of some answers; `None` where one of passes has no label.
fn strata(units: &[Unit]) -> Option<Vec<Stratum>> {
    let mut whole = 0.0;
    let mut by_seen: BTreeMap<Seen, Tally> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.weight.is_finite() && unit.weight > 0.0) {
        whole += unit.weight;
        let (weight, clusters) = by_seen.entry(unit.seen).or_default();
        *weight += unit.weight;
        // Horvitz and Thompson: a label stands for as many answers as there were to each that was picked.
        if let Some(label) = unit.label.filter(|label| label.inclusion > 0.0) {
            let stands_for = unit.weight / label.inclusion.min(1.0);
            let cluster = clusters.entry(unit.cluster).or_default();
            cluster.0 += stands_for;
            cluster.1 += if label.word == Word::Pass { stands_for } else { 0.0 };
        }
    }
    let stratum = |(seen, (weight, clusters)): (Seen, Tally)| {
        let share = weight / whole;
        let (all, good, squares) = clusters
            .values()
            .fold((0.0, 0.0, 0.0), |(a, g, s), (all, good)| (a + all, g + good, s + all * all));
        match seen {
            Seen::Settled(pass) => Some(Stratum { share, mean: f64::from(u8::from(pass)), n: f64::INFINITY }),
            Seen::Passed | Seen::Failed if all > 0.0 => {
                Some(Stratum { share, mean: good / all, n: all * all / squares })
            }
            Seen::Passed => None,
            Seen::Failed => Some(Stratum { share, mean: 0.0, n: 0.0 }),
        }
    };
    by_seen.into_iter().map(stratum).collect()
}

#[cfg(test)]
mod tests;
