//! The measured requests of a task: what each tier did with each of them.

use super::walk::{Reply, Step};
use crate::measure::Observation;
use crate::stats::weighted;

/// The requests of a task, in the order of cluster, prompt and repeat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    pub(super) rows: Vec<Request>,
    /// The clusters of the task, sorted: those of its bootstraps.
    pub(super) units: Vec<u32>,
    pub(super) tiers: usize,
    /// What a tier is expected to do with a request of which its own answer is missing: by tier, and by the tier that rejected the
    /// request (last: no tier).
    expected: Vec<Vec<Option<Expected>>>,
}

/// What a tier is expected to do with a request that another one rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Expected {
    step: Step,
    /// Its cost here for a dollar there, over the requests that have both; `None` where nothing costs anything, or no tier rejected it.
    per_dollar: Option<f64>,
    /// Whether it follows from requests that were rejected there.
    of_rejected: bool,
}

/// A prompt, once: its repeats are requests of their own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) unit: u32,
    pub(super) prompt: u32,
    pub(super) weight: f64,
    seen: Vec<Option<Seen>>,
}

/// What a tier did. Known wherever its cost is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    cost: f64,
    uncached: f64,
    accepted: Option<bool>,
    quality: Option<f64>,
    latency: Option<f64>,
    output: Option<f64>,
    /// What the request weighs among those that early stopping drew for this tier.
    drawn: Option<f64>,
}

impl Request {
    /// What the request weighs in a mean over those that have an answer of all of these tiers: where early stopping drew what one of
    /// them was asked, its draw has taken the weights into account.
    pub(super) fn mass(&self, tiers: impl IntoIterator<Item = usize>) -> f64 {
        self.drawn(tiers).unwrap_or(self.weight)
    }

    /// What it weighs among those that early stopping drew for the first of these tiers where it drew any.
    pub(super) fn drawn(&self, tiers: impl IntoIterator<Item = usize>) -> Option<f64> {
        tiers.into_iter().find_map(|tier| self.seen.get(tier).copied().flatten()?.drawn)
    }
}

impl Requests {
    /// The requests of a task on `tiers` tiers; `task` is an index as in the observations, whose order does not matter.
    #[must_use]
    pub fn of(observations: &[Observation], task: usize, tiers: usize) -> Self {
        let of_task = observations.iter().filter(|seen| usize::from(seen.task) == task);
        let mut order: Vec<&Observation> = of_task.filter(|seen| usize::from(seen.tier) < tiers).collect();
        order.sort_by_key(|seen| (seen.unit(), seen.prompt, seen.repeat, seen.tier));
        let mut units: Vec<u32> = order.iter().map(|seen| seen.unit()).collect();
        units.dedup();
        let same = |a: &&Observation, b: &&Observation| (a.prompt, a.repeat) == (b.prompt, b.repeat);
        let rows = order.chunk_by(same).filter_map(|of| {
            let first = of.first()?;
            let mut row = Request {
                unit: first.unit(),
                prompt: first.prompt,
                weight: first.weight,
                seen: vec![None; tiers],
            };
            for seen in of {
                if let Some(slot) = row.seen.get_mut(usize::from(seen.tier)) {
                    *slot = self::seen(seen);
                }
            }
            Some(row)
        });
        let mut requests = Self { rows: rows.collect(), units, tiers, expected: Vec::new() };
        requests.expected = (0..tiers)
            .map(|tier| {
                (0..=tiers)
                    .map(|from| requests.expect(tier, Some(from).filter(|from| *from < tiers)))
                    .collect()
            })
            .collect();
        requests
    }

    /// What a tier does with a request that starts at `start`, or was rejected by tier `from`.
    pub(super) fn ask(&self, row: &Request, tier: usize, from: Option<usize>) -> Reply {
        let expected = || self.expected.get(tier)?.get(from.unwrap_or(self.tiers)).copied().flatten();
        match row.seen.get(tier).copied().flatten() {
            Some(seen) => {
                let seen_to_be = seen.accepted.map(|accepted| f64::from(u8::from(accepted)));
                Reply::Answer(seen.step(seen_to_be.or_else(|| expected()?.step.accepted)))
            }
            // Its own answer is missing where the path begins: the request says nothing.
            None if from.is_none() => Reply::Unknown,
            None => self.stand_in(row, tier, from).map_or(Reply::Unknown, Reply::Answer),
        }
    }

    /// What a tier is expected to do with a request that another one rejected and whose answer here is missing: what it does with those
    /// like it, in proportion to what this one cost there, because a long request is long at every tier.
    fn stand_in(&self, row: &Request, tier: usize, from: Option<usize>) -> Option<Step> {
        let expected = self.expected.get(tier)?.get(from.unwrap_or(self.tiers)).copied().flatten()?;
        let Expected { step, per_dollar, of_rejected } = expected;
        let Some(from) = from.filter(|from| *from < self.tiers) else { return Some(step) };
        let own = row.seen.get(from).copied().flatten().zip(per_dollar);
        let factor = own.map_or(1.0, |(own, per_dollar)| own.cost * per_dollar / step.cost);
        let factor = if factor.is_finite() { factor } else { 1.0 };
        Some(Step {
            cost: step.cost * factor,
            uncached: step.uncached * factor,
            output: step.output.map(|tokens| tokens * factor),
            // Nothing that was rejected there was ever seen here: that it is rejected again is the dear assumption.
            accepted: if of_rejected { step.accepted } else { Some(0.0) },
            quality: if of_rejected { step.quality } else { None },
            ..step
        })
    }

    /// What a request costs at a tier for a dollar at the tier that rejected it, and whether any rejected one has an answer at both: over
    /// those, else over all that have both.
    fn proportion(&self, tier: usize, from: usize) -> (Option<f64>, bool) {
        let known = |row: &Request, tier: usize| row.seen.get(tier).copied().flatten();
        let both = || self.rows.iter().filter_map(|row| Some((row, known(row, from)?, known(row, tier)?)));
        let rejected = |seen: &Seen| seen.accepted == Some(false);
        let any = both().any(|(_, there, _)| rejected(&there));
        let (mut below, mut here) = (0.0, 0.0);
        for (row, there, own) in both().filter(|(_, there, _)| !any || rejected(there)) {
            below += row.weight * there.cost;
            here += row.weight * own.cost;
        }
        ((below > 0.0 && here > 0.0).then(|| here / below), any)
    }

    /// The mean over the requests that tier `from` rejected and that have an answer here; over all that have one, where no request
    /// was rejected there.
    fn expect(&self, tier: usize, from: Option<usize>) -> Option<Expected> {
        let answered = |row: &Request| row.seen.get(tier).copied().flatten();
        let rejected = |row: &Request| {
            from.and_then(|from| row.seen.get(from).copied().flatten())
                .is_some_and(|seen| seen.accepted == Some(false))
        };
        let alike: Vec<(Seen, f64)> = self
            .rows
            .iter()
            .filter(|row| rejected(row))
            .filter_map(|row| Some((answered(row)?, row.mass([tier].into_iter().chain(from)))))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        let all = || self.rows.iter().filter_map(|row| Some((answered(row)?, row.mass([tier])))).collect();
        let of: Vec<(Seen, f64)> = if alike.is_empty() { all() } else { alike };
        let mean = |value: &dyn Fn(&Seen) -> Option<f64>| {
            weighted::mean(of.iter().filter_map(|(seen, weight)| Some((value(seen)?, *weight))))
        };
        let step = Step {
            cost: mean(&|seen| Some(seen.cost))?,
            uncached: mean(&|seen| Some(seen.uncached))?,
            accepted: mean(&|seen| seen.accepted.map(|accepted| f64::from(u8::from(accepted)))),
            quality: mean(&|seen| seen.quality),
            latency: mean(&|seen| seen.latency),
            output: mean(&|seen| seen.output),
        };
        let (per_dollar, of_rejected) = from.map_or((None, false), |from| self.proportion(tier, from));
        Some(Expected { step, per_dollar, of_rejected })
    }
}

impl Seen {
    const fn step(self, accepted: Option<f64>) -> Step {
        Step {
            cost: self.cost,
            uncached: self.uncached,
            accepted,
            quality: self.quality,
            latency: self.latency,
            output: self.output,
        }
    }
}

fn seen(seen: &Observation) -> Option<Seen> {
    let cost = seen.cost_in_all()?;
    Some(Seen {
        cost,
        uncached: seen.uncached_in_all().unwrap_or(cost),
        accepted: seen.accepted(),
        quality: seen.passed().map(|passed| f64::from(u8::from(passed))),
        latency: seen.total.map(crate::units::Millis::ms),
        output: seen.output.map(|tokens| tokens.0 as f64),
        drawn: seen.drawn,
    })
}
