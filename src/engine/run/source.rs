//! Where a run's answers come from, and how they are measured.

use std::path::PathBuf;

use anyhow::Context;

use super::project::{Calling, Project};
use crate::config::{Tape, TapeMode};
use crate::diag::UsageError;

/// Where answers come from, and how they are measured. Each option overrides the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Replay this recording; the path is relative to the working folder.
    pub tape: Option<PathBuf>,
    /// Call the models even if a recording is configured.
    pub live: bool,
    /// Reuse no answer from an earlier run.
    pub fresh: bool,
    /// Send each prompt this many times to each model.
    pub repeats: Option<u32>,
    /// Random seed, for the order of trials and the bootstrap.
    pub seed: Option<u64>,
    /// Use the providers' batch APIs.
    pub batch: bool,
    /// Also measure the fallback models (`same_class`) of each tier.
    pub fallbacks: bool,
}

impl Project {
    /// Applies the options about where answers come from.
    pub(crate) fn apply(&mut self, source: &SourceOptions) -> anyhow::Result<()> {
        if source.live {
            self.config.tape = None;
        }
        if let Some(file) = &source.tape {
            // Relative to the working folder, unlike a path in route-prof.toml.
            let file =
                std::path::absolute(file).with_context(|| format!("cannot resolve {}", file.display()))?;
            self.config.tape = Some(Tape { file, mode: TapeMode::Only });
        }
        if let Some(repeats) = source.repeats {
            self.config.run.repeats = repeats;
        }
        if let Some(seed) = source.seed {
            self.config.run.seed = seed;
        }
        if source.batch {
            self.calling = Calling::Batch;
        }
        if source.fallbacks {
            if self.config.ladder().iter().all(|tier| tier.same_class.is_empty()) {
                return Err(UsageError::with_help(
                    "no tier has a fallback to measure",
                    "name models of the same class: same_class = [\"provider/model\"] in a [[tier]]",
                ));
            }
            self.measure_fallbacks()?;
        }
        Ok(())
    }
}
