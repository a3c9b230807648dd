//! Where more prompts would save most: requests x savings per request of a cheaper tier x the chance that more prompts prove it
//! good enough.

use serde::Serialize;

use super::power::ASSUMED_DISCORDANT;
use crate::config::{IntervalMethod, Rule, Task};
use crate::engine::run::files::SUMMARY;
use crate::engine::run::project::Project;
use crate::ident::{RunId, TaskName, TierName};
use crate::measure;
use crate::plan::Plan;
use crate::plan::bands::Part;
use crate::plan::estimate::Estimate;
use crate::policy::Floors;
use crate::project::MONTH;
use crate::stats::paired::{self, Difference};
use crate::stats::{floor, power};
use crate::summary::{Band, Cell, Summary, TaskSummary};
use crate::units::{Tokens, Usd};

/// The number of additional prompts of a task.
const MORE: u32 = 100;
/// The tasks, ordered by the expected savings of more prompts.
#[derive(Debug, Serialize)]
pub struct NextPrompts {
    /// The number of additional prompts of a task.
    pub more: u32,
    /// The run that the rates and costs come from; `None` if nothing was measured yet, and both are assumed.
    pub run: Option<RunId>,
    /// Whether that run was decided by floors, which says nothing about differences between tiers.
    #[serde(skip)]
    pub other_rule: bool,
    /// The highest expected savings first; unknown ones last.
    pub tasks: Vec<ExpectedSavings>,
}

/// The expected savings of more prompts of a task.
#[derive(Debug, Serialize)]
pub struct ExpectedSavings {
    /// The task.
    pub task: TaskName,
    /// The cheaper tier that they may prove good enough, with or without monitoring.
    pub tier: TierName,
    /// The tier that serves until then.
    pub instead_of: TierName,
    /// Expected traffic; `None` if not configured.
    pub requests_per_day: Option<f64>,
    /// Savings per request with the cheaper tier; `None` if a cost is unknown.
    pub savings_per_request: Option<Usd>,
    /// The chance that the additional prompts prove it good enough.
    pub chance: f64,
    /// Expected savings per month: the product of the three.
    pub expected_savings_per_month: Option<Usd>,
}

/// The summary of the last run of this project, if it was of the same models with the same parameters. A run that was
/// interrupted has none.
pub(super) fn last_run(project: &Project) -> anyhow::Result<Option<Summary>> {
    let Some(folder) = project.latest()? else { return Ok(None) };
    if !project.disk().is_file(&folder.join(SUMMARY)) {
        return Ok(None);
    }
    let summary = project.summary_of(&folder)?;
    Ok((summary.evidence.tiers == project.config.tiers_digest()).then_some(summary))
}

pub(super) fn next_prompts(
    project: &Project,
    parts: &[Part],
    estimate: &Estimate,
    plan: &Plan,
    last: Option<&Summary>,
) -> NextPrompts {
    let mut tasks = Vec::new();
    for Part { task, clusters, .. } in parts {
        let floors = Floors::of(task, &project.config.policy);
        let measured = last.and_then(|last| last.tasks.iter().find(|other| other.name == task.name));
        match (last, measured) {
            (Some(_), Some(measured)) => {
                let cells = measured.cells.iter();
                let savings = cells.filter_map(|cell| by_evidence(project, task, floors, measured, cell));
                // The best of a task's undecided tiers counts.
                tasks.extend(savings.reduce(|most, next| if saves_more(&next, &most) { next } else { most }));
            }
            (Some(_), None) | (None, _) => {
                tasks.extend(by_assumption(project, task, floors, clusters, (estimate, plan)));
            }
        }
    }
    // Stable: ties stay in the order of the configuration.
    tasks.sort_by(|a, b| {
        b.expected_savings_per_month.cmp(&a.expected_savings_per_month).then(b.chance.total_cmp(&a.chance))
    });
    let rule = project.config.policy.rule;
    NextPrompts {
        more: MORE,
        run: last.map(|last| last.run.id.clone()),
        other_rule: last.is_some_and(|last| last.method.rule != rule && rule == Rule::NonInferior),
        tasks,
    }
}

fn saves_more(one: &ExpectedSavings, other: &ExpectedSavings) -> bool {
    (one.expected_savings_per_month, one.chance) > (other.expected_savings_per_month, other.chance)
}

/// The expected savings of more prompts for a tier that is cheaper than the serving one and undecided.
fn by_evidence(
    project: &Project,
    task: &Task,
    floors: Floors,
    measured: &TaskSummary,
    cell: &Cell,
) -> Option<ExpectedSavings> {
    if !cell.infeasible.is_empty() {
        return None;
    }
    let serves = measured.cells.iter().find(|other| other.tier == measured.route.tier)?;
    let total = |cell: &Cell| cell.effective_cost.map(|cost| cost.total.to_f64());
    let saved = total(serves).zip(total(cell)).map(|(dear, cheap)| dear - cheap);
    if cell.tier == serves.tier || saved.is_some_and(|saved| saved <= 0.0) {
        return None;
    }
    let rate = cell.pass_rate?;
    // Additional prompts are assumed to differ from those so far, and to have weights like theirs.
    let prompts = f64::from(MORE) * rate.n_eff / cell.distinct_prompts.max(1) as f64;
    let chance = match project.config.policy.rule {
        Rule::Floor => {
            // By today's floors, whatever rule decided the run.
            let least = f64::from(project.config.policy.min_prompts);
            let posterior = |mean, n| rate.interval.posterior(mean, n);
            let clears = |mean: f64, n: f64| {
                n >= least && posterior(mean, n).clears(floors.monitor) >= floors.confidence
            };
            let misses = rate.n_eff >= least
                && posterior(rate.mean, rate.n_eff).misses(floors.monitor) >= floors.confidence;
            // A cell that is decided, or lacks answers, gains nothing from more prompts.
            if misses || clears(rate.mean, rate.n_eff) {
                return None;
            }
            power::chance_to_clear(rate.mean, rate.n_eff, prompts.round() as u32, clears)
        }
        Rule::NonInferior => {
            match cell.band {
                Band::Undecided => {}
                Band::Route | Band::Monitor | Band::Below => return None,
            }
            let versus = cell.versus.as_ref()?;
            let seen = Difference {
                mean: versus.difference,
                se: None,
                only_first: versus.only_this,
                only_second: versus.only_other,
                n: versus.n,
                n_eff: versus.n_eff,
            };
            paired::chance_to_show(&seen, prompts, floors.monitor_margin, floors.confidence)
        }
    };
    Some(savings(task, &cell.tier, &serves.tier, saved, chance))
}

/// The same before anything was measured, for the first tier of the ladder instead of the last one. Assumes that every pass
/// rate is equally likely (or, by the rule `non_inferior`, that the two tiers are equally good and disagree at the assumed
/// rate), and that replies are half as long as their cap.
fn by_assumption(
    project: &Project,
    task: &Task,
    floors: Floors,
    weights: &[f64],
    (estimate, plan): (&Estimate, &Plan),
) -> Option<ExpectedSavings> {
    let (first, top) = (project.config.ladder().first()?, project.config.ladder().last()?);
    if first.name == top.name {
        return None;
    }
    let cost = |tier: &TierName| {
        let cell = estimate.cells.iter().find(|cell| cell.task == task.name && cell.tier == *tier)?;
        let target = plan.targets().iter().find(|target| target.tier == *tier)?;
        let input = Tokens(cell.input_mean.round() as u64);
        target.price.ceiling(input, Tokens(cell.output_cap.0 / 2)).map(Usd::to_f64)
    };
    let saved = cost(&top.name).zip(cost(&first.name)).map(|(dear, cheap)| dear - cheap);
    if saved.is_some_and(|saved| saved <= 0.0) {
        return None;
    }
    let n = floor::kish(weights)?;
    let policy = &project.config.policy;
    let even = project.config.run.repeats == 1 && n >= weights.len() as f64 - 1e-6;
    let method = if even { policy.interval } else { IntervalMethod::Wilson };
    let n_eff_per_prompt = n / weights.len() as f64;
    let all = n + f64::from(MORE) * n_eff_per_prompt;
    let chance = |n: f64| match policy.rule {
        Rule::Floor => power::chance_to_clear(0.0, 0.0, n.round() as u32, |mean, n| {
            n >= f64::from(policy.min_prompts)
                && method.posterior(mean, n).clears(floors.monitor) >= floors.confidence
        }),
        Rule::NonInferior => {
            let equal = Difference {
                mean: 0.0,
                se: None,
                only_first: ASSUMED_DISCORDANT,
                only_second: ASSUMED_DISCORDANT,
                n: 1,
                n_eff: 1.0,
            };
            paired::chance_if_so(&equal, n, floors.monitor_margin, floors.confidence)
        }
    };
    Some(savings(task, &first.name, &top.name, saved, (chance(all) - chance(n)).max(0.0)))
}

fn savings(
    task: &Task,
    tier: &TierName,
    instead_of: &TierName,
    saved: Option<f64>,
    chance: f64,
) -> ExpectedSavings {
    let month = task.requests_per_day.zip(saved).map(|(requests, saved)| requests * MONTH * saved * chance);
    ExpectedSavings {
        task: task.name.clone(),
        tier: tier.clone(),
        instead_of: instead_of.clone(),
        requests_per_day: task.requests_per_day,
        savings_per_request: saved.and_then(measure::usd).map(|usd| usd.significant(4)),
        chance: (chance * 1e4).round() / 1e4,
        expected_savings_per_month: month.and_then(measure::usd).map(|usd| usd.significant(4)),
    }
}
