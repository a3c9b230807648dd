//! What got better, worse, dearer or slower between two runs, and whether that is noise. No calls.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::compare::{self, CellKey, Row, Settings, Side};
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::results;
use crate::engine::run::files::RESULTS;
use crate::engine::run::project::Project;
use crate::summary::Summary;

/// Which runs are compared, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffRequest {
    /// The run before: its name, its folder, or `latest`.
    pub before: String,
    /// The run after.
    pub after: String,
    /// Tiers that are called otherwise now: before, after.
    pub tiers: Vec<(String, String)>,
    /// The chance of calling any noise a signal.
    pub alpha: f64,
    /// So many replies that passed before and do not now are given.
    pub samples: usize,
}

/// What the comparison found.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// The comparison, a row for each task and tier.
    pub rows: Vec<Row>,
    /// Tasks of which the decision is another.
    pub decisions: Vec<DecisionChange>,
    /// Tiers of one run that the other does not have.
    pub unmatched: Vec<String>,
    /// Prompts that passed before and do not now.
    pub samples: Vec<Sample>,
}

/// A task of which the decision is another.
#[derive(Debug, Serialize)]
pub struct DecisionChange {
    /// The task.
    pub task: String,
    /// The decision before.
    pub before: String,
    /// The decision after.
    pub after: String,
}

/// A prompt that passed before and does not now.
#[derive(Debug, Serialize)]
pub struct Sample {
    /// The task.
    pub task: String,
    /// The tier.
    pub tier: String,
    /// The prompt.
    pub prompt: String,
    /// The beginning of the reply of now.
    pub reply: String,
}

/// What can be wrong with a later run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regression {
    /// Its pass rate fell.
    Worse,
    /// Its requests cost more.
    Costlier,
    /// Its requests take longer.
    Slower,
}

impl Diff {
    /// Whether any task and tier shows one of these, beyond noise.
    #[must_use]
    pub fn shows(&self, regressions: &[Regression]) -> bool {
        let is = |row: &Row, regression: Regression| match regression {
            Regression::Worse => row.is_worse(),
            Regression::Costlier => row.costs_more(),
            Regression::Slower => row.is_slower(),
        };
        self.rows.iter().any(|row| regressions.iter().any(|regression| is(row, *regression)))
    }
}

/// A run's folder, read.
struct Read {
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
    /// When there is no such run, or the two have nothing in common.
    ///
    /// ```no_run
    /// # use route_prof::engine::{DiffRequest, Engine, Error, Regression};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let (before, after) = ("baseline".to_owned(), "latest".to_owned());
    /// let request = DiffRequest { before, after, tiers: Vec::new(), alpha: 0.05, samples: 3 };
    /// let diff = engine.diff(&engine.open(None)?, &request)?;
    /// assert!(!diff.shows(&[Regression::Worse]));
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
            "name tiers that are called otherwise now: --tier BEFORE=AFTER",
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
fn read(project: &Project, name: &str) -> anyhow::Result<Read> {
    let folder = project.find_run(name)?;
    let summary = project.summary_of(&folder)?;
    let (side, replies) = results::read(project.disk(), &folder.join(RESULTS))?;
    Ok(Read { name: summary.run.id.to_string(), summary, side, replies })
}

fn samples(rows: &[Row], after: &Read, tiers: &BTreeMap<String, String>, most: usize) -> Vec<Sample> {
    let all = rows.iter().flat_map(|row| row.regressions.iter().map(move |prompt| (row, prompt)));
    all.take(most)
        .filter_map(|(row, prompt)| {
            let tier = tiers.get(&row.tier).unwrap_or(&row.tier);
            let reply = after.replies.get(&((row.task.clone(), tier.clone()), prompt.clone()))?;
            Some(Sample {
                task: row.task.clone(),
                tier: row.tier.clone(),
                prompt: prompt.clone(),
                reply: reply.chars().take(300).collect(),
            })
        })
        .collect()
}

fn decisions(before: &Summary, after: &Summary) -> Vec<DecisionChange> {
    let said = |summary: &Summary, task: &str| {
        let task = summary.tasks.iter().find(|other| other.name.as_str() == task)?;
        Some(format!("{} on {}", task.route.decision.name(), task.route.tier))
    };
    let mut changes = Vec::new();
    for task in &before.tasks {
        let name = task.name.as_str();
        let (was, is) = (said(before, name), said(after, name));
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            changes.push(DecisionChange { task: name.to_owned(), before: was, after: is });
        }
    }
    changes
}
