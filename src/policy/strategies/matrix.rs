//! What strategies are replayed on: for each request (a prompt and a repeat) how each tier answered it.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::measure::Observation;

/// How a tier answered a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// 1 when the answer was good enough, else 0.
    pub quality: f64,
    /// Whether production would have let it through.
    pub accepted: bool,
    /// USD, attempts that were retried included.
    pub cost: f64,
    /// Milliseconds, where they were measured.
    pub latency: Option<f64>,
}

/// A request, and how each tier answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The prompt: what its repeats have in common.
    pub prompt: u32,
    /// Its cluster: the prompts that are dealt and drawn together.
    pub unit: u32,
    /// Its task.
    pub task: usize,
    /// The part of the prompts that it was dealt into, with all of its cluster.
    pub fold: u32,
    /// Its share of all requests; those of a matrix add up to 1.
    pub weight: f64,
    /// The rungs of the ladder, then what was measured outside it; a rung is never unknown.
    pub facts: Vec<Option<Fact>>,
}

impl Row {
    /// How a tier answered it.
    #[must_use]
    pub fn fact(&self, tier: usize) -> Option<&Fact> {
        self.facts.get(tier).and_then(Option::as_ref)
    }
}

/// Weighted means of a tier over some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Means {
    /// The share of good answers.
    pub quality: f64,
    /// USD per request.
    pub cost: f64,
    /// Milliseconds per request; `None` where one was not measured.
    pub latency: Option<f64>,
}

/// Requests that every rung of the ladder answered, with a grade and a price.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// By prompt, then repeat.
    pub rows: Vec<Row>,
    /// Rungs of the ladder.
    pub rungs: usize,
    /// Parts that the prompts were dealt into.
    pub folds: u32,
    /// Different prompts.
    pub prompts: u64,
    /// Prompts of weight without a single whole row: they compare nothing.
    pub left_out: u64,
}

impl Matrix {
    /// The matrix of some observations. `shares` say how much each task counts, and need not add up to 1.
    #[must_use]
    pub fn new(
        observations: &[Observation],
        rungs: usize,
        tiers: usize,
        shares: &[f64],
        seed: u64,
        folds: u32,
    ) -> Self {
        let mut found: BTreeMap<(u32, u32), Request> = BTreeMap::new();
        for seen in observations {
            let (_, _, weight, facts) = found
                .entry((seen.prompt, seen.repeat))
                .or_insert_with(|| (usize::from(seen.task), seen.unit(), seen.weight, vec![None; tiers]));
            // A request that a stopped tier answered was drawn in proportion to weight, which counts once.
            if let Some(drawn) = seen.drawn {
                *weight = drawn;
            }
            if let Some(slot) = facts.get_mut(usize::from(seen.tier)) {
                *slot = fact(seen);
            }
        }
        let counts = |weight: f64, task: usize| weight > 0.0 && shares.get(task).is_some_and(|s| *s > 0.0);
        let mut rows: Vec<Row> = Vec::with_capacity(found.len());
        let mut requested: Vec<u32> = Vec::new();
        for ((prompt, _), (task, unit, weight, facts)) in found {
            if !counts(weight, task) {
                continue;
            }
            requested.push(prompt);
            if facts.iter().take(rungs).all(Option::is_some) {
                rows.push(Row { prompt, unit, task, fold: 0, weight, facts });
            }
        }
        requested.dedup();
        let mut matrix = Self { rows, rungs, folds, prompts: 0, left_out: 0 };
        matrix.prompts = matrix.rows.chunk_by(|a, b| a.prompt == b.prompt).count() as u64;
        matrix.left_out = requested.len() as u64 - matrix.prompts;
        matrix.weigh(shares);
        matrix.deal(seed);
        matrix
    }

    /// A prompt's repeats share its weight; a task's prompts share the task's.
    fn weigh(&mut self, shares: &[f64]) {
        for repeats in self.rows.chunk_by_mut(|a, b| a.prompt == b.prompt) {
            let part = 1.0 / repeats.len() as f64;
            repeats.iter_mut().for_each(|row| row.weight *= part);
        }
        let mut totals = vec![0.0; shares.len()];
        for row in &self.rows {
            if let Some(total) = totals.get_mut(row.task) {
                *total += row.weight;
            }
        }
        let whole: f64 = shares.iter().zip(&totals).filter(|(_, t)| **t > 0.0).map(|(share, _)| share).sum();
        for row in &mut self.rows {
            let share = shares.get(row.task).copied().unwrap_or(0.0) / whole;
            row.weight *= share / totals.get(row.task).copied().unwrap_or(1.0);
        }
    }

    /// Deals the clusters of each task into parts, at random from the seed: the largest first, each into the part that has the fewest
    /// prompts so far. Clusters of one prompt make parts of equal size.
    fn deal(&mut self, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(0x666f_6c64);
        let mut by_task: BTreeMap<usize, BTreeMap<u32, BTreeSet<u32>>> = BTreeMap::new();
        for row in &self.rows {
            by_task.entry(row.task).or_default().entry(row.unit).or_default().insert(row.prompt);
        }
        let mut fold_of: BTreeMap<u32, u32> = BTreeMap::new();
        for clusters in by_task.into_values() {
            let mut order: Vec<(u32, usize)> =
                clusters.into_iter().map(|(unit, prompts)| (unit, prompts.len())).collect();
            for last in (1..order.len()).rev() {
                let other = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
                order.swap(last, other as usize);
            }
            order.sort_by_key(|(_, prompts)| std::cmp::Reverse(*prompts));
            let mut sizes = vec![0_usize; self.folds.max(1) as usize];
            for (unit, prompts) in order {
                let least = (0..sizes.len()).min_by_key(|fold| sizes.get(*fold)).unwrap_or_default();
                if let Some(size) = sizes.get_mut(least) {
                    *size += prompts;
                }
                fold_of.insert(unit, least as u32);
            }
        }
        for row in &mut self.rows {
            row.fold = fold_of.get(&row.unit).copied().unwrap_or(0);
        }
    }

    /// The means of each rung over some rows; `None` without one.
    #[must_use]
    pub fn means<'a>(&self, rows: impl Iterator<Item = &'a Row> + Clone) -> Option<Vec<Means>> {
        let weight: f64 = rows.clone().map(|row| row.weight).sum();
        (weight > 0.0).then(|| {
            let mean = |tier: usize| {
                let mut means = Means { latency: Some(0.0), ..Means::default() };
                for row in rows.clone() {
                    if let Some(fact) = row.fact(tier) {
                        means.quality += row.weight * fact.quality;
                        means.cost += row.weight * fact.cost;
                        means.latency =
                            means.latency.zip(fact.latency).map(|(sum, ms)| sum + row.weight * ms);
                    }
                }
                Means {
                    quality: means.quality / weight,
                    cost: means.cost / weight,
                    latency: means.latency.map(|sum| sum / weight),
                }
            };
            (0..self.rungs).map(mean).collect()
        })
    }

    /// Fits on all parts but one and applies to that one, for each part; and fits on everything and applies to
    /// everything, which flatters. A part whose other parts hold nothing to fit on is given what all rows say.
    pub(super) fn cross_fit<M, T>(
        &self,
        fit: impl Fn(&[&Row]) -> M,
        apply: impl Fn(&M, usize, &Row) -> T,
    ) -> Fitted<T> {
        let models = self.fit(fit);
        let rows = || self.rows.iter().enumerate();
        Fitted {
            crossed: rows().map(|(at, row)| apply(models.unseen(row), at, row)).collect(),
            in_sample: rows().map(|(at, row)| apply(&models.all, at, row)).collect(),
        }
    }

    /// Fits on everything, and on all parts but one for each part.
    pub(super) fn fit<M>(&self, fit: impl Fn(&[&Row]) -> M) -> Models<M> {
        let all: Vec<&Row> = self.rows.iter().collect();
        let without = (0..self.folds.max(1))
            .map(|fold| {
                let others: Vec<&Row> = self.rows.iter().filter(|row| row.fold != fold).collect();
                if others.is_empty() { fit(&all) } else { fit(&others) }
            })
            .collect();
        Models { all: fit(&all), without }
    }
}

/// What was fitted.
#[derive(Clone, Debug)]
pub(super) struct Models<M> {
    /// On everything.
    pub(super) all: M,
    /// On all parts but one, by that part.
    without: Vec<M>,
}

impl<M> Models<M> {
    /// Something made of each of them.
    pub(super) fn map<T>(&self, make: impl Fn(&M) -> T) -> Models<T> {
        Models { all: make(&self.all), without: self.without.iter().map(&make).collect() }
    }

    /// Each of them.
    pub(super) fn each(&self) -> impl Iterator<Item = &M> {
        self.without.iter().chain(std::iter::once(&self.all))
    }

    /// The one that has not seen the row's part.
    pub(super) fn unseen(&self, row: &Row) -> &M {
        self.without.get(row.fold as usize).unwrap_or(&self.all)
    }
}

/// What a fitted strategy does with each row.
#[derive(Clone, Debug)]
pub(super) struct Fitted<T> {
    /// Fitted without the row's own part.
    pub(super) crossed: Vec<T>,
    /// Fitted on everything, the row itself included.
    pub(super) in_sample: Vec<T>,
}

/// The task, the prompt's cluster and weight, and how each tier answered.
type Request = (usize, u32, f64, Vec<Option<Fact>>);

fn fact(seen: &Observation) -> Option<Fact> {
    Some(Fact {
        quality: f64::from(u8::from(seen.passed()?)),
        accepted: seen.accepted()?,
        cost: seen.cost_in_all()?,
        latency: seen.total.map(crate::units::Millis::ms),
    })
}
