//! Exports a sample of a run's answers for people to label.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Serialize;

use super::picking::{Pick, picks};
use super::replies::{Reply, Stratum, replies};
use crate::corpus::sample;
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::basis::Basis;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::rows::Rows;
use crate::engine::work::oracles::oracles;
use crate::ident::Digester;
use crate::journal::fetch_at;

/// Answers of a cross-section: of every task, tier and verdict in proportion.
const CROSS_SECTION: usize = 60;

/// Which answers to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewExportRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// Number of answers, picked where they narrow the decisions most; `None` draws a cross-section of 60.
    pub n: Option<usize>,
    /// Only answers of this task.
    pub task: Option<String>,
    /// Random seed; `None` takes the run's.
    pub seed: Option<u64>,
    /// Whether to show the tier and model of each answer. Without it, labels are blind.
    pub show_tier: bool,
}

/// A sample of answers, stratified by task, tier and verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewExportOutput {
    /// The answers.
    pub set: ReviewSet,
    /// Number of answers that they were drawn from: with `n`, those of the cells whose decision is open or that serve.
    pub of: u64,
    /// Number of strata.
    pub strata: u64,
    /// Whether a judge graded some of them.
    pub judges: bool,
    /// Human labels that a judge needs before its verdicts can lead to more than `monitor`.
    pub labels_required: u64,
}

/// An answer to be labelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewItem {
    /// An id that does not reveal the tier.
    pub id: String,
    /// The task.
    pub task: String,
    /// The description of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The prompt.
    pub prompt: String,
    /// The reference answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The answer.
    pub output: String,
    /// The tier and model, if they are to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The probability with which it was picked, 0 to 1. Nobody is shown it; it comes back with the label.
    pub inclusion: f64,
}

/// A set of answers to be labelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewSet {
    /// The id of the set; the page saves its progress under this id.
    pub id: String,
    /// The run.
    pub run: String,
    /// The answers, in the order in which they are shown.
    pub items: Vec<ReviewItem>,
}

impl Engine {
    /// Draws a sample of a run's answers for people to label.
    ///
    /// # Errors
    /// If the run or task does not exist, or there are no graded answers.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReviewExportRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let (run, task) = ("latest".to_owned(), None);
    /// let request = ReviewExportRequest { run, n: Some(60), task, seed: None, show_tier: false };
    /// let output = engine.review_export(&engine.open(None)?, &request)?;
    /// println!("{} of {} answers", output.set.items.len(), output.of);
    /// # Ok(())
    /// # }
    /// ```
    pub fn review_export(
        &self,
        project: &Project,
        request: &ReviewExportRequest,
    ) -> Result<ReviewExportOutput, Error> {
        Ok(export(self, project.clone(), request)?)
    }
}

fn export(
    engine: &Engine,
    project: Project,
    request: &ReviewExportRequest,
) -> anyhow::Result<ReviewExportOutput> {
    let past = PastRun::open(project, &request.run)?;
    let oracles = oracles(&past.project, &past.corpus, &past.versions())?;
    let basis = past.basis(&oracles);
    let rows = collect(engine, &basis)?;
    let mut replies = replies(&basis, &rows)?;
    if let Some(task) = &request.task {
        let tasks = &past.project.config.tasks;
        let Some(index) = tasks.iter().position(|known| known.name.as_str() == task) else {
            let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            return Err(UsageError::with_help(
                format!("there is no task `{}`", task.escape_debug()),
                format!("use one of: {}", names.join(", ")),
            ));
        };
        replies.retain(|reply| reply.task == index);
    }
    if replies.is_empty() {
        return Err(UsageError::with_help(
            "the run has no graded answers",
            "measure first: `route-prof run CORPUS`",
        ));
    }
    let seed = request.seed.unwrap_or(past.project.config.run.seed);
    let picks = match request.n {
        Some(n) => picks(&basis, &rows, &summarise(&basis, &rows)?, &replies, n)?,
        None => cross_section(&replies),
    };
    let groups: Vec<Vec<usize>> = picks.iter().map(|pick| pick.open.clone()).collect();
    let places: Vec<usize> = picks.iter().map(|pick| pick.places).collect();
    let of: usize = groups.iter().map(Vec::len).sum();
    if of == 0 {
        return Err(UsageError::with_help(
            "every answer whose label could narrow a decision is labelled",
            "without --n a cross-section of all answers is drawn",
        ));
    }
    let inclusion: BTreeMap<usize, f64> =
        picks.iter().flat_map(|pick| pick.open.iter().map(|at| (*at, pick.inclusion))).collect();
    let items: Vec<ReviewItem> = sample::draw_places(&groups, &places, seed)
        .iter()
        .filter_map(|at| Some((replies.get(*at)?, *inclusion.get(at)?)))
        .map(|(reply, inclusion)| item(&basis, &rows, reply, request.show_tier, inclusion))
        .collect::<anyhow::Result<_>>()?;
    let mut digester = Digester::new("route-prof review set 1");
    for item in &items {
        digester.part(item.id.as_bytes());
    }
    Ok(ReviewExportOutput {
        set: ReviewSet { id: digester.finish().short(), run: past.record.id.to_string(), items },
        of: of as u64,
        strata: groups.iter().filter(|group| !group.is_empty()).count() as u64,
        judges: replies.iter().any(|reply| reply.oracle.asks_a_model()),
        labels_required: past.project.config.policy.judge_min_labels.into(),
    })
}

/// Every stratum in proportion to its size, and at least one answer of each.
fn cross_section(replies: &[Reply<'_>]) -> Vec<Pick> {
    let mut strata: BTreeMap<Stratum, Vec<usize>> = BTreeMap::new();
    for (at, reply) in replies.iter().enumerate() {
        strata.entry(reply.stratum()).or_default().push(at);
    }
    let sizes: Vec<usize> = strata.values().map(Vec::len).collect();
    let places = sample::apportion(&sizes, CROSS_SECTION);
    let pick = |(open, places): (Vec<usize>, usize)| {
        let inclusion = places as f64 / open.len().max(1) as f64;
        Pick { open, places, inclusion }
    };
    strata.into_values().zip(places).map(pick).collect()
}

fn item(
    basis: &Basis<'_>,
    rows: &Rows,
    reply: &Reply<'_>,
    show_tier: bool,
    inclusion: f64,
) -> anyhow::Result<ReviewItem> {
    let (journal, offset) =
        rows.places.get(reply.row).copied().flatten().context("an answer that is nowhere")?;
    let source = basis.answers.get(usize::from(journal)).context("an answer of another journal")?;
    let attempt = fetch_at(&mut *basis.project.disk().open(&source.path)?, offset)?;
    let prompt = basis.corpus.load(reply.prompt)?;
    let task = basis.project.config.tasks.get(reply.task).context("a task of other settings")?;
    let tool_calls = match &attempt.tool_calls {
        serde_json::Value::Null => String::new(),
        calls => format!("\n[tool calls] {calls:#}"),
    };
    let tier = basis.project.config.tiers.get(reply.tier);
    Ok(ReviewItem {
        id: reply.id.clone(),
        task: task.name.to_string(),
        about: task.description.clone(),
        prompt: prompt.content.plain(),
        expected: prompt.expected.as_ref().map(|expected| match expected {
            serde_json::Value::String(text) => text.clone(),
            other => format!("{other:#}"),
        }),
        output: format!("{}{tool_calls}", attempt.text),
        by: tier.filter(|_| show_tier).map(|tier| format!("{}: {}", tier.name, tier.model)),
        // Six places: the file is the same on every machine.
        inclusion: (inclusion * 1e6).round() / 1e6,
    })
}
