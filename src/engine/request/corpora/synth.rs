//! Creates prompts from templates, or has a model write them after examples.

use std::path::{Path, PathBuf};

use super::model_written::{self, Order, Written};
use super::synth_ending::SynthEnding;
use crate::corpus::import::to_jsonl;
use crate::corpus::synth::{Templates, make};
use crate::diag::{Fault, Faults, UsageError};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::ident::{ModelRef, TaskName};
use crate::units::Usd;

/// An example template file.
pub const EXAMPLE_TEMPLATES: &str = include_str!("../template/synth.toml");

/// What prompts to create, and from what.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusSynthRequest {
    /// The templates: a TOML file.
    pub templates: PathBuf,
    /// The task of the prompts.
    pub task: TaskName,
    /// Number of prompts.
    pub n: u64,
    /// Share of adversarial prompts.
    pub adversarial: f64,
    /// Random seed.
    pub seed: u64,
    /// The corpus to write; required with `with`.
    pub out: Option<PathBuf>,
    /// Has this model write the prompts after examples from the templates. Its calls cost money.
    pub with: Option<ModelRef>,
    /// The most that the model's calls may cost.
    pub max_cost: Option<Usd>,
}

/// A synthetic corpus.
#[derive(Debug)]
pub struct CorpusSynthOutput {
    /// How it ended.
    pub ending: SynthEnding,
    /// Its lines, as JSONL; empty if it was stopped.
    pub text: String,
    /// Number of prompts.
    pub prompts: u64,
    /// Number of adversarial prompts.
    pub adversarial: u64,
    /// What to do if there are fewer different prompts than requested.
    pub advice: &'static str,
}

impl Engine {
    /// Creates prompts from templates, a share of them adversarial. With a model, first reports the most that its calls can
    /// cost ([`CostBound`](crate::engine::Event::CostBound)).
    ///
    /// # Errors
    /// If the templates have faults, calls that cost money have no cost limit, or the corpus already exists.
    ///
    /// ```
    /// use route_prof::engine::{CorpusSynthRequest, EXAMPLE_TEMPLATES, Engine};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let templates = folder.path().join("synth.toml");
    /// std::fs::write(&templates, EXAMPLE_TEMPLATES)?;
    /// let made = Engine::new().synthesise_corpus(
    ///     None,
    ///     &CorpusSynthRequest {
    ///         templates,
    ///         task: "intent".parse()?,
    ///         n: 10,
    ///         adversarial: 0.2,
    ///         seed: 1,
    ///         out: None,
    ///         with: None,
    ///         max_cost: None,
    ///     },
    /// )?;
    /// assert_eq!((made.prompts, made.adversarial), (10, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn synthesise_corpus(
        &self,
        config: Option<&Path>,
        request: &CorpusSynthRequest,
    ) -> Result<CorpusSynthOutput, Error> {
        Ok(synthesise(self, config, request)?)
    }
}

fn synthesise(
    engine: &Engine,
    config: Option<&Path>,
    request: &CorpusSynthRequest,
) -> anyhow::Result<CorpusSynthOutput> {
    let disk = &engine.world().disk;
    // With a model the corpus is rebuilt from the journal of its calls, so it may exist if it is unchanged.
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
            match model_written::run(engine, config, &order)? {
                Written::Lines(lines) => (lines, "give the model other examples, or use another --seed"),
                Written::Stopped(ending) => {
                    return Ok(CorpusSynthOutput {
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
        return Err(UsageError::with_help("there are no prompts to write".to_owned(), advice));
    }
    let text = to_jsonl(&lines);
    if let Some(out) = &request.out {
        if disk.read_if_present(out)?.is_some_and(|there| there != text.as_bytes()) {
            return Err(taken(out));
        }
        disk.replace(out, text.as_bytes())?;
    }
    let hard = lines.iter().filter(|line| line.tags.iter().any(|tag| tag == "adversarial")).count();
    Ok(CorpusSynthOutput {
        ending: SynthEnding::Complete,
        text,
        prompts: lines.len() as u64,
        adversarial: hard as u64,
        advice,
    })
}

fn taken(path: &Path) -> anyhow::Error {
    UsageError::with_help(
        format!("{} already exists", path.display()),
        "choose another file, or move this one: nothing is overwritten",
    )
}

fn read(disk: &Disk, path: &Path) -> anyhow::Result<Templates> {
    let source = String::from_utf8_lossy(&disk.read(path)?).into_owned();
    let shown = path.display().to_string();
    let templates: Templates =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    Ok(templates)
}
