//! Reuses answers from the recording or from earlier runs of the project. Their trials need not be sent.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::engine::run::files::JOURNAL;
use crate::engine::run::folder::{RunFolder, answered_in};
use crate::engine::run::project::Project;
use crate::ident::TrialKey;
use crate::journal::{Index, Journal, Reader};
use crate::plan::Plan;
use crate::record::{Attempt, Via};

/// The journals to search for a trial before it is sent: the recording, or else earlier runs of the project.
pub(crate) fn others(
    project: &Project,
    folder: &RunFolder,
    fresh: bool,
) -> anyhow::Result<Vec<(PathBuf, Via)>> {
    if let Some(tape) = &project.config.tape {
        project.require_tape(&tape.file)?;
        return Ok(vec![(tape.file.clone(), Via::Tape)]);
    }
    if fresh {
        return Ok(Vec::new());
    }
    let runs = project.runs()?.into_iter().filter(|name| name != folder.id.as_str());
    Ok(runs
        .map(|name| (project.reports().join(name).join(JOURNAL), Via::Reuse))
        .filter(|(path, _)| project.disk().is_file(path))
        .collect())
}

/// The trials that a run need not send.
pub(crate) fn answered_elsewhere(
    project: &Project,
    folder: &RunFolder,
    plan: &Plan,
    fresh: bool,
) -> anyhow::Result<HashSet<TrialKey>> {
    let mut answered = answered_in(project.disk(), &folder.path.join(JOURNAL))?;
    for (path, via) in others(project, folder, fresh)? {
        if via == Via::Reuse && reused_is_tape(project.disk(), &path)? {
            continue;
        }
        answered.extend(answered_in(project.disk(), &path)?);
    }
    answered.retain({
        let planned: HashSet<TrialKey> = (0..plan.len()).map(|at| plan.key(at)).collect();
        move |key| planned.contains(key)
    });
    Ok(answered)
}

/// Whether a run's journal holds replayed answers, which are no measurement.
fn reused_is_tape(disk: &Disk, path: &Path) -> anyhow::Result<bool> {
    let mut first = Reader::open(disk, path)?;
    Ok(first.next().transpose()?.is_some_and(|(_, attempt)| attempt.via == Via::Tape))
}

/// Copies answers into the run's own journal, so that its folder is complete by itself. Returns their number.
pub(crate) fn copy_answers(
    disk: &Disk,
    journal: &mut Journal,
    index: &mut Index,
    plan: &Plan,
    sources: &[(PathBuf, Via)],
) -> anyhow::Result<u64> {
    let planned: HashSet<TrialKey> = (0..plan.len()).map(|at| plan.key(at)).collect();
    let mut copied = 0;
    for (path, via) in sources {
        let mut batch = Vec::new();
        let mut end = 0;
        // The attempts that failed before an answer come with it: without them a tier would seem to answer always.
        let mut failed: HashMap<TrialKey, Vec<Attempt>> = HashMap::new();
        for record in Reader::open(disk, path)? {
            let (_, mut attempt) = record?;
            let wanted = attempt.outcome.is_answer()
                && planned.contains(&attempt.key)
                && !index.is_answered(&attempt.key)
                // A recording may hold trials that were too long to be sent. They are no answer, and are copied once.
                && (attempt.is_answer() || (*via == Via::Tape && index.get(&attempt.key).is_none()))
                // Replayed and scripted answers are no measurement, so they are not reused.
                && (*via == Via::Tape || matches!(attempt.via, Via::Live | Via::Reuse));
            let may_precede = *via == Via::Reuse
                && attempt.was_sent()
                && !attempt.outcome.is_answer()
                && matches!(attempt.via, Via::Live | Via::Reuse)
                && planned.contains(&attempt.key);
            if !wanted && !may_precede {
                continue;
            }
            attempt.via = *via;
            attempt.billed = None;
            if !wanted {
                failed.entry(attempt.key).or_default().push(attempt);
                continue;
            }
            for attempt in failed.remove(&attempt.key).into_iter().flatten().chain([attempt]) {
                index.take(end, &attempt);
                end += 1;
                batch.push(attempt);
            }
            copied += 1;
            if batch.len() >= 1024 {
                journal.append(&batch)?;
                batch.clear();
            }
        }
        journal.append(&batch)?;
    }
    Ok(copied)
}
