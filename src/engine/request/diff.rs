//! Compares two runs: what got better, worse, costlier or slower, and whether that is noise. Makes no calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::compare::{self, CellKey, Row, Settings, Side};
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::results;
use crate::engine::run::files::RESULTS;
use crate::engine::run::project::Project;
use crate::ident::TaskName;
use crate::summary::Summary;

/// Which runs to compare, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffRequest {
    /// The earlier run: its name, its folder, or `latest`.
    pub before: String,
    /// The later run.
    pub after: String,
    /// Tiers that have another name in the later run: (before, after).
    pub tiers: Vec<(String, String)>,
    /// The significance level: the accepted chance of reporting noise as a change.
    pub alpha: f64,
    /// The maximum number of [`DiffSample`]s.
    pub samples: usize,
}

/// The result of a comparison.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// The earlier run.
    pub before: String,
    /// The later run.
    pub after: String,
    /// One row per task and tier.
    pub rows: Vec<Row>,
    /// Tasks whose decision changed.
    pub decisions: Vec<DecisionChange>,
    /// Tiers that only one of the runs has.
    pub unmatched: Vec<String>,
    /// Prompts that passed before and do not now.
    pub samples: Vec<DiffSample>,
}

/// A task whose decision changed.
#[derive(Debug, Serialize)]
pub struct DecisionChange {
    /// The task.
    pub task: String,
    /// The decision before.
    pub before: String,
    /// The decision after.
    pub after: String,
}

/// A prompt that passed before and does not now, with its reply.
#[derive(Debug, Serialize)]
pub struct DiffSample {
    /// The task.
    pub task: String,
    /// The tier.
    pub tier: String,
    /// The prompt.
    pub prompt: String,
    /// The beginning of the reply in the later run.
    pub reply: String,
}

/// How a later run can be worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regression {
    /// The pass rate fell.
    Worse,
    /// Requests cost more.
    Costlier,
    /// Requests take longer.
    Slower,
}

impl Diff {
    /// Whether any task and tier shows one of these regressions, beyond noise.
    #[must_use]
    pub fn has_regression(&self, regressions: &[Regression]) -> bool {
        let is = |row: &Row, regression: Regression| match regression {
            Regression::Worse => row.is_worse(),
            Regression::Costlier => row.costs_more(),
            Regression::Slower => row.is_slower(),
        };
        self.rows.iter().any(|row| regressions.iter().any(|regression| is(row, *regression)))
    }
}

/// A run to compare, read from its folder.
struct ComparedRun {
    name: String,
    summary: Summary,
    side: Side,
    /// The beginning of each reply, by cell and prompt.
    replies: BTreeMap<(CellKey, String), String>,
}

impl Engine {
    /// Compares two runs, prompt by prompt.
    ///
    /// # Errors
    /// If a run does not exist, or the runs have no task and tier in common.
    ///
    /// ```no_run
    /// # use route_prof::engine::{DiffRequest, Engine, Error, Regression};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let (before, after) = ("baseline".to_owned(), "latest".to_owned());
    /// let request = DiffRequest { before, after, tiers: Vec::new(), alpha: 0.05, samples: 3 };
    /// let diff = engine.diff(&engine.open(None)?, &request)?;
    /// assert!(!diff.has_regression(&[Regression::Worse]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn diff(&self, project: &Project, request: &DiffRequest) -> Result<Diff, Error> {
        Ok(diff(project, request)?)
    }
}

fn diff(project: &Project, request: &DiffRequest) -> anyhow::Result<Diff> {
    let before = read(project, &request.before)?;
    let after = read(project, &request.after)?;
    let tiers: BTreeMap<String, String> = request.tiers.iter().cloned().collect();
    let settings = Settings {
        alpha: request.alpha,
        resamples: project.config.policy.bootstrap_resamples,
        seed: project.config.run.seed,
    };
    let rows = compare::compare(&before.side, &after.side, &tiers, &settings);
    if rows.is_empty() {
        return Err(UsageError::with_help(
            format!("{} and {} have no task and tier in common", before.name, after.name),
            "if tiers were renamed, pair them with --tier BEFORE=AFTER",
        ));
    }
    let known = |side: &Side| side.keys().map(|(_, tier)| tier.clone()).collect::<BTreeSet<_>>();
    let (old, new) = (known(&before.side), known(&after.side));
    let mut unmatched: Vec<String> =
        old.iter().filter(|tier| !new.contains(tiers.get(*tier).unwrap_or(tier))).cloned().collect();
    let reached = |tier: &String| old.iter().any(|one| tiers.get(one).unwrap_or(one) == tier);
    unmatched.extend(new.iter().filter(|tier| !reached(tier)).cloned());
    Ok(Diff {
        samples: samples(&rows, &after, &tiers, request.samples),
        decisions: decisions(&before.summary, &after.summary),
        before: before.name,
        after: after.name,
        rows,
        unmatched,
    })
}

/// Reads a run's summary and results: verdicts and costs as they were then.
fn read(project: &Project, name: &str) -> anyhow::Result<ComparedRun> {
    let folder = project.find_run(name)?;
    let summary = project.summary_of(&folder)?;
    let (side, replies) = results::read(project.disk(), &folder.join(RESULTS))?;
    Ok(ComparedRun { name: summary.run.id.to_string(), summary, side, replies })
}

fn samples(
    rows: &[Row],
    after: &ComparedRun,
    tiers: &BTreeMap<String, String>,
    most: usize,
) -> Vec<DiffSample> {
    let all = rows.iter().flat_map(|row| row.regressions.iter().map(move |prompt| (row, prompt)));
    all.take(most)
        .filter_map(|(row, prompt)| {
            let tier = tiers.get(&row.tier).unwrap_or(&row.tier);
            let reply = after.replies.get(&((row.task.clone(), tier.clone()), prompt.clone()))?;
            Some(DiffSample {
                task: row.task.clone(),
                tier: row.tier.clone(),
                prompt: prompt.clone(),
                reply: reply.chars().take(300).collect(),
            })
        })
        .collect()
}

fn decisions(before: &Summary, after: &Summary) -> Vec<DecisionChange> {
    let mut changes: Vec<DecisionChange> = Vec::new();
    for task in &before.tasks {
        let name = task.of();
        let (was, is) = (decision(before, name), decision(after, name));
        if let (Some(was), Some(is)) = (was, is)
            && was != is
            && changes.iter().all(|change| change.task != name.as_str())
        {
            changes.push(DecisionChange { task: name.to_string(), before: was, after: is });
        }
    }
    changes
}

/// What was decided for a task; for a task in bands, band by band.
fn decision(summary: &Summary, name: &TaskName) -> Option<String> {
    let lines = summary.tasks.iter().filter(|task| task.of() == name);
    let lines: Vec<String> = lines
        .map(|task| {
            let decision = format!("{} on {}", task.route.decision.name(), task.route.tier);
            match &task.band {
                Some(band) => format!("{decision} ({} input tokens)", band.words()),
                None => decision,
            }
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
