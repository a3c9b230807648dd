//! `corpus synth`: prompts from templates, or by a model after them, where no real ones exist yet.

use std::path::Path;

use serde_json::json;

use super::super::args::{Format, Global};
use super::super::exit::{Exit, UsageError};
use super::args::SynthArgs;
use super::write::{self, Order, Wrote};
use crate::console::{Console, escape};
use crate::corpus::import::to_jsonl;
use crate::corpus::synth::{Templates, make};
use crate::diag::{Fault, Faults};
use crate::disk;

const EXAMPLE: &str = include_str!("../template/synth.toml");

pub(super) fn run(global: &Global, console: &Console, args: &SynthArgs) -> anyhow::Result<Exit> {
    // What a model wrote is made anew from its journal, and may be there as it is.
    for path in args.out.iter().filter(|_| args.with.is_none()).chain(&args.init) {
        if path.exists() {
            return Err(taken(path));
        }
    }
    if let Some(path) = &args.init {
        disk::replace(path, EXAMPLE.as_bytes())?;
        console.note(&format!("wrote {}: templates to start from", path.display()));
        return Ok(Exit::Fine);
    }
    let (Some(path), Some(task)) = (&args.templates, &args.task) else {
        return Err(UsageError::with_help(
            "corpus synth needs --templates and --task",
            "write an example of the templates with `route-prof corpus synth --init templates.toml`",
        ));
    };
    let templates = read(path)?;
    let n = usize::try_from(args.n).unwrap_or(usize::MAX);
    let (lines, advice) = match (&args.with, &args.out) {
        (Some(model), Some(out)) => {
            let order = Order {
                model,
                templates: &templates,
                task,
                n,
                share: args.adversarial,
                seed: args.seed,
                out,
                max_cost: args.max_cost,
            };
            match write::run(global, console, &order)? {
                Wrote::Lines(lines) => (lines, "show it other examples, or take another --seed"),
                Wrote::Stopped(exit) => return Ok(exit),
            }
        }
        _ => {
            let lines = make(&templates, task.as_str(), n, args.adversarial, args.seed);
            (lines, "add values or templates")
        }
    };
    if lines.is_empty() {
        return Err(UsageError::with_help("there is no prompt to be written".to_owned(), advice));
    }
    if lines.len() < n {
        console.warn(&format!("there are {} different prompts, not {n}: {advice}", lines.len()));
    }
    let text = to_jsonl(&lines);
    let Some(out) = &args.out else {
        console.out(&text)?;
        return Ok(Exit::Fine);
    };
    if disk::read_if_present(out)?.is_some_and(|there| there != text.as_bytes()) {
        return Err(taken(out));
    }
    disk::replace(out, text.as_bytes())?;
    let hard = lines.iter().filter(|line| line.tags.iter().any(|tag| tag == "adversarial")).count();
    match global.format {
        Format::Json => {
            let report =
                json!({ "corpus": out, "prompts": lines.len(), "adversarial": hard, "seed": args.seed });
            console.out(&format!("{report:#}\n"))?;
        }
        Format::Human => console.out(&format!(
            "wrote {}: {} synthetic prompts of task {task}, {hard} of them adversarial (seed {})\n",
            escape(&out.display().to_string()),
            lines.len(),
            args.seed
        ))?,
    }
    Ok(Exit::Fine)
}

fn taken(path: &Path) -> anyhow::Error {
    UsageError::with_help(
        format!("{} is there already", path.display()),
        "name another file, or move it away: nothing is overwritten",
    )
}

fn read(path: &Path) -> anyhow::Result<Templates> {
    let source = String::from_utf8_lossy(&disk::read(path)?).into_owned();
    let shown = path.display().to_string();
    let templates: Templates =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    Ok(templates)
}
