//! The sentences of the reports: the same thing in the same words everywhere.

use super::bill;
use super::figures::{points, usd_short};
use crate::config::{Consequence, IntervalMethod, Rule};
use crate::ident::{TaskName, TierName};
use crate::summary::outside::ServedModel;
use crate::summary::{
    Band, Cell, Decision, Infeasible, Notice, OutsideModel, Repeats, Role, Summary, TaskSummary,
    TurningPoint, Versus, Wrong,
};
use crate::units::{self, percent};

/// What the intervals of a table are: `95 % CI`.
pub(super) fn ci(summary: &Summary) -> String {
    format!("{} CI", units::level(summary.method.level()))
}

/// The verdict: what became of the tasks, how good the routes are, and what they cost and save.
pub(super) fn verdict(summary: &Summary) -> String {
    let mut text = tasks(summary) + &wrong_routes(summary) + &monitored(summary);
    if let Some(quality) = routed_quality(summary) {
        text.push_str(&format!(" {quality}"));
    }
    let Some(total) = &summary.projection.total else { return text };
    text.push_str(&format!(" The routes cost {} a month.", usd_short(total.month.mean)));
    if let Some(savings) = bill::savings(summary) {
        text.push_str(&format!(" {savings}"));
    }
    text
}

/// Which routes serve below the route floor, and what proof would cost; nothing where none does.
fn monitored(summary: &Summary) -> String {
    let Some(monitored) = &summary.monitored else { return String::new() };
    let list = |names: &[TaskName]| names.iter().map(TaskName::as_str).collect::<Vec<_>>().join(", ");
    let (verb, noun) = if monitored.routes.len() == 1 { ("serves", "route") } else { ("serve", "routes") };
    let mut text = format!(
        " {} {noun} {verb} on the monitor floor, with monitoring: {}.",
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
        Rule::Floor => "below the floor that it claims",
        Rule::NonInferior => "worse than the margin allows",
    };
    match summary.expected_wrong_routes() {
        None => String::new(),
        Some((wrong, 1)) => format!(" The chance that the route is {what} is {wrong:.2}."),
        Some((wrong, routes)) => {
            let what = what.replace("that it claims", "that they claim");
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

/// Why a task's tier serves, what requests get after fallback, and how wrong its oracle may be before that turns.
pub(super) fn reason(task: &TaskSummary) -> String {
    let reason = format!("{}{}", task.route.reason, after_fallback(task));
    let Some(TurningPoint { wrong, share, .. }) = &task.turning_point else { return reason };
    let verdicts = match wrong {
        Wrong::Passes => "passes",
        Wrong::Fails => "fails",
    };
    // Rounded down: "less than" stays true.
    let percent = (share * 1e3).floor() / 10.0;
    format!("{reason}; this holds while less than {percent:.1} % of the oracle's {verdicts} are wrong")
}

/// What requests get where the gate sends some of them up; nothing where it sends none.
fn after_fallback(task: &TaskSummary) -> String {
    let Some(after) = task.route.after_fallback.filter(|after| after.escalation_rate > 0.0) else {
        return String::new();
    };
    let mut parts = vec![format!("{:.1} % of requests go up", after.escalation_rate * 100.0)];
    if let Some(rate) = after.pass_rate {
        parts.push(format!("{:.1} % of the answers that stand pass", rate.mean * 100.0));
    }
    if let Some(p95) = after.latency_p95 {
        parts.push(format!("p95 {p95}"));
    }
    format!("; after fallback: {}", parts.join(", "))
}

/// Which single tier would do for every task.
pub(super) fn sufficient_tier(summary: &Summary) -> String {
    if let Some(tier) = &summary.projection.cheapest_sufficient_tier {
        return format!("The cheapest single tier that is good enough for every task is {tier}.");
    }
    // A tier is out where it is shown to be too bad for a task, or cannot serve it.
    let is_out = |cell: &Cell| cell.band == Band::Below || !cell.infeasible.is_empty();
    let cells = |tier: &TierName| {
        summary.tasks.iter().filter_map(|task| task.cells.iter().find(|cell| cell.tier == *tier)).collect()
    };
    let open: Vec<&str> = summary
        .tiers
        .iter()
        .filter(|tier| {
            let cells: Vec<&Cell> = cells(&tier.name);
            !cells.iter().any(|cell| is_out(cell))
        })
        .map(|tier| tier.name.as_str())
        .collect();
    if open.is_empty() {
        return "No single tier is good enough for every task.".to_owned();
    }
    // A tier that was spared somewhere may well be good enough there.
    let why = if summary.tasks.iter().flat_map(|task| &task.cells).any(Cell::is_spared) {
        "dearer ones were not measured where a cheaper one is proven".to_owned()
    } else {
        format!("the evidence does not decide about {}", open.join(", "))
    };
    format!("No single tier is shown to be good enough for every task yet: {why}.")
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

/// The pass rate of the routes, as far as it was measured on prompts that did not decide them.
pub(super) fn routed_quality(summary: &Summary) -> Option<String> {
    let rate = summary.strategies.as_ref()?.routed_quality?;
    // It is by the oracle's own verdicts, which labels have shown to be wrong where they correct a rate.
    if summary.tasks.iter().flat_map(|task| &task.cells).any(|cell| cell.uncalibrated_pass_rate.is_some()) {
        return None;
    }
    let elsewhere = summary.strategies.as_ref()?.routed_elsewhere.filter(|share| *share > 0.05);
    let elsewhere = elsewhere.map_or_else(String::new, |share| {
        format!(
            " Decided without them, {} of the requests would go to another tier than the routes say.",
            percent(share)
        )
    });
    Some(format!(
        "Routes decided like this pass {} ({} {:.1}–{:.1} %), measured on prompts that did not decide them.{elsewhere}",
        percent(rate.mean),
        ci(summary),
        rate.low * 100.0,
        rate.high * 100.0
    ))
}
