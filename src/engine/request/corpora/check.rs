//! Checks a corpus for faults.

use std::path::Path;

use serde::Serialize;

use crate::config::{self, Config};
use crate::corpus::Corpus;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::find_config;
use crate::ident::Digest;

/// A corpus without faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CorpusCheckOutput {
    /// The path of the corpus, as given.
    pub corpus: String,
    /// Number of prompts.
    pub prompts: u64,
    /// Number of tasks with prompts.
    #[serde(skip)]
    pub tasks: u64,
    /// Its digest.
    pub digest: Digest,
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
        let (_, corpus) = open(&self.world().disk, config, corpus)?;
        Ok(CorpusCheckOutput {
            corpus: corpus.shown().to_owned(),
            prompts: corpus.len() as u64,
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
