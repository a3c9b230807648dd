//! The needs of a task beside quality: how long an answer may take, and how often there must be one.

use super::assessment::Assessment;
use super::case::Case;
use super::floors::Floors;
use super::types::{Infeasible, NeededTime, Unproven};
use crate::config::Policy;
use crate::measure::{Availability, CellEvidence, Time, Within};
use crate::stats::posterior::Posterior;
use crate::stats::power;
use crate::units::{self, Millis};

/// The share of requests that a need must hold for: it is one of a 95th percentile.
const SHARE: f64 = 0.95;

/// What is known of a need.
enum Need {
    Kept,
    Missed(Infeasible),
    Open(Unproven),
}

impl Case<'_> {
    /// The needs that a tier is shown to miss, and those that the evidence leaves open.
    ///
    /// A need is kept when P(95 % of requests take no longer) reaches the confidence that the task requires, by the posterior
    /// under a uniform prior. It is missed when the exact test shows that, which errs no more often than it says: the posterior of
    /// a handful of prompts alone, none of them late, would say so. Without any time, as from a batch API, nothing is held
    /// against a tier; a notice says so.
    pub(super) fn needs(&self, cell: &CellEvidence) -> (Vec<Infeasible>, Vec<Unproven>) {
        let (mut missed, mut open) = (Vec::new(), Vec::new());
        for (time, limit) in [(Time::Total, self.task.latency_p95), (Time::FirstToken, self.task.ttft_p95)] {
            match limit.and_then(|limit| self.need(cell, time, limit)) {
                Some(Need::Missed(why)) => missed.push(why),
                Some(Need::Open(unproven)) => open.push(unproven),
                Some(Need::Kept) | None => {}
            }
        }
        (missed, open)
    }

    fn need(&self, cell: &CellEvidence, time: Time, limit: Millis) -> Option<Need> {
        let Within { share, n, n_eff } = cell.timings.within(time, limit)?;
        let required = Floors::of(self.task, self.policy).confidence;
        let confidence = Posterior::new(share, n_eff).clears(SHARE);
        if confidence >= required {
            return Some(Need::Kept);
        }
        let latency = cell.latency?;
        if Posterior::exact(share, n_eff).misses(SHARE) >= required {
            return Some(Need::Missed(match time {
                Time::Total => Infeasible::Latency(latency.p95, limit),
                Time::FirstToken => Infeasible::FirstToken(latency.ttft_p95?, limit),
            }));
        }
        let more = power::first(1, |more| {
            let all = n_eff + more as f64;
            Posterior::new((share * n_eff + more as f64) / all, all).clears(SHARE) >= required
        });
        let time = match time {
            Time::Total => NeededTime::Latency,
            Time::FirstToken => NeededTime::FirstToken,
        };
        Some(Need::Open(Unproven { time, limit, within: share, n, n_eff, confidence, more }))
    }

    /// Whether a tier is shown to answer less often than the policy allows.
    pub(super) fn is_unavailable(&self, cell: &CellEvidence) -> bool {
        cell.availability.is_some_and(|seen| seen.high < self.policy.availability_floor.get())
    }

    /// Whether a tier is no slower than another one, as far as the task has a need: nobody is sent to a slower tier because it is
    /// not yet known whether a faster one is fast enough.
    pub(super) fn no_slower(&self, tier: usize, than: usize) -> bool {
        let p95 = |at: usize, time: Time| {
            let latency = self.cells.get(at)?.latency?;
            match time {
                Time::Total => Some(latency.p95),
                Time::FirstToken => latency.ttft_p95,
            }
        };
        let needs = [(Time::Total, self.task.latency_p95), (Time::FirstToken, self.task.ttft_p95)];
        needs
            .into_iter()
            .filter(|(_, need)| need.is_some())
            .all(|(time, _)| p95(tier, time).zip(p95(than, time)).is_some_and(|(tier, than)| tier <= than))
    }
}

/// `p95 latency not proven: 47 of 50 within 2,000 ms; 13 more within it would decide`.
pub(super) fn open(assessment: &Assessment) -> String {
    let each = assessment.unproven.iter().map(|open| {
        let what = match open.time {
            NeededTime::Latency => "p95 latency",
            NeededTime::FirstToken => "p95 time to first token",
        };
        let kept = open.within * open.n as f64;
        let seen = if (kept - kept.round()).abs() < 1e-6 && open.n_eff > 0.95 * open.n as f64 {
            format!("{} of {} prompts within {}", kept.round(), open.n, open.limit)
        } else {
            format!(
                "{:.1} % of {} prompts ({} effective) within {}",
                open.within * 100.0,
                open.n,
                units::effective_n(open.n_eff),
                open.limit
            )
        };
        match open.more {
            Some(more) => format!(
                "{what} not proven: {seen}; {more} more within it would decide, which has a probability of {:.2}",
                all_within(open, more)
            ),
            None => format!("{what} not proven: {seen}; not even {} more would decide", power::MOST),
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The chance that so many further prompts are all within the limit, by what is known of their share (uniform prior).
fn all_within(open: &Unproven, more: u64) -> f64 {
    let (kept, n) = (1.0 + open.within * open.n_eff, 2.0 + open.n_eff);
    (0..more).map(|at| (kept + at as f64) / (n + at as f64)).product()
}

/// `95.0 % of 400 attempts were answered (95 % CI 92.4-96.7 %), below the availability floor of 0.99`.
pub(super) fn answered(seen: &Availability, policy: &Policy) -> String {
    format!(
        "{:.1} % of {} attempts were answered ({} CI {:.1}–{:.1} %), below the availability floor of {}",
        seen.rate * 100.0,
        seen.attempts,
        units::level(policy.interval_confidence.get()),
        seen.low * 100.0,
        seen.high * 100.0,
        policy.availability_floor.get(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_all_further_prompts_are_in_time_is_seldom_likely() {
        // 47 of 50, then 59 of 59: (48 x 49 x 50 x 51) / (107 x 108 x 109 x 110).
        let open = Unproven {
            time: NeededTime::Latency,
            limit: Millis::from_ms(500.0).unwrap(),
            within: 0.94,
            n: 50,
            n_eff: 50.0,
            confidence: 0.4,
            more: Some(59),
        };
        assert!((all_within(&open, 59) - 5_997_600.0 / 138_556_440.0).abs() < 1e-9);
    }
}
