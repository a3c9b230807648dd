//! The comparison of routing strategies as files carry it, with the audit of the gates and of the tiers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::asked::{self, AskedModel, ClassifierWords};
use super::build::{Decided, Gate, Inputs};
use super::robust::{self, FirstFlip, RouteFlip, TrafficFlip};
use super::{Money, rounding};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::measure;
use crate::policy::audit::{self, Counted};
use crate::policy::strategies::{self, Figures, Matrix, RouteOf, Span, World};
use crate::project::Interval;
use crate::units::{Millis, Usd};

pub use crate::policy::strategies::text::Texts;

/// Days of a month, on average.
const MONTH: f64 = 365.0 / 12.0;

/// Routing strategies, replayed on the measured answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strategies {
    /// Different prompts that are compared: those that every rung answered, with a grade and a price.
    pub prompts: u64,
    /// Prompts that are not.
    pub left_out: u64,
    /// Parts that the prompts were dealt into: what is fitted is judged on the part that it has not seen.
    pub folds: u32,
    /// Draws of the bootstrap.
    pub resamples: u32,
    /// The single tier with the best quality: what the others are compared with.
    pub best_single: TierName,
    /// The cheapest tier.
    pub cheapest: TierName,
    /// What AIQ is taken over: USD per 1,000 requests of the cheapest and of the dearest tier.
    pub aiq_from: Usd,
    /// See `aiq_from`.
    pub aiq_to: Usd,
    /// What could be deployed, passes as often as the best single tier, and saves the most, the saving being beyond noise;
    /// `None`: no router beats it here. Whether its quality is beyond noise, too, its `quality_gap` says.
    pub winner: Option<String>,
    /// What the perfect oracle is better by than the best single tier: all that any router could win.
    pub headroom: f64,
    /// The strategies.
    pub table: Vec<StrategyLine>,
    /// The gates of the oracles.
    pub gates: Vec<GateAudit>,
    /// What each two tiers have that the other has not.
    pub pairs: Vec<TierPair>,
    /// How far prices and output lengths can move before a route flips, nearest first.
    pub flips: Vec<RouteFlip>,
    /// How far the traffic of a task can move, that of the others staying what it is, before the best single tier, the winner, or
    /// what the routes save turns over; nearest first. It flips no route: each task is decided by itself.
    #[serde(default)]
    pub traffic: Vec<TrafficFlip>,
    /// The models that were asked about the prompts, for the strategies that want it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedModel>,
    /// How right the classifier's words were, where one was really asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierWords>,
    /// The lever that has to move least before anything flips.
    #[serde(default)]
    pub first_flip: Option<FirstFlip>,
}

/// What a strategy is in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// One tier for everything: no router.
    Single,
    /// The routes of this run, decided on the same answers.
    Routes,
    /// It could be deployed; judged on prompts that it was not fitted on.
    Deployable,
    /// Somebody else's router, measured like a tier.
    Outside,
    /// A bound: it knows what nothing in production knows.
    Bound,
}

/// A strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyLine {
    /// A short stable name.
    pub id: String,
    /// What it is, for people.
    pub label: String,
    /// What it is in the comparison.
    pub kind: StrategyKind,
    /// Requests that it was replayed on.
    pub n: u64,
    /// Pass rate with its bootstrap interval.
    pub pass_rate: Interval,
    /// USD per 1,000 requests.
    pub cost_per_1000: Money,
    /// USD a month at the stated traffic; `None` unless every task states its traffic.
    pub month: Option<Money>,
    /// Median latency.
    pub latency_p50: Option<Millis>,
    /// 95th percentile of the latency.
    pub latency_p95: Option<Millis>,
    /// The share of requests that more than one tier was tried for.
    pub escalation_rate: f64,
    /// The share of requests that each tier's answer stands for: the ladder, then what was measured beside it.
    pub answered_by: Vec<f64>,
    /// Pass rate above that of the best single tier, prompt by prompt.
    pub quality_gap: Interval,
    /// The share of the best single tier's cost that it saves.
    pub saving: Option<Interval>,
    /// Pass rate above that of a random mix of single tiers that costs as much.
    pub over_mix: Option<Interval>,
    /// CostSave: the largest cut in cost that it reaches at the best single tier's pass rate; `None` where it reaches none.
    pub cost_save: Option<f64>,
    /// QNC: the least share of the best single tier's cost that buys its pass rate.
    pub qnc: Option<f64>,
    /// AIQ, mixing with single tiers allowed.
    pub aiq: Option<f64>,
    /// PGR: the share of the gap between the cheapest and the best tier that it recovers.
    pub pgr: Option<f64>,
    /// APGR, over the share of calls to the best tier, by trapezoids.
    pub apgr: Option<f64>,
    /// CPT(50 %): the least share of calls to the best tier that recovers half of the gap.
    pub cpt50: Option<f64>,
    /// CPT(80 %).
    pub cpt80: Option<f64>,
    /// Opt.Sel: the share sent to the cheapest tier that passes, of the requests that some tier passes.
    pub opt_sel: Option<f64>,
    /// Opt.Cost: what those tiers cost, as a share of what it cost.
    pub opt_cost: Option<f64>,
    /// Opt.Acc: the share of those requests that it answered well.
    pub opt_acc: Option<f64>,
    /// IBC lift over the best tier.
    pub ibc_lift: Option<f64>,
    /// USD for a good answer.
    pub cost_of_pass: Option<Usd>,
    /// USD per 1,000 requests, wrong answers at `policy.failure_cost` included.
    pub expected_bill_per_1000: Option<Usd>,
    /// The share of bootstrap draws in which nothing deployable beats it.
    pub frontier_share: Option<f64>,
    /// The same strategy fitted on the prompts that it is judged on: flattering, for comparison with figures of others that
    /// were made so.
    pub in_sample: Option<InSample>,
}

/// Figures of a strategy that was fitted on the prompts that it is judged on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InSample {
    /// Pass rate.
    pub pass_rate: f64,
    /// USD per 1,000 requests.
    pub cost_per_1000: Usd,
    /// The share of the best single tier's cost that it saves.
    pub saving: Option<f64>,
    /// AIQ.
    pub aiq: Option<f64>,
}

/// A share of counted answers with Wilson's interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedShare {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share; `None` of nothing.
    pub share: Option<Interval>,
}

/// What a gate did with the answers of a tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateTier {
    /// The tier.
    pub tier: TierName,
    /// Wrong answers that it let through, of all wrong ones.
    pub false_accepts: CountedShare,
    /// Good answers that it turned away, of all good ones.
    pub false_rejects: CountedShare,
    /// Whether it turned away more than 95 % of the good answers: it sends everything up for nothing.
    pub dead: bool,
}

/// What the gate of a task's oracle did, and what a cascade through the whole ladder costs with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateAudit {
    /// The task.
    pub task: TaskName,
    /// Its oracle.
    pub oracle: OracleRef,
    /// Tier by tier.
    pub tiers: Vec<GateTier>,
    /// USD per 1,000 requests of the task in a cascade through the whole ladder.
    pub cascade_per_1000: Option<Usd>,
    /// Its pass rate.
    pub cascade_pass_rate: Option<f64>,
    /// USD per 1,000 requests of the last tier alone.
    pub last_tier_per_1000: Option<Usd>,
    /// Its pass rate.
    pub last_tier_pass_rate: Option<f64>,
}

/// What two tiers have that the other has not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPair {
    /// The lower tier on the ladder.
    pub lower: TierName,
    /// The upper one.
    pub upper: TierName,
    /// Requests that both answered well.
    pub both: u64,
    /// Those that only the lower one did.
    pub only_lower: u64,
    /// Those that only the upper one did.
    pub only_upper: u64,
    /// Those that neither did.
    pub neither: u64,
    /// The upper tier's pass rate above that of the lower one, prompt by prompt.
    #[serde(default)]
    pub gap: Option<f64>,
    /// Its standard error, paired: the repeats of a prompt are one.
    #[serde(default)]
    pub gap_se: Option<f64>,
    /// The largest symmetric error of a gate at which a cascade of the two keeps the upper tier's pass rate.
    pub tolerable_gate_error: Option<f64>,
}

/// Compares every strategy; `None` where no request was answered by the whole ladder, or there is a single tier.
pub(super) fn strategies(
    inputs: &Inputs<'_>,
    decided: &[Decided<'_>],
    shares: &[f64],
    requests_per_day: Option<f64>,
) -> Option<Strategies> {
    let config = inputs.config;
    let (rungs, tiers) = (config.ladder().len(), config.tiers.len());
    let settings = &config.strategy;
    let matrix = Matrix::new(inputs.observations, rungs, tiers, shares, config.run.seed, settings.folds);
    let means = matrix.means(matrix.rows.iter()).filter(|_| rungs > 1)?;
    let (weak, strong) = strategies::ends(&means)?;
    let names: Vec<TierName> = config.tiers.iter().map(|tier| tier.name.clone()).collect();
    let routes: Vec<RouteOf> = decided
        .iter()
        .map(|task| RouteOf { tier: task.tier, escalates_to: task.escalates_to.clone() })
        .collect();
    let routers: Vec<usize> = (rungs..tiers)
        .filter(|at| config.tiers.get(*at).is_some_and(|t| t.role == crate::config::TierRole::Router))
        .collect();
    let world = World {
        matrix: &matrix,
        texts: inputs.texts,
        asked: inputs.asked,
        settings,
        names: &names,
        routers: &routers,
        routes: &routes,
        means,
        weak,
        strong,
    };
    let confidence = config.policy.interval_confidence.get();
    let drawing = strategies::Drawing {
        seed: config.run.seed,
        resamples: config.policy.bootstrap_resamples,
        confidence,
        failure_cost: config.policy.failure_cost.map(Usd::to_f64),
    };
    let compared = strategies::compare(&world, drawing)?;
    let name = |at: usize| names.get(at).cloned();
    let oracle = compared.figures.iter().find(|figures| figures.id == "oracle");
    let flips = robust::flips(decided, &names);
    let traffic = robust::traffic(&compared, decided, &names);
    let table: Vec<StrategyLine> =
        compared.figures.iter().filter_map(|figures| line(figures, requests_per_day)).collect();
    Some(Strategies {
        prompts: compared.prompts,
        left_out: compared.left_out,
        folds: compared.folds,
        resamples: compared.resamples,
        best_single: name(compared.best)?,
        cheapest: name(compared.weak)?,
        aiq_from: thousand(compared.range.0)?,
        aiq_to: thousand(compared.range.1)?,
        winner: winner(&compared.figures),
        headroom: rounding::share(oracle.map_or(0.0, |oracle| oracle.gap.quality.mean)),
        table,
        gates: gates(inputs, decided, &matrix, &names, confidence),
        pairs: audit::pairs(&matrix)
            .into_iter()
            .filter_map(|pair| {
                Some(TierPair {
                    lower: name(pair.lower)?,
                    upper: name(pair.upper)?,
                    both: pair.both,
                    only_lower: pair.only_lower,
                    only_upper: pair.only_upper,
                    neither: pair.neither,
                    gap: pair.gap.map(|gap| rounding::share(gap.mean)),
                    gap_se: pair.gap.and_then(|gap| gap.se).map(rounding::share),
                    tolerable_gate_error: pair.tolerable_gate_error.map(rounding::share),
                })
            })
            .collect(),
        asked: inputs.scouted.to_vec(),
        classifier: asked::words(&world, &names, confidence),
        first_flip: robust::first(&flips, &traffic),
        flips,
        traffic,
    })
}

/// The deployable strategy, or the routes, that passes as often as the best single tier and saves the most; a saving that
/// other prompts might have turned round is none.
fn winner(figures: &[Figures]) -> Option<String> {
    let deployable = |one: &&Figures| match one.standing {
        strategies::Standing::Deployable | strategies::Standing::Routes | strategies::Standing::Outside => {
            true
        }
        strategies::Standing::Single | strategies::Standing::Bound => false,
    };
    let saving = |one: &Figures| one.gap.saving.map_or(0.0, |saving| saving.mean);
    let saves = |one: &Figures| one.gap.saving.is_some_and(|saving| saving.low > 0.0);
    figures
        .iter()
        .filter(deployable)
        .filter(|one| one.gap.quality.mean >= -1e-12 && saves(one))
        // The first of equals: the routes before a map that comes to the same.
        .reduce(|best, next| if saving(next) > saving(best) { next } else { best })
        .map(|one| one.id.clone())
}

fn gates(
    inputs: &Inputs<'_>,
    decided: &[Decided<'_>],
    matrix: &Matrix,
    names: &[TierName],
    confidence: f64,
) -> Vec<GateAudit> {
    let with_gate = decided.iter().enumerate().filter(|(_, task)| match task.measured.gate {
        Gate::Present => true,
        Gate::Absent => false,
    });
    with_gate
        .map(|(at, task)| {
            let cells = audit::gate(inputs.observations, at, matrix.rungs, confidence);
            let cascade = audit::cascade(matrix, at);
            GateAudit {
                task: task.measured.task.name.clone(),
                oracle: task.measured.task.oracle.clone(),
                tiers: cells
                    .iter()
                    .zip(names)
                    .map(|(cell, name)| GateTier {
                        tier: name.clone(),
                        false_accepts: counted(cell.false_accepts),
                        false_rejects: counted(cell.false_rejects),
                        dead: cell.is_dead(),
                    })
                    .collect(),
                cascade_per_1000: cascade.and_then(|cascade| thousand(cascade.cost)),
                cascade_pass_rate: cascade.map(|cascade| rounding::share(cascade.quality)),
                last_tier_per_1000: cascade.and_then(|cascade| thousand(cascade.last_cost)),
                last_tier_pass_rate: cascade.map(|cascade| rounding::share(cascade.last_quality)),
            }
        })
        .collect()
}

fn counted(counted: Counted) -> CountedShare {
    let share = counted
        .share()
        .zip(counted.bounds)
        .map(|(mean, bounds)| interval(Span { mean, low: bounds.low, high: bounds.high }));
    CountedShare { count: counted.count, of: counted.of, share }
}

fn line(figures: &Figures, requests_per_day: Option<f64>) -> Option<StrategyLine> {
    let month = requests_per_day.and_then(|requests| money(figures.cost, requests * MONTH));
    let share = |value: Option<f64>| value.map(rounding::share);
    let selection = figures.selection;
    let saved = |cost: f64| {
        // What the best single tier costs follows from what is saved against it.
        let saving = figures.gap.saving?.mean;
        let best = figures.cost.mean / (1.0 - saving);
        (best.is_finite() && best > 0.0).then(|| rounding::share(1.0 - cost / best))
    };
    Some(StrategyLine {
        id: figures.id.clone(),
        label: figures.label.clone(),
        kind: match figures.standing {
            strategies::Standing::Single => StrategyKind::Single,
            strategies::Standing::Routes => StrategyKind::Routes,
            strategies::Standing::Deployable => StrategyKind::Deployable,
            strategies::Standing::Outside => StrategyKind::Outside,
            strategies::Standing::Bound => StrategyKind::Bound,
        },
        n: figures.n,
        pass_rate: interval(figures.quality),
        cost_per_1000: money(figures.cost, 1000.0)?,
        month,
        latency_p50: figures.latency.and_then(|latency| Millis::from_ms(latency.0)),
        latency_p95: figures.latency.and_then(|latency| Millis::from_ms(latency.1)),
        escalation_rate: rounding::share(figures.escalated),
        answered_by: figures.answered_by.iter().copied().map(rounding::share).collect(),
        quality_gap: interval(figures.gap.quality),
        saving: figures.gap.saving.map(interval),
        over_mix: figures.over_mix.map(interval),
        cost_save: share(figures.cost_save),
        qnc: share(figures.cost_save.map(|save| 1.0 - save)),
        aiq: share(figures.aiq),
        pgr: share(figures.pgr),
        apgr: share(figures.apgr),
        cpt50: share(figures.cpt.0),
        cpt80: share(figures.cpt.1),
        opt_sel: share(selection.map(|selection| selection.optimal)),
        opt_cost: share(selection.map(|selection| selection.cost)),
        opt_acc: share(selection.map(|selection| selection.quality)),
        ibc_lift: share(figures.ibc_lift),
        cost_of_pass: figures.cost_of_pass.and_then(measure::usd).map(rounding::usd),
        expected_bill_per_1000: figures.expected_bill.and_then(thousand),
        frontier_share: share(figures.frontier),
        in_sample: figures.in_sample.and_then(|(cost, quality)| {
            Some(InSample {
                pass_rate: rounding::share(quality),
                cost_per_1000: thousand(cost)?,
                saving: saved(cost),
                aiq: share(figures.in_sample_aiq),
            })
        }),
    })
}

fn interval(span: Span) -> Interval {
    Interval {
        mean: rounding::share(span.mean),
        low: rounding::share(span.low),
        high: rounding::share(span.high),
    }
}

fn money(span: Span, times: f64) -> Option<Money> {
    let usd = |value: f64| measure::usd(value * times).map(rounding::usd);
    Some(Money { mean: usd(span.mean)?, low: usd(span.low)?, high: usd(span.high)? })
}

/// USD a request to USD per 1,000 requests.
pub(super) fn thousand(cost: f64) -> Option<Usd> {
    measure::usd(cost * 1000.0).map(rounding::usd)
}
