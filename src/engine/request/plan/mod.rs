//! What a run would take, and what it could decide. No network.

mod decides;
mod worth;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use self::decides::TaskPower;
pub use self::worth::{NextPrompts, Worth};
use crate::corpus::Corpus;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::folder::RunFolder;
use crate::engine::run::project::Project;
use crate::engine::run::source::SourceOptions;
use crate::engine::work::oracles::oracles;
use crate::engine::work::question::strategy;
use crate::engine::work::reuse;
use crate::grade::OracleSet;
use crate::ident::{ModelRef, RunId};
use crate::oracle::Asks;
use crate::plan::Plan;
use crate::plan::estimate::{Estimate, estimate};
use crate::units::{Tokens, Usd};

/// What would be measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The prompts: JSONL or CSV.
    pub corpus: PathBuf,
    /// Where answers would come from.
    pub source: SourceOptions,
}

/// What a run would take and could decide.
#[derive(Debug, Serialize)]
pub struct PlanReport {
    /// The run that would go on, or begin.
    pub run: RunId,
    /// The corpus.
    pub corpus: String,
    /// Prompts in it.
    pub prompts: u64,
    /// Where the prices come from.
    pub price_source: String,
    /// What sending would take.
    pub estimate: Estimate,
    /// Calls to judges, at the most: only where an oracle asks a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<AskedPlan>,
    /// Calls to models that strategies ask about the prompts, at the most: what has been asked before is not asked again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<AskedPlan>,
    /// What the prompts can decide, task by task.
    pub decides: Vec<TaskPower>,
    /// Where more prompts help most, dearest first.
    pub next_prompts: NextPrompts,
}

/// What a model would be asked beside the trials, at the most: what needs no judge, or has been asked before, is not known before the replies.
#[derive(Debug, Serialize)]
pub struct AskedPlan {
    /// The model.
    pub model: ModelRef,
    /// Calls.
    pub calls: u64,
    /// USD, if every answer is empty.
    pub low: Usd,
    /// USD, if every answer is as long as it may be.
    pub high: Usd,
}

impl Engine {
    /// Says what a run would take and could decide. Makes no call.
    ///
    /// # Errors
    /// When an input is at fault.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, PlanRequest, SourceOptions};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request =
    ///     PlanRequest { corpus: "corpora/quickstart.jsonl".into(), source: SourceOptions::default() };
    /// let plan = engine.plan(&engine.open(None)?, &request)?;
    /// println!("{} calls, {} at the most", plan.estimate.to_send, plan.estimate.high);
    /// # Ok(())
    /// # }
    /// ```
    pub fn plan(&self, project: &Project, request: &PlanRequest) -> Result<PlanReport, Error> {
        Ok(plan(project.clone(), request)?)
    }
}

fn plan(mut project: Project, request: &PlanRequest) -> anyhow::Result<PlanReport> {
    let source = &request.source;
    project.apply(source)?;
    let corpus = project.corpus(&request.corpus)?;
    // Oracles that are missing or broken are better known before the bill.
    let oracles = oracles(&project, &corpus, &[])?;
    let plan = project.plan(&corpus)?;
    let folder = RunFolder::choose(&project, &corpus, &plan, None, source.fresh)?;
    let done = reuse::answered_elsewhere(&project, &folder, &plan, source.fresh)?;
    let estimated = estimate(&project.config, &corpus, &plan, |key| done.contains(key))?;
    let last = worth::last_run(&project)?;
    Ok(PlanReport {
        run: folder.id.clone(),
        corpus: project.relative(&request.corpus),
        prompts: corpus.len() as u64,
        price_source: project.catalogue.source(),
        judges: judges(&project, &corpus, &oracles, &plan)?,
        strategies: strategies(&project, &corpus)?,
        next_prompts: worth::next_prompts(&project, &corpus, &estimated, &plan, last.as_ref()),
        decides: decides::decides(&project, &corpus, last.as_ref()),
        estimate: estimated,
    })
}

/// From no output at all to every output, the judges' included, at its cap.
fn judges(
    project: &Project,
    corpus: &Corpus,
    oracles: &OracleSet<'_>,
    plan: &Plan,
) -> anyhow::Result<Vec<AskedPlan>> {
    let mut judges: BTreeMap<String, AskedPlan> = BTreeMap::new();
    for at in 0..plan.len() {
        let spec = plan.spec(at);
        let Some(oracle) = oracles.of(spec.prompt as usize) else { continue };
        if !oracle.asks_a_model() {
            continue;
        }
        let (prompt, request) = plan.request(&project.config, corpus, spec)?;
        let expected = prompt.expected.as_ref().map_or(0, |expected| expected.to_string().len());
        for asks in oracle.criterion.asks() {
            let Asks::Model { model, max_output_tokens, instructions, .. } = asks else { continue };
            // Four bytes a token, as in English: near enough for an estimate that spans every possible length.
            let told = Tokens((instructions + prompt.content.plain().len() + expected) as u64 / 4);
            let price = project.catalogue.price(&model)?;
            let (low, high) = (
                price.ceiling(told, Tokens(0)),
                price.ceiling(told.plus(request.max_output_tokens), max_output_tokens),
            );
            let judge = judges.entry(model.to_string()).or_insert_with(|| AskedPlan {
                model,
                calls: 0,
                low: Usd::ZERO,
                high: Usd::ZERO,
            });
            judge.calls += 1;
            judge.low += low.unwrap_or_default();
            judge.high += high.unwrap_or_default();
        }
    }
    Ok(judges.into_values().collect())
}

/// From no word at all to every word at its cap.
fn strategies(project: &Project, corpus: &Corpus) -> anyhow::Result<Vec<AskedPlan>> {
    let mut models: Vec<AskedPlan> = Vec::new();
    strategy::planned(project, corpus, |model, told, cap| {
        if models.last().is_none_or(|last| last.model != *model) {
            models.push(AskedPlan { model: model.clone(), calls: 0, low: Usd::ZERO, high: Usd::ZERO });
        }
        let Some(last) = models.last_mut() else { return Ok(()) };
        let (price, told) = (project.catalogue.price(model)?, Tokens(told as u64 / 4));
        last.calls += 1;
        last.low += price.ceiling(told, Tokens(0)).unwrap_or_default();
        last.high += price.ceiling(told, cap).unwrap_or_default();
        Ok(())
    })?;
    Ok(models)
}
