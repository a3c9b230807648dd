//! The sentences of the reports: the same thing in the same words everywhere.

use super::figures::{Savings, factor, points, usd_short};
use crate::config::{Consequence, IntervalMethod, Rule};
use crate::ident::TaskName;
use crate::summary::flips::{Change, FirstFlip, Flipped, TrafficFlip};
use crate::summary::outside::ServedModel;
use crate::summary::{
    Band, Cell, Decision, Infeasible, Interval, Notice, OutsideModel, Repeats, Role, Strategies,
    StrategyKind, StrategyLine, Summary, Versus,
};
use crate::units::{self, percent};

/// What the intervals of a table are: `95 % CI`.
pub(super) fn ci(summary: &Summary) -> String {
    format!("{} CI", units::level(summary.method.level()))
}

/// The verdict: what became of the tasks, and what the routes cost and save.
pub(super) fn verdict(summary: &Summary) -> String {
    let mut text = tasks(summary) + &wrong_routes(summary) + &monitored(summary);
    let Some(total) = &summary.projection.total else { return text };
    text.push_str(&format!(" The routes cost {} a month.", usd_short(total.month.mean)));
    if let Some(top) = summary.projection.baselines.last()
        && let (Some(cost), Some(savings)) = (&top.cost, Savings::of_routes(Some(total), top))
    {
        text.push_str(&format!(
            " This {} ({}).",
            savings.clause("a month", &format!("all traffic on {}", top.tier)),
            usd_short(cost.month.mean)
        ));
    }
    text
}

/// Which routes serve below the route floor, and what proof would cost; nothing where none does.
fn monitored(summary: &Summary) -> String {
    let Some(monitored) = &summary.monitored else { return String::new() };
    let list = |names: &[TaskName]| names.iter().map(TaskName::as_str).collect::<Vec<_>>().join(", ");
    let (verb, noun) = if monitored.routes.len() == 1 { ("serves", "route") } else { ("serve", "routes") };
    let mut text = format!(
        " {} {noun} {verb} below the route floor, with monitoring: {}.",
        monitored.routes.len(),
        list(&monitored.routes)
    );
    match (monitored.displacing.as_slice(), monitored.saves_per_month) {
        ([], _) => {}
        (displacing, Some(saved)) => text.push_str(&format!(
            " A proven tier for {} would cost {} a month more (policy.monitor_saves = \"never\").",
            list(displacing),
            usd_short(saved)
        )),
        (displacing, None) => text.push_str(&format!(
            " A proven tier would serve {} with policy.monitor_saves = \"never\".",
            list(displacing)
        )),
    }
    text
}

/// How many routes are expected to be wrong; nothing where none claims a floor.
fn wrong_routes(summary: &Summary) -> String {
    let what = match summary.method.rule {
        Rule::Floor => "below its floor",
        Rule::NonInferior => "worse than the margin allows",
    };
    match summary.expected_wrong_routes() {
        None => String::new(),
        Some((wrong, 1)) => format!(" The chance that the route is {what} is {wrong:.2}."),
        Some((wrong, routes)) => {
            let what = what.replace("its", "their");
            format!(" Expect {wrong:.1} of these {routes} routes to be {what}.")
        }
    }
}

fn tasks(summary: &Summary) -> String {
    let all = summary.tasks.len();
    let mut parts = Vec::new();
    for (decision, one, many) in [
        (Decision::Route, "is routed", "are routed"),
        (Decision::Monitor, "is routed with monitoring", "are routed with monitoring"),
        (Decision::Undecided, "is undecided", "are undecided"),
        (Decision::Escalate, "has no tier that is good enough", "have no tier that is good enough"),
    ] {
        match summary.tasks.iter().filter(|task| task.route.decision == decision).count() {
            0 => {}
            1 if all == 1 => return format!("The task {one}."),
            1 => parts.push(format!("1 {one}")),
            n => parts.push(format!("{n} {many}")),
        }
    }
    let listed = match parts.as_slice() {
        [but_last @ .., last] if !but_last.is_empty() => format!("{} and {last}", but_last.join(", ")),
        rest => rest.concat(),
    };
    format!("Of {all} tasks, {listed}.")
}

/// Which single tier would do for every task.
pub(super) fn sufficient_tier(summary: &Summary) -> String {
    match &summary.projection.cheapest_sufficient_tier {
        Some(tier) => format!("The cheapest single tier that is good enough for every task is {tier}."),
        // A tier that was spared somewhere may well be good enough there.
        None if summary.tasks.iter().flat_map(|task| &task.cells).any(Cell::is_spared) => {
            "No single tier is shown to be good enough for every task: dearer ones were not measured where a cheaper one is \
             proven."
                .to_owned()
        }
        None => "No single tier is good enough for every task.".to_owned(),
    }
}

/// What the judges took; `None` where no model judges.
pub(super) fn judges(summary: &Summary) -> Option<String> {
    let judge = summary.spend.judge.as_ref()?;
    let plural = if judge.attempts == 1 { "" } else { "s" };
    let unknown = match judge.unpriced {
        0 => String::new(),
        unpriced => format!("; the cost of {unpriced} is unknown"),
    };
    Some(format!(
        "Judges made {} call{plural} in addition: {} at list prices, {} billed in this run{unknown}.",
        judge.attempts,
        judge.list_price.human(),
        judge.billed.human()
    ))
}

/// What early stopping saved; `None` where it was not asked for.
pub(super) fn stop_early(summary: &Summary) -> Option<String> {
    let early = summary.run.stop_early.as_ref()?;
    let cost = match early.cost_saved {
        Some(cost) => format!(", about {} at list prices", cost.human()),
        None => String::new(),
    };
    let calls = if early.calls_saved == 1 { "call" } else { "calls" };
    let spared = match early.spared {
        0 => String::new(),
        1 => ", and 1 dearer one was spared because a cheaper tier is proven".to_owned(),
        more => format!(", and {more} dearer ones were spared because a cheaper tier is proven"),
    };
    let mut text = if early.stopped + early.spared == 0 {
        "Early stopping saved no calls: no cell was decided before its last prompt.".to_owned()
    } else {
        format!(
            "Early stopping saved {} {calls}{cost}: {} of {} cells were decided before their last prompt{spared}. Each bound of \
             their pass rates holds however often the data are looked at, with confidence {} or more.",
            early.calls_saved,
            early.stopped,
            early.cells,
            units::level(1.0 - early.alpha)
        )
    };
    if !early.measured_in_full.is_empty() {
        let names: Vec<&str> = early.measured_in_full.iter().map(|task| task.as_str()).collect();
        text.push_str(&format!(
            " Measured in full, because the oracle asks a model or a program after the calls: {}.",
            names.join(", ")
        ));
    }
    Some(text)
}

/// What in a cell is not evidence, and why it may have fewer trials than there are prompts.
pub(super) fn gaps(cell: &Cell) -> Vec<String> {
    let counts = &cell.counts;
    let missing = if cell.stopped_early.is_some() { 0 } else { counts.missing };
    let gaps = [
        (counts.errors, "errors"),
        (counts.ungraded, "ungraded"),
        (counts.overflow, "overflow"),
        (missing, "missing"),
    ];
    let mut text: Vec<String> =
        gaps.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    text.extend(cell.stopped_early.as_ref().map(|early| match &early.spared_by {
        None => format!("stopped after {}", early.prompts),
        Some(by) => format!("spared after {}: {by} is proven", early.prompts),
    }));
    text
}

/// How the routes were decided, a sentence for each thing that is not as usual; `None` where nothing is.
pub(super) fn method(summary: &Summary) -> Option<String> {
    let method = &summary.method;
    let mut parts = Vec::new();
    match method.rule {
        Rule::Floor => {}
        Rule::NonInferior => {
            let reference = match &method.reference {
                Some(tier) => format!("{tier} (the reference)"),
                None => "every other tier, so to the best of them".to_owned(),
            };
            parts.push(format!(
                "A tier is good enough here when it is shown to be non-inferior to {reference}, within the margin. Tiers are \
                 compared prompt by prompt; no floor applies."
            ));
        }
    }
    if let Some(cells) = method.comparisons {
        parts.push(format!(
            "{cells} cells were decided together (Holm correction): the chance that any of them is called good enough by luck \
             is no higher than for a single cell."
        ));
    }
    match method.interval {
        IntervalMethod::Wilson => {}
        other @ (IntervalMethod::ClopperPearson | IntervalMethod::Jeffreys) => parts.push(format!(
            "Confidence intervals of pass rates: {}; Wilson where prompts have unequal weights or were repeated.",
            other.label()
        )),
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// What repeats of the same prompts show: `pass^3 88.1 %, 4.2 % of 40 prompts flaky`.
pub(super) fn repeats(repeats: &Repeats) -> String {
    let flaky = format!("{} of {} prompts flaky", percent(repeats.flaky), repeats.prompts);
    match repeats.pass_power.last() {
        Some(power) => format!("pass^{} {}, {flaky}", power.k, percent(power.share)),
        None => flaky,
    }
}

/// A tier against the one that its decision depends on: `-1.2 points against tier3 (lower bound -2.4, n 208)`.
pub(super) fn versus(versus: &Versus) -> String {
    format!(
        "{} points against {} (lower bound {}, n {})",
        points(versus.difference),
        versus.tier,
        points(versus.low),
        versus.n
    )
}

/// What a model outside the ladder was measured for.
pub(super) fn role(role: &Role) -> String {
    match role {
        Role::Fallback(tier) => format!("fallback of {tier}"),
        Role::Router => "router, for comparison".to_owned(),
    }
}

/// Which models a router chose how often; `None` for what is not a router.
pub(super) fn served(outside: &OutsideModel) -> Option<String> {
    let part = |served: &ServedModel| format!("{} {}", percent(served.share), served.model);
    let parts: Vec<String> = outside.served.iter().take(6).map(part).collect();
    (!parts.is_empty()).then(|| format!("served by {}", parts.join(", ")))
}

/// What a cell comes to: its band, or that it was spared.
pub(super) fn standing(cell: &Cell) -> &'static str {
    if cell.is_spared() { "spared" } else { band(cell.band) }
}

pub(super) const fn band(band: Band) -> &'static str {
    match band {
        Band::Route => "good enough",
        Band::Monitor => "good enough with monitoring",
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
        Infeasible::Latency(p95, limit) => format!("too slow: p95 latency {p95}, limit {limit}"),
        Infeasible::FirstToken(p95, limit) => {
            format!("too slow: p95 time to first token {p95}, limit {limit}")
        }
        Infeasible::Availability(answered, attempts) => {
            format!("not available enough: {answered} of {attempts} attempts answered, no fallback")
        }
        Infeasible::DataLocation => "external provider: the data must stay local".to_owned(),
        Infeasible::Context(1) => "1 prompt does not fit its context window".to_owned(),
        Infeasible::Context(n) => format!("{n} prompts do not fit its context window"),
    }
}

/// Whether a notice repeats the banner at the top of every page.
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
    let near = match near.and_then(|(line, _)| Some((line, savings(strategies, line)?))) {
        Some((line, savings)) => {
            format!(
                " Closest: {}. It {}; quality gap: {}.",
                line.label,
                savings.clause(unit, &best),
                gap(&line.quality_gap)
            )
        }
        None if deployable().any(|line| saves(&line)) => {
            " Every strategy that saves money is worse beyond noise.".to_owned()
        }
        None => String::new(),
    };
    let random = if deployable().any(|line| line.gain_over_random.is_some_and(|gain| gain.low > 0.0)) {
        "Some strategies gain over random routing beyond noise."
    } else {
        "None gains over random routing beyond noise."
    };
    format!(
        "No strategy beats the best single tier: none that can be deployed passes as often as {best} at lower \
         cost.{near} {random}"
    )
}

/// The lines of the comparison that a short table has room for: the best single tier, the routes, the three deployable
/// strategies with the largest gain over random routing, outside routers, and the perfect router.
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
        // Two task maps with the same figures are one line.
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
