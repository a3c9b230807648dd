//! `corpus synth --with`: a model writes the prompts. Every call goes through the dispatch of a run: limited, priced, and kept
//! in a journal beside the corpus, so that the same command makes none twice.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::args::Global;
use super::super::asking::{self, OpenQuestion, Purpose};
use super::super::exit::{Exit, UsageError};
use super::super::judging;
use super::super::project::Project;
use crate::config::{DataLocation, Provider};
use crate::console::Console;
use crate::corpus::RawPrompt;
use crate::corpus::synth::Templates;
use crate::corpus::synth::written::{BATCH, Writing};
use crate::dispatch::Ended;
use crate::ident::{ModelRef, PromptId, TaskName, TrialKey};
use crate::journal::Reader;
use crate::oracle::{Answer, ask};
use crate::plan::tokens;
use crate::provider;
use crate::record::{Request, trial_key};
use crate::units::{Tokens, Usd};

/// Times that more is asked for where too much of what came was not taken.
const ROUNDS: usize = 3;
/// The cap on output tokens of a batch.
const CAP: Tokens = Tokens(4096);

/// What is to be written.
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

/// What came of it.
pub(super) enum Wrote {
    /// The lines.
    Lines(Vec<RawPrompt>),
    /// Not all answers are there; the same command goes on.
    Stopped(Exit),
}

/// Has the model write.
pub(super) fn run(global: &Global, console: &Console, order: &Order<'_>) -> anyhow::Result<Wrote> {
    let project = Project::load(global)?;
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
        let questions: Vec<OpenQuestion> =
            batches.map(|batch| question(order, provider, &writing, batch)).collect::<Result<_, _>>()?;
        let mut answers = stored(&journal)?;
        let open: Vec<OpenQuestion> =
            questions.iter().filter(|question| !answers.contains_key(&question.key)).cloned().collect();
        if !open.is_empty() {
            if order.out.exists() {
                return Err(UsageError::with_help(
                    format!("{} is there already", order.out.display()),
                    "name another file, or move it away: nothing is overwritten",
                ));
            }
            allow(&project, provider, order, &open, console)?;
            if let Some(stop) = ask(&project, console, &journal, order, open)? {
                return Ok(Wrote::Stopped(stop));
            }
            answers = stored(&journal)?;
        }
        for question in &questions {
            match answers.get(&question.key) {
                Some(Answer::Text(text)) => writing.take(text, order.n),
                Some(Answer::Failed(_)) => writing.lose(),
                None => {
                    console
                        .warn("a request for prompts has no answer; run the same command again to continue");
                    return Ok(Wrote::Stopped(Exit::Incomplete));
                }
            }
        }
    }
    for (what, count) in writing.refused() {
        console.note(&format!("not taken: {count} {what}"));
    }
    Ok(Wrote::Lines(writing.lines(&order.model.to_string(), order.share, order.seed)))
}

/// Where the calls for a corpus are kept: beside it.
fn journal_of(out: &Path) -> PathBuf {
    out.with_extension("calls.jsonl")
}

/// The provider of the model, where the examples may go to it.
fn provider_of<'a>(project: &'a Project, order: &Order<'_>) -> anyhow::Result<&'a Provider> {
    let name = &order.model.provider;
    let Some(provider) = project.config.providers.get(name) else {
        return Err(UsageError::with_help(
            format!("there is no provider `{name}` to write with"),
            format!("define [provider.{name}] in route-prof.toml, or name a model of another provider"),
        ));
    };
    let task = project.config.tasks.iter().find(|task| task.name == *order.task);
    if task.is_some_and(|task| !task.data_location.allows(provider.data_location)) {
        return Err(UsageError::with_help(
            format!("the data of task {} may not leave, but {} is not local", order.task, order.model),
            "name a model of a provider with data_location = \"local\"",
        ));
    }
    Ok(provider)
}

fn question(
    order: &Order<'_>,
    provider: &Provider,
    writing: &Writing,
    batch: usize,
) -> anyhow::Result<OpenQuestion> {
    let identity = provider::identity(provider)?;
    let mut request = Request {
        messages: writing.messages(batch, order.seed),
        params: BTreeMap::new(),
        max_output_tokens: CAP,
    };
    if let Some((name, value)) = ask::held_to(&identity.api, "prompts", &writing.schema()) {
        request.params.insert(name.to_owned(), value);
    }
    let key = trial_key(&identity.api, &identity.base_url, &order.model.model, &request, 0);
    let prompt = PromptId::new(&format!("{}-batch-{:03}", order.task, batch + 1))?;
    Ok(OpenQuestion { key, prompt, model: order.model.clone(), request, purpose: Purpose::Writer })
}

/// The answers that are kept already.
fn stored(journal: &Path) -> anyhow::Result<HashMap<TrialKey, Answer>> {
    let mut answers = HashMap::new();
    if journal.is_file() {
        for record in Reader::open(journal)? {
            let (_, attempt) = record?;
            if let Some(answer) = asking::answer(&attempt) {
                answers.entry(attempt.key).or_insert(answer);
            }
        }
    }
    Ok(answers)
}

/// Says what the calls can cost, and refuses to make them without a ceiling where they cost anything.
fn allow(
    project: &Project,
    provider: &Provider,
    order: &Order<'_>,
    open: &[OpenQuestion],
    console: &Console,
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
            "say how much they may: add --max-cost USD",
        ));
    }
    console.note(&format!("{calls} calls to {} cost {} at the most", order.model, most.human()));
    Ok(())
}

/// Makes the calls; the exit code where they did not come to their end.
fn ask(
    project: &Project,
    console: &Console,
    journal: &Path,
    order: &Order<'_>,
    open: Vec<OpenQuestion>,
) -> anyhow::Result<Option<Exit>> {
    if let Some(folder) = journal.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        crate::disk::make_folder(folder)?;
    }
    let asked = judging::put(project, console, journal, open, order.max_cost, Usd::ZERO)?;
    for (_, why) in &asked.report.stopped {
        console.warn(&format!("{} was stopped: {why}", order.model));
    }
    Ok(match asked.report.ended {
        Ended::Complete => None,
        Ended::Budget => {
            console.warn(&format!(
                "stopped before the next call could exceed {}: raise --max-cost to continue",
                order.max_cost.map(Usd::human).unwrap_or_default()
            ));
            Some(Exit::Incomplete)
        }
        Ended::Interrupted => {
            console.note("interrupted; run the same command again to continue");
            Some(Exit::Interrupted)
        }
    })
}
