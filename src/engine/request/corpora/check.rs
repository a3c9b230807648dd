//! Checks a corpus for faults.

use std::path::Path;

use serde::Serialize;

use crate::config::{self, Config};
use crate::corpus::Corpus;
use crate::corpus::stats::Provable;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::find_config;
use crate::ident::{Digest, TaskName};
use crate::plan::bands::{Division, Part};

/// A corpus without faults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CorpusCheckOutput {
    /// The path of the corpus, as given.
    pub corpus: String,
    /// Number of prompts.
    pub prompts: u64,
    /// Those that differ: near-duplicates of a task, and prompts with the same `cluster`, count once.
    pub distinct_prompts: u64,
    /// The tasks, or bands of one, whose prompts could not prove a tier good enough, were all of them to pass.
    pub too_few: Vec<TooFew>,
    /// Number of tasks with prompts.
    #[serde(skip)]
    pub tasks: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A task with too few prompts to prove any tier good enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TooFew {
    /// The task.
    pub task: TaskName,
    /// Its prompts.
    pub prompts: u64,
    /// Those that differ.
    pub distinct_prompts: u64,
    /// The effective sample size that their weights leave.
    pub n_eff: f64,
    /// The fewest distinct prompts of equal weight that could; `None` where no number could.
    pub needed: Option<u64>,
    /// The floor that a tier must clear.
    pub route_floor: f64,
    /// The confidence that the task's consequence asks for.
    pub confidence: f64,
}

impl Engine {
    /// Checks a corpus, and reports every fault with its line.
    ///
    /// # Errors
    /// All faults of the corpus.
    ///
    /// ```no_run
    /// # use std::path::Path;
    /// # use route_prof::engine::{Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let checked = Engine::new().check_corpus(None, Path::new("corpora/quickstart.jsonl"))?;
    /// println!("{} prompts", checked.prompts);
    /// # Ok(())
    /// # }
    /// ```
    pub fn check_corpus(&self, config: Option<&Path>, corpus: &Path) -> Result<CorpusCheckOutput, Error> {
        let (config, corpus) = open(&self.world().disk, config, corpus)?;
        let (mut distinct_prompts, mut too_few) = (0, Vec::new());
        for index in corpus.used_tasks() {
            distinct_prompts += corpus.cluster_weights(index).1.len() as u64;
        }
        let division = Division::new(&config, &corpus).map_err(anyhow::Error::from)?;
        for Part { task, prompts, clusters, .. } in &division.parts {
            let provable = Provable::of(&config, task, *prompts, clusters);
            if !provable.is_possible() {
                too_few.push(TooFew {
                    task: task.name.clone(),
                    prompts: *prompts,
                    distinct_prompts: clusters.len() as u64,
                    n_eff: (provable.n_eff * 10.0).round() / 10.0,
                    needed: provable.smallest_n,
                    route_floor: provable.route_floor,
                    confidence: provable.confidence,
                });
            }
        }
        Ok(CorpusCheckOutput {
            corpus: corpus.shown().to_owned(),
            prompts: corpus.len() as u64,
            distinct_prompts,
            too_few,
            tasks: corpus.used_tasks().len() as u64,
            digest: corpus.digest(),
        })
    }
}

/// Loads the configuration of a project, and a corpus.
pub(super) fn open(disk: &Disk, config: Option<&Path>, path: &Path) -> anyhow::Result<(Config, Corpus)> {
    let config = config::load(disk, &find_config(disk, config)?)?;
    let corpus = Corpus::open(disk, path, &path.to_string_lossy(), &config)?;
    Ok((config, corpus))
}
