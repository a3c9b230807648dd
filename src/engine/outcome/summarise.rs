//! Turns rows into a summary: measures, decides and projects.

use std::collections::BTreeMap;

use super::evidence::evidence;
use super::labelled::{label_files, standing};
use crate::engine::run::basis::Basis;
use crate::engine::run::project::Project;
use crate::engine::run::rows::Rows;
use crate::ident::TaskName;
use crate::measure::Observation;
use crate::plan::bands::Division;
use crate::policy;
use crate::record::{Outcome, Via};
use crate::summary::assemble::{Gate, Inputs, MeasuredTask, assemble};
use crate::summary::strategies::Texts;
use crate::summary::{Notice, NoticeLevel, RunFacts, Source, Spend, Summary};

/// Measures, decides and projects.
pub(crate) fn summarise(basis: &Basis<'_>, rows: &Rows) -> anyhow::Result<Summary> {
    let (project, corpus) = (basis.project, basis.corpus);
    let saved = |row: usize| rows.stopped.as_ref().is_some_and(|stopped| stopped.is_saved(row));
    let count = |wanted: fn(&Observation) -> bool| {
        let rows = rows.observations.iter().enumerate();
        rows.filter(|(at, row)| wanted(row) && !saved(*at)).count() as u64
    };
    let source = source(basis, rows);
    let run = RunFacts {
        id: basis.id.clone(),
        corpus: basis.corpus_name.clone(),
        measured: rows.oldest.as_ref().and_then(|oldest| Some(oldest.day()?.to_string())),
        prompts: corpus.len() as u64,
        trials: rows.observations.len() as u64,
        answered: count(|row| row.outcome.is_some_and(Outcome::is_answer)),
        errors: count(|row| row.outcome == Some(Outcome::Error)),
        missing: count(|row| row.outcome.is_none()),
        repeats: project.config.run.repeats,
        seed: project.config.run.seed,
        source,
        stop_early: rows
            .stopped
            .as_ref()
            .map(|stopped| stopped.account(&rows.observations, alpha(basis), project.config.run.complete)),
    };
    let mut notices = Vec::new();
    for (tier, price) in project.config.tiers.iter().zip(&project.prices) {
        if let Some(day) = &price.deprecated {
            notices.push(Notice {
                level: NoticeLevel::Warning,
                code: "deprecated-model".to_owned(),
                text: format!("{} ({}) will be retired on {day}, its provider says.", tier.name, tier.model),
            });
        }
    }
    notices.extend(same_class_notices(project));
    let known = label_files(basis)?;
    let mut tasks = Vec::new();
    for (at, part) in (0_u16..).zip(&rows.division.parts) {
        let has_gate = basis.oracles.of_task(part.index).is_some_and(|oracle| oracle.criterion.has_gate());
        tasks.push(MeasuredTask {
            distinct_prompts: part.clusters.len() as u64,
            task: &part.task,
            gate: if has_gate { Gate::Present } else { Gate::Absent },
            prompts: part.prompts,
            adversarial: part.adversarial,
            labelled: standing(basis, rows, &known, at)?,
        });
    }
    notices.extend(split_notices(&rows.division));
    let mut texts = Texts::default();
    for prompt in 0..corpus.len() {
        texts.push(&corpus.load(prompt)?.content.plain());
    }
    let inputs = Inputs {
        config: &project.config,
        tool: TOOL.to_owned(),
        spend: spend(rows),
        run,
        evidence: evidence(project, corpus, basis.oracles)?,
        tasks: &tasks,
        prices: &project.prices,
        observations: &rows.observations,
        texts: Some(&texts),
        queries: &rows.queries,
        queried: &rows.queried,
        served: &rows.served,
        stopped: rows.stopped.as_ref().map_or(&[], |stopped| &stopped.cells),
        notices,
    };
    Ok(assemble(inputs)?)
}

/// What is decided by length, and what could not be.
fn split_notices(division: &Division) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut tasks: BTreeMap<&TaskName, Vec<String>> = BTreeMap::new();
    for band in division.parts.iter().filter_map(|part| part.task.band.as_ref()) {
        tasks.entry(&band.of).or_default().push(band.words());
    }
    if !tasks.is_empty() {
        let each: Vec<String> =
            tasks.iter().map(|(task, bands)| format!("{task} ({})", bands.join(", "))).collect();
        notices.push(Notice {
            level: NoticeLevel::Note,
            code: "split-by-length".to_owned(),
            text: format!(
                "Decided by length: {}. Lengths are input tokens of the whole request as estimated before it is sent (o200k), \
                 not as a provider counts them; traffic is divided by the weights of the prompts.",
                each.join("; ")
            ),
        });
    }
    if !division.merged.is_empty() {
        notices.push(Notice {
            level: NoticeLevel::Warning,
            code: "band-too-small".to_owned(),
            text: division.merged.join(" "),
        });
    }
    notices
}

/// The largest chance of a wrong claim about a cell that early stopping allows for.
fn alpha(basis: &Basis<'_>) -> f64 {
    let config = &basis.project.config;
    let tasks =
        basis.corpus.used_tasks().into_iter().filter_map(|index| config.tasks.get(usize::from(index)));
    tasks.map(|task| policy::stop_alpha(task, &config.policy)).fold(0.0, f64::max)
}

/// Notices about the tiers' fallback models, measured or not.
fn same_class_notices(project: &Project) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut unmeasured = Vec::new();
    for (tier, price) in project.config.ladder().iter().zip(&project.prices) {
        let own = tier.context_window.or(price.context_window);
        for model in &tier.same_class {
            if !project.fallbacks() {
                unmeasured.push(model.to_string());
            }
            let window = project.catalogue.price(model).ok().and_then(|price| price.context_window);
            if let (Some(own), Some(window)) = (own, window)
                && window < own
            {
                notices.push(Notice {
                    level: NoticeLevel::Error,
                    code: "same-class-window".to_owned(),
                    text: format!(
                        "{model} is a fallback for {} of tier {}, but its context window of {window} tokens is smaller than \
                         {own}, so longer requests would fail. Name another model, or set context_window.",
                        tier.model, tier.name
                    ),
                });
            }
        }
    }
    if !unmeasured.is_empty() {
        notices.push(Notice {
            level: NoticeLevel::Note,
            code: "fallback-unmeasured".to_owned(),
            text: format!(
                "Fallbacks without evidence: {}. Measure them with --fallbacks.",
                unmeasured.join(", ")
            ),
        });
    }
    notices
}

/// The name and version that files state.
pub(crate) const TOOL: &str = concat!("route-prof ", env!("CARGO_PKG_VERSION"));

fn spend(rows: &Rows) -> Spend {
    let seen = || rows.observations.iter();
    Spend {
        attempts: seen().map(|row| u64::from(row.attempts)).sum(),
        retries: seen().map(|row| u64::from(row.attempts.saturating_sub(1))).sum(),
        list_price: seen().map(|row| row.cost.unwrap_or_default() + row.wasted).sum(),
        billed: rows.billed,
        unpriced: seen().map(|row| u64::from(row.unpriced)).sum(),
        judge: rows.judged.clone(),
    }
}

fn source(basis: &Basis<'_>, rows: &Rows) -> Source {
    let recording = || Source::Recording(basis.tape.clone().unwrap_or_else(|| "a recording".to_owned()));
    let vias: Vec<Via> = rows.vias.iter().copied().collect();
    match vias.as_slice() {
        // An answer of an earlier run of this project is a call to a model like any other.
        [] | [Via::Live] | [Via::Reuse] | [Via::Live, Via::Reuse] => Source::Live,
        [Via::Tape] => recording(),
        [Via::Script] => Source::Script,
        _ => Source::Mixed,
    }
}
