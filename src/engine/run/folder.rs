//! The folder of a run: which one a command continues, and whether it is complete.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::files::{JOURNAL, SUMMARY};
use super::project::Project;
use crate::corpus::Corpus;
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::ident::{RunId, TrialKey};
use crate::journal::Reader;
use crate::plan::Plan;
use crate::summary::Summary;

/// The folder of a run.
pub(crate) struct RunFolder {
    pub(crate) id: RunId,
    pub(crate) path: PathBuf,
}

impl RunFolder {
    /// The folder that the same command finds again: named by the user, or after the corpus and the models. A fresh
    /// measurement starts a new folder with the next number.
    pub(crate) fn choose(
        project: &Project,
        corpus: &Corpus,
        plan: &Plan,
        named: Option<&str>,
        fresh: bool,
    ) -> anyhow::Result<Self> {
        if let Some(name) = named {
            let id = RunId::new(name)
                .map_err(|error| UsageError::with_help(error.to_string(), "use a name such as `baseline`"))?;
            let path = project.reports().join(id.as_str());
            return Ok(Self { id, path });
        }
        let mut digester = crate::ident::Digester::new("route-prof run 1");
        for target in plan.targets() {
            for part in [target.tier.as_str(), &target.api, &target.base_url, &target.model.model] {
                digester.part(part.as_bytes());
            }
        }
        digester.part(&project.config.run.repeats.to_le_bytes());
        if project.config.tape.is_some() {
            // A replay and a measurement never share a folder.
            digester.part(b"tape");
        }
        let stem: String = corpus
            .path()
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' })
            .take(40)
            .collect();
        let stem = stem.trim_start_matches(['-', '_']);
        let stem = if stem.is_empty() { "corpus" } else { stem };
        let base = format!("{stem}-{}", &digester.finish().short()[..6]);
        let reports = project.reports();
        let name = |number: u32| if number == 1 { base.clone() } else { format!("{base}-{number}") };
        let exists = |number: u32| project.disk().is_file(&reports.join(name(number)).join(JOURNAL));
        // The newest folder of the series continues, and so does a fresh run that was interrupted.
        let newest = (1..).take_while(|number| exists(*number)).last().unwrap_or(1);
        let number =
            if fresh && exists(newest) && is_complete(project.disk(), &reports.join(name(newest)), plan)? {
                newest + 1
            } else {
                newest
            };
        let id = RunId::new(&name(number))?;
        Ok(Self { path: reports.join(id.as_str()), id })
    }
}

/// Whether a folder's journal answers every trial of a plan, or all that early stopping asked for.
fn is_complete(disk: &Disk, folder: &Path, plan: &Plan) -> anyhow::Result<bool> {
    let answered = answered_in(disk, &folder.join(JOURNAL))?;
    if (0..plan.len()).all(|at| answered.contains(&plan.key(at))) {
        return Ok(true);
    }
    let Ok(bytes) = disk.read(&folder.join(SUMMARY)) else { return Ok(false) };
    let summary: Option<Summary> = serde_json::from_slice(&bytes).ok();
    Ok(summary.is_some_and(|s| s.run.stop_early.is_some() && s.run.missing + s.run.errors == 0))
}

/// The trials that a journal answers.
pub(crate) fn answered_in(disk: &Disk, path: &Path) -> anyhow::Result<HashSet<TrialKey>> {
    let mut answered = HashSet::new();
    if disk.is_file(path) {
        for record in Reader::open(disk, path)? {
            let (_, attempt) = record?;
            if attempt.is_answer() {
                answered.insert(attempt.key);
            }
        }
    }
    Ok(answered)
}
