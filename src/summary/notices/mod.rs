//! What a reader must know before believing a figure, as far as it follows from the summary itself.

mod fallbacks;
mod judge;
mod lints;
mod method;
mod projection;
mod service;

pub(super) use self::method::notices as of_method;
use crate::config::Config;
use crate::ident::TaskName;
use crate::policy::{Band, Decision};
use crate::price::ModelPrice;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::notice::{Notice, NoticeLevel};
use crate::summary::result::Summary;
use crate::summary::run::Source;
use crate::summary::task::TaskSummary;
use crate::units;

/// The notices that the figures call for, in a fixed order.
pub(super) fn collect(summary: &Summary, config: &Config, prices: &[ModelPrice]) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut say =
        |level, code: &str, text: String| notices.push(Notice { level, code: code.to_owned(), text });

    match &summary.run.source {
        Source::Live => {}
        Source::Recording(name) => say(
            Warning,
            "replay",
            format!(
                "No model was called: answers, tokens and latencies come from the recording {name}; costs are at today's \
                 prices."
            ),
        ),
        Source::Script => say(
            Warning,
            "script",
            "No model was called: the answers come from a script. No figure here says anything about a model."
                .to_owned(),
        ),
        Source::Mixed => say(
            Warning,
            "mixed-source",
            "Only some answers come from calls of this run; the others were recorded or scripted.".to_owned(),
        ),
    }
    if let Some(note) = &summary.evidence.price_note {
        say(Warning, "price-note", format!("Prices: {note}"));
    }
    incomplete(summary, &mut say);
    stopped_early(summary, &mut say);
    judge::notices(summary, &mut say);
    if summary.spend.unpriced > 0 {
        say(
            Warning,
            "unpriced-attempts",
            format!(
                "{} may have been billed, but the cost is unknown. Where the trial has an answer, each attempt is assumed to \
                 have cost as much as that answer.",
                count(summary.spend.unpriced, "attempt")
            ),
        );
    }
    let alike: Vec<String> = summary
        .tasks
        .iter()
        .filter(|task| task.distinct_prompts < task.prompts)
        .map(|task| format!("{} of {} for {}", task.distinct_prompts, task.prompts, task.name))
        .collect();
    if !alike.is_empty() {
        say(
            Note,
            "near-duplicates",
            format!(
                "Near-duplicates, and prompts with the same `cluster`, count once. Distinct prompts: {}.",
                alike.join(", ")
            ),
        );
    }
    let undecided = tasks_with(summary, Decision::Undecided);
    if !undecided.is_empty() {
        say(Warning, "undecided", format!("Too little evidence to decide {}.", list(&undecided)));
    }
    let escalated = tasks_with(summary, Decision::Escalate);
    if !escalated.is_empty() {
        say(Warning, "no-tier-good-enough", format!("No tier is good enough for {}.", list(&escalated)));
    }
    for tier in &summary.tiers {
        if let Some(better) = &tier.dominated_by {
            say(
                Note,
                "dominated-tier",
                format!(
                    "{} costs more than {better} and is shown to pass no more often, within the margin.",
                    tier.name
                ),
            );
        }
    }
    notices.extend(fallbacks::notices(summary));
    let mut say =
        |level, code: &str, text: String| notices.push(Notice { level, code: code.to_owned(), text });
    router_does_not_pay(summary, config.policy.margin.get(), &mut say);
    service::notices(summary, config, &mut say);
    lints::lints(summary, config, &mut say);
    projection::notices(summary, &mut say);
    let untimed: Vec<&TaskName> = summary
        .tasks
        .iter()
        .filter(|task| {
            task.latency_p95_limit.is_some() && task.route.latency.is_none() && task.route.pass_rate.is_some()
        })
        .map(|task| &task.name)
        .collect();
    if !untimed.is_empty() {
        say(
            Warning,
            "latency-unmeasured",
            format!(
                "The latency limit could not be checked for {}: answers from batch APIs have no latency.",
                list(&untimed)
            ),
        );
    }
    let untold = config.tasks.iter().filter(|task| task.ttft_p95.is_some()).filter(|task| {
        let mut routes = summary.tasks.iter().filter(|other| other.name == task.name).map(|task| &task.route);
        routes.any(|route| {
            route.pass_rate.is_some() && route.latency.is_none_or(|seen| seen.ttft_p95.is_none())
        })
    });
    let untold: Vec<&TaskName> = untold.map(|task| &task.name).collect();
    if !untold.is_empty() {
        say(
            Warning,
            "first-token-unmeasured",
            format!(
                "The limit on the time to first token could not be checked for {}: nothing was streamed (stream = true in \
                 [provider.NAME]).",
                list(&untold)
            ),
        );
    }
    let timed = summary.tasks.iter().any(|task| task.cells.iter().any(|cell| cell.latency.is_some()));
    if summary.run.repeats > 1 && timed {
        say(
            Note,
            "repeated-latency",
            format!(
                "Latencies include {} repeats of each prompt; provider caching may have shortened all but the first.",
                summary.run.repeats
            ),
        );
    }
    for (tier, price) in summary.tiers.iter().zip(prices) {
        if let Some(day) = &price.deprecated {
            say(
                Warning,
                "deprecated-model",
                format!("{}, the model of {}, will be withdrawn after {day}.", tier.model, tier.name),
            );
        }
    }
    notices
}

fn incomplete(summary: &Summary, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    let (errors, missing) = (summary.run.errors, summary.run.missing);
    if errors + missing > 0 {
        let open: u64 = summary
            .tasks
            .iter()
            .flat_map(|task| &task.cells)
            .filter(|cell| match cell.band {
                Band::Undecided if cell.stopped_early.is_some() => false,
                Band::Undecided => cell.counts.errors + cell.counts.missing > 0,
                Band::Route | Band::Monitor | Band::Below => false,
            })
            .count() as u64;
        let effect =
            if open > 0 { format!(" They leave {} undecided.", count(open, "cell")) } else { String::new() };
        let remedy = match summary.run.source {
            Source::Live | Source::Mixed => " Run the same command again to complete it.",
            // What a recording or a script does not hold, it will not hold next time.
            Source::Recording(_) | Source::Script => "",
        };
        say(
            Warning,
            "incomplete",
            format!(
                "{} of {} trials have no answer ({errors} ended in an error, {missing} were not sent). They are not \
                 evidence.{effect}{remedy}",
                errors + missing,
                summary.run.trials
            ),
        );
    }
    let ungraded: u64 =
        summary.tasks.iter().flat_map(|task| &task.cells).map(|cell| cell.counts.ungraded).sum();
    if ungraded > 0 {
        let replies = if ungraded == 1 { "reply" } else { "replies" };
        say(
            Warning,
            "ungraded",
            format!(
                "{ungraded} {replies} could not be graded, because the oracle itself failed. They are not evidence."
            ),
        );
    }
}

/// What early stopping leaves out, for those who read on to the strategies.
fn stopped_early(summary: &Summary, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    let Some(early) = summary.run.stop_early.as_ref().filter(|early| early.stopped + early.spared > 0) else {
        return;
    };
    let compared = match &summary.strategies {
        Some(strategies) => format!(
            "Strategies are compared on the {} that every tier answered",
            count(strategies.prompts, "prompt")
        ),
        None => "No prompt was answered by every tier, so no strategies are compared".to_owned(),
    };
    let remedy = if early.spared > 0 && !early.complete {
        "; run with --complete to measure dearer tiers until their own answers decide, or without --stop-early for all prompts."
    } else {
        "; run without --stop-early to compare them on all prompts."
    };
    say(Note, "stopped-early", compared + remedy);
}

/// A single tier that is good enough for every task and costs no more than the routes. It makes a router needless only where it
/// is shown to pass no less often, too.
fn router_does_not_pay(summary: &Summary, margin: f64, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    let projection = &summary.projection;
    let Some(best) = &projection.cheapest_sufficient_tier else { return };
    let baseline = projection.baselines.iter().find(|baseline| baseline.tier == *best);
    let (Some(routed), Some(single)) = (projection.total, baseline.and_then(|baseline| baseline.cost)) else {
        return;
    };
    let level = units::level(summary.method.level());
    let savings = baseline.and_then(|baseline| baseline.savings);
    let cost = if routed.month.mean >= single.month.mean {
        format!("costs {} a month; the routes cost {}", single.month.mean.human(), routed.month.mean.human())
    } else if let Some(savings) = savings.filter(|savings| savings.low <= 0.0) {
        format!(
            "the savings from routing are within noise ({:.1} %, {level} CI {:.1} to {:.1} %)",
            savings.mean * 100.0,
            savings.low * 100.0,
            savings.high * 100.0
        )
    } else {
        return;
    };
    // All tasks on that tier are no routes at all, unless a gate sends some requests on.
    let escalates =
        |task: &TaskSummary| task.route.after_fallback.is_some_and(|after| after.escalation_rate > 0.0);
    let is_routed = |task: &TaskSummary| task.route.tier != *best || escalates(task);
    let lines = summary.strategies.iter().flat_map(|strategies| &strategies.table);
    let gap = lines.filter(|line| line.id == format!("single:{best}")).find_map(|line| line.routed_gap);
    match gap.filter(|gap| summary.tasks.iter().any(is_routed) && gap.high > margin) {
        None => say(
            Warning,
            "router-does-not-pay",
            format!("No router is needed: all traffic on {best} is good enough for every task and {cost}."),
        ),
        Some(gap) => say(
            Note,
            "single-tier-would-do",
            format!(
                "All traffic on {best} is good enough for every task and {cost}. {}: the routes pass {:+.1} points more often \
                 ({level} CI {:+.1} to {:+.1}).",
                if gap.low > 0.0 { "But it passes less often" } else { "It may pass less often" },
                gap.mean * 100.0,
                gap.low * 100.0,
                gap.high * 100.0
            ),
        ),
    }
}

fn tasks_with(summary: &Summary, decision: Decision) -> Vec<&TaskName> {
    summary.tasks.iter().filter(|task| task.route.decision == decision).map(|task| &task.name).collect()
}

fn list(names: &[&TaskName]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
