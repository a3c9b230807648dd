//! What the evidence says of a tier's quality at a task.

use super::{Assessment, Band, Doubt, Floors, Settled};
use crate::measure::CellEvidence;
use crate::stats::posterior::Posterior;
use crate::stats::power;
use crate::stats::weighted::Estimate;

/// The quality part of a cell's assessment; feasibility and cost are left empty.
pub(super) fn judge(cell: &CellEvidence, floors: Floors, min_prompts: u32) -> Assessment {
    let none = Assessment {
        p_route: None,
        p_monitor: None,
        band: Band::Undecided,
        doubt: Some(Doubt::NoEvidence),
        more_prompts: None,
        infeasible: Vec::new(),
        effective_cost: None,
    };
    let Some(rate) = cell.pass_rate else { return none };
    let seen = Estimate { mean: rate.mean, n_eff: rate.n_eff };
    let posterior = Posterior::new(seen.mean, seen.n_eff);
    let enough = f64::from(min_prompts);
    let band = of(seen, floors, enough);
    let unknown = cell.counts.errors + cell.counts.ungraded + cell.counts.missing;
    let flips = |other: Option<Estimate>| other.is_some_and(|other| of(other, floors, enough) != band);
    let doubt = match band {
        Band::Undecided if seen.n_eff < enough => Some(Doubt::TooFew),
        Band::Undecided => Some(Doubt::NearFloor),
        Band::Route | Band::Monitor | Band::Below
            if unknown > 0 && (flips(cell.if_fail) || flips(cell.if_pass)) =>
        {
            Some(Doubt::CouldFlip(unknown))
        }
        Band::Route | Band::Monitor | Band::Below => None,
    };
    let more_prompts = match doubt {
        Some(Doubt::TooFew | Doubt::NearFloor) => more_prompts(seen, cell.prompts, floors, enough),
        // Not more prompts but the answers that are missing would settle it.
        Some(Doubt::CouldFlip(_) | Doubt::NoEvidence) | None => None,
    };
    Assessment {
        p_route: Some(posterior.clears(floors.route)),
        p_monitor: Some(posterior.clears(floors.monitor)),
        band: if doubt.is_some() { Band::Undecided } else { band },
        doubt,
        more_prompts,
        ..none
    }
}

/// The same of a cell that was settled early: its confidence sequence has decided, and no trial that is missing matters.
pub(super) fn settled(cell: &CellEvidence, floors: Floors, settled: Settled) -> Assessment {
    let posterior = cell.pass_rate.map(|rate| Posterior::new(rate.mean, rate.n_eff));
    Assessment {
        p_route: posterior.map(|posterior| posterior.clears(floors.route)),
        p_monitor: posterior.map(|posterior| posterior.clears(floors.monitor)),
        band: settled.band,
        doubt: None,
        more_prompts: None,
        infeasible: Vec::new(),
        effective_cost: None,
    }
}

/// The band of an estimate, were it all there is.
fn of(estimate: Estimate, floors: Floors, min_prompts: f64) -> Band {
    // Half a thousandth of a prompt is rounding.
    if estimate.n_eff + 5e-4 < min_prompts {
        return Band::Undecided;
    }
    let posterior = Posterior::new(estimate.mean, estimate.n_eff);
    if posterior.clears(floors.route) >= floors.confidence {
        Band::Route
    } else if posterior.clears(floors.monitor) >= floors.confidence {
        Band::Monitor
    } else if posterior.misses(floors.monitor) >= floors.confidence {
        Band::Below
    } else {
        Band::Undecided
    }
}

/// How many more prompts, as uneven in weight and as repetitive as those so far, would settle the cell at the rate seen.
fn more_prompts(seen: Estimate, prompts: u64, floors: Floors, min_prompts: f64) -> Option<u64> {
    if prompts == 0 {
        return None;
    }
    let worth = seen.n_eff / prompts as f64;
    let decided = |more: u64| {
        let n_eff = seen.n_eff + more as f64 * worth;
        of(Estimate { n_eff, ..seen }, floors, min_prompts) != Band::Undecided
    };
    power::first(0, decided).map(|more| more.max(1))
}
