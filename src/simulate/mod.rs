//! A day of traffic through the routes of a run, from the measured distributions: slow hours, outages, budgets, fallbacks, and an
//! adaptive variant next to the fixed routes. Pure and seeded; reads no file and no clock.
//!
//! What is assumed, and stated in every result: requests are independent, answers do not depend on the load, latencies are drawn from
//! the 21 measured quantiles, and a request costs, and is accepted and passes, like the measured ones that the same tiers accept: it takes
//! the path that `path` walks for the projection.

mod arrivals;
mod state;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

pub use crate::config::simulate::PlannedOutage as Outage;
use crate::ident::{TaskName, TierName};
use crate::path::{Reply, Step, walk};
use crate::summary::{Cell, RequestProfile, Summary};

pub use self::arrivals::Profile;
use self::state::{Arms, Histogram, Window};

/// What is assumed: it is printed with every result.
pub const ASSUMED: &str = "Assumptions: requests are independent; answers do not depend on the load; latencies, costs and pass rates are \
    those measured.";

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Requests of the day.
    pub requests: u64,
    /// How they fall over the day.
    pub profile: Profile,
    /// How much slower the slowest hour is than the fastest: 0.5 for 50 %.
    pub drift: f64,
    /// Tiers that do not answer for a while.
    pub outages: Vec<Outage>,
    /// USD for the day. When it is used up, requests are downgraded to the cheapest tier; what not even that affords is rejected.
    pub budget_per_day: Option<f64>,
    /// Users among whom requests are spread evenly at random.
    pub users: u32,
    /// USD for a user and day.
    pub budget_per_user: Option<f64>,
    /// Requests in the window whose p95 must meet a task's latency limit; otherwise the next tier serves.
    pub window: usize,
    /// The seed.
    pub seed: u64,
    /// How the adaptive variant weighs cost against quality: the reward is pass minus lambda x cost relative to the costliest
    /// tier's request.
    pub lambda: f64,
}

/// Who chooses the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The routes as decided.
    Routes,
    /// UCB1 (Auer et al. 2002) per task, over the tiers that can serve it, by pass rate minus lambda x relative cost.
    Adaptive,
}

/// An hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Hour {
    /// The hour, 0 to 23.
    pub hour: u32,
    /// Requests that arrived.
    pub requests: u64,
    /// Requests that were answered.
    pub served: u64,
    /// Requests that another tier than the first choice answered.
    pub fallbacks: u64,
    /// Requests that a budget downgraded to the cheapest tier.
    pub downgraded: u64,
    /// Requests that were rejected: by a budget, or because no tier was available.
    pub rejected: u64,
    /// Requests that the gate rejected at one tier and the next tier answered.
    pub escalations: u64,
    /// Median latency in milliseconds, by buckets of 3 %; `None` without a latency.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub p95_ms: Option<f64>,
    /// USD.
    pub cost: f64,
    /// Answers that pass, expected by the measured pass rates.
    pub passes: f64,
}

/// A day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// Who chose.
    pub variant: Variant,
    /// The hours.
    pub hours: Vec<Hour>,
    /// All of them together.
    pub total: Hour,
}

/// A tier at a task, as far as the simulation needs it.
struct Choice {
    tier: usize,
    /// On average, for comparing tiers.
    cost: f64,
    latency: Option<[f64; 21]>,
}

impl Choice {
    /// What the tier does with a request of a profile; `None` where that is not known.
    fn step(&self, profile: Option<&RequestProfile>) -> Option<Step> {
        let tier = profile?.tiers.get(self.tier).copied().flatten()?;
        let cost = tier.cost.to_f64();
        Some(Step {
            cost,
            uncached: cost,
            accepted: Some(f64::from(u8::from(tier.accepted))),
            quality: tier.pass_rate,
            latency: None,
            output: None,
        })
    }
}

struct Task {
    share: f64,
    /// The requests by which tiers accept them.
    profiles: Vec<RequestProfile>,
    latency_limit: Option<f64>,
    /// The route's tier, then its fallbacks.
    chain: Vec<Choice>,
    /// The index in `chain` of the cheapest.
    cheapest: usize,
}

/// Why a summary cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// No task has traffic and a priced route.
    #[error("no task has traffic and a route with a known cost and pass rate")]
    NoTraffic,
    /// An outage names an unknown tier.
    #[error("there is no tier `{0}`")]
    UnknownTier(String),
}

/// Simulates a day.
///
/// # Errors
/// When there is nothing to simulate, or an outage names an unknown tier.
pub fn day(summary: &Summary, settings: &Settings, variant: Variant) -> Result<Day, SimulateError> {
    let tiers: Vec<&TierName> = summary.tiers.iter().map(|tier| &tier.name).collect();
    let mut outages = Vec::new();
    for outage in &settings.outages {
        let tier = tiers.iter().position(|tier| **tier == outage.tier);
        let tier = tier.ok_or_else(|| SimulateError::UnknownTier(outage.tier.to_string()))?;
        outages.push((tier, outage.from, outage.from.saturating_add(outage.minutes)));
    }
    let tasks: Vec<Task> = summary.tasks.iter().filter_map(|task| self::task(summary, task)).collect();
    let all: f64 = tasks.iter().map(|task| task.share).sum();
    if all <= 0.0 {
        return Err(SimulateError::NoTraffic);
    }
    let mut world = World {
        settings,
        outages,
        windows: tasks
            .iter()
            .map(|task| task.chain.iter().map(|_| Window::new(settings.window)).collect())
            .collect(),
        arms: tasks.iter().map(|task| Arms::new(task.chain.len())).collect(),
        costliest: tasks.iter().flat_map(|task| &task.chain).map(|option| option.cost).fold(0.0, f64::max),
        spent: 0.0,
        by_user: vec![0.0; if settings.budget_per_user.is_some() { settings.users as usize } else { 0 }],
    };
    let mut hours = Vec::with_capacity(24);
    let mut whole = Histogram::default();
    for (hour, requests) in arrivals::per_hour(settings.requests, settings.profile).into_iter().enumerate() {
        // Each hour has a stream of its own, so that a change of one leaves the draws of the others alone.
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        random.set_stream(hour as u64);
        let mut record = Hour { hour: u32::try_from(hour).unwrap_or_default(), requests, ..Hour::default() };
        let mut latencies = Histogram::default();
        for _ in 0..requests {
            let minute = record.hour * 60 + random.next_u32() % 60;
            let at = pick(&tasks, unit(&mut random) * all);
            if let Some(task) = tasks.get(at) {
                world.request(at, task, minute, variant, &mut random, &mut record, &mut latencies);
            }
        }
        record.p50_ms = latencies.quantile(0.5);
        record.p95_ms = latencies.quantile(0.95);
        whole.add(&latencies);
        hours.push(record);
    }
    let mut total = Hour { p50_ms: whole.quantile(0.5), p95_ms: whole.quantile(0.95), ..Hour::default() };
    for hour in &hours {
        total.requests += hour.requests;
        total.served += hour.served;
        total.fallbacks += hour.fallbacks;
        total.downgraded += hour.downgraded;
        total.rejected += hour.rejected;
        total.escalations += hour.escalations;
        total.cost += hour.cost;
        total.passes += hour.passes;
    }
    Ok(Day { variant, hours, total })
}

/// A number from 0 up to 1.
fn unit(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32()) / (f64::from(u32::MAX) + 1.0)
}

fn pick(tasks: &[Task], mut point: f64) -> usize {
    for (at, task) in tasks.iter().enumerate() {
        point -= task.share;
        if point < 0.0 {
            return at;
        }
    }
    tasks.len().saturating_sub(1)
}

fn task(summary: &Summary, task: &crate::summary::TaskSummary) -> Option<Task> {
    let share = task.requests_per_day.filter(|requests| *requests > 0.0)?;
    let option = |tier: &TierName| {
        let at = summary.tiers.iter().position(|known| known.name == *tier)?;
        let cell: &Cell = task.cells.iter().find(|cell| cell.tier == *tier)?;
        Some(Choice {
            tier: at,
            cost: cell.cost?.mean.to_f64(),
            latency: cell.latency.map(|latency| latency.quantiles.map(crate::units::Millis::ms)),
        })
    };
    let chain: Vec<Choice> =
        std::iter::once(&task.route.tier).chain(&task.route.fallback).filter_map(option).collect();
    let cheapest = (0..chain.len()).min_by(|a, b| {
        let cost = |at: &usize| chain.get(*at).map_or(f64::INFINITY, |option| option.cost);
        cost(a).total_cmp(&cost(b))
    })?;
    Some(Task {
        share,
        latency_limit: task.latency_p95_limit.map(crate::units::Millis::ms),
        profiles: task.profiles.clone(),
        chain,
        cheapest,
    })
}

impl Task {
    /// The profile at a point between 0 and 1.
    fn profile(&self, mut point: f64) -> Option<&RequestProfile> {
        for profile in &self.profiles {
            point -= profile.share;
            if point < 0.0 {
                return Some(profile);
            }
        }
        self.profiles.first()
    }
}

/// The tasks that a day leaves out.
#[must_use]
pub fn left_out(summary: &Summary) -> Vec<TaskName> {
    summary
        .tasks
        .iter()
        .filter(|task| self::task(summary, task).is_none())
        .map(|task| task.name.clone())
        .collect()
}

struct World<'a> {
    settings: &'a Settings,
    outages: Vec<(usize, u32, u32)>,
    windows: Vec<Vec<Window>>,
    arms: Vec<Arms>,
    costliest: f64,
    spent: f64,
    by_user: Vec<f64>,
}

impl World<'_> {
    fn is_out(&self, tier: usize, minute: u32) -> bool {
        self.outages.iter().any(|(out, from, to)| *out == tier && (*from..*to).contains(&minute))
    }

    /// Whether the budgets still afford a request of this cost.
    fn fits(&self, user: usize, cost: f64) -> bool {
        let of_day = self.settings.budget_per_day.is_none_or(|budget| self.spent + cost <= budget);
        let of_user = self
            .settings
            .budget_per_user
            .is_none_or(|budget| self.by_user.get(user).is_none_or(|spent| spent + cost <= budget));
        of_day && of_user
    }

    fn spend(&mut self, user: usize, cost: f64, hour: &mut Hour) {
        self.spent += cost;
        if let Some(spent) = self.by_user.get_mut(user) {
            *spent += cost;
        }
        hour.cost += cost;
    }

    #[expect(clippy::too_many_arguments, reason = "one request, and everything that it touches")]
    fn request(
        &mut self,
        at: usize,
        task: &Task,
        minute: u32,
        variant: Variant,
        random: &mut ChaCha8Rng,
        hour: &mut Hour,
        latencies: &mut Histogram,
    ) {
        let user = (random.next_u32() % self.settings.users.max(1)) as usize;
        // Drawn in the same order whatever becomes of the request, so that variants meet the same day.
        let (luck, gate, level) = (unit(random), unit(random), unit(random));
        let first = match variant {
            Variant::Routes => 0,
            Variant::Adaptive => self.arms.get(at).map_or(0, Arms::choose),
        };
        let order: Vec<usize> =
            std::iter::once(first).chain((0..task.chain.len()).filter(|other| *other != first)).collect();
        let up: Vec<Option<usize>> =
            (0..order.len()).map(|place| Some(place + 1).filter(|next| *next < order.len())).collect();
        let profile = task.profile(gate);
        let (mut late, mut downgraded) = (None, false);
        let walked = walk(0, &up, |place, _| {
            let Some((choice, option)) = order.get(place).and_then(|at| Some((*at, task.chain.get(*at)?)))
            else {
                return Reply::Unavailable;
            };
            if downgraded || self.is_out(option.tier, minute) {
                return Reply::Unavailable;
            }
            // A tier that has become too slow is passed over while there is another one.
            if late.is_none() && place + 1 < order.len() && self.is_slow(at, choice, task) {
                late = Some(place);
                return Reply::Unavailable;
            }
            let Some(step) = option.step(profile) else { return Reply::Unavailable };
            if !self.fits(user, step.cost) {
                downgraded = true;
                return Reply::Unavailable;
            }
            self.serve(at, choice, option, step, (user, minute, level), hour)
        });
        let mut answered = walked.map(|walk| {
            hour.escalations += walk.spent.len().saturating_sub(1) as u64;
            let end = walk.ends.last();
            let place = end.and_then(|end| end.tried.last()).map_or(0, |place| usize::from(*place));
            let choice = order.get(place).copied().unwrap_or_default();
            (choice, walk.quality.unwrap_or_default(), end.and_then(|end| end.latency))
        });
        let again = |world: &mut Self, choice: usize, hour: &mut Hour| {
            let option = task.chain.get(choice).filter(|option| !world.is_out(option.tier, minute))?;
            let step = option.step(profile).filter(|step| world.fits(user, step.cost))?;
            match world.serve(at, choice, option, step, (user, minute, level), hour) {
                Reply::Answer(step) => Some((choice, step.quality.unwrap_or_default(), step.latency)),
                Reply::Unavailable | Reply::Unknown => None,
            }
        };
        if answered.is_none() && !downgraded {
            let choice = late.and_then(|place| order.get(place).copied());
            answered = choice.and_then(|choice| again(self, choice, hour));
        }
        if answered.is_none() && downgraded {
            answered = again(self, task.cheapest, hour);
            hour.downgraded += u64::from(answered.is_some());
        }
        let Some((choice, quality, waited)) = answered else {
            hour.rejected += 1;
            return;
        };
        let Some(option) = task.chain.get(choice) else { return };
        hour.served += 1;
        hour.fallbacks += u64::from(choice != first);
        hour.passes += quality;
        if let Some(waited) = waited {
            latencies.push(waited);
        }
        if variant == Variant::Adaptive
            && let Some(arms) = self.arms.get_mut(at)
        {
            let passed = f64::from(u8::from(luck < quality));
            let relative = if self.costliest > 0.0 { option.cost / self.costliest } else { 0.0 };
            arms.learn(
                choice,
                (passed - self.settings.lambda * relative + self.settings.lambda)
                    / (1.0 + self.settings.lambda),
            );
        }
    }

    /// Whether a tier has become too slow for its task.
    fn is_slow(&mut self, at: usize, choice: usize, task: &Task) -> bool {
        task.latency_limit.is_some_and(|limit| {
            let window = self.windows.get_mut(at).and_then(|windows| windows.get_mut(choice));
            window.and_then(Window::p95).is_some_and(|p95| p95 > limit)
        })
    }

    /// A tier answers: its cost is spent, and its latency at `level` is remembered.
    fn serve(
        &mut self,
        at: usize,
        choice: usize,
        option: &Choice,
        step: Step,
        (user, minute, level): (usize, u32, f64),
        hour: &mut Hour,
    ) -> Reply {
        let latency = option.latency.map(|quantiles| draw(&quantiles, level) * self.slowness(minute));
        self.spend(user, step.cost, hour);
        if let (Some(latency), Some(window)) =
            (latency, self.windows.get_mut(at).and_then(|windows| windows.get_mut(choice)))
        {
            window.push(latency);
        }
        Reply::Answer(Step { latency, ..step })
    }

    /// How much slower than measured: a cosine over the day, slowest at 15:00.
    fn slowness(&self, minute: u32) -> f64 {
        let turn = (f64::from(minute) / 1440.0 - 15.0 / 24.0) * std::f64::consts::TAU;
        1.0 + self.settings.drift * (1.0 + turn.cos()) / 2.0
    }
}

/// The quantile at `level` by the 21 that were measured, linear between them.
fn draw(quantiles: &[f64; 21], level: f64) -> f64 {
    let place = level.clamp(0.0, 1.0) * 20.0;
    let below = (place.floor() as usize).min(19);
    let share = place - below as f64;
    match (quantiles.get(below), quantiles.get(below + 1)) {
        (Some(low), Some(high)) => low + (high - low) * share,
        _ => 0.0,
    }
}
