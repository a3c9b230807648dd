//! `run.json`: the inputs of a run, so that it can be graded, decided and rendered again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::files::RECORD;
use super::project::Project;
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::ident::{Digest, OracleRef, RunId};

/// The version of the format.
const VERSION: u32 = 1;

/// The inputs of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    /// The version of this format.
    pub(crate) version: u32,
    /// The program and version that wrote it.
    pub(crate) tool: String,
    /// The run.
    pub(crate) id: RunId,
    /// The corpus, relative to the project.
    pub(crate) corpus: String,
    /// The absolute path of the corpus, if it is outside the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) corpus_path: Option<std::path::PathBuf>,
    /// The digest of the corpus.
    pub(crate) corpus_digest: Digest,
    /// The recording that was replayed, relative to the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tape: Option<String>,
    /// Repeats of each prompt.
    pub(crate) repeats: u32,
    /// The seed of the order of trials and of the bootstrap.
    pub(crate) seed: u64,
    /// Whether the fallback models were measured, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fallbacks: bool,
    /// Whether cells were stopped early, once their answers decided them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stop_early: bool,
    /// Whether dearer cells were measured even where a cheaper tier was proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) complete: bool,
    /// The oracle versions that graded it, with their digests.
    pub(crate) oracles: BTreeMap<OracleRef, Digest>,
    /// The digests of the files of oracle programs, by their command lines as JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) programs: BTreeMap<String, Digest>,
    /// The text of `route-prof.toml` at the time of the run.
    pub(crate) config: String,
}

impl RunRecord {
    /// The record as indented JSON.
    pub(crate) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The path of the corpus, for a project at `root`.
    pub(crate) fn corpus_file(&self, root: &Path) -> std::path::PathBuf {
        self.corpus_path.clone().unwrap_or_else(|| root.join(&self.corpus))
    }

    /// Sets up a project to measure as this run did.
    pub(crate) fn apply(&self, project: &mut Project) -> anyhow::Result<()> {
        project.config.run.repeats = self.repeats;
        project.config.run.seed = self.seed;
        project.config.run.stop_early = self.stop_early;
        project.config.run.complete = self.complete;
        if self.fallbacks {
            project.measure_fallbacks()?;
        }
        Ok(())
    }

    /// Reads the record in a run's folder.
    pub(crate) fn read(disk: &Disk, folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(RECORD);
        let bytes = disk.read(&path)?;
        let record: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not a valid run record", path.display()))?;
        if record.version > VERSION {
            return Err(UsageError::with_help(
                format!(
                    "{} has version {}, which this version of route-prof cannot read",
                    path.display(),
                    record.version
                ),
                "update route-prof",
            ));
        }
        Ok(record)
    }

    /// The version that this program writes.
    pub(crate) const fn version() -> u32 {
        VERSION
    }
}
