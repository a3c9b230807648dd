//! Compares two runs on the same prompts: what got better, worse, costlier or slower, and whether that is noise. Pure; reads no
//! file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::interval::{Bounds, normal_quantile};
use crate::stats::multiple::holm;
use crate::stats::paired::{self, Pair};

/// The results of a run for one prompt on one tier, its repeats together.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The prompt's weight.
    pub weight: f64,
    /// The share of repeats that passed; `None` where nothing was graded.
    pub score: Option<f64>,
    /// Mean cost in USD, where known.
    pub cost: Option<f64>,
    /// Mean latency in milliseconds, where known.
    pub latency: Option<f64>,
}

/// A task and a tier.
pub type CellKey = (String, String);

/// The results of a run, by cell and prompt.
pub type Side = BTreeMap<CellKey, BTreeMap<String, Seen>>;

/// How a comparison is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The chance of calling any noise a signal, over all rows of a quantity.
    pub alpha: f64,
    /// Bootstrap resamples for cost and latency.
    pub resamples: u32,
    /// Their seed.
    pub seed: u64,
}

/// Whether a change stands out from noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Significance {
    /// It stands out from noise.
    Signal,
    /// It may be noise.
    Noise,
}

impl Significance {
    const fn of(stands_out: bool) -> Self {
        if stands_out { Self::Signal } else { Self::Noise }
    }

    /// The name as printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Noise => "noise",
        }
    }
}

/// The change of pass rates, second run minus first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Pass rate in the first run, over the shared prompts.
    pub before: f64,
    /// The same in the second.
    pub after: f64,
    /// The difference.
    pub difference: f64,
    /// Its 95 % interval, from the paired standard error; `None` with fewer than two prompts.
    pub interval: Option<(f64, f64)>,
    /// Prompts that only the first run passed, or passed more often.
    pub only_before: u64,
    /// The same of the second.
    pub only_after: u64,
    /// McNemar's mid-p (Fagerland et al. 2013).
    pub p: f64,
    /// McNemar's exact p.
    pub p_exact: f64,
    /// The mid-p by Holm's correction over all rows.
    pub p_holm: f64,
    /// Whether `p_holm` is below alpha.
    pub significance: Significance,
}

/// The change of a mean, as the ratio of the second run to the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The mean in the first run.
    pub before: f64,
    /// The mean in the second.
    pub after: f64,
    /// after / before; `None` where that was nothing.
    pub ratio: Option<f64>,
    /// The bootstrap interval of the ratio over prompts, by Bonferroni's correction over all rows.
    pub interval: Option<(f64, f64)>,
    /// Prompts with a figure in both runs.
    pub n: u64,
    /// Whether the interval leaves out 1.
    pub significance: Significance,
}

/// A task at a tier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The task.
    pub task: String,
    /// The tier, as the first run calls it.
    pub tier: String,
    /// Prompts graded in both runs.
    pub n: u64,
    /// Prompts graded in the first run.
    pub n_before: u64,
    /// Prompts graded in the second.
    pub n_after: u64,
    /// Pass rates; `None` without a shared prompt.
    pub quality: Option<Quality>,
    /// Cost per request in USD.
    pub cost: Option<Change>,
    /// Latency of a request in milliseconds.
    pub latency: Option<Change>,
    /// The shared prompts that passed before and do not now, in order.
    pub regressions: Vec<String>,
}

impl Row {
    /// Whether the pass rate rose, beyond noise.
    #[must_use]
    pub fn is_better(&self) -> bool {
        self.quality
            .is_some_and(|quality| quality.difference > 0.0 && quality.significance == Significance::Signal)
    }

    /// Whether quality fell beyond noise.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.quality
            .is_some_and(|quality| quality.significance == Significance::Signal && quality.difference < 0.0)
    }

    /// Whether a request costs more beyond noise.
    #[must_use]
    pub fn costs_more(&self) -> bool {
        self.cost.is_some_and(|cost| {
            cost.significance == Significance::Signal && cost.ratio.is_some_and(|ratio| ratio > 1.0)
        })
    }

    /// Whether a request takes longer beyond noise.
    #[must_use]
    pub fn is_slower(&self) -> bool {
        self.latency.is_some_and(|latency| {
            latency.significance == Significance::Signal && latency.ratio.is_some_and(|ratio| ratio > 1.0)
        })
    }
}

/// Compares two runs, cell by cell, on the prompts that both graded. `tiers` names tiers of the second run by those of the
/// first, where the names differ.
#[must_use]
pub fn compare(
    before: &Side,
    after: &Side,
    tiers: &BTreeMap<String, String>,
    settings: &Settings,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let shared = before.iter().filter_map(|((task, tier), first)| {
        let other = tiers.get(tier).unwrap_or(tier);
        Some((task, tier, first, after.get(&(task.clone(), other.clone()))?))
    });
    let shared: Vec<_> = shared.collect();
    for (at, (task, tier, first, second)) in shared.iter().enumerate() {
        let both: Vec<(&String, &Seen, &Seen)> =
            first.iter().filter_map(|(prompt, one)| Some((prompt, one, second.get(prompt)?))).collect();
        let graded =
            |side: &BTreeMap<String, Seen>| side.values().filter(|seen| seen.score.is_some()).count() as u64;
        let stream = at as u64 * 2;
        let many = shared.len();
        rows.push(Row {
            task: (*task).clone(),
            tier: (*tier).clone(),
            n: both.iter().filter(|(_, one, two)| one.score.is_some() && two.score.is_some()).count() as u64,
            n_before: graded(first),
            n_after: graded(second),
            quality: quality(&both),
            cost: change(&both, |seen| seen.cost, settings, stream, many),
            latency: change(&both, |seen| seen.latency, settings, stream + 1, many),
            regressions: both
                .iter()
                .filter(|(_, one, two)| one.score.zip(two.score).is_some_and(|(one, two)| two < one))
                .map(|(prompt, ..)| (*prompt).clone())
                .collect(),
        });
    }
    let p: Vec<f64> = rows.iter().map(|row| row.quality.map_or(1.0, |quality| quality.p)).collect();
    for (row, adjusted) in rows.iter_mut().zip(holm(&p)) {
        if let Some(quality) = &mut row.quality {
            quality.p_holm = adjusted;
            quality.significance = Significance::of(adjusted < settings.alpha);
        }
    }
    rows
}

fn quality(both: &[(&String, &Seen, &Seen)]) -> Option<Quality> {
    let pairs: Vec<Pair> = both
        .iter()
        .filter_map(|(_, one, two)| Some(Pair { weight: one.weight, first: two.score?, second: one.score? }))
        .collect();
    let difference = paired::difference(&pairs)?;
    let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
    let mean =
        |score: fn(&Pair) -> f64| pairs.iter().map(|pair| pair.weight * score(pair)).sum::<f64>() / total;
    let count = |wanted: fn(&Pair) -> bool| pairs.iter().filter(|pair| wanted(pair)).count() as u64;
    let (only_after, only_before) =
        (count(|pair| pair.first > pair.second), count(|pair| pair.first < pair.second));
    let z = normal_quantile(0.975);
    let interval =
        difference.se.map(|se| ((difference.mean - z * se).max(-1.0), (difference.mean + z * se).min(1.0)));
    Some(Quality {
        before: mean(|pair| pair.second),
        after: mean(|pair| pair.first),
        difference: difference.mean,
        interval,
        only_before,
        only_after,
        p: paired::mcnemar_mid_p(only_after, only_before),
        p_exact: paired::mcnemar_exact(only_after, only_before),
        p_holm: 1.0,
        significance: Significance::Noise,
    })
}

fn change(
    both: &[(&String, &Seen, &Seen)],
    figure: fn(&Seen) -> Option<f64>,
    settings: &Settings,
    stream: u64,
    rows: usize,
) -> Option<Change> {
    let pairs: Vec<(f64, f64, f64)> =
        both.iter().filter_map(|(_, one, two)| Some((one.weight, figure(one)?, figure(two)?))).collect();
    let first = Column::new(pairs.iter().map(|(weight, one, _)| Some((*one, *weight))));
    let second = Column::new(pairs.iter().map(|(weight, _, two)| Some((*two, *weight))));
    let (before, after) = (first.mean()?, second.mean()?);
    let plan = Plan { seed: settings.seed, stream, resamples: settings.resamples };
    let drawn = bootstrap::means(plan, &[first, second]);
    let ratios = drawn.first().into_iter().flatten().zip(drawn.get(1).into_iter().flatten());
    let ratios = ratios.filter(|(before, _)| **before > 0.0).map(|(before, after)| after / before);
    let confidence = 1.0 - settings.alpha / rows.max(1) as f64;
    let interval = bootstrap::interval(ratios, confidence).filter(|_| before > 0.0);
    Some(Change {
        before,
        after,
        ratio: (before > 0.0).then(|| after / before),
        interval: interval.map(|Bounds { low, high }| (low, high)),
        n: pairs.len() as u64,
        // Two equal figures do not differ, whatever the resamples show.
        significance: Significance::of(
            interval.is_some_and(|Bounds { low, high }| low > 1.0 + 1e-9 || high < 1.0 - 1e-9),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { alpha: 0.05, resamples: 500, seed: 1 };

    fn side(scores: impl Iterator<Item = (f64, f64)>) -> Side {
        let prompts = scores.enumerate().map(|(at, (score, cost))| {
            (format!("p{at:03}"), Seen { weight: 1.0, score: Some(score), cost: Some(cost), latency: None })
        });
        BTreeMap::from([(("task".to_owned(), "tier".to_owned()), prompts.collect())])
    }

    fn only(rows: Vec<Row>) -> Row {
        assert_eq!(rows.len(), 1);
        rows.into_iter().next().unwrap()
    }

    #[test]
    fn a_planted_regression_is_a_signal_and_as_many_flips_both_ways_are_noise() {
        let before = side((0..200).map(|_| (1.0, 0.01)));
        let worse = side((0..200).map(|at| (f64::from(u8::from(at >= 20)), 0.01)));
        let row = only(compare(&before, &worse, &BTreeMap::new(), &SETTINGS));
        let quality = row.quality.unwrap();
        assert_eq!(
            (quality.only_before, quality.only_after, quality.significance),
            (20, 0, Significance::Signal)
        );
        assert!(row.is_worse() && !row.costs_more());
        assert!((quality.difference + 0.1).abs() < 1e-12);
        assert_eq!(row.regressions.len(), 20);
        let one = side((0..200).map(|at| (f64::from(u8::from(at % 20 != 0)), 0.01)));
        let two = side((0..200).map(|at| (f64::from(u8::from(at % 20 != 1)), 0.01)));
        let row = only(compare(&one, &two, &BTreeMap::new(), &SETTINGS));
        assert_eq!(row.quality.unwrap().significance, Significance::Noise);
        assert_eq!(row.cost.unwrap().significance, Significance::Noise, "the same costs are no change");
    }

    #[test]
    fn a_costlier_tier_is_a_signal_and_prompts_of_one_side_only_do_not_count() {
        let before = side((0..100).map(|at| (1.0, 0.01 + f64::from(at % 7) * 0.001)));
        let after = side((0..80).map(|at| (1.0, 0.012 + f64::from(at % 7) * 0.001)));
        let row = only(compare(&before, &after, &BTreeMap::new(), &SETTINGS));
        assert_eq!((row.n, row.n_before, row.n_after), (80, 100, 80));
        assert!(row.costs_more() && !row.is_worse());
        let none = compare(&before, &Side::new(), &BTreeMap::new(), &SETTINGS);
        assert!(none.is_empty());
    }

    #[test]
    fn many_rows_ask_for_more_evidence() {
        // Five flips one way: p = 0.03 by itself, noise among twenty rows.
        let cell = |flips: usize| -> BTreeMap<String, Seen> {
            let seen = |at: usize| Seen {
                weight: 1.0,
                score: Some(f64::from(u8::from(at >= flips))),
                cost: None,
                latency: None,
            };
            (0..100).map(|at| (format!("p{at}"), seen(at))).collect()
        };
        let rows = |count: usize, flips: usize| -> Side {
            (0..count)
                .map(|at| ((format!("t{at}"), "tier".to_owned()), cell(if at == 0 { flips } else { 0 })))
                .collect()
        };
        let significance = |count| {
            compare(&rows(count, 0), &rows(count, 5), &BTreeMap::new(), &SETTINGS)[0]
                .quality
                .unwrap()
                .significance
        };
        assert_eq!((significance(1), significance(20)), (Significance::Signal, Significance::Noise));
    }
}
