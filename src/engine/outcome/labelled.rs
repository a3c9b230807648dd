//! What people say of a run's answers: labels of the oracles' files, told apart into those of the run's own answers and others.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;

use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade::labels::{self, Labelled, answer_digest};
use crate::grade::standing::{OracleStanding, OwnLabel};
use crate::ident::{Digest, OracleRef, TierName, TrialKey};
use crate::journal::fetch_at;
use crate::oracle::Oracle;
use crate::record::{Outcome, Verdict};
use crate::stats::calibration::Word;
use crate::stats::labelled::Label;

/// The labels of each oracle that grades a run.
pub(crate) type LabelFiles = BTreeMap<OracleRef, Vec<Labelled>>;

/// Reads the labels of every oracle that grades the run.
pub(crate) fn label_files(basis: &Basis<'_>) -> anyhow::Result<LabelFiles> {
    let config = &basis.project.config;
    let folder = config.root.join(&config.run.oracles);
    let mut files = LabelFiles::new();
    for oracle in basis.oracles.iter() {
        let mut found = labels::read(basis.project.disk(), &labels::file(&folder, &oracle.id))?;
        found.retain(|label| label.digest == oracle.digest);
        if !found.is_empty() {
            files.insert(oracle.id.clone(), found);
        }
    }
    Ok(files)
}

/// What the labels say of a task's oracle: of the least trustworthy judge, if its prompts name several oracles. The labels of the
/// run's own answers are those of all of them.
pub(super) fn standing(
    basis: &Basis<'_>,
    rows: &Rows,
    files: &LabelFiles,
    part: u16,
) -> anyhow::Result<Option<OracleStanding>> {
    let needed = basis.project.config.policy.judge_min_labels;
    let mut oracles: BTreeMap<&OracleRef, &Oracle> = BTreeMap::new();
    for at in (0..basis.corpus.len()).filter(|at| rows.division.of(*at) == part) {
        if let Some(oracle) = basis.oracles.of(at) {
            oracles.insert(&oracle.id, oracle);
        }
    }
    let own = own(basis, rows, files, part)?;
    let is_own: BTreeSet<(&TierName, TrialKey)> = own.iter().map(|own| (own.tier, own.key)).collect();
    let mut standings: Vec<OracleStanding> = Vec::new();
    for (id, oracle) in oracles {
        let labels = files.get(id).map(Vec::as_slice).unwrap_or_default();
        let judge = oracle.asks_a_model();
        if !judge && labels.is_empty() {
            continue;
        }
        let mut standing = OracleStanding::new(id.clone(), judge, needed);
        standing.take(oracle.digest, labels, |label| is_own.contains(&(&label.tier, label.key)));
        own.iter().for_each(|own| standing.take_own(own.tier, own.machine, own.label));
        standings.push(standing);
    }
    // A capped judge, else any judge, else any oracle with labels.
    standings.sort_by_key(|standing| (standing.cap().is_none(), !standing.judge));
    Ok(standings.into_iter().next())
}

/// A label of an answer of the run.
pub(crate) struct Own<'a> {
    tier: &'a TierName,
    key: TrialKey,
    machine: Word,
    pub(crate) label: OwnLabel,
}

/// The labels of the run's own answers at a task, or a band of one: `part` is an index into what the corpus is divided into.
pub(crate) fn own<'a>(
    basis: &Basis<'a>,
    rows: &Rows,
    files: &LabelFiles,
    part: u16,
) -> anyhow::Result<Vec<Own<'a>>> {
    let mut by_key: BTreeMap<(&OracleRef, &TierName, TrialKey), Vec<&Labelled>> = BTreeMap::new();
    for (oracle, labels) in files {
        for label in labels {
            by_key.entry((oracle, &label.tier, label.key)).or_default().push(label);
        }
    }
    let mut found = Vec::new();
    if by_key.is_empty() {
        return Ok(found);
    }
    for (row, observation) in rows.observations.iter().enumerate() {
        let machine = match (observation.outcome, &observation.verdict) {
            (Some(Outcome::Reply), Some(Verdict::Pass)) => Word::Pass,
            (Some(Outcome::Reply), Some(Verdict::Fail(_))) => Word::Fail,
            _ => continue,
        };
        let prompt = observation.prompt as usize;
        let tier = basis.project.config.tiers.get(usize::from(observation.tier));
        let (Some(oracle), Some(tier), true) = (basis.oracles.of(prompt), tier, observation.task == part)
        else {
            continue;
        };
        let key = basis.plan.key(row);
        let Some(labels) = by_key.get(&(&oracle.id, &tier.name, key)) else { continue };
        let answer = digest_of(basis, rows, row)?;
        if let Some(label) = labels.iter().find(|label| label.is_about(&basis.id, &answer)) {
            let label = Label { word: label.human.word(), inclusion: label.picked_with() };
            found.push(Own { tier: &tier.name, key, machine, label: OwnLabel { row, label } });
        }
    }
    Ok(found)
}

/// The digest of a row's answer.
pub(crate) fn digest_of(basis: &Basis<'_>, rows: &Rows, row: usize) -> anyhow::Result<Digest> {
    let (journal, offset) = rows.places.get(row).copied().flatten().context("an answer that is nowhere")?;
    let source = basis.answers.get(usize::from(journal)).context("an answer of another journal")?;
    Ok(answer_digest(&fetch_at(&mut *basis.project.disk().open(&source.path)?, offset)?))
}
