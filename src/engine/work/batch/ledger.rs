//! `batches.jsonl`: the ledger of batches. Each submission is written down before the run waits for it, so that no kill loses a
//! batch that is paid for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::disk::{Appender, Disk};
use crate::ident::{Digester, TierName, TrialKey};

/// The name of the file in a run's folder.
const FILE: &str = "batches.jsonl";

/// A line of the ledger. The names on disk are those of earlier versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// These trials are about to be submitted.
    #[serde(rename = "handing")]
    Submitting { label: String, tier: TierName, keys: Vec<TrialKey> },
    /// They were submitted, and the provider gave the batch this id.
    #[serde(rename = "handed")]
    Submitted { label: String, id: String },
    /// The batch was never submitted, or has ended.
    #[serde(rename = "over")]
    Closed { label: String, why: String },
}

/// A batch that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenBatch {
    pub(super) label: String,
    pub(super) tier: TierName,
    pub(super) keys: Vec<TrialKey>,
    /// The provider's id; `None` if it is unknown whether the provider received the batch.
    pub(super) id: Option<String>,
}

/// The ledger of a run's batches, open for writing.
pub(super) struct Ledger {
    appender: Appender,
    open: BTreeMap<String, OpenBatch>,
    labels: BTreeSet<String>,
}

impl Ledger {
    /// Whether a run's folder has a ledger.
    pub(super) fn exists(disk: &Disk, folder: &Path) -> bool {
        disk.is_file(&folder.join(FILE))
    }

    /// Opens the ledger in a run's folder, and removes an incomplete last line.
    pub(super) fn open(disk: &Disk, folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let bytes = disk.read_if_present(&path)?.unwrap_or_default();
        let mut appender = disk.append(&path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            appender.truncate(whole as u64)?;
        }
        let mut ledger = Self { appender, open: BTreeMap::new(), labels: BTreeSet::new() };
        for (number, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line)
                .with_context(|| format!("{}:{}: this line is damaged", path.display(), number + 1))?;
            ledger.take(line);
        }
        Ok(ledger)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Submitting { label, tier, keys } => {
                self.labels.insert(label.clone());
                self.open.insert(label.clone(), OpenBatch { label, tier, keys, id: None });
            }
            Line::Submitted { label, id } => {
                if let Some(open) = self.open.get_mut(&label) {
                    open.id = Some(id);
                }
            }
            Line::Closed { label, .. } => {
                self.open.remove(&label);
            }
        }
    }

    fn write(&mut self, line: Line) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.appender.append(&bytes)?;
        self.take(line);
        Ok(())
    }

    /// The batches that have not ended, in the order of their labels.
    pub(super) fn open_batches(&self) -> Vec<OpenBatch> {
        self.open.values().cloned().collect()
    }

    /// A label that is new in this run. A digest of its trials makes it differ from the labels of other runs at the provider.
    pub(super) fn label(&self, run: &str, tier: &TierName, keys: &[TrialKey]) -> String {
        let mut digester = Digester::new("route-prof batch 1");
        for key in keys {
            digester.part(key.to_string().as_bytes());
        }
        let digest = digester.finish().short();
        let free = (1..).map(|number| format!("{run}.{tier}.{number}.{digest}"));
        free.into_iter().find(|label| !self.labels.contains(label)).unwrap_or_default()
    }

    pub(super) fn submitting(
        &mut self,
        label: &str,
        tier: &TierName,
        keys: Vec<TrialKey>,
    ) -> anyhow::Result<()> {
        self.write(Line::Submitting { label: label.to_owned(), tier: tier.clone(), keys })
    }

    pub(super) fn submitted(&mut self, label: &str, id: &str) -> anyhow::Result<()> {
        self.write(Line::Submitted { label: label.to_owned(), id: id.to_owned() })
    }

    pub(super) fn close(&mut self, label: &str, why: &str) -> anyhow::Result<()> {
        self.write(Line::Closed { label: label.to_owned(), why: why.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Digest;

    #[test]
    fn what_is_open_survives_and_what_is_over_does_not_come_back() {
        let (disk, folder) = (Disk::real(), tempfile::tempdir().unwrap());
        let tier: TierName = "small".parse().unwrap();
        let key = TrialKey::from_digest(&Digest::of(b"a"));
        {
            let mut ledger = Ledger::open(&disk, folder.path()).unwrap();
            let labels: Vec<String> = (0..3)
                .map(|_| {
                    let label = ledger.label("run", &tier, &[key]);
                    ledger.submitting(&label, &tier, vec![key]).unwrap();
                    label
                })
                .collect();
            assert!(labels[2].starts_with("run.small.3."), "{labels:?}");
            ledger.submitted(&labels[0], "batch_1").unwrap();
            ledger.close(&labels[1], "collected").unwrap();
        }
        let path = folder.path().join(FILE);
        let mut bytes = disk.read(&path).unwrap();
        bytes.extend_from_slice(b"{\"over\":{\"lab");
        disk.replace(&path, &bytes).unwrap();
        let ledger = Ledger::open(&disk, folder.path()).unwrap();
        let open = ledger.open_batches();
        assert_eq!(open.len(), 2);
        assert_eq!((open[0].id.as_deref(), open[1].id.as_deref()), (Some("batch_1"), None));
        assert!(
            ledger.label("run", &tier, &[key]).starts_with("run.small.4."),
            "a label is never used again"
        );
    }
}
