//! Builds the summary: evidence, decisions and projection, rounded, with the notices that they call for.
//!
//! Reads no file and no clock; the same inputs give the same summary.

use super::asked::AskedModel;
use super::rounding::{self, share, tenth};
use super::{
    Cell, Evidence, JudgeSpend, Notice, PriceLine, RunFacts, SettledEarly, Spend, Summary, TaskSummary,
    TierSummary, TokenStats, VERSION, beside, judge, method, notices, strategies,
};
use crate::config::{Config, DataLocation, IntervalMethod, Multiplicity, Task};
use crate::grade::labels::JudgeStanding;
use crate::ident::{OracleRef, TierName};
use crate::measure::{self, CellEvidence, Observation, Settings, TierEvidence};
use crate::policy::strategies::asked::Asked;
use crate::policy::{self, Assessment, Case, Flip, Floors, Route, Settled, Standing, Strictness, TierFacts};
use crate::price::ModelPrice;
use crate::project::{self, Routed};
use crate::units::Tokens;

/// Everything that a summary is built from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The settings: tiers, tasks, policy, seed.
    pub config: &'a Config,
    /// The program, such as `route-prof 0.1.0`.
    pub tool: String,
    /// What was run.
    pub run: RunFacts,
    /// Digests of everything that the result depends on.
    pub evidence: Evidence,
    /// The measured tasks; `Observation::task` is an index into them.
    pub tasks: &'a [MeasuredTask<'a>],
    /// The price of each tier's model, in the order of the ladder.
    pub prices: &'a [ModelPrice],
    /// A line a trial that the plan asks for, attempted or not.
    pub observations: &'a [Observation],
    /// The texts of the prompts, for the strategies that read; `Observation::prompt` is an index into them.
    pub texts: Option<&'a strategies::Texts>,
    /// What models said of the prompts, for the strategies that had them asked.
    pub asked: &'a Asked,
    /// What that took.
    pub scouted: &'a [AskedModel],
    /// Which models served the replies of tiers that are routers themselves.
    pub served: &'a beside::Tally,
    /// The cells that were settled before all of their prompts were answered: by task, then tier.
    pub stopped: &'a [Vec<Option<Settled>>],
    /// What the measurement took.
    pub spend: Spend,
    /// Notices of the caller's own; they stand before those that follow from the figures.
    pub notices: Vec<Notice>,
}

/// A task that the corpus holds prompts of.
#[derive(Clone, Debug)]
pub struct MeasuredTask<'a> {
    /// Its settings.
    pub task: &'a Task,
    /// Whether its oracle has a part that production can run.
    pub gate: Gate,
    /// Its prompts in the corpus.
    pub prompts: u64,
    /// Those of them that carry the tag `adversarial`.
    pub adversarial: u64,
    /// How far the judge that grades it can be trusted; `None` where no model judges.
    pub judge: Option<JudgeStanding>,
}

/// Whether an oracle has a part that production can run without a reference answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It has.
    Present,
    /// It can say nothing without a reference.
    Absent,
}

/// A ladder without a tier, which no valid settings hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no tier to decide about")]
pub struct EmptyLadder;

/// What becomes of a task before it is rounded and named.
pub(super) struct Decided<'a> {
    pub(super) measured: &'a MeasuredTask<'a>,
    pub(super) cells: &'a [CellEvidence],
    pub(super) stopped: &'a [Option<Settled>],
    pub(super) assessments: Vec<Assessment>,
    pub(super) route: Route,
    /// The index of the tier that serves.
    pub(super) tier: usize,
    pub(super) escalates_to: Vec<Option<usize>>,
    /// What would take the route elsewhere.
    pub(super) flips: Vec<Flip>,
}

/// The summary of a run.
///
/// # Errors
/// When the ladder is empty.
pub fn build(inputs: Inputs<'_>) -> Result<Summary, EmptyLadder> {
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
        for (cell, settled) in cells.iter_mut().zip(stopped) {
            // An interval for a fixed n would be too narrow: it does not know that somebody looked at every answer.
            if let (Some(rate), Some(settled)) = (&mut cell.pass_rate, settled) {
                (rate.low, rate.high) =
                    (settled.bounds.low.min(rate.mean), settled.bounds.high.max(rate.mean));
                // It is a confidence sequence, and none of the intervals for a fixed n.
                rate.interval = IntervalMethod::default();
            }
        }
    }
    let names: Vec<TierName> = tiers.iter().map(|tier| tier.name.clone()).collect();
    for (cells, task) in cells.iter_mut().zip(inputs.tasks) {
        if let Some(standing) = &task.judge {
            judge::correct(standing, &names, cells, confidence);
        }
    }
    let rungs = inputs.config.ladder().len();
    let ladder = facts.get(..rungs).unwrap_or_default();
    let references = policy::references(policy, ladder);
    let decide_all = |strictness: &[Vec<Strictness>]| {
        let rows = inputs.tasks.iter().zip(&cells).enumerate();
        rows.map(|(task, (measured, cells))| {
            let stopped = inputs.stopped.get(task).map_or(&[][..], Vec::as_slice);
            let strictness = strictness.get(task).map_or(&[][..], Vec::as_slice);
            let cells = cells.get(..rungs).unwrap_or_default();
            decide(&inputs, ladder, measured, cells, stopped, references.as_deref(), strictness)
        })
        .collect::<Option<Vec<Decided<'_>>>>()
    };
    let alone = decide_all(&[]).ok_or(EmptyLadder)?;
    let assessed: Vec<Vec<Assessment>> = alone.iter().map(|task| task.assessments.clone()).collect();
    let together = decide_all(&policy::holm(&assessed, inputs.stopped)).ok_or(EmptyLadder)?;
    let chance = method::differing(&alone, &together);
    let decided = match policy.multiplicity {
        Multiplicity::None => alone,
        Multiplicity::Holm => together,
    };

    let shares = task_shares(&decided);
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
    let dominated = policy::dominated(&standings);
    let names: Vec<TierName> = ladder.iter().map(|tier| tier.name.clone()).collect();
    let default_tier = names.get(policy::default_tier(&dominated)).cloned().ok_or(EmptyLadder)?;

    let assessments: Vec<Vec<Assessment>> = decided.iter().map(|task| task.assessments.clone()).collect();
    let costs: Vec<Option<f64>> = overall.iter().take(rungs).map(|tier| tier.cost).collect();
    let best_single = policy::best_single(&assessments, &costs);
    let routed: Vec<Routed<'_>> = decided
        .iter()
        .map(|task| Routed {
            name: &task.measured.task.name,
            requests_per_day: task.measured.task.requests_per_day,
            cells: task.cells,
            tier: task.tier,
            escalates_to: &task.escalates_to,
        })
        .collect();
    let beside = beside::beside(&inputs, &facts, &decided, &cells, &overall, references.as_deref());
    let projection = project::project(&routed, &names, best_single, settings.resamples, confidence);

    let traffic: Option<f64> = decided.iter().map(|task| task.measured.task.requests_per_day).sum();
    let strategies = strategies::strategies(&inputs, &decided, &shares, traffic.filter(|t| *t > 0.0));

    let mut summary = Summary {
        version: VERSION,
        tool: inputs.tool,
        run: inputs.run,
        evidence: inputs.evidence,
        method: method::method(policy, &decided),
        notices: inputs.notices,
        tiers: tier_summaries(inputs.config, inputs.prices, &facts, overall, &dominated),
        tasks: decided.iter().map(|task| task_summary(inputs.config, &names, task)).collect(),
        beside,
        strategies,
        default_tier,
        projection: rounding::projection(projection),
        spend: Spend {
            list: rounding::usd(inputs.spend.list),
            billed: rounding::usd(inputs.spend.billed),
            judge: inputs.spend.judge.map(|judge| JudgeSpend {
                list: rounding::usd(judge.list),
                billed: rounding::usd(judge.billed),
                ..judge
            }),
            ..inputs.spend
        },
    };
    // The caller may know more of a matter: where it has spoken of it, its words stand.
    let mut further = notices::collect(&summary, inputs.config, inputs.prices);
    further.extend(method::notices(policy, &summary, &chance));
    further.retain(|notice| summary.notices.iter().all(|said| said.code != notice.code));
    summary.notices.append(&mut further);
    Ok(summary)
}

fn tier_facts(config: &Config, prices: &[ModelPrice]) -> Vec<TierFacts> {
    let window = |at: usize| prices.get(at).and_then(|price| price.context_window);
    config
        .tiers
        .iter()
        .enumerate()
        .map(|(at, tier)| TierFacts {
            name: tier.name.clone(),
            // A provider that is not known is somebody else's.
            location: config
                .providers
                .get(&tier.model.provider)
                .map_or(DataLocation::External, |provider| provider.data_location),
            window: tier.context_window.or_else(|| window(at)),
        })
        .collect()
}

fn decide<'a>(
    inputs: &Inputs<'a>,
    facts: &[TierFacts],
    measured: &'a MeasuredTask<'a>,
    cells: &'a [CellEvidence],
    stopped: &'a [Option<Settled>],
    references: Option<&[usize]>,
    strictness: &[Strictness],
) -> Option<Decided<'a>> {
    let gate: Option<&OracleRef> = match measured.gate {
        Gate::Present => Some(&measured.task.oracle),
        Gate::Absent => None,
    };
    let policy = &inputs.config.policy;
    let judge = measured.judge.as_ref();
    let caps: Vec<Option<String>> =
        facts.iter().map(|tier| judge.and_then(|judge| judge.cap_of(&tier.name))).collect();
    let case = Case {
        task: measured.task,
        policy,
        tiers: facts,
        cells,
        gate,
        caps: &caps,
        stopped,
        first: 0,
        references,
        strictness,
    };
    let assessments = case.assess();
    let route = case.route(&assessments)?;
    let tier = facts.iter().position(|tier| tier.name == route.tier)?;
    let escalates_to = case.escalates_to(&assessments);
    let flips = case.flips(&assessments, tier, inputs.prices);
    Some(Decided { measured, cells, stopped, assessments, route, tier, escalates_to, flips })
}

/// How much each task counts in what is said of a tier as a whole: by traffic where that of every task is stated, else
/// by the corpus' weights.
fn task_shares(decided: &[Decided<'_>]) -> Vec<f64> {
    let traffic: Option<Vec<f64>> =
        decided.iter().map(|task| task.measured.task.requests_per_day.filter(|t| t.is_finite())).collect();
    match traffic {
        Some(traffic) if traffic.iter().any(|&requests| requests > 0.0) => traffic,
        Some(_) | None => {
            decided.iter().map(|task| task.cells.iter().map(|cell| cell.weight).fold(0.0, f64::max)).collect()
        }
    }
}

fn tier_summaries(
    config: &Config,
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
        cost_per_request: overall.cost.and_then(measure::usd).map(rounding::usd),
        dominated_by: dominated.and_then(|at| config.tiers.get(at)).map(|tier| tier.name.clone()),
    })
    .collect()
}

pub(super) fn price_line(price: &ModelPrice) -> PriceLine {
    PriceLine {
        input: price.input,
        output: price.output,
        cache_read: price.cache_read,
        cache_write: price.cache_write,
    }
}

fn task_summary(config: &Config, names: &[TierName], decided: &Decided<'_>) -> TaskSummary {
    let task = decided.measured.task;
    let floors = Floors::of(task, &config.policy);
    let cells = names.iter().zip(decided.cells).zip(&decided.assessments);
    TaskSummary {
        name: task.name.clone(),
        description: task.description.clone(),
        oracle: task.oracle.clone(),
        consequence: task.consequence,
        latency_need: task.latency_p95,
        data_need: task.data_location,
        requests_per_day: task.requests_per_day,
        prompts: decided.measured.prompts,
        adversarial: decided.measured.adversarial,
        route_floor: floors.route,
        monitor_floor: floors.monitor,
        margin: method::in_force(&config.policy, floors.margin),
        monitor_margin: method::in_force(&config.policy, floors.monitor_margin),
        confidence_needed: floors.confidence,
        cells: cells
            .enumerate()
            .map(|(at, ((name, evidence), assessment))| Cell {
                settled_early: decided
                    .stopped
                    .get(at)
                    .copied()
                    .flatten()
                    .map(|settled| SettledEarly { prompts: settled.prompts, alpha: settled.alpha }),
                ..cell(name, evidence, assessment, names)
            })
            .collect(),
        judge: decided
            .measured
            .judge
            .as_ref()
            .map(|standing| judge::calibration(standing, names, decided.cells, config)),
        route: rounding::route(decided.route.clone()),
    }
}

pub(super) fn cell(
    tier: &TierName,
    evidence: &CellEvidence,
    assessment: &Assessment,
    names: &[TierName],
) -> Cell {
    Cell {
        tier: tier.clone(),
        counts: evidence.counts,
        pass_rate: evidence.pass_rate.map(rounding::rate),
        judged: evidence.judged.map(rounding::rate),
        p_route: assessment.p_route.map(share),
        p_monitor: assessment.p_monitor.map(share),
        versus: assessment.comparison.and_then(|comparison| method::versus(comparison, names)),
        repeats: evidence.repeats.clone().map(method::repeats),
        band: assessment.band,
        more_prompts: assessment.more_prompts,
        fail_reasons: evidence.fail_reasons.clone(),
        gate_reject: evidence.gate_reject.map(rounding::rate),
        latency: evidence.latency,
        tokens: evidence.tokens.map(|tokens| TokenStats {
            input_mean: tenth(tokens.input_mean),
            output_mean: tenth(tokens.output_mean),
            input_max: Tokens(tokens.input_max.0),
            ..tokens
        }),
        retry_rate: share(evidence.retry_rate),
        cost: evidence.cost.map(rounding::money),
        cost_uncached: evidence.cost_uncached.map(rounding::usd),
        effective_cost: assessment.effective_cost.map(rounding::cost),
        infeasible: assessment.infeasible.clone(),
        settled_early: None,
    }
}
