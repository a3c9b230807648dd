//! `plan`: what a run would take, and what it could decide. No network.

mod decides;
mod worth;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use self::decides::TaskPower;
use self::worth::NextPrompts;
use super::args::{Format, Global, SourceArgs};
use super::exit::Exit;
use super::project::Project;
use super::run::answered_elsewhere;
use super::run_folder::RunFolder;
use crate::console::{Align, Console};
use crate::grade::OracleSet;
use crate::ident::{ModelRef, RunId};
use crate::oracle::Asks;
use crate::plan::Plan;
use crate::plan::estimate::{Estimate, estimate};
use crate::units::{Tokens, Usd};

/// What a run would take and could decide.
#[derive(Debug, Serialize)]
struct PlanReport {
    run: RunId,
    corpus: String,
    prompts: u64,
    price_source: String,
    estimate: Estimate,
    /// Calls to judges, at the most: only where an oracle asks a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    judges: Vec<JudgePlan>,
    /// Calls to models that strategies ask about the prompts, at the most: what has been asked before is not asked again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    strategies: Vec<JudgePlan>,
    decides: Vec<TaskPower>,
    /// Where more prompts help most, dearest first.
    next_prompts: NextPrompts,
}

/// What a judge would be asked, at the most: what needs no judge, or has been asked before, is not known before the replies.
#[derive(Debug, Serialize)]
struct JudgePlan {
    model: ModelRef,
    calls: u64,
    low: Usd,
    high: Usd,
}

pub(crate) fn run(
    global: &Global,
    console: &Console,
    corpus: &Path,
    source: &SourceArgs,
) -> anyhow::Result<Exit> {
    let mut project = Project::load(global)?;
    project.apply(source)?;
    let corpus_name = project.relative(corpus);
    let corpus = project.corpus(corpus)?;
    // Oracles that are missing or broken are better known before the bill.
    let oracles = project.oracles(&corpus, &[])?;
    let plan = project.plan(&corpus)?;
    let folder = RunFolder::choose(&project, &corpus, &plan, None, source.fresh)?;
    let done = answered_elsewhere(&project, &folder, &plan, source.fresh)?;
    let estimated = estimate(&project.config, &corpus, &plan, |key| done.contains(key))?;
    let last = worth::last_run(&project)?;
    let report = PlanReport {
        run: folder.id.clone(),
        corpus: corpus_name,
        prompts: corpus.len() as u64,
        price_source: project.catalogue.source(),
        judges: judges(&project, &corpus, &oracles, &plan)?,
        strategies: scouts(&project, &corpus)?,
        next_prompts: worth::next_prompts(&project, &corpus, &estimated, &plan, last.as_ref()),
        decides: decides::decides(&project, &corpus, last.as_ref()),
        estimate: estimated,
    };
    match global.format {
        Format::Json => console.out(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        Format::Human => console.out(&text(console, &report))?,
    }
    Ok(Exit::Fine)
}

/// From no output at all to every output, the judges' included, at its cap.
fn judges(
    project: &Project,
    corpus: &crate::corpus::Corpus,
    oracles: &OracleSet<'_>,
    plan: &Plan,
) -> anyhow::Result<Vec<JudgePlan>> {
    let mut judges: BTreeMap<String, JudgePlan> = BTreeMap::new();
    for at in 0..plan.len() {
        let spec = plan.spec(at);
        let Some(oracle) = oracles.of(spec.prompt as usize) else { continue };
        let asks = oracle.criterion.asks();
        if !asks.iter().any(|asks| matches!(asks, Asks::Model { .. })) {
            continue;
        }
        let (prompt, request) = plan.request(&project.config, corpus, spec)?;
        let expected = prompt.expected.as_ref().map_or(0, |expected| expected.to_string().len());
        for asks in asks {
            let Asks::Model { model, max_output_tokens, instructions, .. } = asks else { continue };
            // Four bytes a token, as in English: near enough for an estimate that spans every possible length.
            let told = Tokens((instructions + prompt.content.plain().len() + expected) as u64 / 4);
            let price = project.catalogue.price(&model)?;
            let (low, high) = (
                price.ceiling(told, Tokens(0)),
                price.ceiling(told.plus(request.max_output_tokens), max_output_tokens),
            );
            let judge = judges.entry(model.to_string()).or_insert_with(|| JudgePlan {
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
fn scouts(project: &Project, corpus: &crate::corpus::Corpus) -> anyhow::Result<Vec<JudgePlan>> {
    let mut models: Vec<JudgePlan> = Vec::new();
    super::scouting::planned(project, corpus, |model, told, cap| {
        if models.last().is_none_or(|last| last.model != *model) {
            models.push(JudgePlan { model: model.clone(), calls: 0, low: Usd::ZERO, high: Usd::ZERO });
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

fn text(console: &Console, report: &PlanReport) -> String {
    let estimate = &report.estimate;
    let mut text = format!(
        "{} prompts, {} trials: {} to send, {} answered already, {} that do not fit\n",
        report.prompts,
        estimate.trials,
        estimate.to_send,
        estimate.answered,
        estimate.cells.iter().map(|cell| cell.overflow).sum::<u64>(),
    );
    let rows: Vec<Vec<String>> = estimate
        .cells
        .iter()
        .map(|cell| {
            vec![
                cell.task.to_string(),
                cell.tier.to_string(),
                cell.to_send.to_string(),
                format!("{:.0}", cell.input_mean),
                cell.output_cap.to_string(),
                format!("{} – {}", cell.low.human(), cell.high.human()),
                if cell.overflow == 0 { String::new() } else { cell.overflow.to_string() },
            ]
        })
        .collect();
    let align =
        [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right];
    let headers = ["task", "tier", "to send", "input tokens", "output cap", "cost", "too long"];
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str(&format!(
        "cost of the run: {} – {} ({}); the upper figure is every output at its cap, retries aside\n",
        estimate.low.human(),
        estimate.high.human(),
        report.price_source,
    ));
    for judge in &report.judges {
        text.push_str(&format!(
            "judge {}: up to {} calls on top, {} – {}\n",
            judge.model,
            judge.calls,
            judge.low.human(),
            judge.high.human()
        ));
    }
    for model in &report.strategies {
        text.push_str(&format!(
            "strategies ask {}: up to {} calls on top, {} – {}\n",
            model.model,
            model.calls,
            model.low.human(),
            model.high.human()
        ));
    }
    match estimate.seconds.and_then(|seconds| crate::units::Millis::from_ms(seconds * 1000.0)) {
        Some(time) => text.push_str(&format!(
            "time at the limits of the settings: about {time}, if a reply takes {} s\n",
            estimate.assumed_latency_s
        )),
        None => text.push_str("nothing to send: no call would be made\n"),
    }
    text.push_str(&decides::text(console, &report.decides));
    text.push_str(&worth::text(console, &report.next_prompts));
    text
}
