//! The evidence of one cell, from its observations.

use std::collections::BTreeMap;

use super::estimate::{money, rate, usd};
use super::evidence::{CellEvidence, Draws, Observation, Settings};
use super::facts::{Counts, Latency, PassPower, ReasonCount, Repeats, TokenStats};
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

    /// What the request cost in USD, retried attempts included, at list prices.
    #[must_use]
    pub fn cost_in_all(&self) -> Option<f64> {
        priced(self, self.cost)
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

/// The observations of a cell in canonical order.
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
            values.extend(repeats.iter().filter_map(|o| Some((value(o)?, o.weight))));
            let found = (values.len() - from) as f64;
            values.iter_mut().skip(from).for_each(|entry| entry.1 /= found);
        }
        values
    }

    fn clusters(&self, value: impl Fn(&Observation) -> Option<f64>) -> Vec<Cluster> {
        self.prompts()
            .filter_map(|repeats| {
                let (sum, trials) =
                    repeats.iter().filter_map(|o| value(o)).fold((0.0, 0u32), |(s, n), v| (s + v, n + 1));
                let weight = repeats.first()?.weight;
                (trials > 0).then(|| Cluster { weight, mean: sum / f64::from(trials), trials })
            })
            .collect()
    }

    /// The pass rate where trials without a grade count as `unknown`.
    fn quality(&self, unknown: Option<f64>) -> Option<Estimate> {
        weighted::estimate(&self.clusters(|o| score(o, unknown)))
    }

    /// Each prompt with its weight and mean score where trials without a grade count as `unknown`, by the number of the
    /// prompt; those without any score are left out.
    pub(super) fn scores(&self, unknown: Option<f64>) -> Vec<(u32, f64, f64)> {
        let scored = self.prompts().filter_map(|repeats| {
            let values: Vec<f64> = repeats.iter().filter_map(|o| score(o, unknown)).collect();
            let first = repeats.first().filter(|_| !values.is_empty())?;
            Some((first.prompt, first.weight, values.iter().sum::<f64>() / values.len() as f64))
        });
        scored.collect()
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
        let clusters = self.clusters(|o| score(o, None));
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

    /// The columns that are bootstrapped, one row per prompt of `prompts`: cost, uncached cost, rejection.
    pub(super) fn columns(&self, prompts: &[u32]) -> [Column; 3] {
        let column = |value: &dyn Fn(&Observation) -> Option<f64>| {
            let mut rows = vec![None; prompts.len()];
            for repeats in self.prompts() {
                let values: Vec<f64> = repeats.iter().filter_map(|o| value(o)).collect();
                let Some(first) = repeats.first().filter(|_| !values.is_empty()) else { continue };
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                if let Some(row) = prompts.binary_search(&first.prompt).ok().and_then(|at| rows.get_mut(at)) {
                    *row = Some((mean, first.weight));
                }
            }
            Column::new(rows)
        };
        [column(&|o| priced(o, o.cost)), column(&|o| priced(o, o.cost_uncached)), column(&rejected)]
    }

    /// Latencies with weights that add up to `share`; none when no prompt has weight.
    pub(super) fn latencies_scaled(&self, share: f64) -> Vec<Timing> {
        let mut timings = self.latencies();
        let total: f64 = timings.iter().map(|t| t.weight).sum();
        timings.iter_mut().for_each(|t| t.weight *= if total > 0.0 { share / total } else { 0.0 });
        timings
    }

    fn latencies(&self) -> Vec<Timing> {
        let mut timings = Vec::new();
        for repeats in self.prompts() {
            let from = timings.len();
            timings.extend(repeats.iter().filter(|o| answered(o)).filter_map(|o| {
                Some(Timing {
                    total: o.total?.ms(),
                    first: o.first_content.map(Millis::ms),
                    weight: o.weight,
                })
            }));
            let found = (timings.len() - from) as f64;
            timings.iter_mut().skip(from).for_each(|t| t.weight /= found);
        }
        timings
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
        let counts = self.counts();
        let rejects = self.clusters(rejected);
        let reject_n = rejects.iter().map(|c| u64::from(c.trials)).sum();
        let overflow = |o: &Observation| Some(f64::from(u8::from(grade(o) == Grade::Overflow)));
        let retries = self.values(|o| (o.attempts > 0).then(|| f64::from(o.attempts - 1)));
        CellEvidence {
            counts,
            prompts: self.clusters(|o| matches!(grade(o), Grade::Pass | Grade::Fail).then_some(1.0)).len()
                as u64,
            weight: self.prompts().filter_map(|repeats| Some(repeats.first()?.weight)).sum(),
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
            latency: latency(self.latencies()),
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

/// The times of an answered trial, in milliseconds, and its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    total: f64,
    first: Option<f64>,
    weight: f64,
}

/// The latency that some timings show; `None` without weight.
#[expect(clippy::needless_pass_by_value, reason = "the timings are made for this")]
pub(super) fn latency(timings: Vec<Timing>) -> Option<Latency> {
    let total = Sorted::weighted(timings.iter().map(|t| (t.total, t.weight)))?;
    let first = Sorted::weighted(timings.iter().filter_map(|t| Some((t.first?, t.weight))));
    let mut quantiles = [Millis::default(); 21];
    for (at, quantile) in quantiles.iter_mut().enumerate() {
        *quantile = Millis::from_ms(total.at(at as f64 / 20.0))?;
    }
    Some(Latency {
        n: timings.len() as u64,
        p50: Millis::from_ms(total.at(0.5))?,
        p95: Millis::from_ms(total.at(0.95))?,
        mean: Millis::from_ms(weighted::mean(timings.iter().map(|t| (t.total, t.weight)))?)?,
        ttft_p50: first.as_ref().and_then(|first| Millis::from_ms(first.at(0.5))),
        ttft_p95: first.as_ref().and_then(|first| Millis::from_ms(first.at(0.95))),
        quantiles,
    })
}
