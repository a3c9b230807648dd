//! `run.json`: what a run was made of, so that it can be graded, decided and rendered again.

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

/// What a run was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    /// The version of this format.
    pub(crate) version: u32,
    /// The program that wrote it.
    pub(crate) tool: String,
    /// The run.
    pub(crate) id: RunId,
    /// The corpus, relative to the project.
    pub(crate) corpus: String,
    /// Where it lies, when that is outside of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) corpus_path: Option<std::path::PathBuf>,
    /// Its digest.
    pub(crate) corpus_digest: Digest,
    /// The recording that it was replayed from, relative to the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tape: Option<String>,
    /// Repeats of each prompt.
    pub(crate) repeats: u32,
    /// The seed of orders and bootstraps.
    pub(crate) seed: u64,
    /// Whether the fallbacks of the tiers were measured too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fallbacks: bool,
    /// Whether cells were left alone once their answers decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stop_early: bool,
    /// The oracle versions that graded it, with their digests.
    pub(crate) oracles: BTreeMap<OracleRef, Digest>,
    /// The digests of the files of the programs that `command` oracles asked, by their command lines as JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) programs: BTreeMap<String, Digest>,
    /// `route-prof.toml` as it was.
    pub(crate) config: String,
}

impl RunRecord {
    /// The record's bytes.
    pub(crate) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The corpus, seen from a project at `root`.
    pub(crate) fn corpus_file(&self, root: &Path) -> std::path::PathBuf {
        self.corpus_path.clone().unwrap_or_else(|| root.join(&self.corpus))
    }

    /// Has a project measured as this run was.
    pub(crate) fn apply(&self, project: &mut Project) -> anyhow::Result<()> {
        project.config.run.repeats = self.repeats;
        project.config.run.seed = self.seed;
        project.config.run.stop_early = self.stop_early;
        if self.fallbacks {
            project.measure_fallbacks()?;
        }
        Ok(())
    }

    /// Reads the record of a run's folder.
    pub(crate) fn read(disk: &Disk, folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(RECORD);
        let bytes = disk.read(&path)?;
        let record: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no record of a run", path.display()))?;
        if record.version > VERSION {
            return Err(UsageError::with_help(
                format!("{} is of version {}, newer than this program knows", path.display(), record.version),
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
