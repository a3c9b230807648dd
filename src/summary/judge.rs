//! How far a judge can be trusted, and what its pass rates are worth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoticeLevel::{Note, Warning};
use super::rounding::share;
use super::{NoticeLevel, Summary};
use crate::config::{Config, IntervalMethod};
use crate::grade::labels::JudgeStanding;
use crate::ident::{OracleRef, TierName};
use crate::measure::{CellEvidence, Rate};
use crate::stats::calibration::Confusion;
use crate::stats::weighted::Estimate;

/// How far a judge can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The oracle whose judge it is.
    pub oracle: OracleRef,
    /// Labels by people.
    pub labels: u64,
    /// Labels that the policy asks for.
    pub labels_needed: u32,
    /// Why its routes stay at monitor; absent when it is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<String>,
    /// The share of answers that people pass which the judge passes.
    pub sensitivity: Option<f64>,
    /// The share of answers that people fail which the judge fails.
    pub specificity: Option<f64>,
    /// Agreement beyond chance.
    pub kappa: Option<f64>,
    /// Each tier, in the order of the ladder.
    pub tiers: Vec<TierCalibration>,
}

/// How far a judge can be trusted about a tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierCalibration {
    /// The tier.
    pub tier: TierName,
    /// Why its routes stay at monitor, where that is not for want of labels over all tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<String>,
    /// Labels by people of its answers.
    pub labels: u64,
    /// As over all tiers.
    pub sensitivity: Option<f64>,
    /// As over all tiers.
    pub specificity: Option<f64>,
    /// As over all tiers.
    pub kappa: Option<f64>,
    /// The pass rate that people would give; absent where the labels do not allow to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Corrected>,
}

/// A pass rate freed from the errors of the judge that measured it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corrected {
    /// The rate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Labels that the correction rests on: the tier's own, or those of all tiers where its own are too few.
    pub labels: u64,
}

/// Frees the pass rates of a task's tiers from the errors of its judge, once that is calibrated: a decision is about what
/// people would say. The judge's own rate stays beside it.
pub(super) fn correct(
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
        cell.judged = Some(rate);
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
        let rate = cell.judged.or(cell.pass_rate);
        let corrected = rate.and_then(|rate| used.corrected(rate.mean, rate.n_eff, confidence));
        TierCalibration {
            tier: tier.clone(),
            capped: standing.cap().is_none().then(|| standing.cap_of(tier)).flatten(),
            labels: own.n(),
            sensitivity: own.sensitivity().map(share),
            specificity: own.specificity().map(share),
            kappa: own.kappa().map(share),
            corrected: corrected.map(|corrected| Corrected {
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
        labels_needed: standing.needed,
        capped: standing.cap(),
        sensitivity: standing.all.sensitivity().map(share),
        specificity: standing.all.specificity().map(share),
        kappa: standing.all.kappa().map(share),
        tiers: tiers.iter().zip(cells).map(of_tier).collect(),
    }
}

/// What a reader must know of the judges.
pub(super) fn notices(summary: &Summary, say: &mut impl FnMut(NoticeLevel, &str, String)) {
    for task in &summary.tasks {
        let Some(judge) = &task.judge else { continue };
        let (name, oracle) = (&task.name, &judge.oracle);
        if judge.labels == 0 {
            say(
                Warning,
                "judge-uncalibrated",
                format!(
                    "A model judges {name} ({oracle}), and nobody has looked at its verdicts: no tier is routed to above \
                     monitor. `route-prof review export` draws a sample for people to label."
                ),
            );
            continue;
        }
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "unknown".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        let corrected: Vec<String> = judge
            .tiers
            .iter()
            .filter_map(|tier| {
                let rate = tier.corrected?;
                Some(format!(
                    "{} {:.1} % ({:.1}-{:.1} %, {} labels)",
                    tier.tier,
                    rate.mean * 100.0,
                    rate.low * 100.0,
                    rate.high * 100.0,
                    rate.labels
                ))
            })
            .collect();
        let corrected = match corrected.as_slice() {
            [] => "No pass rate can be corrected by them.".to_owned(),
            rates => format!("Pass rates freed from the judge's errors: {}.", rates.join(", ")),
        };
        let text = format!(
            "A model judges {name} ({oracle}). Against {} labels by people it passes {} of the good answers and fails {} of the \
             bad ones (kappa {}). {corrected}",
            judge.labels,
            percent(judge.sensitivity),
            percent(judge.specificity),
            judge.kappa.map_or_else(|| "unknown".to_owned(), |kappa| format!("{kappa:.2}")),
        );
        match &judge.capped {
            None => say(Note, "judge-calibrated", text),
            Some(why) => say(
                Warning,
                "judge-uncalibrated",
                format!("{text} No tier is routed to above monitor: {why}."),
            ),
        }
    }
    if let Some(judge) = summary.spend.judge.as_ref().filter(|judge| judge.missing > 0) {
        say(
            Warning,
            "judge-missing",
            format!(
                "{} of {} questions to judges have no answer: what hangs on them is ungraded.",
                judge.missing, judge.questions
            ),
        );
    }
}
