//! Human labels of answers that an oracle graded (`oracles/<id>.labels.jsonl`), and the calibration of judges with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diag::{Fault, Faults};
use crate::disk::{Disk, DiskError};
use crate::ident::{Digest, OracleRef, PromptId, RunId, TaskName, TierName, TrialKey};
use crate::stats::calibration::{Confusion, Word};

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

/// Adds labels to a file. Of two labels for the same trial and oracle, the later one counts.
///
/// # Errors
/// If the file cannot be read or written.
pub fn add(disk: &Disk, path: &Path, new: Vec<Labelled>) -> Result<(), LabelError> {
    let mut all: BTreeMap<(String, String, String), Labelled> = BTreeMap::new();
    for label in read(disk, path)?.into_iter().chain(new) {
        all.insert((label.digest.to_string(), label.tier.to_string(), label.key.to_string()), label);
    }
    let mut text = String::new();
    for label in all.values() {
        text.push_str(&serde_json::to_string(label)?);
        text.push('\n');
    }
    disk.replace(path, text.as_bytes())?;
    Ok(())
}

/// The fewest labels of a tier's own answers that calibrate the judge for that tier.
const ENOUGH: u64 = 20;

/// How far a judge can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeStanding {
    /// The oracle.
    pub oracle: OracleRef,
    /// Number of labels that the policy requires.
    pub needed: u32,
    /// Verdicts of the judge against human labels, over all tiers.
    pub all: Confusion,
    /// The same per tier, because judges favour styles.
    pub tiers: BTreeMap<TierName, Confusion>,
}

impl JudgeStanding {
    /// The calibration of a version of an oracle by its labels.
    #[must_use]
    pub fn of(oracle: OracleRef, digest: Digest, labels: &[Labelled], needed: u32) -> Self {
        let mut standing = Self { oracle, needed, all: Confusion::default(), tiers: BTreeMap::new() };
        for label in labels.iter().filter(|label| label.digest == digest) {
            let (human, machine) = (label.human.word(), label.machine.word());
            standing.all.take(human, machine, label.weight);
            standing.tiers.entry(label.tier.clone()).or_default().take(human, machine, label.weight);
        }
        standing
    }

    /// Why this judge alone cannot lead to more than `monitor`; `None` if it is calibrated.
    #[must_use]
    pub fn cap(&self) -> Option<String> {
        let Self { oracle, needed, all, .. } = self;
        let seen = all.n();
        if seen < u64::from(*needed) {
            return Some(format!(
                "capped at monitor, because the judge of {oracle} is not calibrated: {seen} of {needed} human labels"
            ));
        }
        if all.passed_by_people() == 0 || all.failed_by_people() == 0 {
            let side = if all.failed_by_people() == 0 { "fail" } else { "pass" };
            return Some(format!(
                "capped at monitor, because the judge of {oracle} is not calibrated: none of {seen} human labels is {side}"
            ));
        }
        (!all.is_informative()).then(|| {
            format!("capped at monitor, because the judge of {oracle} tells good from bad hardly better than chance")
        })
    }

    /// Why this judge alone cannot lead to more than `monitor` for this tier: judges favour styles, so some of the tier's own
    /// answers need human labels. `None` if it can.
    #[must_use]
    pub fn cap_of(&self, tier: &TierName) -> Option<String> {
        let own = self.tiers.get(tier).map_or(0, Confusion::n);
        let least = ENOUGH.min(self.needed.into());
        self.cap().or_else(|| {
            (own < least).then(|| {
                format!(
                    "capped at monitor, because the judge of {} is not calibrated on answers of {tier}: {own} of {least} human labels",
                    self.oracle
                )
            })
        })
    }

    /// The labels by which to calibrate a tier's pass rate: its own, or those of all tiers if its own are too few.
    #[must_use]
    pub fn confusion(&self, tier: &TierName) -> &Confusion {
        self.tiers
            .get(tier)
            .filter(|own| own.n() >= ENOUGH && own.sensitivity().is_some() && own.specificity().is_some())
            .unwrap_or(&self.all)
    }
}
