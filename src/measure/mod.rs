//! Verdicts and attempts to cells: the evidence for each pair of task and tier.
//!
//! Evidence only: what a cell is good for is decided in `policy`. Everything is weighted by the prompts' weights; a
//! prompt's repeats share its weight and form a cluster. Figures are not rounded here.

mod cell;
mod facts;
mod versus;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::config::IntervalMethod;
use crate::record::{Outcome, Verdict};
use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::interval;
use crate::stats::weighted::{self, Estimate};
use crate::units::{Millis, Tokens, Usd};

pub use cell::Grade;
pub use facts::{Counts, Latency, Money, PassPower, Rate, ReasonCount, Repeats, TokenStats};
pub use versus::Versus;

/// The few facts of a trial that statistics need: what stays in memory of it (texts stay on disk). The
/// default is a trial without any attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Index of the prompt in the corpus: the cluster of its repeats.
    pub prompt: u32,
    /// Index of the task in the list of measured tasks.
    pub task: u16,
    /// Index of the tier on the ladder.
    pub tier: u16,
    /// The repeat index.
    pub repeat: u32,
    /// The prompt's weight.
    pub weight: f64,
    /// What the trial ended in; `None` when there is no attempt at all.
    pub outcome: Option<Outcome>,
    /// The oracle's word: of a reply only.
    pub verdict: Option<Verdict>,
    /// The oracle's gate part: `Some(true)` when production would let the reply through; `None` when there is no
    /// gate or no reply.
    pub gate_passed: Option<bool>,
    /// What the truth part alone says of it, whatever the gate says; `None` where that cannot be told.
    pub truth_passed: Option<bool>,
    /// Total latency of the answering attempt.
    pub total: Option<Millis>,
    /// Time to first visible token of the answering attempt.
    pub first_content: Option<Millis>,
    /// Input tokens, cached or not, of the answering attempt.
    pub input: Option<Tokens>,
    /// Output tokens as billed, of the answering attempt.
    pub output: Option<Tokens>,
    /// Cost of the answering attempt at today's prices, as its tokens were billed (cache reads and all).
    pub cost: Option<Usd>,
    /// The same as if nothing had been read from or written to a cache.
    pub cost_uncached: Option<Usd>,
    /// Attempts in all, failed ones included.
    pub attempts: u32,
    /// Cost of the attempts before the answering one, where known.
    pub wasted: Usd,
    /// Attempts that were answered by the server but whose cost is unknown.
    pub unpriced: u32,
}

/// The numbers that measuring needs of the policy and the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Confidence of the intervals, 0 to 1.
    pub confidence: f64,
    /// The interval of the pass rate of a cell whose prompts count alike and were tried once.
    pub interval: IntervalMethod,
    /// Resamples of each bootstrap.
    pub resamples: u32,
    /// The seed of the run.
    pub seed: u64,
}

/// A mean over the prompts of a task, with its bootstrap replicates. The same replicate of two tiers (or of two
/// quantities) of a task saw the same prompts, so their difference is paired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draws {
    /// The weighted mean; `None` where no prompt with weight has a value.
    pub mean: Option<f64>,
    /// A value a resample; NaN where it drew no prompt with a value.
    pub replicates: Vec<f64>,
}

/// The evidence about one tier at one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellEvidence {
    /// Counts of trials by what they came to.
    pub counts: Counts,
    /// Prompts with a graded trial.
    pub prompts: u64,
    /// The weight of all prompts of the cell, answered or not.
    pub weight: f64,
    /// The weighted share of trials that do not fit the context window; `None` without weight.
    pub overflow_share: Option<f64>,
    /// Weighted pass rate with its interval on the effective n; `None` without a graded trial of weight.
    pub pass_rate: Option<Rate>,
    /// The tier beside each other one, on the prompts that both answered; none of itself.
    pub versus: Vec<Versus>,
    /// What repeats came to; `None` where no prompt has two graded ones.
    pub repeats: Option<Repeats>,
    /// The rate that a judge gave, where `pass_rate` has been freed from its errors.
    pub judged: Option<Rate>,
    /// The pass rate if each trial without a grade (`error`, `ungraded`, missing) had failed.
    pub if_fail: Option<Estimate>,
    /// The pass rate if each of them had passed.
    pub if_pass: Option<Estimate>,
    /// Fails by reason, most frequent first, ten lines at the most.
    pub fail_reasons: Vec<ReasonCount>,
    /// The share of requests that production would see rejected: by the gate, a truncation or a refusal.
    pub gate_reject: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// Tokens of a request.
    pub tokens: Option<TokenStats>,
    /// Weighted mean of attempts beyond the first, per trial that had one.
    pub retry_rate: f64,
    /// Cost of a request, in USD, attempts that were retried included: what they cost where that is known, and as much
    /// as the answering attempt where they were answered and it is not.
    pub cost: Option<Money>,
    /// The same as if nothing had come from a cache.
    pub cost_uncached: Option<Usd>,
    /// What `cost` comes from.
    pub cost_draws: Draws,
    /// What `cost_uncached` comes from.
    pub uncached_draws: Draws,
    /// The share rejected, drawn on the same prompts.
    pub reject_draws: Draws,
}

/// A tier over all tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TierEvidence {
    /// Pass rate; `None` where a task with a share has none.
    pub pass_rate: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// Mean cost of a request, in USD; `None` where a task with a share has none.
    pub cost: Option<f64>,
}

/// The evidence of every cell: a row a task, in it a cell a tier. Observations of other tasks or tiers are left out.
/// Their order does not matter.
#[must_use]
pub fn cells(
    observations: &[Observation],
    tasks: usize,
    tiers: usize,
    settings: &Settings,
) -> Vec<Vec<CellEvidence>> {
    let buckets = Buckets::new(observations, tasks, tiers);
    (0..tasks)
        .map(|task| {
            let prompts = buckets.prompts(task);
            let cells: Vec<_> = (0..tiers).map(|tier| cell::Cell::new(buckets.cell(task, tier))).collect();
            let columns: Vec<Column> = cells.iter().flat_map(|cell| cell.columns(&prompts)).collect();
            let plan = Plan { seed: settings.seed, stream: task as u64, resamples: settings.resamples };
            let mut replicates = bootstrap::means(plan, &columns).into_iter();
            let mut draws = columns.iter().map(|column| Draws {
                mean: column.mean(),
                replicates: replicates.next().unwrap_or_default(),
            });
            let mut next = || draws.next().unwrap_or_default();
            let evidence = cells.iter().enumerate().map(|(tier, cell)| CellEvidence {
                versus: versus::of(tier, &cells),
                ..cell.evidence(settings, [next(), next(), next()])
            });
            evidence.collect()
        })
        .collect()
}

/// Each tier over all tasks, a task counting by its share (of traffic, or of the corpus' weight). Shares need not add
/// up to 1.
#[must_use]
pub fn over_tasks(
    observations: &[Observation],
    cells: &[Vec<CellEvidence>],
    shares: &[f64],
    confidence: f64,
) -> Vec<TierEvidence> {
    let tiers = cells.first().map_or(0, Vec::len);
    let buckets = Buckets::new(observations, cells.len(), tiers);
    (0..tiers)
        .map(|tier| {
            let column = || cells.iter().map(|row| row.get(tier)).zip(shares.iter().copied());
            let latencies = column().enumerate().flat_map(|(task, (_, share))| {
                cell::Cell::new(buckets.cell(task, tier)).latencies_scaled(share)
            });
            TierEvidence {
                pass_rate: combined_rate(column().map(|(cell, share)| (share, cell)), confidence),
                latency: cell::latency(latencies.collect()),
                cost: combined_mean(
                    column().map(|(cell, share)| (share, cell.and_then(|cell| cell.cost_draws.mean))),
                ),
            }
        })
        .collect()
}

/// The pass rate over several tasks by their shares; `None` where a task with a share has none.
#[must_use]
pub fn combined_rate<'a>(
    strata: impl IntoIterator<Item = (f64, Option<&'a CellEvidence>)>,
    confidence: f64,
) -> Option<Rate> {
    let mut n = 0;
    let estimate = weighted::combine(strata.into_iter().map(|(share, cell)| {
        let rate = cell.and_then(|cell| cell.pass_rate);
        n += rate.filter(|_| share > 0.0).map_or(0, |rate| rate.n);
        (share, rate.map(|rate| Estimate { mean: rate.mean, n_eff: rate.n_eff }))
    }))?;
    rate(estimate, n, confidence, IntervalMethod::Wilson)
}

/// A mean over strata by their shares; `None` where a stratum with a share has none.
fn combined_mean(strata: impl IntoIterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let mut values = Vec::new();
    for (share, value) in strata {
        if share > 0.0 {
            values.push((value?, share));
        }
    }
    weighted::mean(values)
}

/// An estimate with its interval.
fn rate(estimate: Estimate, n: u64, confidence: f64, method: IntervalMethod) -> Option<Rate> {
    let Estimate { mean, n_eff } = estimate;
    let bounds = match method {
        IntervalMethod::Wilson => interval::wilson,
        IntervalMethod::ClopperPearson => interval::clopper_pearson,
        IntervalMethod::Jeffreys => interval::jeffreys,
    };
    let bounds = bounds(mean, n_eff, confidence)?;
    Some(Rate { mean, low: bounds.low, high: bounds.high, n, n_eff, interval: method })
}

/// A mean and its replicates as money: `None` where there is no mean, or where it cannot be a decimal. The interval
/// is the percentile interval, widened to hold the mean.
#[must_use]
pub fn money(mean: f64, replicates: impl IntoIterator<Item = f64>, confidence: f64) -> Option<Money> {
    let bounds = bootstrap::interval(replicates, confidence);
    let (low, high) = bounds.map_or((mean, mean), |b| (b.low.min(mean), b.high.max(mean)));
    Some(Money { mean: usd(mean)?, low: usd(low)?, high: usd(high)? })
}

/// An estimate of money as a decimal of ten significant digits.
#[must_use]
pub fn usd(value: f64) -> Option<Usd> {
    Decimal::from_f64(value).map(|amount| Usd::new(amount).significant(10))
}

/// Observations by task and tier, in canonical order: by prompt, then repeat.
struct Buckets<'a> {
    cells: BTreeMap<(usize, usize), Vec<&'a Observation>>,
}

impl<'a> Buckets<'a> {
    fn new(observations: &'a [Observation], tasks: usize, tiers: usize) -> Self {
        let mut cells: BTreeMap<_, Vec<&Observation>> = BTreeMap::new();
        for observation in observations {
            let at = (usize::from(observation.task), usize::from(observation.tier));
            if at.0 < tasks && at.1 < tiers {
                cells.entry(at).or_default().push(observation);
            }
        }
        for cell in cells.values_mut() {
            cell.sort_by_key(|observation| (observation.prompt, observation.repeat));
        }
        Self { cells }
    }

    fn cell(&self, task: usize, tier: usize) -> &[&'a Observation] {
        self.cells.get(&(task, tier)).map_or(&[], Vec::as_slice)
    }

    /// The task's prompts, sorted.
    fn prompts(&self, task: usize) -> Vec<u32> {
        let of_task = self.cells.range((task, 0)..=(task, usize::MAX));
        let mut prompts: Vec<u32> = of_task.flat_map(|(_, cell)| cell.iter().map(|o| o.prompt)).collect();
        prompts.sort_unstable();
        prompts.dedup();
        prompts
    }
}
