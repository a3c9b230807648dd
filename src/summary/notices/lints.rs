//! The seeds of failure: what makes routing fail in practice, as far as it can be seen before launch.

use crate::config::Config;
use crate::ident::{TaskName, TierName};
use crate::policy::Decision;
use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::result::Summary;
use crate::summary::strategies::StrategyKind;
use crate::summary::task::TaskSummary;
use crate::units::Usd;

/// The share of a small tier's requests that are retried or escalated from which on it costs more than it seems.
const RETRIES: f64 = 0.30;
/// Rungs beyond which a ladder is more to look after than it saves.
const MANY_TIERS: usize = 4;
/// The share of a call's cost from which on a classifier in front of it is dear.
const CLASSIFIER_SHARE: f64 = 0.10;
/// Requests a month below which a classifier cannot earn what it takes to keep it.
const CLASSIFIER_TRAFFIC: f64 = 10_000.0;
/// Days of a month, on average.
const MONTH: f64 = 365.0 / 12.0;
/// Prompts that a corpus should have.
const SMALL_CORPUS: u64 = 200;
/// How many times as many prompts the largest task may have as the smallest.
const UNBALANCED: u64 = 10;

type Say<'a> = dyn FnMut(NoticeLevel, &str, String) + 'a;

/// The lints, in a fixed order.
pub(super) fn lints(summary: &Summary, config: &Config, say: &mut Say<'_>) {
    retries(summary, say);
    let top = summary.tiers.last().filter(|_| summary.tiers.len() > 1);
    // Where evidence is wanting, a notice of its own says so.
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
            format!("Every task is routed to {}: there is nothing to route, and nothing is saved.", top.name),
        );
    }
    if summary.tiers.len() > MANY_TIERS {
        say(
            Note,
            "too-many-models",
            format!(
                "The ladder has {} tiers. Each is a model to re-measure, to watch and to migrate; more than three or four \
                 seldom pay.",
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
                    "{:.0} % of the requests of {} are retried or escalated from {} ({:.0} % turned away, {:.0} % sent \
                     again): what the tier saves is paid twice.",
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

/// A classifier in front of the tiers has to earn its own price, and somebody's time.
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
                "classifier-dear",
                format!(
                    "Asking the classifier costs {:.0} % of the call that it decides about; more than {:.0} % seldom pays.",
                    price / calls * 100.0,
                    CLASSIFIER_SHARE * 100.0
                ),
            );
        }
        // What the same choice would cost if nothing had to be query.
        let single = summary.strategies.iter().flat_map(|strategies| &strategies.table).filter(|other| {
            matches!(other.kind, StrategyKind::Single | StrategyKind::Routes)
                && other.pass_rate.mean >= line.pass_rate.mean
                && other.cost_per_1000.mean <= line.cost_per_1000.mean
        });
        if let Some(better) = single.min_by_key(|other| other.cost_per_1000.mean) {
            say(
                Warning,
                "classifier-does-not-pay",
                format!(
                    "The classifier costs more than it saves: {} is as good, for {} per 1,000 requests in place of {}.",
                    better.label,
                    better.cost_per_1000.mean.human(),
                    line.cost_per_1000.mean.human()
                ),
            );
        }
    }
}

/// A strategy that asks a model about every prompt is left out until it has an answer to all of them.
fn unanswered(summary: &Summary, say: &mut Say<'_>) {
    for query in summary.strategies.iter().flat_map(|strategies| &strategies.queries) {
        if query.unusable > 0 {
            say(
                Note,
                "strategy-unusable",
                format!(
                    "{} of {} answers of {} are no vectors (a prompt may be too long for it): the strategy that needs them is \
                     left out.",
                    query.unusable, query.questions, query.model
                ),
            );
        }
        if query.missing > 0 {
            say(
                Note,
                "strategy-unanswered",
                format!(
                    "{} of {} questions of a strategy to {} have no answer, so it is left out: `route-prof run` asks them.",
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
        Some(_) => (Warning, "the classifier of [strategy.classifier] does not pay for itself there."),
        None => (Note, "no classifier would pay for itself there; a fixed route is right."),
    };
    say(level, "low-traffic", format!("Fewer than 10,000 requests a month at {}: {advice}", list(&low)));
}

fn corpus(summary: &Summary, say: &mut Say<'_>) {
    if summary.run.prompts < SMALL_CORPUS {
        say(
            Note,
            "small-corpus",
            format!(
                "{} prompts in all: strategies and routes are told apart only where they differ much. 200 to 500 are usual.",
                summary.run.prompts
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
                "{} has {} prompts, {} only {}: the next prompts help most there.",
                most.name, most.prompts, least.name, least.prompts
            ),
        );
    }
}

/// A gate that turns nearly every good answer away sends everything up, and everything is paid for at every tier.
fn gates(summary: &Summary, say: &mut Say<'_>) {
    for gate in summary.strategies.iter().flat_map(|strategies| &strategies.gates) {
        let dead: Vec<&TierName> =
            gate.tiers.iter().filter(|tier| tier.rejects_nearly_all_good).map(|tier| &tier.tier).collect();
        if dead.is_empty() {
            continue;
        }
        let names: Vec<&str> = dead.iter().map(|name| name.as_str()).collect();
        let mut text = format!(
            "The gate of {} is dead at {}: it turns away more than 95 % of the good answers to {}.",
            gate.oracle,
            names.join(", "),
            gate.task
        );
        if let (Some(cascade), Some(last), Some(rate), Some(last_rate)) =
            (gate.cascade_per_1000, gate.last_tier_per_1000, gate.cascade_pass_rate, gate.last_tier_pass_rate)
        {
            text.push_str(&format!(
                " A cascade through the ladder costs {} per 1,000 requests and passes {:.1} %, the last tier alone {} and \
                 {:.1} %.",
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
