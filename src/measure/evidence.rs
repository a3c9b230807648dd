//! What goes into a cell and what comes out of it: observations, and the evidence about a tier. No logic.

use super::availability::{Availability, Calls};
use super::facts::{Counts, Latency, Money, Rate, ReasonCount, Repeats, TokenStats};
use super::timings::Timings;
use crate::config::IntervalMethod;
use crate::record::{Outcome, Verdict};
use crate::stats::paired::Difference;
use crate::stats::weighted::Estimate;
use crate::units::{Millis, Tokens, Usd};

/// The few facts of a trial that statistics need: what stays in memory of it (texts stay on disk). The
/// default is a trial without any attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// Index of the prompt in the corpus.
    pub prompt: u32,
    /// The prompt that stands for its cluster, the unit of evidence; `None` where the prompt is alone.
    pub cluster: Option<u32>,
    /// Index of the task in the list of measured tasks.
    pub task: u16,
    /// Index of the tier on the ladder.
    pub tier: u16,
    /// The repeat index.
    pub repeat: u32,
    /// The prompt's weight.
    pub weight: f64,
    /// Where early stopping did not measure the cell to its last prompt, and prompts do not weigh alike: what this one weighs in the
    /// sample that was drawn in proportion to weight, 0 if it was not drawn.
    pub drawn: Option<f64>,
    /// What the trial ended in; `None` when there is no attempt at all.
    pub outcome: Option<Outcome>,
    /// The oracle's verdict on a reply.
    pub verdict: Option<Verdict>,
    /// The oracle's gate part: `Some(true)` when production would let the reply through; `None` when there is no
    /// gate or no reply.
    pub gate_passed: Option<bool>,
    /// The verdict of the truth part alone, whatever the gate says; `None` where that is unknown.
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
    /// The calls among them by whether the server answered.
    pub calls: Calls,
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
    /// One value per resample; NaN where it drew no prompt with a value.
    pub replicates: Vec<f64>,
}

/// The evidence about one tier at one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellEvidence {
    /// Counts of trials by result.
    pub counts: Counts,
    /// Prompts with a graded trial.
    pub prompts: u64,
    /// Clusters among them: prompts that differ, of which near-duplicates and those with the same `cluster` count once.
    pub clusters: u64,
    /// The weight of all prompts of the cell, answered or not.
    pub weight: f64,
    /// The weighted share of trials that do not fit the context window; `None` without weight.
    pub overflow_share: Option<f64>,
    /// Weighted pass rate with its confidence interval on the effective sample size; `None` without a graded trial of weight.
    pub pass_rate: Option<Rate>,
    /// The tier compared with each other tier, on the prompts that both answered.
    pub versus: Vec<Versus>,
    /// What repeats show; `None` where no prompt has two graded ones.
    pub repeats: Option<Repeats>,
    /// The judge's own pass rate, where `pass_rate` is calibrated.
    pub uncalibrated: Option<Rate>,
    /// The pass rate if each trial without a grade (`error`, `ungraded`, missing) had failed.
    pub if_fail: Option<Estimate>,
    /// The pass rate if each of them had passed.
    pub if_pass: Option<Estimate>,
    /// Fails by reason, most frequent first, ten lines at the most.
    pub fail_reasons: Vec<ReasonCount>,
    /// The share of requests that production would see rejected: by the gate, a truncation or a refusal.
    pub gate_rejection_rate: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// What it comes from.
    pub timings: Timings,
    /// The share of attempts that were answered; `None` without a call of this run or of the recording.
    pub availability: Option<Availability>,
    /// Tokens per request.
    pub tokens: Option<TokenStats>,
    /// Weighted mean of attempts beyond the first, per trial that had one.
    pub retry_rate: f64,
    /// Cost per request in USD, retried attempts included: at their own cost where it is known, else, where the server
    /// answered, at the cost of the answering attempt.
    pub cost: Option<Money>,
    /// The same as if nothing had come from a cache.
    pub cost_uncached: Option<Usd>,
    /// What `cost` comes from.
    pub cost_draws: Draws,
    /// What `cost_uncached` comes from.
    pub uncached_draws: Draws,
    /// The gate rejection rate, drawn on the same prompts.
    pub rejection_draws: Draws,
}

impl CellEvidence {
    /// Makes the evidence about quality count as if it rested on so many times as many prompts, and nothing else of the cell.
    pub fn scale_evidence(&mut self, factor: f64) {
        if let Some(rate) = &mut self.pass_rate {
            rate.n_eff *= factor;
        }
        for estimate in [&mut self.if_fail, &mut self.if_pass].into_iter().flatten() {
            estimate.n_eff *= factor;
        }
        for versus in &mut self.versus {
            for difference in [&mut versus.seen, &mut versus.worst, &mut versus.best].into_iter().flatten() {
                *difference = difference.on(difference.n_eff * factor);
            }
        }
    }
}

/// A tier compared with another one, on the prompts of a task that both answered. A prompt that does not fit one of them is
/// left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Versus {
    /// The index of the other tier among all that were measured.
    pub other: usize,
    /// Trials of the other tier without a grade.
    pub unknown: u64,
    /// This tier minus the other; `None` where they share no graded prompt of weight.
    pub seen: Option<Difference>,
    /// The same if every trial without a grade had failed here and passed there.
    pub worst: Option<Difference>,
    /// The same if every trial without a grade had passed here and failed there.
    pub best: Option<Difference>,
}

/// A tier over all tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TierEvidence {
    /// Pass rate; `None` where a task with a share has none.
    pub pass_rate: Option<Rate>,
    /// Latency of answered trials.
    pub latency: Option<Latency>,
    /// Mean cost per request, in USD; `None` where a task with a share has none.
    pub cost: Option<f64>,
}
