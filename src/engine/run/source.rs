//! Where a run's answers come from, and how they are measured.

use std::path::PathBuf;

use anyhow::Context;

use super::project::{Calling, Project};
use crate::config::{Tape, TapeMode};
use crate::diag::UsageError;

/// Where answers come from, over what the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// Answer from this recording, relative to the working folder.
    pub tape: Option<PathBuf>,
    /// Ignore the recording of the settings: call the models.
    pub live: bool,
    /// Take no answer from an earlier run.
    pub fresh: bool,
    /// Send each prompt as many times to each model.
    pub repeats: Option<u32>,
    /// Seed of the order of trials and of the bootstrap.
    pub seed: Option<u64>,
    /// Call through the providers' batch APIs, at their price.
    pub batch: bool,
    /// Measure the fallbacks of each tier's `same_class` too.
    pub fallbacks: bool,
}

impl Project {
    /// Applies the options about where answers come from.
    pub(crate) fn apply(&mut self, source: &SourceOptions) -> anyhow::Result<()> {
        if source.live {
            self.config.tape = None;
        }
        if let Some(file) = &source.tape {
            // Relative to where the user stands, unlike a path in the settings.
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
