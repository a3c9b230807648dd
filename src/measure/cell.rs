//! The evidence of one cell, from its observations.

use std::collections::BTreeMap;

use super::availability::Availability;
use super::estimate::{money, rate, usd};
use super::evidence::{CellEvidence, Draws, Observation, Settings};
use super::facts::{Counts, PassPower, ReasonCount, Repeats, TokenStats};
use super::timings::{Timing, Timings};
use crate::config::IntervalMethod;
use crate::record::{Outcome, Verdict};
use crate::stats::bootstrap::Column;
use crate::stats::quantile::Sorted;
use crate::stats::repeats;
use crate::stats::weighted::{self, Cluster, Estimate};
use crate::units::{Millis, Tokens};

/// Lines of fail reasons at the most.
const REASONS: usize = 10;
/// The largest k of pass^k.
const MOST_TRIES: u32 = 20;

/// What a trial is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// The oracle passes it.
    Pass,
    /// The oracle fails it, or there was nothing to pass.
    Fail,
    /// It may have been either: `error`, `ungraded`, missing.
    Unknown,
    /// The prompt does not fit: no evidence about quality.
    Overflow,
}

impl Grade {
    /// The grade of a trial that ended so; `None` is one without any attempt.
    #[must_use]
    pub const fn of(outcome: Option<Outcome>, verdict: Option<&Verdict>) -> Self {
        match (outcome, verdict) {
            (Some(Outcome::Reply), Some(Verdict::Pass)) => Self::Pass,
            (Some(Outcome::Reply), Some(Verdict::Fail(_)))
            | (Some(Outcome::Refused | Outcome::Truncated), _) => Self::Fail,
            (Some(Outcome::Reply), Some(Verdict::Ungraded(_)) | None) | (Some(Outcome::Error) | None, _) => {
                Self::Unknown
            }
            (Some(Outcome::Overflow), _) => Self::Overflow,
        }
    }
}

fn grade(observation: &Observation) -> Grade {
    Grade::of(observation.outcome, observation.verdict.as_ref())
}

/// Whether the model answered with something that costs and takes time.
fn answered(observation: &Observation) -> bool {
    match observation.outcome {
        Some(Outcome::Reply | Outcome::Refused | Outcome::Truncated) => true,
        Some(Outcome::Overflow | Outcome::Error) | None => false,
    }
}

/// Whether production would see the request rejected: 1, 0, or not known.
fn rejected(observation: &Observation) -> Option<f64> {
    match observation.outcome {
        Some(Outcome::Refused | Outcome::Truncated) => Some(1.0),
        Some(Outcome::Reply) => match (observation.gate_passed, grade(observation)) {
            (Some(true), _) => Some(0.0),
            (Some(false), _) => Some(1.0),
            // Without a gate, production accepts every reply.
            (None, Grade::Pass | Grade::Fail) => Some(0.0),
            (None, Grade::Unknown | Grade::Overflow) => None,
        },
        Some(Outcome::Overflow | Outcome::Error) | None => None,
    }
}

/// What a request cost by the price of its answer, in USD.
fn priced(o: &Observation, answer: Option<crate::units::Usd>) -> Option<f64> {
    let answer = answer.filter(|_| answered(o))?.to_f64();
    // An attempt that was answered but whose cost is unknown is taken to have cost what the answer did.
    Some(answer + o.wasted.to_f64() + answer * f64::from(o.unpriced))
}

impl Observation {
    /// What the prompt weighs in the means of the cell.
    #[must_use]
    pub fn mass(&self) -> f64 {
        self.drawn.unwrap_or(self.weight)
    }

    /// Whether the answer was good enough: `None` where nothing says so, or where the prompt does not fit.
    #[must_use]
    pub fn passed(&self) -> Option<bool> {
        match grade(self) {
            Grade::Pass => Some(true),
            Grade::Fail => Some(false),
            Grade::Unknown | Grade::Overflow => None,
        }
    }

    /// Whether production would accept the answer: `None` where that is unknown.
    #[must_use]
    pub fn accepted(&self) -> Option<bool> {
        rejected(self).map(|share| share < 0.5)
    }

    /// What the trial is evidence of, together with all others of the same number: its cluster, else its prompt.
    #[must_use]
    pub fn unit(&self) -> u32 {
        self.cluster.unwrap_or(self.prompt)
    }

    /// What the request cost in USD, retried attempts included, at list prices.
    #[must_use]
    pub fn cost_in_all(&self) -> Option<f64> {
        priced(self, self.cost)
    }

    /// The same as if nothing had come from a cache.
    #[must_use]
    pub fn uncached_in_all(&self) -> Option<f64> {
        priced(self, self.cost_uncached)
    }
}

/// The score of a trial where one without a grade counts as `unknown`; `None` where it says nothing about quality.
fn score(observation: &Observation, unknown: Option<f64>) -> Option<f64> {
    match grade(observation) {
        Grade::Pass => Some(1.0),
        Grade::Fail => Some(0.0),
        Grade::Unknown => unknown,
        Grade::Overflow => None,
    }
}

/// A prompt's score at a tier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    pub(super) prompt: u32,
    pub(super) unit: u32,
    pub(super) weight: f64,
    pub(super) mean: f64,
}

/// Prompts as (cluster, value, weight), those of a cluster in a row, united to their clusters.
pub fn united(prompts: &[(u32, f64, f64)]) -> Vec<Cluster> {
    let of = |of: &[(u32, f64, f64)]| {
        one(of.iter().map(|(_, mean, weight)| Cluster { weight: *weight, mean: *mean, trials: 1 }))
    };
    prompts.chunk_by(|a, b| a.0 == b.0).map(of).collect()
}

/// Several of them as one, by their weights; alike where they have none.
fn one(of: impl Iterator<Item = Cluster> + Clone) -> Cluster {
    let (weight, trials) = of.clone().fold((0.0, 0), |sum, one| (sum.0 + one.weight, sum.1 + one.trials));
    let mean = weighted::mean(of.clone().map(|one| (one.mean, one.weight)))
        .or_else(|| weighted::mean(of.map(|one| (one.mean, 1.0))));
    Cluster { weight, trials, mean: mean.unwrap_or(0.0) }
}

/// A column for the bootstrap, one row per cluster of `units` (sorted), from the values of prompts: (cluster, value, weight), those of a
/// cluster in a row.
pub fn column(units: &[u32], prompts: impl IntoIterator<Item = (u32, f64, f64)>) -> Column {
    let mut rows = vec![None; units.len()];
    let prompts: Vec<(u32, f64, f64)> = prompts.into_iter().collect();
    for of in prompts.chunk_by(|a, b| a.0 == b.0) {
        let Some(row) = of.first().and_then(|first| rows.get_mut(units.binary_search(&first.0).ok()?)) else {
            continue;
        };
        let one = one(of.iter().map(|(_, mean, weight)| Cluster { weight: *weight, mean: *mean, trials: 1 }));
        *row = Some((one.mean, one.weight));
    }
    Column::new(rows)
}

/// The observations of a cell in canonical order: by cluster, prompt and repeat.
pub(super) struct Cell<'a> {
    observations: &'a [&'a Observation],
}

impl<'a> Cell<'a> {
    pub(super) const fn new(observations: &'a [&'a Observation]) -> Self {
        Self { observations }
    }

    /// The prompts with their repeats.
    fn prompts(&self) -> impl Iterator<Item = &'a [&'a Observation]> + use<'a> {
        self.observations.chunk_by(|a, b| a.prompt == b.prompt)
    }

    /// Each trial's value with its part of the prompt's weight; trials without a value leave theirs to the others.
    fn values(&self, value: impl Fn(&Observation) -> Option<f64>) -> Vec<(f64, f64)> {
        let mut values = Vec::new();
        for repeats in self.prompts() {
            let from = values.len();
            values.extend(repeats.iter().filter_map(|o| Some((value(o)?, o.mass()))));
            let found = (values.len() - from) as f64;
            values.iter_mut().skip(from).for_each(|entry| entry.1 /= found);
        }
        values
    }

    /// The prompts with the mean over their repeats, those without a value left out.
    fn by_prompt(&self, value: impl Fn(&Observation) -> Option<f64>) -> Vec<(u32, Cluster)> {
        self.prompts()
            .filter_map(|repeats| {
                let (sum, trials) =
                    repeats.iter().filter_map(|o| value(o)).fold((0.0, 0u32), |(s, n), v| (s + v, n + 1));
                let first = repeats.first().filter(|_| trials > 0)?;
                Some((first.unit(), Cluster { weight: first.mass(), mean: sum / f64::from(trials), trials }))
            })
            .collect()
    }

    /// The clusters with the weighted mean over their prompts.
    fn clusters(&self, value: impl Fn(&Observation) -> Option<f64>) -> Vec<Cluster> {
        let prompts = self.by_prompt(value);
        prompts.chunk_by(|a, b| a.0 == b.0).map(|of| one(of.iter().map(|prompt| prompt.1))).collect()
    }

    /// The pass rate where trials without a grade count as `unknown`.
    fn quality(&self, unknown: Option<f64>) -> Option<Estimate> {
        weighted::estimate(&self.clusters(|o| score(o, unknown)))
    }

    /// Each prompt with its cluster, its weight and its mean score where trials without a grade count as `unknown`, by the number of
    /// the prompt; those without any score are left out.
    pub(super) fn scores(&self, unknown: Option<f64>) -> Vec<Score> {
        let scored = self.prompts().filter_map(|repeats| {
            let values: Vec<f64> = repeats.iter().filter_map(|o| score(o, unknown)).collect();
            let first = repeats.first().filter(|_| !values.is_empty())?;
            Some(Score {
                prompt: first.prompt,
                unit: first.unit(),
                weight: first.mass(),
                mean: values.iter().sum::<f64>() / values.len() as f64,
            })
        });
        let mut scores: Vec<Score> = scored.collect();
        scores.sort_by_key(|score| score.prompt);
        scores
    }

    /// The method of the interval: the configured one where all prompts have the same weight and were tried once. The others need
    /// plain counts, which uneven weights and repeats do not give.
    fn method(&self, asked: IntervalMethod) -> IntervalMethod {
        let clusters = self.clusters(|o| score(o, None));
        let weight = clusters.first().map(|cluster| cluster.weight);
        let even = clusters.iter().all(|cluster| cluster.trials == 1 && Some(cluster.weight) == weight);
        if even { asked } else { IntervalMethod::Wilson }
    }

    /// What repeats show; `None` where no prompt has two that were graded.
    fn repeats(&self) -> Option<Repeats> {
        let clusters: Vec<Cluster> =
            self.by_prompt(|o| score(o, None)).into_iter().map(|prompt| prompt.1).collect();
        let found = repeats::flakiness(&clusters)?;
        let passes = |c: &Cluster| (c.mean * f64::from(c.trials)).round() as u32;
        let counted = || clusters.iter().filter(|c| c.weight > 0.0).map(|c| (c.weight, passes(c), c.trials));
        let most = clusters.iter().map(|cluster| cluster.trials).max()?.min(MOST_TRIES);
        let line = |k: u32| {
            let prompts = counted().filter(|(_, _, tries)| *tries >= k).count() as u64;
            Some(PassPower { k, share: repeats::pass_power(counted(), k)?, prompts })
        };
        Some(Repeats {
            prompts: found.prompts,
            flaky: found.unstable,
            within: found.within,
            between: found.between,
            pass_power: (2..=most).filter_map(line).collect(),
        })
    }

    /// The columns that are bootstrapped, one row per cluster of `units`: cost, uncached cost, rejection.
    pub(super) fn columns(&self, units: &[u32]) -> [Column; 3] {
        let column = |value: &dyn Fn(&Observation) -> Option<f64>| {
            column(
                units,
                self.by_prompt(value).into_iter().map(|(unit, mean)| (unit, mean.mean, mean.weight)),
            )
        };
        [column(&|o| priced(o, o.cost)), column(&|o| priced(o, o.cost_uncached)), column(&rejected)]
    }

    /// Latencies with weights that add up to `share`; none when no prompt has weight.
    pub(super) fn latencies_scaled(&self, share: f64) -> Vec<Timing> {
        let mut timings = self.latencies().0;
        let total: f64 = timings.iter().map(|t| t.weight).sum();
        timings.iter_mut().for_each(|t| t.weight *= if total > 0.0 { share / total } else { 0.0 });
        timings
    }

    fn latencies(&self) -> Timings {
        let mut timings = Vec::new();
        for repeats in self.prompts() {
            let from = timings.len();
            timings.extend(repeats.iter().filter(|o| answered(o)).filter_map(|o| {
                Some(Timing {
                    unit: o.unit(),
                    total: o.total?.ms(),
                    first: o.first_content.map(Millis::ms),
                    weight: o.mass(),
                })
            }));
            let found = (timings.len() - from) as f64;
            timings.iter_mut().skip(from).for_each(|t| t.weight /= found);
        }
        Timings(timings)
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for o in self.observations {
            *match o.outcome {
                Some(Outcome::Reply) => match o.verdict {
                    Some(Verdict::Pass) => &mut counts.passed,
                    Some(Verdict::Fail(_)) => &mut counts.failed,
                    Some(Verdict::Ungraded(_)) | None => &mut counts.ungraded,
                },
                Some(Outcome::Refused) => &mut counts.refused,
                Some(Outcome::Truncated) => &mut counts.truncated,
                Some(Outcome::Overflow) => &mut counts.overflow,
                Some(Outcome::Error) => &mut counts.errors,
                None => &mut counts.missing,
            } += 1;
        }
        counts
    }

    fn fail_reasons(&self) -> Vec<ReasonCount> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for o in self.observations {
            let reason = match (o.outcome, &o.verdict) {
                (Some(Outcome::Reply), Some(Verdict::Fail(reason))) => reason,
                (Some(outcome @ (Outcome::Refused | Outcome::Truncated)), _) => outcome.name(),
                (Some(Outcome::Reply), Some(Verdict::Pass | Verdict::Ungraded(_)) | None)
                | (Some(Outcome::Overflow | Outcome::Error) | None, _) => continue,
            };
            *counts.entry(reason).or_default() += 1;
        }
        let line = |(reason, count): (&str, u64)| ReasonCount { reason: reason.to_owned(), count };
        let mut reasons: Vec<ReasonCount> = counts.into_iter().map(line).collect();
        // Stable: reasons of equal frequency stay in the order of their text.
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        if reasons.len() > REASONS {
            let rest = reasons.split_off(REASONS - 1).iter().map(|reason| reason.count).sum();
            match reasons.iter_mut().find(|reason| reason.reason == "other") {
                Some(other) => other.count += rest,
                None => reasons.push(ReasonCount { reason: "other".to_owned(), count: rest }),
            }
        }
        reasons
    }

    fn tokens(&self) -> Option<TokenStats> {
        let both = |o: &Observation| Some((o.input?, o.output?)).filter(|_| answered(o));
        let input = self.values(|o| both(o).map(|(input, _)| input.0 as f64));
        let output = self.values(|o| both(o).map(|(_, output)| output.0 as f64));
        let input_max = self.observations.iter().filter_map(|o| both(o)).map(|(input, _)| input).max()?;
        Some(TokenStats {
            n: input.len() as u64,
            input_mean: weighted::mean(input)?,
            input_max,
            output_mean: weighted::mean(output.iter().copied())?,
            output_p95: Tokens(Sorted::weighted(output)?.at(0.95).ceil() as u64),
        })
    }

    /// Everything of the cell; `draws` are those of [`Self::columns`].
    pub(super) fn evidence(&self, settings: &Settings, draws: [Draws; 3]) -> CellEvidence {
        let confidence = settings.confidence;
        let [cost_draws, uncached_draws, rejection_draws] = draws;
        let (counts, timings) = (self.counts(), self.latencies());
        let rejects = self.clusters(rejected);
        let reject_n = rejects.iter().map(|c| u64::from(c.trials)).sum();
        let overflow = |o: &Observation| Some(f64::from(u8::from(grade(o) == Grade::Overflow)));
        let retries = self.values(|o| (o.attempts > 0).then(|| f64::from(o.attempts - 1)));
        let graded = self.by_prompt(|o| score(o, None));
        CellEvidence {
            counts,
            prompts: graded.len() as u64,
            clusters: graded.chunk_by(|a, b| a.0 == b.0).count() as u64,
            weight: self.prompts().filter_map(|repeats| Some(repeats.first()?.mass())).sum(),
            overflow_share: weighted::mean(self.values(overflow)),
            uncalibrated: None,
            pass_rate: self.quality(None).and_then(|estimate| {
                rate(estimate, counts.graded(), confidence, self.method(settings.interval))
            }),
            versus: Vec::new(),
            repeats: self.repeats(),
            if_fail: self.quality(Some(0.0)),
            if_pass: self.quality(Some(1.0)),
            fail_reasons: self.fail_reasons(),
            gate_rejection_rate: weighted::estimate(&rejects)
                .and_then(|estimate| rate(estimate, reject_n, confidence, IntervalMethod::Wilson)),
            latency: timings.latency(confidence),
            timings,
            availability: Availability::of(self.observations.iter().map(|o| o.calls), confidence),
            tokens: self.tokens(),
            retry_rate: weighted::mean(retries).unwrap_or(0.0),
            cost: cost_draws
                .mean
                .and_then(|mean| money(mean, cost_draws.replicates.iter().copied(), confidence)),
            cost_uncached: uncached_draws.mean.and_then(usd),
            cost_draws,
            uncached_draws,
            rejection_draws,
        }
    }
}
