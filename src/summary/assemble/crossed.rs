//! The whole decision, made again without each part of the prompts: what became of the routes had those prompts not been seen.
//!
//! A decision is fitted to the prompts that it rests on. Judged on the same ones, it flatters itself: the tier that was lucky on
//! them is the one that serves. So each part of the prompts is routed by what the others decide, cells, assessments and all.

use std::collections::{BTreeMap, BTreeSet};

use super::decided::Deciding;
use super::inputs::Inputs;
use super::judge;
use crate::measure::{self, Observation, Settings};
use crate::path::Requests;
use crate::policy::TierFacts;
use crate::policy::strategies::{Matrix, RouteOf};

/// The routes as they are decided without each part of the matrix: by part, then task. Empty where one cannot be decided.
pub(super) fn routes(
    inputs: &Inputs<'_>,
    ladder: &[TierFacts],
    references: Option<&[usize]>,
    settings: &Settings,
    matrix: &Matrix,
) -> Vec<Vec<RouteOf>> {
    let fold_of = folds(inputs.observations, matrix);
    let without = |fold: u32| -> Option<Vec<RouteOf>> {
        let rows = inputs.observations.iter().enumerate();
        let seen: Vec<(usize, &Observation)> =
            rows.filter(|(_, seen)| fold_of.get(&seen.unit()) != Some(&fold)).collect();
        decided(inputs, ladder, references, settings, &seen)
    };
    (0..matrix.folds).map(without).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The part of each cluster: that of the matrix, and for clusters without a whole row one in turn, so that no prompt decides about
/// itself.
pub(super) fn folds(observations: &[Observation], matrix: &Matrix) -> BTreeMap<u32, u32> {
    let mut fold_of: BTreeMap<u32, u32> = matrix.rows.iter().map(|row| (row.unit, row.fold)).collect();
    let mut next = (0..matrix.folds.max(1)).cycle();
    let mut units: Vec<u32> = observations.iter().map(Observation::unit).collect();
    units.sort_unstable();
    units.dedup();
    for unit in units {
        fold_of.entry(unit).or_insert_with(|| next.next().unwrap_or_default());
    }
    fold_of
}

/// The routes that some observations decide.
fn decided(
    inputs: &Inputs<'_>,
    ladder: &[TierFacts],
    references: Option<&[usize]>,
    settings: &Settings,
    rows: &[(usize, &Observation)],
) -> Option<Vec<RouteOf>> {
    let tiers = &inputs.config.tiers;
    let seen: Vec<Observation> = rows.iter().map(|(_, seen)| (*seen).clone()).collect();
    // No interval of a cost decides anything.
    let settings = Settings { resamples: 0, ..*settings };
    let mut cells = measure::cells(&seen, inputs.tasks.len(), tiers.len(), &settings);
    judge::correct_all(inputs, rows, &mut cells);
    // What is judged is the decision on all prompts: fewer of them would shift every threshold, most of all the least number of prompts. So
    // the rates are those of the other parts, and count as if all parts were there.
    let whole = |task: usize| {
        let count = |of: &mut dyn Iterator<Item = &Observation>| {
            let units: BTreeSet<u32> =
                of.filter(|seen| usize::from(seen.task) == task).map(Observation::unit).collect();
            units.len() as f64
        };
        count(&mut inputs.observations.iter()) / count(&mut seen.iter()).max(1.0)
    };
    for (task, cells) in cells.iter_mut().enumerate() {
        let factor = whole(task);
        cells.iter_mut().for_each(|cell| cell.scale_evidence(factor));
    }
    let requests: Vec<Requests> =
        (0..inputs.tasks.len()).map(|task| Requests::of(&seen, task, tiers.len())).collect();
    // Where a cell was stopped early, its sequential test has decided it; the chance of error is that of the test.
    let deciding = Deciding {
        inputs,
        policy: &inputs.config.policy,
        ladder,
        references,
        cells: &cells,
        requests: &requests,
        stopped: inputs.stopped,
    };
    let routes = deciding.decide()?.into_iter();
    Some(routes.map(|task| RouteOf { tier: task.tier, escalates_to: task.escalates_to }).collect())
}
