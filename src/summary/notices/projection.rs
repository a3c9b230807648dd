//! What the projection leaves out, and where it is held against what the user expects.

use crate::project::Weighting;
use crate::summary::notice::NoticeLevel;
use crate::summary::notice::NoticeLevel::{Note, Warning};
use crate::summary::result::Summary;
use crate::summary::task::TaskSummary;

/// From this factor on, above or below, the measured output length is not the expected one.
const LENGTH: f64 = 1.25;

/// The notices, in a fixed order.
pub(super) fn notices(summary: &Summary, say: &mut dyn FnMut(NoticeLevel, &str, String)) {
    let silent = tasks(summary, |task| task.requests_per_day.is_none());
    match summary.projection.weighted_by {
        Some(Weighting::Traffic) if !silent.is_empty() => say(
            Warning,
            "traffic-missing",
            format!(
                "{} left out of every figure that is weighted by traffic, and of the projected cost, because no requests_per_day is \
                 stated. Add it to {}.",
                leads(&silent),
                tables(&silent)
            ),
        ),
        Some(Weighting::Corpus) if summary.tasks.len() > 1 => say(
            Note,
            "weighted-by-corpus",
            "Figures over several tasks are weighted by the corpus: no requests_per_day is stated. Add it to each task, and they are \
             weighted by traffic and projected to a bill."
                .to_owned(),
        ),
        Some(Weighting::Traffic | Weighting::Corpus) | None => {}
    }
    let unpriced = tasks(summary, |task| {
        task.requests_per_day.is_some() && summary.projection.left_out.contains(&task.name)
    });
    if !unpriced.is_empty() {
        say(
            Warning,
            "not-projected",
            format!(
                "Not projected, because a cost on the route is unknown (no price, or no answer): {}.",
                unpriced.join(", ")
            ),
        );
    }
    for task in &summary.tasks {
        lengths(task, say);
    }
}

fn tasks(summary: &Summary, which: impl Fn(&TaskSummary) -> bool) -> Vec<&str> {
    summary.tasks.iter().filter(|task| which(task)).map(|task| task.name.as_str()).collect()
}

fn leads(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

fn tables(names: &[&str]) -> String {
    names.iter().map(|name| format!("[task.{name}]")).collect::<Vec<_>>().join(", ")
}

/// The measured output length, held against the expected one.
fn lengths(task: &TaskSummary, say: &mut dyn FnMut(NoticeLevel, &str, String)) {
    let Some(expected) = task.expected_output_tokens.filter(|expected| *expected > 0.0) else { return };
    let cell = task.cells.iter().find(|cell| cell.tier == task.route.tier);
    let Some(tokens) = cell.and_then(|cell| cell.tokens) else { return };
    let factor = tokens.output_mean / expected;
    if factor < LENGTH && factor > 1.0 / LENGTH {
        return;
    }
    let than = if factor > 1.0 { "longer" } else { "shorter" };
    say(
        Warning,
        "output-length",
        format!(
            "Answers to {} are {than} than expected: {} has {:.0} output tokens on average (n {}), expected_output_tokens is {expected:.0}. \
             The projected cost is that of the measured ones: {factor:.2} times the expected output.",
            task.name, task.route.tier, tokens.output_mean, tokens.n
        ),
    );
}
