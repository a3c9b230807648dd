//! Writes the files in a run's folder that later requests read, `router.toml`, and the name of the latest run.

use std::path::{Path, PathBuf};

use super::results;
use crate::engine::run::basis::Basis;
use crate::engine::run::files::{LATEST, RECORD, RESULTS, SUMMARY};
use crate::engine::run::record::RunRecord;
use crate::engine::run::rows::Rows;
use crate::router;
use crate::summary::Summary;

/// Whether `router.toml` was updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterUpdate {
    /// It was written to this path.
    Written(PathBuf),
    /// It was left unchanged, because answers are missing.
    Withheld,
}

/// Whether nothing is missing that a decision depends on: there are answers, every trial was attempted, and every program and
/// judge asked. A run in which every call failed knows nothing about any route.
fn is_complete(rows: &Rows, summary: &Summary) -> bool {
    summary.run.answered > 0
        && rows.programs_missing == 0
        && summary.run.missing == 0
        && summary.spend.judge.as_ref().is_none_or(|judge| judge.missing == 0)
}

/// Writes the results of a run: its folder, the routes at `router` unless answers are missing, and the name of the latest run.
/// Pages are rendered from the summary by the caller.
pub(crate) fn save(
    basis: &Basis<'_>,
    rows: &Rows,
    summary: &Summary,
    folder: &Path,
    router: PathBuf,
) -> anyhow::Result<RouterUpdate> {
    let project = basis.project;
    project.disk().replace(&folder.join(SUMMARY), &summary.to_json()?)?;
    results::write(basis, rows, &folder.join(RESULTS))?;
    let config = project.disk().read(&project.config.path)?;
    let record = RunRecord {
        version: RunRecord::version(),
        tool: summary.tool.clone(),
        id: basis.id.clone(),
        corpus: basis.corpus_name.clone(),
        corpus_path: project.path_outside(basis.corpus.path()),
        corpus_digest: summary.evidence.corpus,
        tape: basis.tape.clone(),
        repeats: project.config.run.repeats,
        seed: project.config.run.seed,
        fallbacks: project.fallbacks(),
        stop_early: project.config.run.stop_early,
        complete: project.config.run.complete,
        oracles: summary.evidence.oracles.clone(),
        programs: rows.programs.clone(),
        config: String::from_utf8_lossy(&config).into_owned(),
    };
    project.disk().replace(&folder.join(RECORD), &record.to_bytes()?)?;
    let written = if is_complete(rows, summary) {
        project.disk().replace(&router, router::write(summary).as_bytes())?;
        RouterUpdate::Written(router)
    } else {
        RouterUpdate::Withheld
    };
    project.disk().replace(&project.reports().join(LATEST), format!("{}\n", basis.id).as_bytes())?;
    Ok(written)
}
