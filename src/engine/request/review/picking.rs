//! Which answers to have labelled: where the labels narrow the decisions most.

use std::collections::BTreeMap;

use super::replies::{Reply, Stratum};
use crate::engine::outcome::labelled::{label_files, own};
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade::labels::Label;
use crate::ident::TierName;
use crate::policy::Band;
use crate::stats::allocation::{self, allocate};
use crate::stats::calibration::Word;
use crate::summary::{Summary, TaskSummary};

/// What is thought of verdicts before anybody looks, in labels: one pass in twenty is bad, and of a fail nothing is known.
const BELIEVED: [(Label, f64, f64); 2] = [(Label::Pass, 3.8, 4.0), (Label::Fail, 2.0, 4.0)];

/// Answers of a stratum that nobody has labelled, and how many of them to pick.
pub(super) struct Pick {
    /// Their index among the replies.
    pub(super) open: Vec<usize>,
    /// How many.
    pub(super) places: usize,
    /// The probability with which an answer of the stratum has been picked by then, now or before.
    pub(super) inclusion: f64,
}

/// Shares `n` labels among the strata of the cells whose decision is open or that serve: by Neyman's allocation, with each stratum's
/// share of its cell, how sure its verdicts are, and how close the cell is to its floor.
pub(super) fn picks(
    basis: &Basis<'_>,
    rows: &Rows,
    summary: &Summary,
    replies: &[Reply<'_>],
    n: usize,
) -> anyhow::Result<Vec<Pick>> {
    let known = known(basis, rows)?;
    let mut strata: BTreeMap<Stratum, Vec<usize>> = BTreeMap::new();
    let mut cells: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (at, reply) in replies.iter().enumerate() {
        if reply.oracle_label.is_some() {
            strata.entry(reply.stratum()).or_default().push(at);
            *cells.entry((reply.task, reply.tier)).or_default() += weight(basis, reply);
        }
    }
    let mut picks = Vec::new();
    let mut sizes = Vec::new();
    for ((task, tier, verdict), all) in strata {
        let Some(near) = nearness(basis, summary, task, tier) else { continue };
        let labels: Vec<Word> =
            all.iter().filter_map(|at| known.get(&replies.get(*at)?.row)).copied().collect();
        let own: f64 = all.iter().filter_map(|at| replies.get(*at)).map(|reply| weight(basis, reply)).sum();
        let whole = cells.get(&(task, tier)).copied().filter(|whole| *whole > 0.0).unwrap_or(1.0);
        let (good, thought) = BELIEVED
            .iter()
            .find(|(of, ..)| Some(*of) == verdict)
            .map_or((1.0, 2.0), |(_, good, all)| (*good, *all));
        let passes = labels.iter().filter(|word| **word == Word::Pass).count() as f64;
        let rate = (passes + good) / (labels.len() as f64 + thought);
        sizes.push(allocation::Stratum {
            size: all.len(),
            known: labels.len(),
            spread: own / whole * (rate * (1.0 - rate)).sqrt() * near,
        });
        let open = all
            .into_iter()
            .filter(|at| replies.get(*at).is_some_and(|reply| !known.contains_key(&reply.row)));
        picks.push(Pick { open: open.collect(), places: 0, inclusion: 1.0 });
    }
    for ((pick, places), stratum) in picks.iter_mut().zip(allocate(&sizes, n)).zip(&sizes) {
        pick.places = places;
        pick.inclusion = (stratum.known + places) as f64 / stratum.size.max(1) as f64;
    }
    Ok(picks)
}

fn weight(basis: &Basis<'_>, reply: &Reply<'_>) -> f64 {
    basis.corpus.entries().get(reply.prompt).map_or(0.0, |entry| entry.weight.get())
}

/// The labels of the run's own answers, by row.
fn known(basis: &Basis<'_>, rows: &Rows) -> anyhow::Result<BTreeMap<usize, Word>> {
    let files = label_files(basis)?;
    let mut known = BTreeMap::new();
    for (part, _) in (0_u16..).zip(&rows.division.parts) {
        known.extend(
            own(basis, rows, &files, part)?.into_iter().map(|own| (own.label.row, own.label.label.word)),
        );
    }
    Ok(known)
}

/// How much a cell's uncertainty matters to its decision, as one over the distance of its rate from the nearer floor; `None` where
/// it is decided and does not serve.
fn nearness(basis: &Basis<'_>, summary: &Summary, task: usize, tier: usize) -> Option<f64> {
    let config = &basis.project.config;
    let (name, tier) = (&config.tasks.get(task)?.name, &config.tiers.get(tier)?.name);
    // Of a task in bands, the band whose decision a label narrows most.
    let lines = summary.tasks.iter().filter(|task| task.of() == name);
    lines.filter_map(|line| line_nearness(line, tier)).max_by(f64::total_cmp)
}

fn line_nearness(task: &TaskSummary, tier: &TierName) -> Option<f64> {
    let cell = task.cells.iter().find(|cell| cell.tier == *tier)?;
    if cell.band != Band::Undecided && task.route.tier != *tier {
        return None;
    }
    let rate = cell.pass_rate?;
    let gap = |floor: f64| (rate.mean - floor).abs();
    // A quarter of the interval's width is about a standard error: closer than that, distances are noise.
    let noise = ((rate.high - rate.low) / 4.0).max(1e-3);
    Some(1.0 / gap(task.route_floor).min(gap(task.monitor_floor)).max(noise))
}
