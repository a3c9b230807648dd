//! `corpus synth`: creates prompts from templates, or has a model write them after examples.

use serde_json::json;

use crate::cli::args::corpus::SynthArgs;
use crate::cli::args::global::{Format, Global};
use crate::cli::exit::Exit;
use crate::cli::session;
use crate::console::Console;
use crate::diag::{UsageError, escape};
use crate::engine::{CallsReport, CorpusSynthRequest, EXAMPLE_TEMPLATES, EndReason, SynthEnding};
use crate::ident::ModelRef;
use crate::units::{Usd, count};

pub(super) fn run(global: &Global, console: &Console, args: &SynthArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    if let Some(path) = &args.init {
        engine.write_new(path, EXAMPLE_TEMPLATES.as_bytes())?;
        console.note(&format!("wrote {}: example templates", path.display()));
        return Ok(Exit::Fine);
    }
    let (Some(templates), Some(task)) = (&args.templates, &args.task) else {
        return Err(UsageError::with_help(
            "corpus synth needs --templates and --task",
            "write example templates with `route-prof corpus synth --init templates.toml`",
        ));
    };
    let request = CorpusSynthRequest {
        templates: templates.clone(),
        task: task.clone(),
        n: args.n,
        adversarial: args.adversarial,
        seed: args.seed,
        out: args.out.clone(),
        with: args.with.clone(),
        max_cost: args.max_cost,
    };
    let made = engine.synthesise_corpus(global.config.as_deref(), &request)?;
    match made.ending {
        SynthEnding::Complete => {}
        SynthEnding::Stopped(calls) => {
            return Ok(stopped(console, &calls, args.with.as_ref(), args.max_cost));
        }
        SynthEnding::Unanswered => {
            console.warn(
                "the model did not answer every request for prompts; run the same command again to continue",
            );
            return Ok(Exit::Incomplete);
        }
    }
    if made.prompts < args.n {
        console.warn(&format!("only {} different prompts, not {}: {}", made.prompts, args.n, made.advice));
    }
    let Some(out) = &args.out else {
        console.out(&made.text)?;
        return Ok(Exit::Fine);
    };
    match global.format {
        Format::Json => {
            let report = json!({
                "corpus": out, "prompts": made.prompts, "adversarial": made.adversarial, "seed": args.seed,
            });
            console.out(&format!("{report:#}\n"))?;
        }
        Format::Human => console.out(&format!(
            "wrote {}: {} of task {task}, {} of them adversarial (seed {})\n",
            escape(&out.display().to_string()),
            count(made.prompts, "synthetic prompt"),
            made.adversarial,
            args.seed
        ))?,
    }
    Ok(Exit::Fine)
}

/// Reports why the calls to the model that writes prompts stopped.
fn stopped(console: &Console, calls: &CallsReport, model: Option<&ModelRef>, ceiling: Option<Usd>) -> Exit {
    for (_, why) in &calls.stopped {
        console.warn(&format!("{} was stopped: {why}", model.map(ToString::to_string).unwrap_or_default()));
    }
    match calls.ended {
        EndReason::Complete => Exit::Fine,
        EndReason::Budget => {
            console.warn(&format!(
                "stopped at the cost limit: the next call could exceed {}; raise --max-cost to continue",
                ceiling.map(Usd::human).unwrap_or_default()
            ));
            Exit::Incomplete
        }
        EndReason::Interrupted => {
            console.note("interrupted; run the same command again to continue");
            Exit::Interrupted
        }
    }
}
