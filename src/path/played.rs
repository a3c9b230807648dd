//! All requests of a task, played through its routes.

use std::collections::BTreeMap;

use super::requests::{Request, Requests};
use super::walk::{Reply, Step, Walk, walk};
use crate::measure::{self, Draws, column};
use crate::stats::bootstrap::{self, Column, Plan};
use crate::stats::quantile::Sorted;
use crate::stats::weighted::{self, Estimate};

/// What the requests of a task come to when they start at a tier.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// USD per request.
    pub cost: f64,
    /// USD per request as if nothing had come from a cache.
    pub uncached: f64,
    /// Milliseconds per request, over those whose latency is known at every tier that they reach; `None` where none is.
    pub latency: Option<f64>,
    /// The share of requests that more than one tier answers.
    pub escalated: f64,
    /// What each tier adds to the cost: (USD, output tokens) per request, by tier; the tokens are `None` where they are not known.
    pub by_tier: Vec<(f64, Option<f64>)>,
    /// The latencies of requests: (milliseconds, weight).
    latencies: Vec<(f64, f64)>,
    /// By cluster: cost, uncached cost, quality.
    columns: [Column; 3],
    quality: Option<Estimate>,
    graded: u64,
}

/// Requests that are accepted by the same tiers: what a simulated day draws from.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Their share of the task's requests.
    pub share: f64,
    /// What each tier does with them, in the order of the ladder; `None` where it is not known.
    pub tiers: Vec<Option<ProfileTier>>,
}

/// What a tier does with the requests of a profile, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileTier {
    /// Whether production accepts its answers.
    pub accepted: bool,
    /// USD per request.
    pub cost: f64,
    /// The share of good answers; `None` where nothing says so.
    pub quality: Option<f64>,
}

/// A request of a profile: its weight, and its cost and quality at each tier.
type Member = (f64, Vec<Option<(f64, Option<f64>)>>);

impl Requests {
    /// Plays every request from tier `start`; `up` names the tier that each escalates to. `None` where nothing is known, or nothing of a
    /// tier that is reached.
    #[must_use]
    pub fn play(&self, start: usize, up: &[Option<usize>]) -> Option<Played> {
        self.play_each(&|_| Some((start, up)))
    }

    /// The same where each cluster has a route of its own: `route` gives the tier that a cluster's requests start at, and the tier that
    /// each escalates to.
    #[must_use]
    pub fn play_each<'a>(
        &self,
        route: &dyn Fn(u32) -> Option<(usize, &'a [Option<usize>])>,
    ) -> Option<Played> {
        // A request whose answer is missing where its path begins says nothing. Where a tier further up is not known at all, the whole
        // is not known: to leave those requests out would leave out what is rejected.
        let begun = |row: &'_ Request| {
            let (start, up) = route(row.unit)?;
            (self.ask(row, start, None) != Reply::Unknown).then_some((start, up))
        };
        let mut walked: Vec<(&Request, Walk)> = Vec::new();
        for row in &self.rows {
            let Some((start, up)) = begun(row) else { continue };
            walked.push((row, walk(start, up, |tier, from| self.ask(row, tier, from))?));
        }
        let mass = |row: &Request| row.mass(route(row.unit).map(|(start, _)| start));
        let by_prompt = |value: &dyn Fn(&Walk) -> Option<f64>| -> Vec<(u32, f64, f64)> {
            let same = |a: &(&Request, Walk), b: &(&Request, Walk)| a.0.prompt == b.0.prompt;
            let prompt = |of: &[(&Request, Walk)]| {
                let (first, _) = of.first()?;
                let mean = weighted::mean(of.iter().filter_map(|(_, walk)| Some((value(walk)?, 1.0))))?;
                Some((first.unit, mean, mass(first)))
            };
            walked.chunk_by(same).filter_map(prompt).collect()
        };
        let mean = |value: &dyn Fn(&Walk) -> Option<f64>| {
            weighted::mean(by_prompt(value).into_iter().map(|(_, value, weight)| (value, weight)))
        };
        let cost = by_prompt(&|walk| Some(walk.cost));
        let uncached = by_prompt(&|walk| Some(walk.uncached));
        let quality = by_prompt(&|walk| walk.quality);
        let of_tier = |tier: usize| {
            let spent = |walk: &Walk| walk.spent.iter().find(|spent| spent.tier == tier).copied();
            let cost = mean(&|walk| Some(spent(walk).map_or(0.0, |spent| spent.cost))).unwrap_or(0.0);
            (cost, mean(&|walk| spent(walk).map_or(Some(0.0), |spent| spent.output)))
        };
        let clusters = measure::united(&quality);
        let mut latencies = Vec::new();
        for of in walked.chunk_by(|a, b| a.0.prompt == b.0.prompt) {
            for (row, walk) in of {
                let part = mass(row) / of.len() as f64;
                latencies.extend(walk.ends.iter().filter_map(|end| Some((end.latency?, part * end.share))));
            }
        }
        Some(Played {
            cost: mean(&|walk| Some(walk.cost))?,
            uncached: mean(&|walk| Some(walk.uncached))?,
            latency: weighted::mean(latencies.iter().copied()),
            escalated: mean(&|walk| Some(walk.escalated))?,
            by_tier: (0..self.tiers).map(of_tier).collect(),
            latencies,
            columns: [cost, uncached, quality.clone()].map(|prompts| column(&self.units, prompts)),
            quality: weighted::estimate(&clusters),
            graded: quality.len() as u64,
        })
    }

    /// The requests by which of the first `tiers` tiers accept them, most frequent first; missing answers are filled in with what is
    /// expected of the tier.
    #[must_use]
    pub fn profiles(&self, tiers: usize) -> Vec<Profile> {
        let mut groups: BTreeMap<Vec<Option<bool>>, Vec<Member>> = BTreeMap::new();
        // Where early stopping drew requests, those that it did not draw for any tier are left out.
        let is_drawn = self.rows.iter().any(|row| row.drawn(0..self.tiers).is_some());
        let mass =
            |row: &Request| if is_drawn { row.drawn(0..self.tiers).unwrap_or(0.0) } else { row.weight };
        for of in self.rows.chunk_by(|a, b| a.prompt == b.prompt) {
            for row in of {
                let tiers: Vec<Option<Step>> = (0..tiers.min(self.tiers))
                    .map(|tier| match self.ask(row, tier, Some(self.tiers)) {
                        Reply::Answer(step) => Some(step),
                        Reply::Unavailable | Reply::Unknown => None,
                    })
                    .collect();
                let key = tiers
                    .iter()
                    .map(|step| step.map(|step| step.accepted.is_none_or(|accepted| accepted >= 0.5)))
                    .collect();
                let figures = tiers.iter().map(|step| step.map(|step| (step.cost, step.quality))).collect();
                groups.entry(key).or_default().push((mass(row) / of.len() as f64, figures));
            }
        }
        let all: f64 = groups.values().flatten().map(|(weight, _)| weight).sum();
        let mut profiles: Vec<Profile> = groups
            .into_iter()
            .map(|(accepted, members)| {
                let mean = |tier: usize, value: &dyn Fn((f64, Option<f64>)) -> Option<f64>| {
                    weighted::mean(members.iter().filter_map(|(weight, tiers)| {
                        Some((value(tiers.get(tier).copied().flatten()?)?, *weight))
                    }))
                };
                let tier = |(at, accepted): (usize, Option<bool>)| {
                    Some(ProfileTier {
                        accepted: accepted?,
                        cost: mean(at, &|figures| Some(figures.0))?,
                        quality: mean(at, &|figures| figures.1),
                    })
                };
                let weight: f64 = members.iter().map(|(weight, _)| weight).sum();
                Profile {
                    share: if all > 0.0 { weight / all } else { 0.0 },
                    tiers: accepted.into_iter().enumerate().map(tier).collect(),
                }
            })
            .filter(|profile| profile.share > 0.0)
            .collect();
        profiles.sort_by(|a, b| b.share.total_cmp(&a.share));
        profiles
    }
}

impl Played {
    /// Cost and uncached cost with their bootstrap replicates: clusters are drawn again, the same ones as for the cells of the task.
    #[must_use]
    pub fn draws(&self, plan: Plan) -> [Draws; 2] {
        let [cost, uncached, _] = &self.columns;
        let columns = [cost.clone(), uncached.clone()];
        let mut replicates = bootstrap::means(plan, &columns).into_iter();
        columns.map(|column| Draws { mean: column.mean(), replicates: replicates.next().unwrap_or_default() })
    }

    /// The share of good answers after fallback, and the prompts that it rests on; `None` where nothing was graded.
    #[must_use]
    pub fn quality(&self) -> Option<(Estimate, u64)> {
        Some((self.quality?, self.graded))
    }

    /// A quantile of the latency of a request, all tiers that it reaches together, in milliseconds.
    #[must_use]
    pub fn latency_at(&self, p: f64) -> Option<f64> {
        Some(Sorted::weighted(self.latencies.iter().copied())?.at(p))
    }
}
