//! The oracles of a project: the folder `oracles/`, and `oracles.lock`, which holds each version to what it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ask::AnswerBook;
use super::file::{self, ExampleFailure, Oracle, Wanted};
use crate::diag::{Fault, Faults, nearest};
use crate::disk::{Disk, DiskError};
use crate::ident::{Digest, OracleRef};

const LOCK: &str = "oracles.lock";

/// Why the oracles cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// What is written there is wrong.
    #[error("{0}")]
    Faults(#[from] Faults),
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The lock cannot be written as TOML.
    #[error("oracles.lock cannot be written: {0}")]
    Encode(#[from] toml::ser::Error),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    version: u32,
    #[serde(default)]
    oracle: BTreeMap<OracleRef, Digest>,
}

/// Every oracle of a project.
#[derive(Debug)]
pub struct Library {
    disk: Disk,
    folder: PathBuf,
    oracles: BTreeMap<OracleRef, Oracle>,
    locked: BTreeMap<OracleRef, Digest>,
}

impl Library {
    /// Reads every oracle of a folder, and holds each to its digest in `oracles.lock`.
    ///
    /// # Errors
    /// All that is wrong with the files; an oracle that was edited without a new version is wrong.
    pub fn open(disk: &Disk, folder: &Path) -> Result<Self, OracleError> {
        let mut faults = Faults::default();
        let mut oracles = BTreeMap::new();
        for name in disk.list(folder)? {
            let Some(stem) = name.strip_suffix(".toml") else { continue };
            let path = folder.join(&name);
            let shown = path.display().to_string();
            let Ok(source) = String::from_utf8(disk.read(&path)?) else {
                faults.push(Fault::new(shown, "not UTF-8").help("save it as UTF-8"));
                continue;
            };
            match file::read(&shown, stem, &source) {
                Ok(oracle) => {
                    oracles.insert(oracle.id.clone(), oracle);
                }
                Err(found) => faults.0.extend(found.0),
            }
        }
        let locked = read_lock(disk, folder)?;
        for (id, oracle) in &oracles {
            if locked.get(id).is_some_and(|digest| *digest != oracle.digest) {
                let next = OracleRef { name: id.name.clone(), version: id.version.saturating_add(1) };
                let path = folder.join(format!("{id}.toml")).display().to_string();
                let help = format!(
                    "a version never changes once it has graded: restore {id}.toml, and put the change into {next}.toml \
                     (id = \"{next}\"), then name that version in route-prof.toml"
                );
                faults.push(Fault::new(path, format!("{id} was edited without a new version")).help(help));
            }
        }
        Ok(faults.into_result(Self { disk: disk.clone(), folder: folder.to_owned(), oracles, locked })?)
    }

    /// The oracle of that name and version; `named_in` is the file that names it, for the message.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, id: &OracleRef, named_in: &str) -> Result<&Oracle, Fault> {
        self.oracles.get(id).ok_or_else(|| {
            let versions: Vec<String> =
                self.oracles.keys().filter(|other| other.name == id.name).map(ToString::to_string).collect();
            let names = self.oracles.keys().map(|other| &*other.name);
            let help = if !versions.is_empty() {
                format!("use one of: {}", versions.join(", "))
            } else if let Some(near) = nearest(&id.name, names) {
                format!("did you mean `{near}`?")
            } else {
                format!("write {}", self.folder.join(format!("{id}.toml")).display())
            };
            Fault::new(named_in, format!("there is no oracle {id}")).help(help)
        })
    }

    /// The disk that they were read from.
    pub(crate) const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// All oracles, by name and version.
    pub fn iter(&self) -> impl Iterator<Item = &Oracle> {
        self.oracles.values()
    }

    /// Oracles that the lock does not hold yet.
    #[must_use]
    pub fn unlocked(&self) -> Vec<&OracleRef> {
        self.oracles.keys().filter(|id| !self.locked.contains_key(*id)).collect()
    }

    /// Brings the lock up to date with new versions; says whether that changed it. Entries of versions that are gone stay:
    /// should the version come back, it must be what it was.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_lock(&self) -> Result<bool, OracleError> {
        if self.unlocked().is_empty() {
            return Ok(false);
        }
        let mut oracle = self.locked.clone();
        oracle.extend(self.oracles.iter().map(|(id, oracle)| (id.clone(), oracle.digest)));
        let text = toml::to_string(&Lock { version: 1, oracle })?;
        let text =
            format!("# Written by route-prof: the digest of each version of each oracle. Commit it.\n{text}");
        self.disk.replace(&self.folder.join(LOCK), text.as_bytes())?;
        Ok(true)
    }
}

fn read_lock(disk: &Disk, folder: &Path) -> Result<BTreeMap<OracleRef, Digest>, OracleError> {
    let path = folder.join(LOCK);
    let Some(bytes) = disk.read_if_present(&path)? else { return Ok(BTreeMap::new()) };
    let source = String::from_utf8_lossy(&bytes);
    let shown = path.display().to_string();
    let lock: Lock =
        toml::from_str(&source).map_err(|error| Faults::from(Fault::from_toml(&shown, &source, &error)))?;
    if lock.version != 1 {
        let fault =
            Fault::new(shown, format!("version {} is not supported", lock.version)).help("update route-prof");
        return Err(Faults::from(fault).into());
    }
    Ok(lock.oracle)
}

/// What the self-tests of all oracles came to.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// Oracles.
    pub oracles: usize,
    /// Examples that were run.
    pub examples: usize,
    /// Those that only a judge could settle: no model is called for a self-test.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// Those that came out otherwise.
    pub failures: Vec<ExampleFailure>,
    /// Oracles whose examples are still to be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drafts: Vec<Draft>,
}

/// An oracle that asks a model and lacks examples.
#[derive(Clone, Debug, Serialize)]
pub struct Draft {
    /// The oracle.
    pub oracle: OracleRef,
    /// Its file.
    pub file: String,
    /// The verdicts of which it has no example.
    pub lacks: Vec<Wanted>,
}

impl std::fmt::Display for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lacks: Vec<String> = self.lacks.iter().map(|wanted| format!("{:?}", wanted.name())).collect();
        write!(
            f,
            "{} is a draft: add an [[example]] with `output` and verdict = {} to {}, then remove `draft = true`",
            self.oracle,
            lacks.join(", and one with verdict = "),
            self.file
        )
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Runs every example of every oracle, with the answers to what they ask.
#[must_use]
pub fn check(library: &Library, answers: &AnswerBook) -> CheckReport {
    CheckReport {
        oracles: library.oracles.len(),
        examples: library.iter().map(|oracle| oracle.examples.len()).sum(),
        failures: library.iter().flat_map(|oracle| oracle.self_test(answers)).collect(),
        drafts: library
            .iter()
            .filter(|oracle| !oracle.lacks.is_empty())
            .map(|oracle| Draft {
                oracle: oracle.id.clone(),
                file: library.folder.join(format!("{}.toml", oracle.id)).display().to_string(),
                lacks: oracle.lacks.clone(),
            })
            .collect(),
        not_run: library.iter().map(|oracle| oracle.open_examples(answers)).sum(),
    }
}

/// An oracle in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Name and version.
    pub id: OracleRef,
    /// Its kind.
    pub kind: String,
    /// What it accepts.
    pub description: String,
    /// Whether it has a gate part.
    pub has_gate: bool,
    /// Its self-tests.
    pub examples: usize,
    /// The digest of all that grading depends on.
    pub digest: Digest,
}

/// All oracles, by name and version.
#[must_use]
pub fn list(library: &Library) -> Vec<Listed> {
    let listed = library.iter().map(|oracle| Listed {
        id: oracle.id.clone(),
        kind: oracle.kind.to_owned(),
        description: oracle.description.clone(),
        has_gate: oracle.criterion.has_gate(),
        examples: oracle.examples.len(),
        digest: oracle.digest,
    });
    listed.collect()
}
