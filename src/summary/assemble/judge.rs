//! Corrects pass rates by what people say of the oracle's verdicts, and summarises how far its verdicts can be trusted.

use std::collections::HashMap;

use super::inputs::{Inputs, MeasuredTask};

use crate::config::IntervalMethod;
use crate::grade::standing::OracleStanding;
use crate::ident::TierName;
use crate::measure::{CellEvidence, Grade, Observation, Rate};
use crate::policy::{Floors, Turning};
use crate::stats::calibration::Word;
use crate::stats::interval::wilson;
use crate::stats::labelled::{self, Label, Labelled, Seen, Unit};
use crate::stats::posterior::Posterior;
use crate::stats::power;
use crate::stats::weighted::Estimate;
use crate::summary::judge::{CalibratedRate, Calibration, LabelSource, TierCalibration, TurningPoint};
use crate::summary::rounding::share;

/// What rates are corrected by.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// The confidence of intervals.
    confidence: f64,
    /// The floors of the task.
    floors: Floors,
}

/// What came of a tier's labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Correction {
    /// The corrected rate, and by which labels; `None` where there are too few, or they say too little.
    rate: Option<(CalibratedRate, LabelSource)>,
    /// How many labels of the tier's own answers it takes; `None` where there are as many.
    needed: Option<u64>,
}

/// The answers of a task at one tier.
struct Answers<'a> {
    observations: Vec<(usize, &'a Observation)>,
    labels: &'a HashMap<usize, Label>,
}

impl Answers<'_> {
    /// The answers as the estimate takes them, where one without a grade counts as `unknown`.
    fn units(&self, unknown: Option<bool>) -> Vec<Unit> {
        let seen =
            |observation: &Observation| match Grade::of(observation.outcome, observation.verdict.as_ref()) {
                Grade::Pass => Some(Seen::Passed),
                // What the oracle has not seen, people need not look at either.
                Grade::Fail if observation.verdict.is_none() => Some(Seen::Settled(false)),
                Grade::Fail => Some(Seen::Failed),
                Grade::Unknown => unknown.map(Seen::Settled),
                Grade::Overflow => None,
            };
        // Graded repeats of a prompt share its weight.
        let mut repeats: HashMap<u32, f64> = HashMap::new();
        for (_, observation) in
            self.observations.iter().filter(|(_, observation)| seen(observation).is_some())
        {
            *repeats.entry(observation.prompt).or_default() += 1.0;
        }
        let unit = |(row, observation): &(usize, &Observation)| {
            Some(Unit {
                cluster: observation.unit(),
                weight: observation.mass() / repeats.get(&observation.prompt)?,
                seen: seen(observation)?,
                label: self.labels.get(row).copied(),
            })
        };
        self.observations.iter().filter_map(unit).collect()
    }
}

/// Corrects the pass rates of all tasks, one row of corrections per task; each observation comes with its row, by which labels name it.
pub(super) fn correct_all(
    inputs: &Inputs<'_>,
    observations: &[(usize, &Observation)],
    cells: &mut [Vec<CellEvidence>],
) -> Vec<Vec<Correction>> {
    let policy = &inputs.config.policy;
    let names: Vec<TierName> = inputs.config.tiers.iter().map(|tier| tier.name.clone()).collect();
    let tasks = cells.iter_mut().zip(inputs.tasks).enumerate();
    let of = |(at, (cells, task)): (usize, (&mut Vec<CellEvidence>, &MeasuredTask<'_>))| {
        let rules =
            Rules { confidence: policy.interval_confidence.get(), floors: Floors::of(task.task, policy) };
        let correct = |standing| correct(standing, at, observations, &names, cells, rules);
        task.labelled.as_ref().map(correct).unwrap_or_default()
    };
    tasks.map(of).collect()
}

/// Corrects the pass rates of a task's tiers for the errors of its oracle, as far as people have looked: a decision is about what
/// people would say. The oracle's own rate is kept as `uncalibrated`.
fn correct(
    standing: &OracleStanding,
    task: usize,
    observations: &[(usize, &Observation)],
    tiers: &[TierName],
    cells: &mut [CellEvidence],
    rules: Rules,
) -> Vec<Correction> {
    let labels: HashMap<usize, Label> = standing.own.iter().map(|own| (own.row, own.label)).collect();
    let mut corrections = Vec::new();
    for (at, (tier, cell)) in tiers.iter().zip(cells.iter_mut()).enumerate() {
        let of_cell = observations.iter().copied().filter(|(_, observation)| {
            usize::from(observation.task) == task && usize::from(observation.tier) == at
        });
        let answers = Answers { observations: of_cell.collect(), labels: &labels };
        corrections.push(correct_cell(standing, &answers, tier, cell, rules));
    }
    if !standing.judge {
        let rows = || observations.iter().filter(|(_, seen)| usize::from(seen.task) == task);
        let looked_at = rows().filter_map(|(row, seen)| {
            let label = labels.get(row)?;
            (seen.passed() == Some(true)).then_some((usize::from(seen.tier), *label))
        });
        spread(&looked_at.collect::<Vec<_>>(), &mut corrections, cells, rules);
    }
    corrections
}

/// Where people found wrong passes at one tier, the passes of tiers that nobody has looked at are taken to be wrong as often: else a
/// correction would move the route to a tier only because it has no labels. `labels` are those of passes, with their tier.
fn spread(
    labels: &[(usize, Label)],
    corrections: &mut [Correction],
    cells: &mut [CellEvidence],
    rules: Rules,
) {
    let corrected: Vec<bool> = corrections.iter().map(|one| one.rate.is_some()).collect();
    let told: Vec<&Label> = labels
        .iter()
        .filter(|(tier, _)| corrected.get(*tier).copied().unwrap_or_default())
        .map(|(_, label)| label)
        .collect();
    let good = told.iter().filter(|label| label.word == Word::Pass).count() as f64;
    let all = told.len() as f64;
    if all < 1.0 || good == all {
        return;
    }
    for (correction, cell) in corrections.iter_mut().zip(cells).filter(|(one, _)| one.rate.is_none()) {
        let Some(rate) = cell.pass_rate else { continue };
        let (mean, n_eff) = (rate.mean * good / all, rate.n_eff.min(all));
        let Some(bounds) = wilson(mean, n_eff, rules.confidence) else { continue };
        let found = Labelled { mean, bounds, n_eff, labels: told.len() as u64 };
        replace(cell, rate, found);
        for other in [&mut cell.if_fail, &mut cell.if_pass].into_iter().flatten() {
            *other = Estimate { mean: other.mean * good / all, n_eff };
        }
        correction.rate = Some((shown(&found), LabelSource::Others));
    }
}

fn correct_cell(
    standing: &OracleStanding,
    answers: &Answers<'_>,
    tier: &TierName,
    cell: &mut CellEvidence,
    rules: Rules,
) -> Correction {
    let none = |needed| Correction { rate: None, needed };
    let Some(rate) = cell.pass_rate else { return none(None) };
    let own = |unknown, n_eff| labelled::rate(&answers.units(unknown), n_eff, rules.confidence);
    let enough = standing.suffices(tier).then(|| own(None, rate.n_eff)).flatten();
    if let Some(found) = enough {
        // An oracle that is no judge is believed without labels. As long as not even labels that are all good could confirm a
        // route, correcting by them would take every route away, whatever they say: they count where they contradict it.
        let least = if standing.judge { None } else { least(rules.floors) };
        let contradicts = rate.mean < found.bounds.low || rate.mean > found.bounds.high;
        match least.filter(|least| found.labels < *least && found.n_eff < rate.n_eff) {
            Some(least) if !contradicts => return none(Some(least)),
            Some(_) | None => {}
        }
        replace(cell, rate, found);
        for (other, unknown) in [(&mut cell.if_fail, false), (&mut cell.if_pass, true)] {
            if let Some(estimate) = other
                && let Some(found) = own(Some(unknown), estimate.n_eff)
            {
                *estimate = Estimate { mean: found.mean, n_eff: found.n_eff };
            }
        }
        return Correction { rate: Some((shown(&found), LabelSource::Own)), needed: None };
    }
    let few = (!standing.judge && standing.own_labels(tier) > 0).then(|| least(rules.floors)).flatten();
    let Some(used) = standing.confusion(tier) else { return none(few) };
    let Some(found) = used.corrected(rate.mean, rate.n_eff, rules.confidence) else { return none(few) };
    let found = Labelled { mean: found.rate, bounds: found.bounds, n_eff: found.n_eff, labels: used.n() };
    replace(cell, rate, found);
    for other in [&mut cell.if_fail, &mut cell.if_pass].into_iter().flatten() {
        if let Some(corrected) = used.corrected(other.mean, other.n_eff, rules.confidence) {
            *other = Estimate { mean: corrected.rate, n_eff: corrected.n_eff };
        }
    }
    Correction { rate: Some((shown(&found), LabelSource::Others)), needed: None }
}

/// The fewest labels that could confirm a route, if every one of them were good.
fn least(floors: Floors) -> Option<u64> {
    power::smallest_n(floors.route, floors.confidence, Posterior::new)
}

fn replace(cell: &mut CellEvidence, own: Rate, found: Labelled) {
    cell.uncalibrated = Some(own);
    cell.pass_rate = Some(Rate {
        mean: found.mean,
        low: found.bounds.low,
        high: found.bounds.high,
        n_eff: found.n_eff,
        interval: IntervalMethod::default(),
        ..own
    });
}

fn shown(found: &Labelled) -> CalibratedRate {
    CalibratedRate {
        mean: share(found.mean),
        low: share(found.bounds.low),
        high: share(found.bounds.high),
        labels: found.labels,
    }
}

/// How many wrong verdicts would turn a decision, rounded down: "fewer than" must stay true.
pub(super) fn turning_point(tier: &TierName, turning: Turning) -> TurningPoint {
    TurningPoint { tier: tier.clone(), wrong: turning.wrong, share: (turning.share * 1e4).floor() / 1e4 }
}

/// What is known of a task's oracle by labels, rounded.
pub(super) fn calibration(
    standing: &OracleStanding,
    tiers: &[TierName],
    corrections: &[Correction],
) -> Calibration {
    let of_tier = |(tier, correction): (&TierName, &Correction)| {
        let seen = standing.tiers.get(tier).copied().unwrap_or_default();
        TierCalibration {
            tier: tier.clone(),
            capped: standing.cap().is_none().then(|| standing.cap_of(tier)).flatten(),
            labels: seen.n(),
            own_labels: Some(standing.own_labels(tier)).filter(|labels| *labels > 0),
            labels_needed: correction.needed,
            sensitivity: seen.sensitivity().map(share),
            specificity: seen.specificity().map(share),
            kappa: seen.kappa().map(share),
            calibrated_pass_rate: correction.rate.map(|(rate, _)| rate),
            corrected_by: correction.rate.map(|(_, source)| source),
        }
    };
    Calibration {
        oracle: standing.oracle.clone(),
        judge: standing.judge,
        labels: standing.all.n(),
        labels_required: if standing.judge { standing.needed } else { 0 },
        capped: standing.cap(),
        sensitivity: standing.all.sensitivity().map(share),
        specificity: standing.all.specificity().map(share),
        kappa: standing.all.kappa().map(share),
        tiers: tiers.iter().zip(corrections).map(of_tier).collect(),
    }
}
