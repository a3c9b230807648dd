//! Has a model write prompts. Its calls go through the same dispatch as a run: limited, priced, and stored in a journal beside
//! the corpus, so that no call is made twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::synth_ending::SynthEnding;
use crate::config::{DataLocation, Provider};
use crate::corpus::RawPrompt;
use crate::corpus::synth::Templates;
use crate::corpus::synth::written::{BATCH, Writing};
use crate::diag::UsageError;
use crate::dispatch::EndReason;
use crate::engine::context::Engine;
use crate::engine::event::Event;
use crate::engine::outcome::calls::CallsReport;
use crate::engine::run::project::{Project, find_config};
use crate::engine::run::question::{OpenQuestion, Purpose};
use crate::engine::work::question::{ask, store};
use crate::ident::{ModelRef, PromptId, TaskName};
use crate::oracle::Answer;
use crate::plan::tokens;
use crate::provider;
use crate::record::{Request, trial_key};
use crate::units::{Tokens, Usd};

/// Rounds of calls, if too many prompts are rejected.
const ROUNDS: usize = 3;
/// The cap on output tokens of a batch.
const CAP: Tokens = Tokens(4096);

/// What to write.
pub(super) struct Order<'a> {
    pub(super) model: &'a ModelRef,
    pub(super) templates: &'a Templates,
    pub(super) task: &'a TaskName,
    pub(super) n: usize,
    pub(super) share: f64,
    pub(super) seed: u64,
    pub(super) out: &'a Path,
    pub(super) max_cost: Option<Usd>,
}

/// What the model wrote.
pub(super) enum Written {
    /// The lines.
    Lines(Vec<RawPrompt>),
    /// Answers are missing; the same request continues.
    Stopped(SynthEnding),
}

/// Has the model write.
pub(super) fn run(engine: &Engine, config: Option<&Path>, order: &Order<'_>) -> anyhow::Result<Written> {
    let project = Project::load(engine.world(), &find_config(&engine.world().disk, config)?)?;
    let provider = provider_of(&project, order)?;
    let journal = journal_of(order.out);
    let mut writing = Writing::new(order.templates, order.task.as_str(), order.seed);
    let mut next = 0;
    for _ in 0..ROUNDS {
        let missing = order.n.saturating_sub(writing.taken());
        if missing == 0 {
            break;
        }
        let batches = next..next + missing.div_ceil(BATCH);
        next = batches.end;
        let questions: Vec<OpenQuestion> = batches
            .map(|batch| question(&project, order, provider, &writing, batch))
            .collect::<Result<_, _>>()?;
        let mut answers = store::answers_in(project.disk(), &journal)?;
        let open: Vec<OpenQuestion> =
            questions.iter().filter(|question| !answers.contains_key(&question.key)).cloned().collect();
        if !open.is_empty() {
            if project.disk().exists(order.out) {
                return Err(UsageError::with_help(
                    format!("{} already exists", order.out.display()),
                    "choose another file, or move this one: nothing is overwritten",
                ));
            }
            check_cost(engine, &project, provider, order, &open)?;
            if let Some(stop) = call(engine, &project, &journal, order, open)? {
                return Ok(Written::Stopped(SynthEnding::Stopped(stop)));
            }
            answers = store::answers_in(project.disk(), &journal)?;
        }
        for question in &questions {
            match answers.get(&question.key) {
                Some(Answer::Text(text)) => writing.take(text, order.n),
                Some(Answer::Failed(_)) => writing.lose(),
                None => return Ok(Written::Stopped(SynthEnding::Unanswered)),
            }
        }
    }
    for (reason, count) in writing.rejected() {
        engine.emit(Event::PromptsRejected { reason: (*reason).to_owned(), count: *count });
    }
    Ok(Written::Lines(writing.lines(&order.model.to_string(), order.share, order.seed)))
}

/// The journal of the calls for a corpus, beside it.
fn journal_of(out: &Path) -> PathBuf {
    out.with_extension("calls.jsonl")
}

/// The provider of the model, if the task's data may be sent to it.
fn provider_of<'a>(project: &'a Project, order: &Order<'_>) -> anyhow::Result<&'a Provider> {
    let name = &order.model.provider;
    let Some(provider) = project.config.providers.get(name) else {
        return Err(UsageError::with_help(
            format!("there is no provider `{name}`"),
            format!("define [provider.{name}] in route-prof.toml, or name a model of another provider"),
        ));
    };
    let task = project.config.tasks.iter().find(|task| task.name == *order.task);
    if task.is_some_and(|task| !task.data_location.allows(provider.data_location)) {
        return Err(UsageError::with_help(
            format!("the data of task {} must stay local, but {} is not local", order.task, order.model),
            "name a model of a provider with data_location = \"local\"",
        ));
    }
    Ok(provider)
}

fn question(
    project: &Project,
    order: &Order<'_>,
    provider: &Provider,
    writing: &Writing,
    batch: usize,
) -> anyhow::Result<OpenQuestion> {
    let identity = provider::identity(project.disk(), provider)?;
    let mut request = Request {
        messages: writing.messages(batch, order.seed),
        params: BTreeMap::new(),
        max_output_tokens: CAP,
    };
    if let Some((name, value)) = provider::schema_parameter(&identity.api, "prompts", &writing.schema()) {
        request.params.insert(name.to_owned(), value);
    }
    let key = trial_key(&identity.api, &identity.base_url, &order.model.model, &request, 0);
    let prompt = PromptId::new(&format!("{}-batch-{:03}", order.task, batch + 1))?;
    Ok(OpenQuestion { key, prompt, model: order.model.clone(), request, purpose: Purpose::Writer })
}

/// Reports the most that the calls can cost. Requires a cost limit if they cost anything.
fn check_cost(
    engine: &Engine,
    project: &Project,
    provider: &Provider,
    order: &Order<'_>,
    open: &[OpenQuestion],
) -> anyhow::Result<()> {
    let price = project.catalogue.price(order.model)?;
    let mut most = Usd::ZERO;
    for question in open {
        let bound = tokens::bound(&question.request);
        most += price.ceiling(bound, CAP).context("a price too large to count with")?;
    }
    let calls = open.len();
    let is_free = most == Usd::ZERO || provider.data_location == DataLocation::Local;
    if order.max_cost.is_none() && !is_free {
        return Err(UsageError::with_help(
            format!("{calls} calls to {} may cost up to {}", order.model, most.human()),
            "set a limit: add --max-cost USD",
        ));
    }
    engine.emit(Event::CostBound { calls: calls as u64, model: Some(order.model.clone()), at_most: most });
    Ok(())
}

/// Makes the calls. Returns how they ended, if they did not complete.
fn call(
    engine: &Engine,
    project: &Project,
    journal: &Path,
    order: &Order<'_>,
    open: Vec<OpenQuestion>,
) -> anyhow::Result<Option<CallsReport>> {
    if let Some(folder) = journal.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        project.disk().make_folder(folder)?;
    }
    let asked = ask::ask(engine, project, journal, open, order.max_cost, Usd::ZERO)?;
    let calls = CallsReport::of(asked.report, &[order.model.to_string()]);
    Ok((calls.ended != EndReason::Complete).then_some(calls))
}
