//! The strategies, compared and rounded; with them the audit of the gates and of the tiers.

use std::collections::BTreeMap;

use super::crossed;
use super::decided::Decided;
use super::flips;
use super::inputs::{Gate, Inputs};
use super::queries;
use crate::config::{IntervalMethod, TierRole};
use crate::ident::TierName;
use crate::measure::{self, Draws, Money, Rate, Settings, TierEvidence};
use crate::path::Played;
use crate::policy::TierFacts;
use crate::policy::audit::{self, Counted};
use crate::policy::strategies::{self, Figures, Matrix, RouteOf, Row, Span, World};
use crate::project::{Horizon, Interval, MONTH, Projection};
use crate::stats::bootstrap::Plan;
use crate::summary::counted::CountedShare;
use crate::summary::rounding::{self, thousand};
use crate::summary::strategies::{
    GateAudit, GateTier, InSample, Strategies, StrategyKind, StrategyLine, TierPair,
};
use crate::units::{Millis, Usd};

/// What the other tables of a report show of the same quantities: a figure has one mean and one interval.
pub(super) struct Elsewhere<'a> {
    /// The ladder.
    pub(super) ladder: &'a [TierFacts],
    /// The tiers that each is compared with; `None` where a floor decides.
    pub(super) references: Option<&'a [usize]>,
    /// How cells are measured.
    pub(super) settings: &'a Settings,
    /// Each tier over all tasks.
    pub(super) overall: &'a [TierEvidence],
    /// What a request of each task costs on its route, and what it would cost without a cache.
    pub(super) drawn: &'a [Option<[Draws; 2]>],
    /// What the routes and all traffic on one tier will cost.
    pub(super) projection: &'a Projection,
}

/// Compares every strategy; `None` where no request was answered by the whole ladder, or there is a single tier.
pub(super) fn strategies(
    inputs: &Inputs<'_>,
    decided: &[Decided<'_>],
    shares: &[f64],
    requests_per_day: Option<f64>,
    elsewhere: &Elsewhere<'_>,
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
    let crossed =
        crossed::routes(inputs, elsewhere.ladder, elsewhere.references, elsewhere.settings, &matrix);
    let routers: Vec<usize> = (rungs..tiers)
        .filter(|at| config.tiers.get(*at).is_some_and(|t| t.role == TierRole::Router))
        .collect();
    let world = World {
        matrix: &matrix,
        texts: inputs.texts,
        queries: inputs.queries,
        settings,
        names: &names,
        routers: &routers,
        routes: &routes,
        crossed: &crossed,
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
        margin: config.policy.margin.get(),
    };
    let compared = strategies::compare(&world, drawing)?;
    let name = |at: usize| names.get(at).cloned();
    let perfect = compared.figures.iter().find(|figures| figures.id == "perfect-router");
    let route_flips = flips::routes(decided, &names);
    let traffic_flips = flips::traffic(&compared, decided, &names);
    let table_line = |figures: &Figures| {
        let line = line(figures, requests_per_day)?;
        Some(match figures.standing {
            strategies::Standing::Single => {
                let tier = names.iter().position(|name| figures.id == format!("single:{name}"));
                tier.map_or(line.clone(), |tier| elsewhere.single(line, decided, shares, tier, confidence))
            }
            strategies::Standing::Routes => elsewhere.routes(line, decided, shares, confidence),
            strategies::Standing::CrossFitted => {
                let fold_of = crossed::folds(inputs.observations, &matrix);
                elsewhere.crossed(line, decided, shares, (&crossed, &fold_of), confidence)
            }
            strategies::Standing::Deployable
            | strategies::Standing::Outside
            | strategies::Standing::Bound => line,
        })
    };
    let table: Vec<StrategyLine> = compared.figures.iter().filter_map(table_line).collect();
    let competes = |line: &&StrategyLine| line.kind == StrategyKind::RoutesCrossFitted;
    Some(Strategies {
        prompts: compared.prompts,
        left_out: compared.left_out,
        folds: compared.folds,
        resamples: compared.resamples,
        best_single_tier: name(compared.best)?,
        cheapest: name(compared.weak)?,
        aiq_from: thousand(compared.range.0)?,
        aiq_to: thousand(compared.range.1)?,
        winner: compared.winner().and_then(|at| Some(compared.figures.get(at)?.id.clone())),
        margin: Some(compared.margin),
        routed_quality: table.iter().find(competes).map(|line| line.pass_rate),
        routed_elsewhere: routed_elsewhere(&matrix, &routes, &crossed).map(rounding::share),
        headroom: rounding::share(perfect.map_or(0.0, |perfect| perfect.gap.quality.mean)),
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
        queries: inputs.queried.to_vec(),
        classifier: queries::classifier(&world, &names, confidence),
        first_flip: flips::first(&route_flips, &traffic_flips),
        route_flips,
        traffic_flips,
    })
}

impl Elsewhere<'_> {
    /// A single tier as the tables of tiers and of the projection have it.
    fn single(
        &self,
        line: StrategyLine,
        decided: &[Decided<'_>],
        shares: &[f64],
        tier: usize,
        confidence: f64,
    ) -> StrategyLine {
        let rate = self.overall.get(tier).and_then(|overall| overall.pass_rate);
        let strata = decided.iter().map(|task| task.cells.get(tier).map(|cell| &cell.cost_draws));
        let cost = measure::combined_draws(shares.iter().copied().zip(strata));
        let month = self.projection.baselines.get(tier).and_then(|baseline| baseline.cost);
        StrategyLine {
            n: rate.map_or(line.n, |rate| rate.n),
            pass_rate: rate.map_or(line.pass_rate, shown),
            cost_per_1000: per_1000(cost, confidence).unwrap_or(line.cost_per_1000),
            month: self.month(line.month, month, decided),
            ..line
        }
    }

    /// The routes as the projection has them.
    fn routes(
        &self,
        line: StrategyLine,
        decided: &[Decided<'_>],
        shares: &[f64],
        confidence: f64,
    ) -> StrategyLine {
        let costs = self.drawn.iter().map(|drawn| drawn.as_ref().map(|[cost, _]| cost));
        let cost = measure::combined_draws(shares.iter().copied().zip(costs));
        let rates = decided.iter().map(|task| task.route.after_fallback?.pass_rate);
        let rate = measure::combined_rates(shares.iter().copied().zip(rates));
        StrategyLine {
            n: rate.map_or(line.n, |rate| rate.n),
            pass_rate: rate.map_or(line.pass_rate, shown),
            cost_per_1000: per_1000(cost, confidence).unwrap_or(line.cost_per_1000),
            month: self.month(line.month, self.projection.total, decided),
            ..line
        }
    }

    /// The routes as decided on other prompts, on every prompt that their path can be told of, like the routes themselves.
    fn crossed(
        &self,
        line: StrategyLine,
        decided: &[Decided<'_>],
        shares: &[f64],
        (crossed, fold_of): (&[Vec<RouteOf>], &BTreeMap<u32, u32>),
        confidence: f64,
    ) -> StrategyLine {
        let played: Vec<Option<Played>> = decided
            .iter()
            .enumerate()
            .map(|(at, task)| {
                let route = |unit: u32| {
                    let route = crossed.get(*fold_of.get(&unit)? as usize)?.get(at)?;
                    Some((route.tier, route.escalates_to.as_slice()))
                };
                task.requests.play_each(&route)
            })
            .collect();
        let (seed, resamples) = (self.settings.seed, self.settings.resamples);
        let drawn: Vec<Option<Draws>> = decided
            .iter()
            .zip(&played)
            .enumerate()
            .map(|(at, (task, played))| {
                let alike = crossed.iter().all(|fold| {
                    fold.get(at).is_some_and(|route| {
                        route.tier == task.tier && route.escalates_to == task.escalates_to
                    })
                });
                // Decided alike in every part, it is the route, which is drawn already.
                if let Some(Some([cost, _])) = self.drawn.get(at).filter(|_| alike) {
                    return Some(cost.clone());
                }
                let [cost, _] = played.as_ref()?.draws(Plan { seed, stream: at as u64, resamples });
                Some(cost)
            })
            .collect();
        let cost = measure::combined_draws(shares.iter().copied().zip(drawn.iter().map(Option::as_ref)));
        let rates = played.iter().map(|played| {
            let (estimate, n) = played.as_ref()?.quality()?;
            measure::rate(estimate, n, confidence, IntervalMethod::Wilson)
        });
        let rate = measure::combined_rates(shares.iter().copied().zip(rates));
        let requests = line.month.and_then(|month| {
            let per = line.cost_per_1000.mean.to_f64() / 1000.0;
            (per > 0.0).then(|| month.mean.to_f64() / per)
        });
        let month = cost.as_ref().zip(requests).and_then(|(cost, requests)| {
            let replicates = cost.replicates.iter().map(|value| value * requests);
            measure::money(cost.mean? * requests, replicates, confidence).map(rounding::money)
        });
        StrategyLine {
            n: rate.map_or(line.n, |rate| rate.n),
            pass_rate: rate.map_or(line.pass_rate, shown),
            cost_per_1000: per_1000(cost, confidence).unwrap_or(line.cost_per_1000),
            month: month.or(line.month),
            ..line
        }
    }

    /// The month of the projection, where that holds every task that has a share.
    fn month(
        &self,
        own: Option<Money>,
        projected: Option<Horizon>,
        decided: &[Decided<'_>],
    ) -> Option<Money> {
        let own = own?;
        // A task without traffic counts in neither.
        let counts = |task: &Decided<'_>| task.measured.task.requests_per_day.is_some();
        let missing = |task: &&Decided<'_>| self.projection.left_out.contains(&task.measured.task.name);
        let whole = projected.filter(|_| !decided.iter().filter(missing).any(counts));
        Some(whole.map_or(own, |horizon| rounding::money(horizon.month)))
    }
}

/// The share of requests that another tier would serve, had the route been decided without them; `None` without folds.
fn routed_elsewhere(matrix: &Matrix, routes: &[RouteOf], crossed: &[Vec<RouteOf>]) -> Option<f64> {
    let elsewhere = |row: &&Row| {
        let own = routes.get(row.task).map(|route| route.tier);
        crossed.get(row.fold as usize).and_then(|fold| fold.get(row.task)).map(|route| route.tier) != own
    };
    (!crossed.is_empty()).then(|| matrix.rows.iter().filter(elsewhere).map(|row| row.weight).sum())
}

fn shown(rate: Rate) -> Interval {
    interval(Span { mean: rate.mean, low: rate.low, high: rate.high })
}

fn per_1000(draws: Option<Draws>, confidence: f64) -> Option<Money> {
    let draws = draws?;
    let replicates = draws.replicates.iter().map(|value| value * 1000.0);
    measure::money(draws.mean? * 1000.0, replicates, confidence).map(rounding::money)
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
                        rejects_nearly_all_good: cell.is_dead(),
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
        let savings = figures.gap.savings?.mean;
        let best = figures.cost.mean / (1.0 - savings);
        (best.is_finite() && best > 0.0).then(|| rounding::share(1.0 - cost / best))
    };
    Some(StrategyLine {
        id: figures.id.clone(),
        label: figures.label.clone(),
        kind: match figures.standing {
            strategies::Standing::Single => StrategyKind::Single,
            strategies::Standing::Routes => StrategyKind::Routes,
            strategies::Standing::CrossFitted => StrategyKind::RoutesCrossFitted,
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
        routed_gap: figures.routed_gap.map(interval),
        savings: figures.gap.savings.map(interval),
        gain_over_random: figures.gain_over_random.map(interval),
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
        map_gap: share(figures.map_gap.filter(|gap| gap.is_finite())),
        in_sample: figures.in_sample.and_then(|(cost, quality)| {
            Some(InSample {
                pass_rate: rounding::share(quality),
                cost_per_1000: thousand(cost)?,
                savings: saved(cost),
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
