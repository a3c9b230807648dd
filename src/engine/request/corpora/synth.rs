//! Prompts from templates, or by a model after them, where no real ones exist yet.

use std::path::{Path, PathBuf};

use super::synth_ending::SynthEnding;
use super::write::{self, Order, Wrote};
use crate::corpus::import::to_jsonl;
use crate::corpus::synth::{Templates, make};
use crate::diag::{Fault, Faults, UsageError};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::ident::{ModelRef, TaskName};
use crate::units::Usd;

/// An example of a file of templates.
pub const SYNTH_TEMPLATES: &str = include_str!("../template/synth.toml");

/// What prompts are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusSynth {
    /// The templates: a TOML file.
    pub templates: PathBuf,
    /// The task of the prompts.
    pub task: TaskName,
    /// How many prompts.
    pub n: u64,
    /// The share of adversarial prompts.
    pub adversarial: f64,
    /// Seed of the prompts.
    pub seed: u64,
    /// The corpus to write; needed where a model writes.
    pub out: Option<PathBuf>,
    /// Have this model write the prompts after examples of the templates: calls, at their price.
    pub with: Option<ModelRef>,
    /// The most that the model may cost.
    pub max_cost: Option<Usd>,
}

/// A synthetic corpus.
#[derive(Debug)]
pub struct CorpusSynthesised {
    /// How it ended.
    pub ending: SynthEnding,
    /// Its lines; none where it was stopped.
    pub text: String,
    /// Its prompts.
    pub prompts: u64,
    /// The adversarial ones among them.
    pub adversarial: u64,
    /// What to do where there are fewer different prompts than asked for.
    pub advice: &'static str,
}

impl Engine {
    /// Makes prompts from templates, a share of them adversarial. With a model, tells first what the calls may cost
    /// ([`MayCost`](crate::engine::Event::MayCost)).
    ///
    /// # Errors
    /// When the templates have faults, no ceiling is given for calls that cost something, or the corpus exists already.
    pub fn synthesise_corpus(
        &self,
        config: Option<&Path>,
        request: &CorpusSynth,
    ) -> Result<CorpusSynthesised, Error> {
        Ok(synthesise(self, config, request)?)
    }
}

fn synthesise(
    engine: &Engine,
    config: Option<&Path>,
    request: &CorpusSynth,
) -> anyhow::Result<CorpusSynthesised> {
    let disk = &engine.world().disk;
    // What a model wrote is made anew from its journal, and may be there as it is.
    if let Some(out) = request.out.as_deref().filter(|out| request.with.is_none() && disk.exists(out)) {
        return Err(taken(out));
    }
    let templates = read(disk, &request.templates)?;
    let n = usize::try_from(request.n).unwrap_or(usize::MAX);
    let (lines, advice) = match (&request.with, &request.out) {
        (Some(model), Some(out)) => {
            let order = Order {
                model,
                templates: &templates,
                task: &request.task,
                n,
                share: request.adversarial,
                seed: request.seed,
                out,
                max_cost: request.max_cost,
            };
            match write::run(engine, config, &order)? {
                Wrote::Lines(lines) => (lines, "show it other examples, or take another --seed"),
                Wrote::Stopped(ending) => {
                    return Ok(CorpusSynthesised {
                        ending,
                        text: String::new(),
                        prompts: 0,
                        adversarial: 0,
                        advice: "",
                    });
                }
            }
        }
        _ => {
            let lines = make(&templates, request.task.as_str(), n, request.adversarial, request.seed);
            (lines, "add values or templates")
        }
    };
    if lines.is_empty() {
        return Err(UsageError::with_help("there is no prompt to be written".to_owned(), advice));
    }
    let text = to_jsonl(&lines);
    if let Some(out) = &request.out {
        if disk.read_if_present(out)?.is_some_and(|there| there != text.as_bytes()) {
            return Err(taken(out));
        }
        disk.replace(out, text.as_bytes())?;
    }
    let hard = lines.iter().filter(|line| line.tags.iter().any(|tag| tag == "adversarial")).count();
    Ok(CorpusSynthesised {
        ending: SynthEnding::Complete,
        text,
        prompts: lines.len() as u64,
        adversarial: hard as u64,
        advice,
    })
}

fn taken(path: &Path) -> anyhow::Error {
    UsageError::with_help(
        format!("{} is there already", path.display()),
        "name another file, or move it away: nothing is overwritten",
    )
}

fn read(disk: &Disk, path: &Path) -> anyhow::Result<Templates> {
    let source = String::from_utf8_lossy(&disk.read(path)?).into_owned();
    let shown = path.display().to_string();
    let templates: Templates =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    Ok(templates)
}
