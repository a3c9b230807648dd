//! Builds the summary: evidence, decisions and projection, rounded, with the notices that they call for.
//!
//! Reads no file and no clock; the same inputs give the same summary.

mod queries;
mod outside;
mod cell;
mod crossed;
mod decided;
mod inputs;
mod judge;
mod method;
mod monitored;
mod flips;
mod bill;
mod shares;
mod strategies;

use self::cell::{cell, price_line};
use self::decided::{Decided, Deciding};
pub use self::inputs::{Gate, Inputs, MeasuredTask};
use self::judge::Correction;
use crate::config::{Config, DataLocation, IntervalMethod, MonitorSaves, Policy, Tier};
use crate::ident::TierName;
use crate::measure::{self, Draws, Observation, Settings, TierEvidence};
use crate::path::{self, Requests};
use crate::policy::{self, Assessment, Floors, Standing, TierFacts};
use crate::price::ModelPrice;
use crate::project::Weighting;
use crate::stats::bootstrap::Plan;
use crate::summary::result::{JudgeSpend, Spend, Summary, VERSION};
use crate::summary::run::Source;
use crate::summary::task::{Cell, ProfileTier, RequestProfile, StoppedEarly, TaskSummary};
use crate::summary::tier::TierSummary;
use crate::summary::{notices, rounding};

/// A ladder without a tier, which no valid configuration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no tier to decide about")]
pub struct EmptyLadder;

/// The summary of a run.
///
/// # Errors
/// When the ladder is empty.
pub fn assemble(inputs: Inputs<'_>) -> Result<Summary, EmptyLadder> {
    let Config { tiers, policy, run, .. } = inputs.config;
    let confidence = policy.interval_confidence.get();
    let settings = Settings {
        confidence,
        interval: policy.interval,
        resamples: policy.bootstrap_resamples,
        seed: run.seed,
    };
    let facts = tier_facts(inputs.config, inputs.prices);
    let mut cells = measure::cells(inputs.observations, inputs.tasks.len(), tiers.len(), &settings);
    for (cells, stopped) in cells.iter_mut().zip(inputs.stopped) {
        for (cell, stop) in cells.iter_mut().zip(stopped) {
            // An interval for a fixed n would be too narrow: the data were looked at after every answer.
            if let (Some(rate), Some(stop)) = (&mut cell.pass_rate, stop) {
                (rate.low, rate.high) = (stop.bounds.low.min(rate.mean), stop.bounds.high.max(rate.mean));
                // It is a confidence sequence, not one of the intervals for a fixed n.
                rate.interval = IntervalMethod::default();
            }
        }
    }
    let rows: Vec<(usize, &Observation)> = inputs.observations.iter().enumerate().collect();
    let corrections = judge::correct_all(&inputs, &rows, &mut cells);
    let rungs = inputs.config.ladder().len();
    let requests: Vec<Requests> =
        (0..inputs.tasks.len()).map(|task| Requests::of(inputs.observations, task, tiers.len())).collect();
    let ladder = facts.get(..rungs).unwrap_or_default();
    let references = policy::references(policy, ladder);
    let deciding = Deciding {
        inputs: &inputs,
        policy,
        ladder,
        references: references.as_deref(),
        cells: &cells,
        requests: &requests,
        stopped: inputs.stopped,
    };
    let decided = deciding.decide().ok_or(EmptyLadder)?;

    let (shares, weighted_by) = shares::shares(&decided);
    let overall = measure::over_tasks(inputs.observations, &cells, &shares, confidence);
    let overall: Vec<TierEvidence> =
        (0..tiers.len()).map(|at| overall.get(at).cloned().unwrap_or_default()).collect();
    let standings: Vec<Standing> = overall
        .iter()
        .zip(ladder)
        .map(|(tier, facts)| Standing {
            pass_rate: tier.pass_rate.map(|rate| rate.mean),
            cost: tier.cost,
            location: facts.location,
        })
        .collect();
    let dominated = policy::dominated(&standings, |tier, other| {
        let strata = cells.iter().map(|task| task.get(tier));
        measure::combined_difference(shares.iter().copied().zip(strata), other, confidence)
            .is_some_and(|(_, bounds)| bounds.high <= policy.margin.get())
    });
    let names: Vec<TierName> = ladder.iter().map(|tier| tier.name.clone()).collect();
    let default_tier = names.get(policy::default_tier(&dominated)).cloned().ok_or(EmptyLadder)?;

    let assessments: Vec<Vec<Assessment>> = decided.iter().map(|task| task.assessments.clone()).collect();
    let costs: Vec<Option<f64>> = overall.iter().take(rungs).map(|tier| tier.cost).collect();
    let may_monitor: Vec<bool> = decided.iter().map(|task| task.may_monitor).collect();
    let cheapest_sufficient_tier = policy::cheapest_sufficient_tier(&assessments, &may_monitor, &costs);
    let outside_ladder = outside::outside(&inputs, &facts, &decided, &cells, &overall, references.as_deref());
    let project = |decided: &[Decided<'_>], drawn: &[Option<[Draws; 2]>]| {
        bill::projection(&inputs, decided, drawn, &names, cheapest_sufficient_tier, weighted_by)
    };
    let drawn = drawn(&decided, &settings);
    let projection = project(&decided, &drawn);
    let monitored = monitored::monitored(&decided, &projection, || {
        let proven = Policy { monitor_saves: MonitorSaves::Never, ..policy.clone() };
        let decided = Deciding { policy: &proven, ..deciding }.decide()?;
        let projection = project(&decided, &self::drawn(&decided, &settings));
        Some((decided, projection))
    });

    let traffic = match weighted_by {
        Weighting::Traffic => Some(shares.iter().sum()),
        Weighting::Corpus => None,
    };
    let elsewhere = strategies::Elsewhere {
        ladder,
        references: references.as_deref(),
        settings: &settings,
        overall: &overall,
        drawn: &drawn,
        projection: &projection,
    };
    let strategies = strategies::strategies(&inputs, &decided, &shares, traffic, &elsewhere);

    let source = inputs.run.source.clone();
    let mut summary = Summary {
        version: VERSION,
        tool: inputs.tool,
        run: inputs.run,
        evidence: inputs.evidence,
        method: method::method(policy, &decided),
        notices: inputs.notices,
        tiers: tier_summaries(inputs.config, &source, inputs.prices, &facts, overall, &dominated),
        tasks: decided
            .iter()
            .zip(&corrections)
            .map(|(task, corrections)| task_summary(inputs.config, &names, task, corrections))
            .collect(),
        outside_ladder,
        strategies,
        monitored,
        default_tier,
        projection: rounding::projection(projection),
        spend: Spend {
            list_price: rounding::usd(inputs.spend.list_price),
            billed: rounding::usd(inputs.spend.billed),
            judge: inputs.spend.judge.map(|judge| JudgeSpend {
                list_price: rounding::usd(judge.list_price),
                billed: rounding::usd(judge.billed),
                ..judge
            }),
            ..inputs.spend
        },
    };
    // The caller may know more about a matter: its notice takes precedence over one with the same code.
    let mut further = notices::collect(&summary, inputs.config, inputs.prices);
    further.extend(notices::of_method(policy, &summary));
    further.retain(|notice| summary.notices.iter().all(|own| own.code != notice.code));
    summary.notices.append(&mut further);
    Ok(summary)
}

/// What a request of each task costs on its route, and as if nothing had come from a cache.
fn drawn(decided: &[Decided<'_>], settings: &Settings) -> Vec<Option<[Draws; 2]>> {
    let of = |(at, task): (usize, &Decided<'_>)| {
        // The plan of the task's cells: the same replicate of a route and of a baseline sees the same prompts.
        let plan = Plan { seed: settings.seed, stream: at as u64, resamples: settings.resamples };
        let played = task.requests.play(task.tier, &task.escalates_to)?;
        let cell = task.cells.get(task.tier)?;
        // Where nothing goes up, a route costs what its tier does, which is drawn already.
        if played.escalated == 0.0 && cell.cost_draws.mean.is_some() {
            return Some([cell.cost_draws.clone(), cell.uncached_draws.clone()]);
        }
        Some(played.draws(plan))
    };
    decided.iter().enumerate().map(of).collect()
}

fn tier_facts(config: &Config, prices: &[ModelPrice]) -> Vec<TierFacts> {
    let window = |at: usize| prices.get(at).and_then(|price| price.context_window);
    config
        .tiers
        .iter()
        .enumerate()
        .map(|(at, tier)| TierFacts {
            name: tier.name.clone(),
            // An unknown provider counts as external.
            location: config
                .providers
                .get(&tier.model.provider)
                .map_or(DataLocation::External, |provider| provider.data_location),
            window: tier.context_window.or_else(|| window(at)),
        })
        .collect()
}

fn tier_summaries(
    config: &Config,
    source: &Source,
    prices: &[ModelPrice],
    facts: &[TierFacts],
    overall: Vec<TierEvidence>,
    dominated: &[Option<usize>],
) -> Vec<TierSummary> {
    let rows = config.ladder().iter().zip(prices).zip(facts).zip(overall).zip(dominated);
    rows.map(|((((tier, price), facts), overall), dominated)| TierSummary {
        name: tier.name.clone(),
        model: tier.model.clone(),
        same_class: tier.same_class.clone(),
        context_window: facts.window,
        guard_input_tokens: facts.window.map(|window| policy::guarded(window, &config.policy)),
        price: price_line(price),
        pass_rate: overall.pass_rate.map(rounding::rate),
        latency: overall.latency,
        concurrency: overall.latency.and_then(|_| concurrency(config, source, tier)),
        cost_per_request: overall.cost.and_then(measure::usd).map(rounding::usd),
        dominated_by: dominated.and_then(|at| config.tiers.get(at)).map(|tier| tier.name.clone()),
    })
    .collect()
}

fn profiles(requests: &Requests, rungs: usize) -> Vec<RequestProfile> {
    let tier = |tier: Option<path::ProfileTier>| {
        let tier = tier?;
        Some(ProfileTier {
            accepted: tier.accepted,
            cost: measure::usd(tier.cost).map(rounding::usd)?,
            pass_rate: tier.quality.map(rounding::share),
        })
    };
    let of = |profile: path::Profile| RequestProfile {
        share: rounding::share(profile.share),
        tiers: profile.tiers.into_iter().map(tier).collect(),
    };
    requests.profiles(rungs).into_iter().map(of).collect()
}

/// How many calls may have been in flight at a time: a recording does not say, and a script takes no time.
fn concurrency(config: &Config, source: &Source, tier: &Tier) -> Option<u64> {
    match source {
        Source::Live | Source::Mixed => {
            config.providers.get(&tier.model.provider).map(|provider| provider.limits.concurrency as u64)
        }
        Source::Recording(_) | Source::Script => None,
    }
}

fn task_summary(
    config: &Config,
    names: &[TierName],
    decided: &Decided<'_>,
    corrections: &[Correction],
) -> TaskSummary {
    let task = decided.measured.task;
    let floors = Floors::of(task, &config.policy);
    let cells = names.iter().zip(decided.cells).zip(&decided.assessments);
    TaskSummary {
        name: task.name.clone(),
        band: task.band.clone(),
        description: task.description.clone(),
        owner: task.owner.clone(),
        oracle: task.oracle.clone(),
        consequence: task.consequence,
        latency_p95_limit: task.latency_p95,
        ttft_p95_limit: task.ttft_p95,
        data_location: task.data_location,
        requests_per_day: task.requests_per_day,
        traffic_range: task.traffic_range,
        expected_output_tokens: task.expected_output_tokens,
        prompts: decided.measured.prompts,
        distinct_prompts: decided.measured.distinct_prompts,
        adversarial: decided.measured.adversarial,
        route_floor: floors.route,
        monitor_floor: floors.monitor,
        margin: method::in_force(&config.policy, floors.margin),
        monitor_margin: method::in_force(&config.policy, floors.monitor_margin),
        confidence_required: floors.confidence,
        cells: cells
            .enumerate()
            .map(|(at, ((name, evidence), assessment))| Cell {
                stopped_early: decided.stopped.get(at).copied().flatten().map(|stop| StoppedEarly {
                    prompts: stop.prompts,
                    alpha: stop.alpha,
                    spared_by: stop.spared_by.and_then(|by| names.get(by)).cloned(),
                }),
                ..cell(name, evidence, assessment, names)
            })
            .collect(),
        judge: decided
            .measured
            .labelled
            .as_ref()
            .map(|standing| judge::calibration(standing, names, corrections)),
        turning_point: decided.turning.map(|turning| judge::turning_point(&decided.route.tier, turning)),
        route: rounding::route(policy::watched(decided.route.clone(), &config.policy)),
        profiles: profiles(decided.requests, names.len()),
    }
}
