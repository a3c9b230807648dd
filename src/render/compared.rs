//! The sentences about strategies, and which of them a short table shows.

use super::figures::{Savings, factor, points};
use crate::summary::flips::{Change, FirstFlip, Flipped, TrafficFlip};
use crate::summary::{Interval, Strategies, StrategyKind, StrategyLine, Summary};
use crate::units::percent;

/// What a strategy is in the comparison.
pub(super) const fn strategy_kind(kind: StrategyKind) -> &'static str {
    match kind {
        StrategyKind::Single => "single tier",
        StrategyKind::Routes => "this run, does not compete",
        StrategyKind::RoutesCrossFitted => "this run, cross-fitted",
        StrategyKind::Deployable => "deployable",
        StrategyKind::Outside => "outside router",
        StrategyKind::Bound => "upper bound",
    }
}

/// What changes in a what-would-flip table.
pub(super) fn change(change: &Change) -> String {
    match change {
        Change::Price(tier) => format!("the price of {tier}"),
        Change::OutputLength => "the length of every answer".to_owned(),
    }
}

/// A difference of pass rates with its interval and what that means: `+0.5 points (-0.4 to +1.4, within noise)`.
fn gap(gap: &Interval) -> String {
    let verdict = if gap.low > 0.0 {
        "better beyond noise"
    } else if gap.high < 0.0 {
        "worse beyond noise"
    } else {
        "within noise"
    };
    format!("{} points ({} to {}, {verdict})", points(gap.mean), points(gap.low), points(gap.high))
}

/// What a change of the traffic flips.
pub(super) fn flipped(what: &Flipped) -> String {
    match what {
        Flipped::BestSingleTier => "the best single tier".to_owned(),
        Flipped::Winner => "the best strategy".to_owned(),
        Flipped::Bill(tier) => format!("which is cheaper: the routes or all traffic on {tier}"),
    }
}

/// The label of the strategy with that id.
pub(super) fn ahead(strategies: &Strategies, id: Option<&str>) -> String {
    let label = |id: &str| strategies.table.iter().find(|line| line.id == id).map(|line| line.label.clone());
    id.and_then(label).unwrap_or_else(|| "none".to_owned())
}

/// The smallest change that flips something.
pub(super) fn first_flip(strategies: &Strategies) -> Option<String> {
    Some(match strategies.first_flip.as_ref()? {
        FirstFlip::Route(flip) => format!(
            "Smallest change that flips anything: {} {} moves {} from {} to {}.",
            change(&flip.change),
            factor(flip.factor),
            flip.task,
            flip.from,
            flip.to
        ),
        FirstFlip::Traffic(flip) => format!(
            "Smallest change that flips anything: the traffic of {} {} (from {} to {} of all requests) {}.",
            flip.task,
            factor(flip.factor),
            percent(flip.traffic_share),
            percent(flip.traffic_share_at_flip),
            effect(strategies, flip)
        ),
    })
}

/// What a change of the traffic does: the end of a sentence.
fn effect(strategies: &Strategies, flip: &TrafficFlip) -> String {
    match &flip.what {
        Flipped::BestSingleTier | Flipped::Winner => format!(
            "changes {} from {} to {}",
            flipped(&flip.what),
            ahead(strategies, flip.from.as_deref()),
            ahead(strategies, flip.to.as_deref())
        ),
        Flipped::Bill(tier) if flip.to.as_deref() == Some("routes") => {
            format!("makes the routes cheaper than all traffic on {tier}")
        }
        Flipped::Bill(tier) => format!("makes all traffic on {tier} cheaper than the routes"),
    }
}

/// The best single tier's line: what the others are compared with.
pub(super) fn best_single(strategies: &Strategies) -> Option<&StrategyLine> {
    let id = format!("single:{}", strategies.best_single_tier);
    strategies.table.iter().find(|line| line.id == id)
}

/// The savings of a strategy against the best single tier.
pub(super) fn savings(strategies: &Strategies, line: &StrategyLine) -> Option<Savings> {
    Savings::of_strategy(line, best_single(strategies)?)
}

/// What the savings of strategies are stated for, in the header of a column.
pub(super) fn savings_unit(strategies: &Strategies) -> &'static str {
    if strategies.table.iter().any(|line| line.month.is_some()) { "per month" } else { "per 1,000 requests" }
}

/// What the comparison of strategies shows, in two or three sentences; `ci` names its intervals. A difference counts only where its paired bootstrap
/// interval excludes zero.
pub(super) fn strategies(strategies: &Strategies, ci: &str) -> String {
    let best = format!("all traffic on {}", strategies.best_single_tier);
    let unit = match savings_unit(strategies) {
        "per month" => "a month",
        other => other,
    };
    let winner = strategies.table.iter().find(|line| Some(&line.id) == strategies.winner.as_ref());
    if let Some((line, savings)) = winner.and_then(|line| Some((line, savings(strategies, line)?))) {
        return format!(
            "Best strategy on these prompts: {}. It {} ({ci} {}). Quality gap: {}.",
            line.label,
            savings.clause(unit, &best),
            savings.interval(),
            gap(&line.quality_gap),
        );
    }
    let mut competing = strategies.table.iter().filter(|line| competes(line));
    let near = match closest(strategies).and_then(|line| Some((line, savings(strategies, line)?))) {
        Some((line, savings)) => {
            format!(
                " Closest: {}. It {}; quality gap: {}.",
                line.label,
                savings.clause(unit, &best),
                gap(&line.quality_gap)
            )
        }
        None if competing.clone().any(saves) => {
            " Every strategy that saves money is worse beyond noise.".to_owned()
        }
        None => String::new(),
    };
    let random = if competing.any(|line| line.gain_over_random.is_some_and(|gain| gain.low > 0.0)) {
        "Some strategies gain over random routing beyond noise."
    } else {
        "None gains over random routing beyond noise."
    };
    let margin = match strategies.margin {
        Some(margin) => format!(" (no more than {} points worse)", format_args!("{:.1}", margin * 100.0)),
        None => String::new(),
    };
    format!(
        "No strategy beats the best single tier: none that can be deployed is shown to pass as often as {best}{margin} at lower \
         cost.{near} {random}"
    )
}

/// Whether a strategy is compared with the single tiers: it could be deployed, and is not judged on what it was fitted on.
fn competes(line: &StrategyLine) -> bool {
    match line.kind {
        StrategyKind::Deployable | StrategyKind::RoutesCrossFitted | StrategyKind::Outside => true,
        StrategyKind::Single | StrategyKind::Routes | StrategyKind::Bound => false,
    }
}

/// Whether a strategy saves beyond noise.
fn saves(line: &StrategyLine) -> bool {
    line.savings.is_some_and(|savings| savings.low > 0.0)
}

/// The strategy that saves most beyond noise and is not shown to be worse than the best single tier; the first of equals.
fn closest(strategies: &Strategies) -> Option<&StrategyLine> {
    let near = strategies.table.iter().filter(|line| competes(line) && saves(line));
    near.filter(|line| line.quality_gap.high >= 0.0)
        .filter_map(|line| Some((line, line.savings?)))
        .reduce(|most, next| if next.1.mean > most.1.mean { next } else { most })
        .map(|(line, _)| line)
}

/// The lines of the comparison that a short table has room for: the best single tier, the routes, the three deployable
/// strategies with the largest gain over random routing, outside routers, the perfect router, and whatever a sentence of the
/// page names.
pub(super) fn short_list<'a>(summary: &Summary, strategies: &'a Strategies) -> Vec<&'a StrategyLine> {
    let over = |line: &StrategyLine| line.gain_over_random.map_or(f64::NEG_INFINITY, |over| over.mean);
    let mut deployable: Vec<&StrategyLine> =
        strategies.table.iter().filter(|line| line.kind == StrategyKind::Deployable).collect();
    deployable.sort_by(|a, b| over(b).total_cmp(&over(a)));
    deployable.dedup_by(|a, b| a.pass_rate == b.pass_rate && a.cost_per_1000 == b.cost_per_1000);
    deployable.truncate(3);
    let mut said: Vec<String> = vec![self::strategies(strategies, "")];
    said.extend(first_flip(strategies));
    said.extend(summary.notices.iter().map(|notice| notice.text.clone()));
    let named = |line: &StrategyLine| said.iter().any(|text| text.contains(&line.label));
    let single = format!("single:{}", strategies.best_single_tier);
    let shown = |line: &&StrategyLine| {
        named(line)
            || match line.kind {
                StrategyKind::Single => line.id == single,
                StrategyKind::Routes | StrategyKind::RoutesCrossFitted | StrategyKind::Outside => true,
                StrategyKind::Deployable => deployable.iter().any(|one| one.id == line.id),
                StrategyKind::Bound => line.id == "perfect-router",
            }
    };
    let mut list: Vec<&StrategyLine> = Vec::new();
    for line in strategies.table.iter().filter(shown) {
        // Two task maps with the same figures are one line.
        let same = |other: &&StrategyLine| {
            other.kind == line.kind
                && other.pass_rate == line.pass_rate
                && other.cost_per_1000 == line.cost_per_1000
        };
        if named(line) || !list.iter().any(same) {
            list.push(line);
        }
    }
    list
}
