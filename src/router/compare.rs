//! What changed between two routing configs, as text: for `check`, `grade` and what-ifs.

use serde::Serialize;

use super::model::{RouterEvidence, RouterFile, RouterRoute};
use crate::ident::TaskName;
use crate::summary::Evidence;
use crate::units::percent;

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouterDiff {
    /// Inputs that changed.
    pub changed: Vec<String>,
    /// Routes that changed.
    pub routes: Vec<RouteChange>,
}

/// A route that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteChange {
    /// The task.
    pub task: TaskName,
    /// Whether requests go to another tier or are treated differently; else only figures changed.
    pub flips: bool,
    /// What changed, one line each.
    pub what: Vec<String>,
}

impl RouterDiff {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.routes.is_empty()
    }

    /// The text to show, one line per change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.changed.is_empty() {
            text.push_str("changed inputs:\n");
            for what in &self.changed {
                text.push_str(&format!("  {what}\n"));
            }
        }
        let (flips, figures): (Vec<_>, Vec<_>) = self.routes.iter().partition(|route| route.flips);
        for (title, routes) in [("routes that flip:\n", flips), ("routes whose figures change:\n", figures)] {
            if !routes.is_empty() {
                text.push_str(title);
                for route in routes {
                    text.push_str(&format!("  {}: {}\n", route.task, route.what.join("; ")));
                }
            }
        }
        if self.routes.is_empty() && !self.changed.is_empty() {
            text.push_str("no route changes\n");
        }
        crate::diag::escape(&text).into_owned()
    }
}

/// What changed from one routing config to another.
#[must_use]
pub fn diff(old: &RouterFile, new: &RouterFile) -> RouterDiff {
    let mut changed = evidence_changes(&old.evidence, &new.evidence);
    if old.evidence.source != new.evidence.source {
        changed
            .push(format!("the source of the answers: {} -> {}", old.evidence.source, new.evidence.source));
    }
    if old.evidence.prompts != new.evidence.prompts || old.evidence.trials != new.evidence.trials {
        changed.push(format!(
            "the measurement: {} prompts, {} answers -> {} prompts, {} answers",
            old.evidence.prompts, old.evidence.trials, new.evidence.prompts, new.evidence.trials
        ));
    }
    if let (Some(before), Some(after)) = (&old.evidence.measured, &new.evidence.measured)
        && before != after
    {
        changed.push(format!("the oldest answer: {before} -> {after}"));
    }
    if old.default != new.default {
        changed.push(format!("the default tier: {} -> {}", old.default.tier, new.default.tier));
    }
    let mut routes = Vec::new();
    for (task, before) in &old.route {
        match new.route.get(task) {
            None => {
                routes.push(RouteChange { task: task.clone(), flips: true, what: vec!["removed".to_owned()] })
            }
            Some(after) => routes.extend(route_change(task, before, after)),
        }
    }
    for (task, route) in new.route.iter().filter(|(task, _)| !old.route.contains_key(*task)) {
        let what = vec![format!("new: {} ({})", route.tier, route.decision.name())];
        routes.push(RouteChange { task: task.clone(), flips: true, what });
    }
    RouterDiff { changed, routes }
}

/// What changed between a config's evidence and that of today, where the routes cannot be computed again.
#[must_use]
pub fn diff_evidence(old: &RouterEvidence, today: &Evidence) -> RouterDiff {
    let new = RouterEvidence {
        corpus: today.corpus,
        tiers: today.tiers,
        tasks: today.tasks,
        policy: today.policy,
        prices: today.prices,
        oracles: today.oracles.clone(),
        labels: today.labels.clone(),
        price_source: today.price_source.clone(),
        price_note: today.price_note.clone(),
        ..old.clone()
    };
    RouterDiff { changed: evidence_changes(old, &new), routes: Vec::new() }
}

fn evidence_changes(old: &RouterEvidence, new: &RouterEvidence) -> Vec<String> {
    let mut changed = Vec::new();
    for (what, before, after) in [
        ("the corpus (prompts, references or weights)", old.corpus, new.corpus),
        ("the tiers (models, endpoints, parameters or the text around prompts)", old.tiers, new.tiers),
        ("the tasks (traffic, consequence, limits or floors)", old.tasks, new.tasks),
        ("the policy", old.policy, new.policy),
        ("the prices", old.prices, new.prices),
    ] {
        if before != after {
            changed.push(format!("{what}: {} -> {}", before.short(), after.short()));
        }
    }
    for (oracle, digest) in &old.oracles {
        match new.oracles.get(oracle) {
            Some(today) if today == digest => {}
            Some(today) => changed.push(format!("oracle {oracle}: {} -> {}", digest.short(), today.short())),
            None => {
                let version = new.oracles.keys().find(|other| other.name == oracle.name);
                changed.push(version.map_or_else(
                    || format!("oracle {oracle} is no longer used"),
                    |version| format!("oracle {oracle} -> {version}"),
                ));
            }
        }
    }
    for oracle in new.oracles.keys() {
        if !old.oracles.keys().any(|other| other.name == oracle.name) {
            changed.push(format!("oracle {oracle} is used now"));
        }
    }
    for oracle in old.labels.keys().chain(new.labels.keys().filter(|oracle| !old.labels.contains_key(oracle)))
    {
        if old.labels.get(oracle) != new.labels.get(oracle) {
            changed.push(format!("the human labels of {oracle}"));
        }
    }
    if old.price_source != new.price_source {
        changed.push(format!("the source of the prices: {} -> {}", old.price_source, new.price_source));
    }
    if old.price_note != new.price_note {
        changed.push("the note on the prices".to_owned());
    }
    changed
}

/// The requests that a route is for, by their length.
fn lengths(route: &RouterRoute) -> String {
    match route.input_tokens.map(|tokens| (tokens.above, tokens.up_to)) {
        None | Some((None, None)) => "requests of any length".to_owned(),
        Some((Some(above), None)) => format!("over {above} input tokens"),
        Some((None, Some(up_to))) => format!("up to {up_to} input tokens"),
        Some((Some(above), Some(up_to))) => format!("over {above} and up to {up_to} input tokens"),
    }
}

fn route_change(task: &TaskName, before: &RouterRoute, after: &RouterRoute) -> Option<RouteChange> {
    if before == after {
        return None;
    }
    let mut what = Vec::new();
    if before.input_tokens != after.input_tokens {
        what.push(format!("{} -> {}", lengths(before), lengths(after)));
    }
    if before.tier != after.tier {
        what.push(format!("{} -> {}", before.tier, after.tier));
    }
    if before.decision != after.decision {
        what.push(format!("{} -> {}", before.decision.name(), after.decision.name()));
    }
    let list =
        |route: &RouterRoute| route.fallback.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if before.fallback != after.fallback {
        what.push(format!("fallback [{}] -> [{}]", list(before), list(after)));
    }
    if before.quality_gate != after.quality_gate || before.gate != after.gate {
        what.push("the gate".to_owned());
    }
    let flips = !what.is_empty();
    let rate =
        |route: &RouterRoute| route.pass_rate.map_or_else(|| "unknown".to_owned(), |rate| percent(rate.mean));
    if before.pass_rate != after.pass_rate {
        what.push(format!("pass rate {} -> {}", rate(before), rate(after)));
    }
    let cost = |route: &RouterRoute| {
        route.cost_per_request.map_or_else(|| "unknown".to_owned(), |cost| cost.human())
    };
    if before.cost_per_request != after.cost_per_request {
        what.push(format!("cost per request {} -> {}", cost(before), cost(after)));
    }
    if what.is_empty() {
        what.push("latency, escalation, evidence or the reason".to_owned());
    }
    Some(RouteChange { task: task.clone(), flips, what })
}
