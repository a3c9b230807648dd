//! Estimates the calls, cost and time of a run, and what its prompts can decide. Makes no network call.

mod next_prompts;
mod power;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use self::next_prompts::{ExpectedSavings, NextPrompts};
pub use self::power::TaskPower;
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
use crate::plan::bands::Division;
use crate::plan::estimate::{Estimate, estimate};
use crate::units::{Tokens, Usd};

/// Which run to estimate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The corpus: JSONL or CSV.
    pub corpus: PathBuf,
    /// Where answers would come from.
    pub source: SourceOptions,
}

/// The estimate of a run.
#[derive(Debug, Serialize)]
pub struct PlanOutput {
    /// The run that would start or continue.
    pub run: RunId,
    /// The corpus.
    pub corpus: String,
    /// Number of prompts.
    pub prompts: u64,
    /// Where the prices come from.
    pub price_source: String,
    /// The calls, tokens, cost and time of sending the trials.
    pub estimate: Estimate,
    /// The most calls to judges; empty if no oracle asks a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<QuestionEstimate>,
    /// The most calls to models that strategies query. Stored answers are reused, so there may be fewer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<QuestionEstimate>,
    /// What the prompts can decide, per task or band of one.
    pub decides: Vec<TaskPower>,
    /// What becomes of bands of length with too few prompts, one sentence a task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged_bands: Vec<String>,
    /// Where more prompts would save most.
    pub next_prompts: NextPrompts,
}

/// The most that the questions to a model can take. How many are needed is known only once there are replies.
#[derive(Debug, Serialize)]
pub struct QuestionEstimate {
    /// The model.
    pub model: ModelRef,
    /// Number of calls.
    pub calls: u64,
    /// Cost if every answer is empty.
    pub low: Usd,
    /// Cost if every answer is as long as its cap.
    pub high: Usd,
}

impl Engine {
    /// Estimates the calls, cost and time of a run, and what its prompts can decide. Makes no calls.
    ///
    /// # Errors
    /// If an input has faults.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, PlanRequest, SourceOptions};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request =
    ///     PlanRequest { corpus: "corpora/quickstart.jsonl".into(), source: SourceOptions::default() };
    /// let plan = engine.plan(&engine.open(None)?, &request)?;
    /// println!("{} calls, at most {}", plan.estimate.to_send, plan.estimate.high);
    /// # Ok(())
    /// # }
    /// ```
    pub fn plan(&self, project: &Project, request: &PlanRequest) -> Result<PlanOutput, Error> {
        Ok(plan(project.clone(), request)?)
    }
}

fn plan(mut project: Project, request: &PlanRequest) -> anyhow::Result<PlanOutput> {
    let source = &request.source;
    project.apply(source)?;
    let corpus = project.corpus(&request.corpus)?;
    // Missing or broken oracles should be found before anything is paid for.
    let oracles = oracles(&project, &corpus, &[])?;
    let plan = project.plan(&corpus)?;
    let folder = RunFolder::choose(&project, &corpus, &plan, None, source.fresh)?;
    let done = reuse::answered_elsewhere(&project, &folder, &plan, source.fresh)?;
    let division = Division::new(&project.config, &corpus)?;
    let estimated = estimate(&project.config, &corpus, &plan, &division, |key| done.contains(key))?;
    let last = next_prompts::last_run(&project)?;
    Ok(PlanOutput {
        run: folder.id.clone(),
        corpus: project.relative(&request.corpus),
        prompts: corpus.len() as u64,
        price_source: project.catalogue.source(),
        judges: judges(&project, &corpus, &oracles, &plan)?,
        strategies: strategies(&project, &corpus)?,
        next_prompts: next_prompts::next_prompts(&project, &division.parts, &estimated, &plan, last.as_ref()),
        decides: power::task_power(&project, &division.parts, last.as_ref()),
        merged_bands: division.merged,
        estimate: estimated,
    })
}

/// The calls to judges: from empty outputs to every output at its cap, those of the judges included.
fn judges(
    project: &Project,
    corpus: &Corpus,
    oracles: &OracleSet<'_>,
    plan: &Plan,
) -> anyhow::Result<Vec<QuestionEstimate>> {
    let mut judges: BTreeMap<String, QuestionEstimate> = BTreeMap::new();
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
            // Four bytes per token, as in English: near enough for an estimate that spans every possible length.
            let told = Tokens((instructions + prompt.content.plain().len() + expected) as u64 / 4);
            let price = project.catalogue.price(&model)?;
            let (low, high) = (
                price.ceiling(told, Tokens(0)),
                price.ceiling(told.plus(request.max_output_tokens), max_output_tokens),
            );
            let judge = judges.entry(model.to_string()).or_insert_with(|| QuestionEstimate {
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

/// The queries of strategies: from empty answers to every answer at its cap.
fn strategies(project: &Project, corpus: &Corpus) -> anyhow::Result<Vec<QuestionEstimate>> {
    let mut models: Vec<QuestionEstimate> = Vec::new();
    strategy::planned(project, corpus, |model, told, cap| {
        if models.last().is_none_or(|last| last.model != *model) {
            models.push(QuestionEstimate { model: model.clone(), calls: 0, low: Usd::ZERO, high: Usd::ZERO });
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
