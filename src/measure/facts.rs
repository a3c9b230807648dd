//! The figures of a cell as files carry them: counts, rates, money, latency, tokens. No arithmetic beyond sums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{IntervalMethod, is_default};
use crate::units::{Millis, Tokens, Usd};

/// A rate with its confidence interval and sample size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The (weighted) mean, 0 to 1.
    pub mean: f64,
    /// Lower bound of the interval.
    pub low: f64,
    /// Upper bound of the interval.
    pub high: f64,
    /// Trials that it rests on.
    pub n: u64,
    /// The effective sample size: the number of equally weighted independent prompts that would carry the same information,
    /// (sum w)^2 / sum w^2, less where repeats of a prompt agree.
    pub n_eff: f64,
    /// The kind of interval; left out where it is Wilson.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interval: IntervalMethod,
}

/// What repeats of the same prompts show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// Prompts with at least two graded repeats: what the other figures rest on.
    pub prompts: u64,
    /// The weighted share of them whose repeats did not all agree.
    pub flaky: f64,
    /// Variance between repeats of the same prompt.
    pub within: f64,
    /// Variance between the prompts' own rates.
    pub between: f64,
    /// pass^k for each number of tries k, from 2 on.
    pub pass_power: Vec<PassPower>,
}

/// pass^k: the chance that k tries at a prompt all pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassPower {
    /// Tries.
    pub k: u32,
    /// The weighted mean over prompts of C(passed, k) / C(tried, k).
    pub share: f64,
    /// Prompts that were tried that often.
    pub prompts: u64,
}

/// An amount of money with its bootstrap confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The estimate.
    pub mean: Usd,
    /// Lower bound of the bootstrap interval.
    pub low: Usd,
    /// Upper bound of the bootstrap interval.
    pub high: Usd,
}

/// Counts of trials by result; they add up to the planned trials of the cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Replies that passed.
    pub passed: u64,
    /// Replies that failed.
    pub failed: u64,
    /// Refusals: fails.
    pub refused: u64,
    /// Truncations: fails.
    pub truncated: u64,
    /// Replies that the oracle could not grade: not evidence.
    pub ungraded: u64,
    /// Infrastructure errors: not evidence.
    pub errors: u64,
    /// Prompts that do not fit the context window.
    pub overflow: u64,
    /// Trials without any attempt.
    pub missing: u64,
}

impl Counts {
    /// Trials whose grade is unknown.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.errors + self.ungraded + self.missing
    }

    /// Trials that are evidence about quality.
    #[must_use]
    pub const fn graded(&self) -> u64 {
        self.passed + self.failed + self.refused + self.truncated
    }

    /// All trials of the cell.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.graded() + self.ungraded + self.errors + self.overflow + self.missing
    }
}

/// How many trials failed for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonCount {
    /// The oracle's reason, or `refused`, `truncated`.
    pub reason: String,
    /// Trials.
    pub count: u64,
}

/// Latency of a cell or tier: totals and times to first token of answered, live-measured attempts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Trials.
    pub n: u64,
    /// Median of the total.
    pub p50: Millis,
    /// 95th percentile of the total.
    pub p95: Millis,
    /// Lower bound of the 95th percentile: the order-statistic interval at the confidence of the other intervals, on the
    /// effective number of prompts. `None` where there are too few to bound it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_low: Option<Millis>,
    /// Upper bound of the same: at 95 %, none exists below 72 prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_high: Option<Millis>,
    /// Mean of the total.
    pub mean: Millis,
    /// Median time to first visible token; `None` when nothing was streamed.
    pub ttft_p50: Option<Millis>,
    /// 95th percentile of the same.
    pub ttft_p95: Option<Millis>,
    /// 21 quantiles of the total (0 %, 5 %, ... 100 %), for charts.
    pub quantiles: [Millis; 21],
}

/// Tokens per request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenStats {
    /// Trials whose provider reported usage.
    pub n: u64,
    /// Weighted mean of the input, cached or not.
    pub input_mean: f64,
    /// The largest input.
    pub input_max: Tokens,
    /// Weighted mean of the output.
    pub output_mean: f64,
    /// 95th percentile of the output.
    pub output_p95: Tokens,
}
