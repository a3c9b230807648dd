//! Calibrates the pass rates that a judge gave, and summarises its calibration.

use crate::config::{Config, IntervalMethod};
use crate::grade::labels::JudgeStanding;
use crate::ident::TierName;
use crate::measure::{CellEvidence, Rate};
use crate::stats::calibration::Confusion;
use crate::stats::weighted::Estimate;
use crate::summary::judge::{CalibratedRate, Calibration, TierCalibration};
use crate::summary::rounding::share;

/// Corrects the pass rates of a task's tiers for the errors of its judge, once that is calibrated: a decision is about what
/// people would say. The judge's own rate is kept as `uncalibrated`.
pub(super) fn calibrate(
    standing: &JudgeStanding,
    tiers: &[TierName],
    cells: &mut [CellEvidence],
    confidence: f64,
) {
    if standing.cap().is_some() {
        return;
    }
    for (tier, cell) in tiers.iter().zip(cells) {
        let used = standing.confusion(tier);
        let Some(rate) = cell.pass_rate else { continue };
        let Some(corrected) = used.corrected(rate.mean, rate.n_eff, confidence) else { continue };
        cell.uncalibrated = Some(rate);
        cell.pass_rate = Some(Rate {
            mean: corrected.rate,
            low: corrected.bounds.low,
            high: corrected.bounds.high,
            n_eff: corrected.n_eff,
            interval: IntervalMethod::default(),
            ..rate
        });
        for other in [&mut cell.if_fail, &mut cell.if_pass].into_iter().flatten() {
            if let Some(corrected) = used.corrected(other.mean, other.n_eff, confidence) {
                *other = Estimate { mean: corrected.rate, n_eff: corrected.n_eff };
            }
        }
    }
}

/// The calibration of a task's judge, rounded.
pub(super) fn calibration(
    standing: &JudgeStanding,
    tiers: &[TierName],
    cells: &[CellEvidence],
    config: &Config,
) -> Calibration {
    let confidence = config.policy.interval_confidence.get();
    let of_tier = |(tier, cell): (&TierName, &CellEvidence)| {
        let own = standing.tiers.get(tier).copied().unwrap_or_default();
        let used: &Confusion = standing.confusion(tier);
        let rate = cell.uncalibrated.or(cell.pass_rate);
        let corrected = rate.and_then(|rate| used.corrected(rate.mean, rate.n_eff, confidence));
        TierCalibration {
            tier: tier.clone(),
            capped: standing.cap().is_none().then(|| standing.cap_of(tier)).flatten(),
            labels: own.n(),
            sensitivity: own.sensitivity().map(share),
            specificity: own.specificity().map(share),
            kappa: own.kappa().map(share),
            calibrated_pass_rate: corrected.map(|corrected| CalibratedRate {
                mean: share(corrected.rate),
                low: share(corrected.bounds.low),
                high: share(corrected.bounds.high),
                labels: used.n(),
            }),
        }
    };
    Calibration {
        oracle: standing.oracle.clone(),
        labels: standing.all.n(),
        labels_required: standing.needed,
        capped: standing.cap(),
        sensitivity: standing.all.sensitivity().map(share),
        specificity: standing.all.specificity().map(share),
        kappa: standing.all.kappa().map(share),
        tiers: tiers.iter().zip(cells).map(of_tier).collect(),
    }
}
