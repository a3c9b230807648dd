//! What a task's prompts can decide, computed before any of them is sent.

use serde::Serialize;

use crate::corpus::stats::Provable;
use crate::engine::run::project::Project;
use crate::ident::TaskName;
use crate::plan::bands::Part;
use crate::policy::Floors;
use crate::stats::{paired, power};
use crate::summary::Summary;
use crate::summary::strategies::TierPair;

/// The statistical power that the sample sizes are for.
const POWER: f64 = 0.80;
/// The share of prompts that only one of two tiers passes, for each of the two, if nothing was measured.
pub(super) const ASSUMED_DISCORDANT: f64 = 0.03;

/// What a task's prompts can decide.
#[derive(Debug, Serialize)]
pub struct TaskPower {
    /// The task.
    pub task: TaskName,
    /// Its prompts.
    pub prompts: u64,
    /// Those that differ: near-duplicates, and prompts with the same `cluster`, count once.
    pub distinct_prompts: u64,
    /// The effective sample size that the weights of those leave.
    pub n_eff: f64,
    /// The floor.
    pub route_floor: f64,
    /// The posterior probability that the decision requires.
    pub confidence: f64,
    /// The fewest prompts that could meet the floor, if all of them pass; `None` if no number could.
    pub smallest_n: Option<u64>,
    /// The lowest measured pass rate that would meet the floor with these prompts; `None` if not even 1 would.
    pub detectable: Option<f64>,
    /// Whether these prompts can meet the floor.
    pub decidable: bool,
    /// The margin within which a tier counts as non-inferior to another.
    pub margin: f64,
    /// The fewest prompts that show two equally good tiers to be non-inferior with a power of 80 %; `None` if no number does.
    pub smallest_n_margin: Option<u64>,
    /// The share of prompts that only one of the two tiers passes.
    pub discordant: f64,
    /// Whether that share was measured in the last run; otherwise it is assumed.
    pub discordant_measured: bool,
    /// The smallest difference between two tiers that these prompts detect with a power of 80 %, at 5 % two-sided.
    pub detectable_difference: Option<f64>,
    /// Whether these prompts can show a tier to be non-inferior.
    pub decidable_margin: bool,
}

pub(super) fn task_power(project: &Project, parts: &[Part], last: Option<&Summary>) -> Vec<TaskPower> {
    let policy = &project.config.policy;
    let measured = last.and_then(discordant);
    let discordant = measured.unwrap_or(2.0 * ASSUMED_DISCORDANT);
    let mut all = Vec::new();
    for Part { task, prompts, clusters, .. } in parts {
        let provable = Provable::of(&project.config, task, *prompts, clusters);
        let Provable { n_eff, confidence, smallest_n, .. } = provable;
        let margin = Floors::of(task, policy).margin;
        let least = u64::from(policy.min_prompts);
        let half = discordant / 2.0;
        // Below 0.5, no test requires anything.
        let smallest_n_margin =
            paired::non_inferiority_n(half, half, margin, confidence.clamp(0.5, 1.0 - 1e-9), POWER)
                .map(|n| n.max(least));
        let enough = |n: Option<u64>| n.is_some_and(|n| n_eff + 1e-6 >= n as f64);
        let places = |value: f64, scale: f64| (value * scale).round() / scale;
        all.push(TaskPower {
            task: task.name.clone(),
            prompts: *prompts,
            distinct_prompts: clusters.len() as u64,
            n_eff: places(n_eff, 10.0),
            route_floor: provable.route_floor,
            confidence,
            smallest_n,
            detectable: provable.least_rate,
            decidable: provable.is_possible(),
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

/// The share of prompts on which the last tier of the ladder and the tier most like it disagree.
fn discordant(last: &Summary) -> Option<f64> {
    let top = &last.tiers.last()?.name;
    let pairs = last.strategies.as_ref()?.pairs.iter().filter(|pair| pair.upper == *top);
    let share = |pair: &TierPair| {
        let apart = pair.only_lower + pair.only_upper;
        apart as f64 / (apart + pair.both + pair.neither) as f64
    };
    // With two tiers that never disagree, the formula would require no prompts at all.
    pairs.map(share).filter(|share| *share > 0.0).min_by(f64::total_cmp)
}
