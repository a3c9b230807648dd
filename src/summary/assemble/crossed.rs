//! The whole decision, made again without each part of the prompts: what became of the routes had those prompts not been seen.
//!
//! A decision is fitted to the prompts that it rests on. Judged on the same ones, it flatters itself: the tier that was lucky on
//! them is the one that serves. So each part of the prompts is routed by what the others decide, cells, assessments and all.

use std::collections::BTreeMap;

use super::decided::Deciding;
use super::inputs::Inputs;
use super::judge;
use crate::ident::TierName;
use crate::measure::{self, Observation, Settings};
use crate::path::Requests;
use crate::policy::strategies::{Matrix, RouteOf};
use crate::policy::{Floors, TierFacts};

/// The routes as they are decided without each part of the matrix: by part, then task. Empty where one cannot be decided.
pub(super) fn routes(
    inputs: &Inputs<'_>,
    ladder: &[TierFacts],
    references: Option<&[usize]>,
    settings: &Settings,
    matrix: &Matrix,
) -> Vec<Vec<RouteOf>> {
    let fold_of: BTreeMap<u32, u32> = matrix.rows.iter().map(|row| (row.unit, row.fold)).collect();
    let without = |fold: u32| -> Option<Vec<RouteOf>> {
        let (rows, seen): (Vec<usize>, Vec<Observation>) = inputs
            .observations
            .iter()
            .enumerate()
            .filter(|(_, seen)| fold_of.get(&seen.unit()) != Some(&fold))
            .map(|(row, seen)| (row, seen.clone()))
            .unzip();
        decided(inputs, ladder, references, settings, &rows, &seen)
    };
    (0..matrix.folds).map(without).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The routes that some observations decide; `rows` are their places among all.
fn decided(
    inputs: &Inputs<'_>,
    ladder: &[TierFacts],
    references: Option<&[usize]>,
    settings: &Settings,
    rows: &[usize],
    seen: &[Observation],
) -> Option<Vec<RouteOf>> {
    let tiers = &inputs.config.tiers;
    let names: Vec<TierName> = tiers.iter().map(|tier| tier.name.clone()).collect();
    // No interval of a cost decides anything.
    let settings = Settings { resamples: 0, ..*settings };
    let mut cells = measure::cells(seen, inputs.tasks.len(), tiers.len(), &settings);
    for (at, (cells, task)) in cells.iter_mut().zip(inputs.tasks).enumerate() {
        if let Some(standing) = &task.labelled {
            let floors = Floors::of(task.task, &inputs.config.policy);
            let rules = judge::Rules { confidence: settings.confidence, floors };
            let seen = rows.iter().copied().zip(seen);
            // The corrected cells are all that the decision needs.
            let _ = judge::correct(standing, at, seen, &names, cells, rules);
        }
    }
    let requests: Vec<Requests> =
        (0..inputs.tasks.len()).map(|task| Requests::of(seen, task, tiers.len())).collect();
    // Where a cell was stopped early, what it has left is taken for what it is.
    let deciding = Deciding {
        inputs,
        policy: &inputs.config.policy,
        ladder,
        references,
        cells: &cells,
        requests: &requests,
        stopped: &[],
    };
    let routes = deciding.decide()?.into_iter();
    Some(routes.map(|task| RouteOf { tier: task.tier, escalates_to: task.escalates_to }).collect())
}
