//! Human labels of answers that an oracle graded: `oracles/<id>.labels.jsonl`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diag::{Fault, Faults};
use crate::disk::{Disk, DiskError};
use crate::ident::{Digest, Digester, OracleRef, PromptId, RunId, TaskName, TierName, TrialKey};
use crate::record::Attempt;
use crate::stats::calibration::Word;

/// A pass or fail label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Good enough.
    Pass,
    /// Not good enough.
    Fail,
}

impl Label {
    /// The label as the statistics take it.
    #[must_use]
    pub const fn word(self) -> Word {
        match self {
            Self::Pass => Word::Pass,
            Self::Fail => Word::Fail,
        }
    }
}

/// A labelled answer: a line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// The digest of the oracle that graded it. A label does not apply to another version.
    pub digest: Digest,
    /// The run of the answer.
    pub run: RunId,
    /// The trial.
    pub key: TrialKey,
    /// The prompt.
    pub prompt: PromptId,
    /// Its task.
    pub task: TaskName,
    /// The tier that gave the answer.
    pub tier: TierName,
    /// The oracle's verdict.
    pub machine: Label,
    /// The human label.
    pub human: Label,
    /// The number of answers of the run that it represents.
    pub weight: f64,
    /// The probability with which the answer was picked from those of its task, tier and verdict; 1 / weight where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<f64>,
    /// The digest of the answer. By it a later run knows an answer that it has taken over; absent in files of older versions,
    /// whose labels are about the answers of `run` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
}

impl Labelled {
    /// The probability with which the answer was picked: above 0, at most 1.
    #[must_use]
    pub fn picked_with(&self) -> f64 {
        let stated = self.inclusion.unwrap_or_else(|| 1.0 / self.weight);
        if stated > 0.0 { stated.min(1.0) } else { 1.0 }
    }

    /// Whether it is about this answer of the run.
    #[must_use]
    pub fn is_about(&self, run: &RunId, answer: &Digest) -> bool {
        self.answer.as_ref().map_or(self.run == *run, |known| known == answer)
    }
}

/// The digest of what people see of an answer.
#[must_use]
pub fn answer_digest(attempt: &Attempt) -> Digest {
    let mut digester = Digester::new("route-prof labelled answer 1");
    digester.part(attempt.text.as_bytes()).part(attempt.tool_calls.to_string().as_bytes());
    digester.finish()
}

/// Why labels cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The file has faults.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// A file system error.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A label cannot be written as JSON.
    #[error("a label cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
}

/// The file of an oracle's labels.
#[must_use]
pub fn file(oracles: &Path, id: &OracleRef) -> PathBuf {
    oracles.join(format!("{id}.labels.jsonl"))
}

/// Reads every label of a file; none if the file does not exist.
///
/// # Errors
/// All lines that are not labels.
pub fn read(disk: &Disk, path: &Path) -> Result<Vec<Labelled>, LabelError> {
    let Some(bytes) = disk.read_if_present(path)? else { return Ok(Vec::new()) };
    let mut labels = Vec::new();
    let mut faults = Faults::default();
    for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(label) => labels.push(label),
            Err(error) => faults.push(
                Fault::new(path.display().to_string(), format!("line {} is not a label: {error}", at + 1))
                    .help("`route-prof review import` writes this file; remove the line, or restore it"),
            ),
        }
    }
    Ok(faults.into_result(labels)?)
}

/// Adds labels to a file. Of two labels for the same answer and oracle, the later one counts.
///
/// # Errors
/// If the file cannot be read or written.
pub fn add(disk: &Disk, path: &Path, new: Vec<Labelled>) -> Result<(), LabelError> {
    let mut all: BTreeMap<[String; 4], Labelled> = BTreeMap::new();
    for label in read(disk, path)?.into_iter().chain(new) {
        let answer = label.answer.map_or_else(|| label.run.to_string(), |answer| answer.to_string());
        all.insert([label.digest.to_string(), label.tier.to_string(), label.key.to_string(), answer], label);
    }
    let mut text = String::new();
    for label in all.values() {
        text.push_str(&serde_json::to_string(label)?);
        text.push('\n');
    }
    disk.replace(path, text.as_bytes())?;
    Ok(())
}
