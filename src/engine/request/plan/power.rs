//! What a task's prompts can decide, before any of them is sent.

use serde::Serialize;

use crate::config::IntervalMethod;
use crate::corpus::Corpus;
use crate::engine::run::project::Project;
use crate::ident::TaskName;
use crate::policy::Floors;
use crate::stats::{floor, paired, power};
use crate::summary::Summary;
use crate::summary::strategies::TierPair;

/// The power that sample sizes are for: the chance of showing what is so.
const POWER: f64 = 0.80;
/// The share of prompts that only one of two tiers passes, either way, where nothing was measured: 3 % each.
pub(super) const ASSUMED_DISCORDANT: f64 = 0.03;

/// What a task's prompts can decide.
#[derive(Debug, Serialize)]
pub struct TaskPower {
    /// The task.
    pub task: TaskName,
    /// Its prompts.
    pub prompts: u64,
    /// The effective sample size that their weights leave.
    pub n_eff: f64,
    /// The floor.
    pub route_floor: f64,
    /// The posterior probability that the decision asks for.
    pub confidence: f64,
    /// The fewest prompts that could clear the floor, were all of them to pass; `None`: no number could.
    pub smallest_n: Option<u64>,
    /// The lowest pass rate that would clear the floor, if it were seen on these prompts; `None`: not even 1.
    pub detectable: Option<f64>,
    /// Whether the prompts can clear the floor.
    pub decidable: bool,
    /// By how much a tier may be worse than another one to be called no worse.
    pub margin: f64,
    /// The prompts that show two tiers of one quality to be within the margin, four times out of five; `None`: none can.
    pub smallest_n_margin: Option<u64>,
    /// The share of prompts that only the one or only the other tier passes.
    pub discordant: f64,
    /// Whether that share was measured in the last run; else it is assumed.
    pub discordant_measured: bool,
    /// The smallest difference between two tiers that these prompts show four times out of five, at 5 % two-sided.
    pub detectable_difference: Option<f64>,
    /// Whether the prompts can show a tier to be no worse.
    pub decidable_margin: bool,
}

pub(super) fn decides(project: &Project, corpus: &Corpus, last: Option<&Summary>) -> Vec<TaskPower> {
    let policy = &project.config.policy;
    let measured = last.and_then(discordant);
    let discordant = measured.unwrap_or(2.0 * ASSUMED_DISCORDANT);
    let mut all = Vec::new();
    for index in corpus.used_tasks() {
        let Some(task) = project.config.tasks.get(usize::from(index)) else { continue };
        let weights: Vec<f64> = corpus
            .entries()
            .iter()
            .filter(|entry| entry.task == index)
            .map(|entry| entry.weight.get())
            .collect();
        let n_eff = floor::kish(&weights).unwrap_or_default();
        let Floors { route, margin, confidence, .. } = Floors::of(task, policy);
        let even = project.config.run.repeats == 1 && n_eff >= weights.len() as f64 - 1e-6;
        let method = if even { policy.interval } else { IntervalMethod::Wilson };
        let posterior = |mean, n| method.posterior(mean, n);
        let least = u64::from(policy.min_prompts);
        let smallest_n = power::smallest_n(route, confidence, posterior).map(|n| n.max(least));
        let half = discordant / 2.0;
        // Below a half, no test asks for anything.
        let smallest_n_margin =
            paired::non_inferiority_n(half, half, margin, confidence.clamp(0.5, 1.0 - 1e-9), POWER)
                .map(|n| n.max(least));
        let enough = |n: Option<u64>| n.is_some_and(|n| n_eff + 1e-6 >= n as f64);
        let places = |value: f64, scale: f64| (value * scale).round() / scale;
        all.push(TaskPower {
            task: task.name.clone(),
            prompts: weights.len() as u64,
            n_eff: places(n_eff, 10.0),
            route_floor: route,
            confidence,
            smallest_n,
            detectable: floor::least_rate(n_eff, route, confidence, posterior),
            decidable: enough(smallest_n),
            margin,
            smallest_n_margin,
            discordant: places(discordant, 1e4),
            discordant_measured: measured.is_some(),
            detectable_difference: power::detectable_difference(n_eff, discordant, 0.05, POWER)
                .map(|difference| places(difference, 1e4)),
            decidable_margin: enough(smallest_n_margin),
        });
    }
    all
}

/// The share of prompts that the last tier of the ladder and the one that is most like it did not both pass or both fail.
fn discordant(last: &Summary) -> Option<f64> {
    let top = &last.tiers.last()?.name;
    let pairs = last.strategies.as_ref()?.pairs.iter().filter(|pair| pair.upper == *top);
    let share = |pair: &TierPair| {
        let apart = pair.only_lower + pair.only_upper;
        apart as f64 / (apart + pair.both + pair.neither) as f64
    };
    // Two tiers that never disagreed would make a formula of it that asks for no prompt at all.
    pairs.map(share).filter(|share| *share > 0.0).min_by(f64::total_cmp)
}
