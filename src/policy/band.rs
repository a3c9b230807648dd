//! What the evidence says about a tier's quality at a task: under either rule the same bands, by two thresholds and the
//! confidence that the task's consequence requires.

use super::assessment::{Assessment, Comparison, Doubt, EarlyStop, Odds, Strictness};
use super::floors::Floors;
use super::types::Band;
use crate::config::IntervalMethod;
use crate::measure::{CellEvidence, Versus};
use crate::stats::floor::is_enough;
use crate::stats::paired::Difference;
use crate::stats::power;
use crate::stats::weighted::Estimate;

/// What the cells of a task are assessed by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Criteria<'a> {
    pub(super) floors: Floors,
    pub(super) min_prompts: u32,
    pub(super) references: Option<&'a [usize]>,
}

/// The evidence that a rule decides by: a rate, or differences from the tiers that the cell is held against.
enum Basis {
    Rate(Estimate, IntervalMethod),
    Differences(Vec<Difference>),
    /// The reference itself, which is as good as it is.
    Reference(f64),
}

impl Basis {
    /// The same, on as many effective prompts times `factor`.
    fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::Rate(seen, method) => Self::Rate(Estimate { n_eff: seen.n_eff * factor, ..*seen }, *method),
            Self::Differences(all) => {
                Self::Differences(all.iter().map(|one| one.on(one.n_eff * factor)).collect())
            }
            Self::Reference(n_eff) => Self::Reference(n_eff * factor),
        }
    }

    fn odds(&self, criteria: &Criteria<'_>) -> Odds {
        match self {
            Self::Rate(seen, method) => {
                let posterior = method.posterior(seen.mean, seen.n_eff);
                Odds {
                    route: posterior.clears(criteria.floors.route),
                    monitor: posterior.clears(criteria.floors.monitor),
                    below: posterior.misses(criteria.floors.monitor),
                    n_eff: seen.n_eff,
                }
            }
            // To be no worse than the best is to be no worse than each: all must be shown, so each may be at the full level
            // (Berger's intersection-union test, 1982), and whichever looks best by luck is not singled out. To be worse
            // than the best it is enough to be worse than one: there the chances of error add up.
            Self::Differences(all) => {
                let least = |delta: f64| all.iter().map(|one| one.exceeds(-delta)).fold(1.0, f64::min);
                let monitor = least(criteria.floors.monitor_margin);
                Odds {
                    route: least(criteria.floors.margin),
                    monitor,
                    below: (1.0 - all.len() as f64 * monitor).max(0.0),
                    n_eff: all.iter().map(|one| one.n_eff).fold(f64::INFINITY, f64::min),
                }
            }
            Self::Reference(n_eff) => Odds { route: 1.0, monitor: 1.0, below: 0.0, n_eff: *n_eff },
        }
    }
}

/// How trials without a grade are counted.
#[derive(Clone, Copy)]
enum Reading {
    Seen,
    Worst,
    Best,
}

impl Reading {
    fn rate(self, cell: &CellEvidence) -> Option<Estimate> {
        match self {
            Self::Seen => cell.pass_rate.map(|rate| Estimate { mean: rate.mean, n_eff: rate.n_eff }),
            Self::Worst => cell.if_fail,
            Self::Best => cell.if_pass,
        }
    }

    const fn difference(self, versus: &Versus) -> Option<Difference> {
        match self {
            Self::Seen => versus.seen,
            Self::Worst => versus.worst,
            Self::Best => versus.best,
        }
    }
}

/// What the rule decides by, or why it cannot.
fn basis(cell: &CellEvidence, at: usize, criteria: &Criteria<'_>, reading: Reading) -> Result<Basis, Doubt> {
    let rate = reading.rate(cell).ok_or(Doubt::NoEvidence)?;
    let Some(references) = criteria.references else {
        let method = cell.pass_rate.map(|rate| rate.interval).unwrap_or_default();
        return Ok(Basis::Rate(rate, method));
    };
    if references == [at] {
        return Ok(Basis::Reference(rate.n_eff));
    }
    let others = cell.versus.iter().filter(|versus| references.contains(&versus.other));
    // A tier that shares no prompt with this one cannot serve as a reference; without any reference nothing is known.
    let differences: Vec<Difference> = others.filter_map(|versus| reading.difference(versus)).collect();
    if differences.is_empty() { Err(Doubt::NoPairs) } else { Ok(Basis::Differences(differences)) }
}

/// The quality part of the assessment of the cell of tier `at`; feasibility and cost are left empty.
pub(super) fn judge(
    cell: &CellEvidence,
    at: usize,
    criteria: &Criteria<'_>,
    strictness: Strictness,
) -> Assessment {
    let floor = cell.pass_rate.map(|rate| rate.interval.posterior(rate.mean, rate.n_eff));
    let none = |doubt| Assessment {
        p_route: floor.map(|posterior| posterior.clears(criteria.floors.route)),
        p_monitor: floor.map(|posterior| posterior.clears(criteria.floors.monitor)),
        odds: None,
        strictness,
        comparison: comparison(cell, at, criteria),
        band: Band::Undecided,
        doubt: Some(doubt),
        more_prompts: None,
        more_chance: None,
        infeasible: Vec::new(),
        unproven: Vec::new(),
        unavailable: false,
        effective_cost: None,
    };
    let seen = match basis(cell, at, criteria, Reading::Seen) {
        Ok(seen) => seen,
        Err(doubt) => return none(doubt),
    };
    let enough = f64::from(criteria.min_prompts);
    let of = |basis: &Basis| band(strictness.applied(basis.odds(criteria)), criteria.floors, enough);
    let odds = seen.odds(criteria);
    let unknown = unknown(cell, criteria);
    let reading = |reading| basis(cell, at, criteria, reading).map_or(of(&seen), |other| of(&other));
    let band = match unknown {
        0 => of(&seen),
        _ => surviving([of(&seen), reading(Reading::Worst), reading(Reading::Best)]),
    };
    let doubt = match (band, of(&seen)) {
        (Band::Route | Band::Monitor | Band::Below, _) => None,
        (Band::Undecided, Band::Undecided) if !is_enough(odds.n_eff, enough) => Some(Doubt::TooFew),
        (Band::Undecided, Band::Undecided) => Some(Doubt::NearFloor),
        (Band::Undecided, Band::Route | Band::Monitor | Band::Below) => Some(Doubt::CouldFlip(unknown)),
    };
    let more_prompts = match doubt {
        // The further prompts are assumed to be weighted and repeated like those so far.
        Some(Doubt::TooFew | Doubt::NearFloor) if cell.clusters > 0 && cell.uncalibrated.is_none() => {
            let decided = |more: u64| {
                let factor = (cell.clusters + more) as f64 / cell.clusters as f64;
                of(&seen.scaled(factor)) != Band::Undecided
            };
            power::first(0, decided).map(|more| more.max(1))
        }
        // The missing answers would decide it, not more prompts.
        Some(_) | None => None,
    };
    let more_chance = more_prompts.and_then(|more| match &seen {
        Basis::Rate(rate, method) => {
            let effective = more as f64 * rate.n_eff / cell.clusters as f64;
            let at = |mean: f64, n_eff: f64| of(&Basis::Rate(Estimate { mean, n_eff }, *method));
            Some(chance_to_decide(*rate, effective, at))
        }
        Basis::Differences(_) | Basis::Reference(_) => None,
    });
    Assessment {
        odds: match seen {
            Basis::Rate(..) | Basis::Differences(_) => Some(odds),
            // Nothing had to be shown for the reference itself.
            Basis::Reference(_) => None,
        },
        band,
        doubt,
        more_prompts,
        more_chance,
        ..none(Doubt::NoEvidence)
    }
}

/// The chance that `more` further prompts (effective) decide a rate, one way or the other; `band` is that of a mean and n.
fn chance_to_decide(seen: Estimate, more: f64, band: impl Fn(f64, f64) -> Band) -> f64 {
    let Estimate { mean, n_eff } = seen;
    let more = more.round().clamp(1.0, power::MOST as f64) as u32;
    let good = |mean: f64, n: f64| matches!(band(mean, n), Band::Route | Band::Monitor);
    let above = power::chance_to_clear(mean, n_eff, more, good);
    let below =
        power::chance_to_clear(1.0 - mean, n_eff, more, |fails, n| band(1.0 - fails, n) == Band::Below);
    (above + below).min(1.0)
}

/// The same for a cell that was stopped early: its sequential test has decided, or no decision waits for it; in neither case do
/// missing trials matter.
pub(super) fn stopped(cell: &CellEvidence, criteria: &Criteria<'_>, stop: EarlyStop) -> Assessment {
    let rate = cell.pass_rate.map(|rate| Estimate { mean: rate.mean, n_eff: rate.n_eff });
    let odds = rate.map(|rate| Basis::Rate(rate, IntervalMethod::Wilson).odds(criteria));
    Assessment {
        p_route: odds.map(|odds| odds.route),
        p_monitor: odds.map(|odds| odds.monitor),
        odds,
        strictness: Strictness::default(),
        comparison: None,
        band: stop.band,
        doubt: stop.spared_by.map(Doubt::Spared),
        more_prompts: None,
        more_chance: None,
        infeasible: Vec::new(),
        unproven: Vec::new(),
        unavailable: false,
        effective_cost: None,
    }
}

/// Trials without a grade that the decision may depend on: under non-inferiority also those of the references.
fn unknown(cell: &CellEvidence, criteria: &Criteria<'_>) -> u64 {
    let references = criteria.references.unwrap_or_default();
    let others = cell.versus.iter().filter(|versus| references.contains(&versus.other));
    cell.counts.unknown() + others.map(|versus| versus.unknown).sum::<u64>()
}

/// The comparison that the decision depends on: with the reference to which the tier is least surely non-inferior.
fn comparison(cell: &CellEvidence, at: usize, criteria: &Criteria<'_>) -> Option<Comparison> {
    let references = criteria.references.filter(|references| *references != [at])?;
    let others = cell.versus.iter().filter(|versus| references.contains(&versus.other));
    others
        .filter_map(|versus| {
            let difference = versus.seen?;
            let low = difference.lower_bound(criteria.floors.confidence.clamp(0.5, 1.0 - 1e-9))?;
            Some(Comparison {
                other: versus.other,
                difference,
                low,
                p: difference.exceeds(-criteria.floors.margin),
            })
        })
        // The first of equals: the lower on the ladder.
        .reduce(|least, next| if next.p < least.p { next } else { least })
}

/// The band that holds whatever the trials without a grade would have been: the least of several that let the tier serve; undecided where
/// one of them would not, unless none would. So no answer that passes can cost a tier its band.
fn surviving(readings: [Band; 3]) -> Band {
    let all = |bands: &[Band]| readings.iter().all(|reading| bands.contains(reading));
    match () {
        () if all(&[Band::Route]) => Band::Route,
        () if all(&[Band::Route, Band::Monitor]) => Band::Monitor,
        () if all(&[Band::Below]) => Band::Below,
        () => Band::Undecided,
    }
}

/// The band that odds come to.
fn band(odds: Odds, floors: Floors, min_prompts: f64) -> Band {
    if !is_enough(odds.n_eff, min_prompts) {
        Band::Undecided
    } else if odds.route >= floors.confidence {
        Band::Route
    } else if odds.monitor >= floors.confidence {
        Band::Monitor
    } else if odds.below >= floors.confidence {
        Band::Below
    } else {
        Band::Undecided
    }
}
