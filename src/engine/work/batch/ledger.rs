//! `batches.jsonl`: what was handed to batch APIs, written down before it is waited for, so that no kill loses a batch that is
//! paid for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::disk::{self, Appender};
use crate::ident::{Digester, TierName, TrialKey};

/// The file's name in a run's folder.
const FILE: &str = "batches.jsonl";

/// A line of the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// These trials are about to be handed over.
    Handing { label: String, tier: TierName, keys: Vec<TrialKey> },
    /// They were, and the provider calls them so.
    Handed { label: String, id: String },
    /// They were not, or it is over with them.
    Over { label: String, why: String },
}

/// A batch that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) label: String,
    pub(super) tier: TierName,
    pub(super) keys: Vec<TrialKey>,
    /// `None` when it is not known whether the provider got it.
    pub(super) id: Option<String>,
}

/// The book of a run's batches, open for writing.
pub(super) struct Book {
    appender: Appender,
    open: BTreeMap<String, Open>,
    labels: BTreeSet<String>,
}

impl Book {
    /// Whether a run's folder has a book.
    pub(super) fn is_there(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Opens the book of a run's folder; a torn last line is cut off.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let bytes = disk::read_if_present(&path)?.unwrap_or_default();
        let mut appender = Appender::open(&path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            appender.truncate(whole as u64)?;
        }
        let mut book = Self { appender, open: BTreeMap::new(), labels: BTreeSet::new() };
        for (number, line) in bytes[..whole].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line)
                .with_context(|| format!("{}:{}: this line is damaged", path.display(), number + 1))?;
            book.take(line);
        }
        Ok(book)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Handing { label, tier, keys } => {
                self.labels.insert(label.clone());
                self.open.insert(label.clone(), Open { label, tier, keys, id: None });
            }
            Line::Handed { label, id } => {
                if let Some(open) = self.open.get_mut(&label) {
                    open.id = Some(id);
                }
            }
            Line::Over { label, .. } => {
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

    /// The batches that are not over, in the order of their labels.
    pub(super) fn open_batches(&self) -> Vec<Open> {
        self.open.values().cloned().collect()
    }

    /// A label that no batch of this run had before. The trials in it tell it from those of other runs at the provider.
    pub(super) fn label(&self, run: &str, tier: &TierName, keys: &[TrialKey]) -> String {
        let mut digester = Digester::new("route-prof batch 1");
        for key in keys {
            digester.part(key.to_string().as_bytes());
        }
        let digest = digester.finish().short();
        let free = (1..).map(|number| format!("{run}.{tier}.{number}.{digest}"));
        free.into_iter().find(|label| !self.labels.contains(label)).unwrap_or_default()
    }

    pub(super) fn handing(
        &mut self,
        label: &str,
        tier: &TierName,
        keys: Vec<TrialKey>,
    ) -> anyhow::Result<()> {
        self.write(Line::Handing { label: label.to_owned(), tier: tier.clone(), keys })
    }

    pub(super) fn handed(&mut self, label: &str, id: &str) -> anyhow::Result<()> {
        self.write(Line::Handed { label: label.to_owned(), id: id.to_owned() })
    }

    pub(super) fn over(&mut self, label: &str, why: &str) -> anyhow::Result<()> {
        self.write(Line::Over { label: label.to_owned(), why: why.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Digest;

    #[test]
    fn what_is_open_survives_and_what_is_over_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let tier: TierName = "small".parse().unwrap();
        let key = TrialKey::from_digest(&Digest::of(b"a"));
        {
            let mut book = Book::open(folder.path()).unwrap();
            let labels: Vec<String> = (0..3)
                .map(|_| {
                    let label = book.label("run", &tier, &[key]);
                    book.handing(&label, &tier, vec![key]).unwrap();
                    label
                })
                .collect();
            assert!(labels[2].starts_with("run.small.3."), "{labels:?}");
            book.handed(&labels[0], "batch_1").unwrap();
            book.over(&labels[1], "collected").unwrap();
        }
        let path = folder.path().join(FILE);
        let mut bytes = disk::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"over\":{\"lab");
        disk::replace(&path, &bytes).unwrap();
        let book = Book::open(folder.path()).unwrap();
        let open = book.open_batches();
        assert_eq!(open.len(), 2);
        assert_eq!((open[0].id.as_deref(), open[1].id.as_deref()), (Some("batch_1"), None));
        assert!(book.label("run", &tier, &[key]).starts_with("run.small.4."), "a label is never used again");
    }
}
