//! A sample of a run's answers, for people to judge.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Serialize;

use super::replies::{Reply, replies};
use crate::corpus::sample;
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::collect::collect;
use crate::engine::run::basis::Basis;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::rows::Rows;
use crate::engine::work::oracles::oracles;
use crate::grade::labels::Label;
use crate::ident::Digester;
use crate::journal::fetch_at;

/// Which answers people are to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewExport {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// How many answers.
    pub n: usize,
    /// Only answers of this task.
    pub task: Option<String>,
    /// Seed of the draw, else the run's.
    pub seed: Option<u64>,
    /// Say which tier and model gave an answer; people judge blind otherwise.
    pub show_tier: bool,
}

/// A sample of answers, stratified by task, tier and verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewExported {
    /// The answers.
    pub set: ReviewSet,
    /// How many they were drawn from.
    pub of: u64,
    /// Strata.
    pub strata: u64,
    /// Labels that a judge needs before it can drive a route above `monitor`.
    pub labels_needed: u64,
}

/// An answer to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReviewItem {
    /// Names the answer without giving its tier away.
    pub id: String,
    /// The task.
    pub task: String,
    /// What the task does, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What was asked.
    pub prompt: String,
    /// The reference answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The answer.
    pub output: String,
    /// Which tier and model gave it, where people may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A set of answers to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReviewSet {
    /// Names the set: progress is kept under this name.
    pub id: String,
    /// The run.
    pub run: String,
    /// The answers, in the order in which they are shown.
    pub items: Vec<ReviewItem>,
}

impl Engine {
    /// Draws a sample of a run's answers for people to judge.
    ///
    /// # Errors
    /// When there is no such run or task, or nothing to look at.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReviewExport};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let (run, task) = ("latest".to_owned(), None);
    /// let request = ReviewExport { run, n: 60, task, seed: None, show_tier: false };
    /// let exported = engine.review_export(&engine.open(None)?, &request)?;
    /// println!("{} of {} answers", exported.set.items.len(), exported.of);
    /// # Ok(())
    /// # }
    /// ```
    pub fn review_export(&self, project: &Project, request: &ReviewExport) -> Result<ReviewExported, Error> {
        Ok(export(self, project.clone(), request)?)
    }
}

fn export(engine: &Engine, project: Project, request: &ReviewExport) -> anyhow::Result<ReviewExported> {
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
                format!("there are: {}", names.join(", ")),
            ));
        };
        replies.retain(|reply| reply.task == index);
    }
    if replies.is_empty() {
        return Err(UsageError::with_help(
            "the run has no graded answer to look at",
            "measure first: `route-prof run CORPUS`",
        ));
    }
    let mut strata: BTreeMap<(usize, usize, Option<Label>), Vec<usize>> = BTreeMap::new();
    for (at, reply) in replies.iter().enumerate() {
        strata.entry((reply.task, reply.tier, reply.machine)).or_default().push(at);
    }
    let groups: Vec<Vec<usize>> = strata.into_values().collect();
    let seed = request.seed.unwrap_or(past.project.config.run.seed);
    let items: Vec<ReviewItem> = sample::draw_from(&groups, request.n, seed)
        .iter()
        .filter_map(|at| replies.get(*at))
        .map(|reply| item(&basis, &rows, reply, request.show_tier))
        .collect::<anyhow::Result<_>>()?;
    let mut digester = Digester::new("route-prof review set 1");
    for item in &items {
        digester.part(item.id.as_bytes());
    }
    Ok(ReviewExported {
        set: ReviewSet { id: digester.finish().short(), run: past.record.id.to_string(), items },
        of: replies.len() as u64,
        strata: groups.len() as u64,
        labels_needed: past.project.config.policy.judge_min_labels.into(),
    })
}

fn item(basis: &Basis<'_>, rows: &Rows, reply: &Reply<'_>, show_tier: bool) -> anyhow::Result<ReviewItem> {
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
    })
}
