//! Rounds figures to what they can carry, so that the same inputs give the same bytes on every machine.

use crate::measure::{self, Availability, Money, Rate};
use crate::policy::{AfterFallback, Detector, EffectiveCost, Escalation, Route, Unproven};
use crate::project::{Baseline, Growth, Horizon, Interval, Projection, Today};
use crate::units::Usd;

/// Significant digits of money.
const MONEY_DIGITS: u32 = 10;

/// Six places.
pub(super) fn share(value: f64) -> f64 {
    places(value, 1e6)
}

fn places(value: f64, scale: f64) -> f64 {
    let rounded = (value * scale).round() / scale;
    // There is one zero.
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// One place: a tenth of a prompt or token.
pub(super) fn tenth(value: f64) -> f64 {
    places(value, 10.0)
}

pub(super) fn usd(amount: Usd) -> Usd {
    amount.significant(MONEY_DIGITS)
}

pub(super) fn rate(rate: Rate) -> Rate {
    Rate {
        mean: share(rate.mean),
        low: share(rate.low),
        high: share(rate.high),
        n: rate.n,
        n_eff: tenth(rate.n_eff),
        interval: rate.interval,
    }
}

pub(super) fn availability(seen: Availability) -> Availability {
    Availability { rate: share(seen.rate), low: share(seen.low), high: share(seen.high), ..seen }
}

pub(super) fn unproven(open: &Unproven) -> Unproven {
    Unproven {
        within: share(open.within),
        n_eff: tenth(open.n_eff),
        confidence: share(open.confidence),
        ..*open
    }
}

pub(super) fn money(money: Money) -> Money {
    Money { mean: usd(money.mean), low: usd(money.low), high: usd(money.high) }
}

pub(super) fn cost(cost: EffectiveCost) -> EffectiveCost {
    EffectiveCost {
        serving: usd(cost.serving),
        escalation: usd(cost.escalation),
        waiting: usd(cost.waiting),
        total: usd(cost.total),
    }
}

pub(super) fn route(route: Route) -> Route {
    Route {
        pass_rate: route.pass_rate.map(rate),
        confidence: route.confidence.map(share),
        escalation: route.escalation.map(|e| Escalation {
            baseline: share(e.baseline),
            alert_above: share(e.alert_above),
            window: e.window,
            escalate_above: e.escalate_above.map(share),
            detector: e.detector.map(|d| Detector {
                baseline: share(d.baseline),
                reference: share(d.reference),
                // Half a step of the walk below the alarm, which is more than what rounding takes.
                threshold: share(d.threshold),
                ..d
            }),
        }),
        cost_per_request: route.cost_per_request.map(usd),
        after_fallback: route.after_fallback.map(|after| AfterFallback {
            pass_rate: after.pass_rate.map(rate),
            escalation_rate: share(after.escalation_rate),
            ..after
        }),
        output_tokens: route.output_tokens.map(tenth),
        ..route
    }
}

fn horizon(horizon: Horizon) -> Horizon {
    Horizon { day: money(horizon.day), month: money(horizon.month), year: money(horizon.year) }
}

pub(super) fn projection(mut projection: Projection) -> Projection {
    projection.requests_per_day = share(projection.requests_per_day);
    for task in &mut projection.tasks {
        task.routed = horizon(task.routed);
        task.routed_uncached = horizon(task.routed_uncached);
        task.month_by_tier.iter_mut().flatten().for_each(|month| *month = money(*month));
    }
    projection.total = projection.total.map(horizon);
    projection.total_uncached = projection.total_uncached.map(horizon);
    projection.baselines = projection.baselines.into_iter().map(baseline).collect();
    projection.today = projection.today.map(|today| Today {
        cost: today.cost.map(horizon),
        pass_rate: today.pass_rate.map(rate),
        savings: today.savings.map(interval),
        ..today
    });
    for source in projection.sources.iter_mut().flatten() {
        (source.share, source.month) = (share(source.share), money(source.month));
    }
    projection.growth = projection.growth.map(|growth| Growth {
        requests_per_day: share(growth.requests_per_day),
        month: money(growth.month),
        ..growth
    });
    for scenario in projection.scenarios.iter_mut().flatten() {
        scenario.month_at_low = usd(scenario.month_at_low);
        scenario.month_at_high = usd(scenario.month_at_high);
    }
    projection
}

fn baseline(baseline: Baseline) -> Baseline {
    Baseline {
        cost: baseline.cost.map(horizon),
        pass_rate: baseline.pass_rate.map(rate),
        savings: baseline.savings.map(interval),
        ..baseline
    }
}

fn interval(interval: Interval) -> Interval {
    Interval { mean: share(interval.mean), low: share(interval.low), high: share(interval.high) }
}

/// USD per request to USD per 1,000 requests.
pub(super) fn thousand(cost: f64) -> Option<Usd> {
    measure::usd(cost * 1000.0).map(usd)
}
