//! What makes routing fail in practice, as far as it can be seen before launch.

use crate::config::Config;
use crate::ident::{TaskName, TierName};
use crate::policy::Decision;
use crate::project::MONTH;
use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::result::Summary;
use crate::summary::strategies::StrategyKind;
use crate::summary::task::TaskSummary;
use crate::units::{Usd, count};

/// From this share of retried or escalated requests on, a small tier costs more than it seems.
const RETRIES: f64 = 0.30;
/// With more tiers than this, a ladder takes more work than it saves.
const MANY_TIERS: usize = 4;
/// A classifier that costs more than this share of the call it decides about rarely pays off.
const CLASSIFIER_SHARE: f64 = 0.10;
/// With fewer requests per month than this, a classifier cannot pay for itself.
const CLASSIFIER_TRAFFIC: f64 = 10_000.0;
/// Prompts that a corpus should have.
const SMALL_CORPUS: u64 = 200;
/// The largest task may have this many times the prompts of the smallest.
const UNBALANCED: u64 = 10;

type Say<'a> = dyn FnMut(NoticeLevel, &str, String) + 'a;

/// The lints, in a fixed order.
pub(super) fn lints(summary: &Summary, config: &Config, say: &mut Say<'_>) {
    retries(summary, say);
    let top = summary.tiers.last().filter(|_| summary.tiers.len() > 1);
    // Missing evidence has a notice of its own.
    let there = |top: &str| {
        summary.tasks.iter().all(|task| match task.route.decision {
            Decision::Route | Decision::Monitor => task.route.tier.as_str() == top,
            Decision::Escalate | Decision::Undecided => false,
        })
    };
    if let Some(top) = top.filter(|top| there(top.name.as_str())) {
        say(
            Warning,
            "all-on-frontier",
            format!("Every task is routed to {}: routing saves nothing.", top.name),
        );
    }
    if summary.tiers.len() > MANY_TIERS {
        say(
            Note,
            "too-many-models",
            format!(
                "The ladder has {} tiers. Each model has to be re-measured, monitored and migrated; more than three or four \
                 rarely pay off.",
                summary.tiers.len()
            ),
        );
    }
    classifier(summary, config, say);
    low_traffic(summary, config, say);
    corpus(summary, say);
    gates(summary, say);
}

fn retries(summary: &Summary, say: &mut Say<'_>) {
    for task in &summary.tasks {
        let top = summary.tiers.last().is_some_and(|top| top.name == task.route.tier);
        let cell = task.cells.iter().find(|cell| cell.tier == task.route.tier);
        let Some(cell) = cell.filter(|_| !top) else { continue };
        let rejected = cell.gate_rejection_rate.map_or(0.0, |rate| rate.mean);
        let again = rejected + cell.retry_rate;
        if again >= RETRIES {
            say(
                Warning,
                "small-tier-retries",
                format!(
                    "{:.0} % of the requests of {} on {} are retried or escalated ({:.0} % rejected, {:.0} % retried): much of \
                     what the tier saves is spent again.",
                    again * 100.0,
                    task.name,
                    cell.tier,
                    rejected * 100.0,
                    cell.retry_rate * 100.0
                ),
            );
        }
    }
}

/// A classifier in front of the tiers has to pay for itself.
fn classifier(summary: &Summary, config: &Config, say: &mut Say<'_>) {
    unanswered(summary, say);
    let Some(settings) = &config.strategy.classifier else { return };
    let line = summary
        .strategies
        .as_ref()
        .and_then(|strategies| strategies.table.iter().find(|line| line.id == "classifier"));
    if let Some(line) = line {
        let measured = summary.strategies.as_ref().and_then(|strategies| strategies.classifier.as_ref());
        let measured =
            measured.and_then(|classifier| classifier.cost_per_1000).map(|cost| cost.to_f64() / 1000.0);
        let Some(price) = measured.or(settings.price.map(Usd::to_f64)) else { return };
        let calls = line.cost_per_1000.mean.to_f64() / 1000.0 - price;
        if calls > 0.0 && price > CLASSIFIER_SHARE * calls {
            say(
                Warning,
                "classifier-costly",
                format!(
                    "The classifier costs {:.0} % of the call that it decides about; more than {:.0} % rarely pays off.",
                    price / calls * 100.0,
                    CLASSIFIER_SHARE * 100.0
                ),
            );
        }
        // What does as well without a query.
        let single = summary.strategies.iter().flat_map(|strategies| &strategies.table).filter(|other| {
            matches!(other.kind, StrategyKind::Single | StrategyKind::RoutesCrossFitted)
                && other.pass_rate.mean >= line.pass_rate.mean
                && other.cost_per_1000.mean <= line.cost_per_1000.mean
        });
        if let Some(better) = single.min_by_key(|other| other.cost_per_1000.mean) {
            say(
                Warning,
                "classifier-does-not-pay",
                format!(
                    "The classifier costs more than it saves: {} passes as often and costs {} per 1,000 requests, not {}.",
                    better.label,
                    better.cost_per_1000.mean.human(),
                    line.cost_per_1000.mean.human()
                ),
            );
        }
    }
}

/// A strategy that queries a model about every prompt is left out until all queries have an answer.
fn unanswered(summary: &Summary, say: &mut Say<'_>) {
    for query in summary.strategies.iter().flat_map(|strategies| &strategies.queries) {
        if query.unusable > 0 {
            say(
                Note,
                "strategy-unusable",
                format!(
                    "{} of {} answers from {} hold no vector (a prompt may be too long for the model): the strategy that needs \
                     them is left out.",
                    query.unusable, query.questions, query.model
                ),
            );
        }
        if query.missing > 0 {
            say(
                Note,
                "strategy-unanswered",
                format!(
                    "{} of {} strategy queries to {} have no answer, so the strategy is left out. `route-prof run` sends them.",
                    query.missing, query.questions, query.model
                ),
            );
        }
    }
}

fn low_traffic(summary: &Summary, config: &Config, say: &mut Say<'_>) {
    let low: Vec<&TaskName> = summary
        .tasks
        .iter()
        .filter(|task| task.requests_per_day.is_some_and(|requests| requests * MONTH < CLASSIFIER_TRAFFIC))
        .map(|task| &task.name)
        .collect();
    if low.is_empty() {
        return;
    }
    let (level, advice) = match config.strategy.classifier {
        Some(_) => (Warning, "the classifier of [strategy.classifier] cannot pay for itself there."),
        None => (Note, "a classifier could not pay for itself there; a fixed route is right."),
    };
    say(level, "low-traffic", format!("Fewer than 10,000 requests a month for {}: {advice}", list(&low)));
}

fn corpus(summary: &Summary, say: &mut Say<'_>) {
    if summary.run.prompts < SMALL_CORPUS {
        say(
            Note,
            "small-corpus",
            format!(
                "The corpus has only {}: strategies and routes can be told apart only where they differ a lot. 200 to 500 are usual.",
                count(summary.run.prompts, "prompt")
            ),
        );
    }
    let prompts = |task: &&TaskSummary| task.prompts;
    let (least, most) = (summary.tasks.iter().min_by_key(prompts), summary.tasks.iter().max_by_key(prompts));
    if let (Some(least), Some(most)) = (least, most)
        && most.prompts >= UNBALANCED * least.prompts.max(1)
    {
        say(
            Note,
            "unbalanced-corpus",
            format!(
                "{} has {}, {} only {}: more prompts help most there.",
                most.name,
                count(most.prompts, "prompt"),
                least.name,
                least.prompts
            ),
        );
    }
}

/// A dead gate escalates nearly every request, so that every tier is paid for.
fn gates(summary: &Summary, say: &mut Say<'_>) {
    for gate in summary.strategies.iter().flat_map(|strategies| &strategies.gates) {
        let dead: Vec<&TierName> =
            gate.tiers.iter().filter(|tier| tier.rejects_nearly_all_good).map(|tier| &tier.tier).collect();
        if dead.is_empty() {
            continue;
        }
        let names: Vec<&str> = dead.iter().map(|name| name.as_str()).collect();
        let mut text = format!(
            "Dead gate: the gate of {} on {} rejects more than 95 % of the good answers to {}.",
            gate.oracle,
            names.join(", "),
            gate.task
        );
        if let (Some(cascade), Some(last), Some(rate), Some(last_rate)) =
            (gate.cascade_per_1000, gate.last_tier_per_1000, gate.cascade_pass_rate, gate.last_tier_pass_rate)
        {
            text.push_str(&format!(
                " A cascade through the ladder costs {} per 1,000 requests with a pass rate of {:.1} %; the last tier alone \
                 costs {} with {:.1} %.",
                cascade.human(),
                rate * 100.0,
                last.human(),
                last_rate * 100.0
            ));
        }
        say(Warning, "dead-gate", text);
    }
}

fn list(names: &[&TaskName]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}
