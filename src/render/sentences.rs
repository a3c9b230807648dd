//! The same thing said in the same words by every report.

use crate::config::{Consequence, IntervalMethod, Rule};
use crate::summary::flips::{Change, FirstFlip, Flipped};
use crate::summary::outside::ServedModel;
use crate::summary::{
    Band, Cell, Decision, Infeasible, Interval, Money, Notice, OutsideModel, Rate, Repeats, Role, Strategies,
    StrategyKind, StrategyLine, Summary, Versus,
};
use crate::units::{Usd, percent};

/// What the judges took, in a sentence; `None` where no model judges.
pub(super) fn judges(summary: &Summary) -> Option<String> {
    let judge = summary.spend.judge.as_ref()?;
    let plural = if judge.attempts == 1 { "" } else { "s" };
    let unknown = match judge.unpriced {
        0 => String::new(),
        unpriced => format!(", and {unpriced} of unknown cost"),
    };
    Some(format!(
        "Judges, apart from all that: {} call{plural}, {} at today's prices, {} billed in this run{unknown}.",
        judge.attempts,
        judge.list_price.human(),
        judge.billed.human()
    ))
}

/// What was spared by settling cells early, in a sentence; `None` where nothing was to be settled early.
pub(super) fn stop_early(summary: &Summary) -> Option<String> {
    let early = summary.run.stop_early.as_ref()?;
    let cost = match early.cost_saved {
        Some(cost) => format!(", about {} at list prices", cost.human()),
        None => String::new(),
    };
    let calls = if early.calls_saved == 1 { "call" } else { "calls" };
    let mut text = if early.stopped == 0 {
        "No cell was settled before its last prompt: stopping early has spared nothing.".to_owned()
    } else {
        format!(
            "Stopped early: {} of {} cells were settled before their last prompt, which spared {} {calls}{cost}. Their intervals \
         are confidence sequences at alpha {}: they hold however often one looks.",
            early.stopped, early.cells, early.calls_saved, early.alpha
        )
    };
    if !early.measured_in_full.is_empty() {
        let names: Vec<&str> = early.measured_in_full.iter().map(|task| task.as_str()).collect();
        text.push_str(&format!(
            " Measured whole, because what grades it is asked last: {}.",
            names.join(", ")
        ));
    }
    Some(text)
}

/// What is not evidence in a cell, and why it may have fewer trials than there are prompts.
pub(super) fn lost(cell: &Cell) -> Vec<String> {
    let counts = &cell.counts;
    let missing = if cell.stopped_early.is_some() { 0 } else { counts.missing };
    let lost = [
        (counts.errors, "errors"),
        (counts.ungraded, "ungraded"),
        (counts.overflow, "too long"),
        (missing, "missing"),
    ];
    let mut text: Vec<String> =
        lost.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    text.extend(cell.stopped_early.map(|early| format!("settled after {}", early.prompts)));
    text
}

/// How the routes were decided, in a sentence for each thing that is not as usual; `None` where nothing is.
pub(super) fn method(summary: &Summary) -> Option<String> {
    let method = &summary.method;
    let mut parts = Vec::new();
    match method.rule {
        Rule::Floor => {}
        Rule::NonInferior => {
            let whom = match &method.reference {
                Some(tier) => format!("{tier}, the reference"),
                None => "any other tier, so than the best of them, whichever that is".to_owned(),
            };
            parts.push(format!(
                "A tier is good enough here when it is shown to be no more than a margin worse than {whom}: by the \
                 prompts that both answered, and by no floor."
            ));
        }
    }
    if let Some(cells) = method.comparisons {
        parts.push(format!(
            "{cells} cells were decided together (Holm): that any of them is called good enough by luck is no likelier \
             than it would be for one."
        ));
    }
    match method.interval {
        IntervalMethod::Wilson => {}
        other @ (IntervalMethod::ClopperPearson | IntervalMethod::Jeffreys) => parts.push(format!(
            "Intervals of pass rates are {}'s; where prompts weigh unevenly or were repeated, Wilson's.",
            other.label()
        )),
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// What repeats of the same prompts came to: `pass^3 88.1 %, 4.2 % of 40 prompts flaky`.
pub(super) fn repeats(repeats: &Repeats) -> String {
    let flaky = format!("{} of {} prompts flaky", percent(repeats.flaky), repeats.prompts);
    match repeats.pass_power.last() {
        Some(power) => format!("pass^{} {}, {flaky}", power.k, percent(power.share)),
        None => flaky,
    }
}

/// A tier beside the one that its decision hangs on: `-1.2 points against tier3 (lower bound -2.4, n 208)`.
pub(super) fn versus(versus: &Versus) -> String {
    format!(
        "{} points against {} (lower bound {}, n {})",
        points(versus.difference),
        versus.tier,
        points(versus.low),
        versus.n
    )
}

/// What a model beside the ladder was measured for.
pub(super) fn role(role: &Role) -> String {
    match role {
        Role::Fallback(tier) => format!("fallback of {tier}"),
        Role::Router => "a router, to compare with".to_owned(),
    }
}

/// Which models a router chose how often; `None` for what is no router.
pub(super) fn served(outside: &OutsideModel) -> Option<String> {
    let part = |served: &ServedModel| format!("{} {}", percent(served.share), served.model);
    let parts: Vec<String> = outside.served.iter().take(6).map(part).collect();
    (!parts.is_empty()).then(|| format!("served by {}", parts.join(", ")))
}

/// A rate with its interval: `97.3 % (94.4–98.8)`.
pub(super) fn rate(rate: &Rate) -> String {
    format!("{:.1} % ({:.1}–{:.1})", rate.mean * 100.0, rate.low * 100.0, rate.high * 100.0)
}

/// The same where there is little room: the interval in whole percents, and n.
pub(super) fn rate_short(rate: &Rate) -> String {
    format!("{:.1} % ({:.0}–{:.0}) n {}", rate.mean * 100.0, rate.low * 100.0, rate.high * 100.0, rate.n)
}

/// An amount with its interval where there is little room: without cents from a hundred dollars up.
pub(super) fn money_short(money: &Money) -> String {
    format!("{} ({}–{})", usd_short(money.mean), usd_short(money.low), usd_short(money.high))
}

/// An amount without cents from a hundred dollars up.
pub(super) fn usd_short(usd: Usd) -> String {
    let text = usd.human();
    if usd.amount().abs() < rust_decimal::Decimal::ONE_HUNDRED {
        return text;
    }
    usd.rounded(0).human().trim_end_matches(".00").to_owned()
}

pub(super) const fn band(band: Band) -> &'static str {
    match band {
        Band::Route => "good enough",
        Band::Monitor => "with monitoring",
        Band::Below => "not good enough",
        Band::Undecided => "undecided",
    }
}

pub(super) const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Route => "route",
        Decision::Monitor => "route with monitoring",
        Decision::Escalate => "escalate: no tier is good enough",
        Decision::Undecided => "undecided: too little evidence",
    }
}

pub(super) const fn consequence(consequence: Consequence) -> &'static str {
    consequence.name()
}

pub(super) fn infeasible(why: &Infeasible) -> String {
    match why {
        Infeasible::Latency(is, need) => format!("too slow: p95 of {is}, {need} at the most"),
        Infeasible::DataLocation => "the data may not leave".to_owned(),
        Infeasible::Context(1) => "1 prompt does not fit its context window".to_owned(),
        Infeasible::Context(n) => format!("{n} prompts do not fit its context window"),
    }
}

/// Whether a notice says what the banner at the top of every page says.
pub(super) fn is_banner(notice: &Notice) -> bool {
    matches!(notice.code.as_str(), "replay" | "script" | "mixed-source" | "price-note")
}

/// What a strategy is in the comparison.
pub(super) const fn strategy_kind(kind: StrategyKind) -> &'static str {
    match kind {
        StrategyKind::Single => "single tier",
        StrategyKind::Routes => "this run",
        StrategyKind::Deployable => "deployable",
        StrategyKind::Outside => "outside router",
        StrategyKind::Bound => "bound",
    }
}

/// A difference of shares in percentage points.
pub(super) fn points(difference: f64) -> String {
    let text = format!("{:+.1}", difference * 100.0);
    if matches!(text.as_str(), "+0.0" | "-0.0") { "0.0".to_owned() } else { text }
}

/// A factor, as people say it: `× 4.66`, `× 0.20`.
pub(super) fn factor(factor: f64) -> String {
    if factor >= 100.0 { format!("× {factor:.0}") } else { format!("× {factor:.2}") }
}

pub(super) fn change(change: &Change) -> String {
    match change {
        Change::Price(tier) => format!("the price of {tier}"),
        Change::OutputLength => "the length of every answer".to_owned(),
    }
}

/// A difference of pass rates with its interval, and what that makes of it: `+0.5 points (-0.4 to +1.4: within noise)`.
fn gap(gap: &Interval) -> String {
    let verdict = if gap.low > 0.0 {
        "better beyond noise"
    } else if gap.high < 0.0 {
        "worse beyond noise"
    } else {
        "within noise"
    };
    format!("{} points ({} to {}: {verdict})", points(gap.mean), points(gap.low), points(gap.high))
}

/// What a move of the traffic turns over.
pub(super) fn turned_over(what: &Flipped) -> String {
    match what {
        Flipped::BestSingleTier => "the best single tier".to_owned(),
        Flipped::Winner => "the best router".to_owned(),
        Flipped::Bill(tier) => format!("the lower bill (as routed, or all on {tier})"),
    }
}

/// The strategy that is ahead, by its id.
pub(super) fn ahead(strategies: &Strategies, id: Option<&str>) -> String {
    let label = |id: &str| strategies.table.iter().find(|line| line.id == id).map(|line| line.label.clone());
    id.and_then(label).unwrap_or_else(|| "none".to_owned())
}

/// Which change flips something first, in a sentence.
pub(super) fn first_flip(strategies: &Strategies) -> Option<String> {
    Some(match strategies.first_flip.as_ref()? {
        FirstFlip::Route(flip) => format!(
            "First of all, {} {} takes {} from {} to {}.",
            change(&flip.change),
            factor(flip.factor),
            flip.task,
            flip.from,
            flip.to
        ),
        FirstFlip::Traffic(flip) => format!(
            "First of all, the traffic of {} {} ({} of all requests in place of {}) turns over {}: {} in place of {}.",
            flip.task,
            factor(flip.factor),
            percent(flip.traffic_share_at_flip),
            percent(flip.traffic_share),
            turned_over(&flip.what),
            ahead(strategies, flip.to.as_deref()),
            ahead(strategies, flip.from.as_deref())
        ),
    })
}

/// What the comparison of strategies comes to, in a sentence or two. What is said of a difference rests on its paired
/// bootstrap interval: one that holds zero is noise.
pub(super) fn strategies(strategies: &Strategies) -> String {
    let best = &strategies.best_single_tier;
    let winner = strategies.table.iter().find(|line| Some(&line.id) == strategies.winner.as_ref());
    if let Some((line, savings)) = winner.and_then(|line| Some((line, line.savings?))) {
        return format!(
            "Best on these prompts: {}, {} against {best} alone, at {} less cost ({} – {}).",
            line.label,
            gap(&line.quality_gap),
            percent(savings.mean),
            percent(savings.low),
            percent(savings.high)
        );
    }
    let deployable = || {
        strategies.table.iter().filter(|line| match line.kind {
            StrategyKind::Deployable | StrategyKind::Routes | StrategyKind::Outside => true,
            StrategyKind::Single | StrategyKind::Bound => false,
        })
    };
    let saves = |line: &&StrategyLine| line.savings.is_some_and(|savings| savings.low > 0.0);
    let near = deployable()
        .filter(saves)
        .filter(|line| line.quality_gap.high >= 0.0)
        .filter_map(|line| Some((line, line.savings?)))
        // The first of equals.
        .reduce(|most, next| if next.1.mean > most.1.mean { next } else { most });
    let near = match near {
        Some((line, savings)) => format!(
            " Nearest: {}, {} at {} less cost.",
            line.label,
            gap(&line.quality_gap),
            percent(savings.mean)
        ),
        None if deployable().any(|line| saves(&line)) => " All that save are worse beyond noise.".to_owned(),
        None => String::new(),
    };
    let mix = if deployable().any(|line| line.gain_over_random.is_some_and(|over| over.low > 0.0)) {
        "Some give up quality for cost at a better rate than a random mix of tiers, beyond noise."
    } else {
        "None beats a random mix of tiers beyond noise, either."
    };
    format!(
        "No router beats the best single tier here: none that could be deployed passes as often as {best} at less cost.\
         {near} {mix}"
    )
}

/// The lines of the comparison that a short table has room for: the best single tier, the routes, the three deployable
/// strategies that are most above the mix, routers of others, and the perfect oracle.
pub(super) fn short_list(strategies: &Strategies) -> Vec<&StrategyLine> {
    let over = |line: &StrategyLine| line.gain_over_random.map_or(f64::NEG_INFINITY, |over| over.mean);
    let mut deployable: Vec<&StrategyLine> =
        strategies.table.iter().filter(|line| line.kind == StrategyKind::Deployable).collect();
    deployable.sort_by(|a, b| over(b).total_cmp(&over(a)));
    deployable.dedup_by(|a, b| a.pass_rate == b.pass_rate && a.cost_per_1000 == b.cost_per_1000);
    deployable.truncate(3);
    let single = format!("single:{}", strategies.best_single_tier);
    let shown = |line: &&StrategyLine| match line.kind {
        StrategyKind::Single => line.id == single,
        StrategyKind::Routes | StrategyKind::Outside => true,
        StrategyKind::Deployable => deployable.iter().any(|one| one.id == line.id),
        StrategyKind::Bound => line.id == "perfect-router",
    };
    let mut list: Vec<&StrategyLine> = Vec::new();
    for line in strategies.table.iter().filter(shown) {
        // Two maps that come to the same are one line.
        let same = |other: &&StrategyLine| {
            other.kind == line.kind
                && other.pass_rate == line.pass_rate
                && other.cost_per_1000 == line.cost_per_1000
        };
        if !list.iter().any(same) {
            list.push(line);
        }
    }
    list
}

/// A share that is too small to be shown.
const NOTHING: &str = "0.0 %";

/// The verdict in one or two sentences.
pub(super) fn verdict(summary: &Summary) -> String {
    let count = |wanted: Decision| summary.tasks.iter().filter(|task| task.route.decision == wanted).count();
    let mut parts = Vec::new();
    for (wanted, words) in [
        (Decision::Route, "routed"),
        (Decision::Monitor, "routed with monitoring"),
        (Decision::Undecided, "undecided"),
        (Decision::Escalate, "served well enough by no tier"),
    ] {
        match count(wanted) {
            0 => {}
            n => parts.push(format!("{n} {words}")),
        }
    }
    let tasks = summary.tasks.len();
    let noun = if tasks == 1 { "task" } else { "tasks" };
    let mut text = format!("Of {tasks} {noun}, {}.", parts.join(", "));
    if let Some(total) = &summary.projection.total {
        text.push_str(&format!(" The routes cost {} a month", total.month.mean.human()));
        if let Some(top) = summary.projection.baselines.last()
            && let (Some(cost), Some(savings)) = (&top.cost, &top.savings)
        {
            let compared = match percent(savings.mean.abs()) {
                same if same == NOTHING => "as much as".to_owned(),
                off if savings.mean >= 0.0 => format!("{off} less than"),
                off => format!("{off} more than"),
            };
            text.push_str(&format!(
                ", {compared} {} on {} alone ({} a month)",
                if summary.tasks.len() == 1 { "the task" } else { "everything" },
                top.tier,
                cost.month.mean.human()
            ));
        }
        text.push('.');
    }
    text
}

/// What the routes save against a baseline, with its interval; a baseline that is far cheaper is said in times.
pub(super) fn savings(savings: &Interval) -> String {
    if savings.mean < -1.0 {
        return format!("none: {:.1} times its cost", 1.0 - savings.mean);
    }
    format!("{} ({} – {})", percent(savings.mean), percent(savings.low), percent(savings.high))
}

/// The same without the interval.
pub(super) fn saving_short(savings: &Interval) -> String {
    if savings.mean < -1.0 { format!("none: {:.1} ×", 1.0 - savings.mean) } else { percent(savings.mean) }
}

/// The same in large: the figure, and what it is compared with.
pub(super) fn saving_tile(mean: f64) -> (String, &'static str) {
    if percent(mean.abs()) == NOTHING {
        (NOTHING.to_owned(), "away from the cost of")
    } else if mean >= 0.0 {
        (percent(mean), "less than")
    } else if mean < -1.0 {
        (format!("{:.1} ×", 1.0 - mean), "the cost of")
    } else {
        (percent(-mean), "more than")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_that_cannot_be_seen_is_none() {
        assert_eq!(saving_tile(0.0004), ("0.0 %".to_owned(), "away from the cost of"));
        assert_eq!(saving_tile(-0.0004), ("0.0 %".to_owned(), "away from the cost of"));
        assert_eq!(saving_tile(0.25), ("25.0 %".to_owned(), "less than"));
        assert_eq!(saving_tile(-0.25), ("25.0 %".to_owned(), "more than"));
        assert_eq!(saving_tile(-2.0), ("3.0 ×".to_owned(), "the cost of"));
    }
}
