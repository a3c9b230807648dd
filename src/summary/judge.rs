//! The calibration of a judge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{OracleRef, TierName};

/// The calibration of a judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The oracle that the judge belongs to.
    pub oracle: OracleRef,
    /// Human labels.
    pub labels: u64,
    /// Human labels that the policy requires.
    pub labels_required: u32,
    /// Why no route gets above monitor; absent when the judge is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<String>,
    /// Sensitivity: of the answers that people pass, the share that the judge passes.
    pub sensitivity: Option<f64>,
    /// Specificity: of the answers that people fail, the share that the judge fails.
    pub specificity: Option<f64>,
    /// Cohen's kappa: agreement beyond chance.
    pub kappa: Option<f64>,
    /// Each tier, in the order of the ladder.
    pub tiers: Vec<TierCalibration>,
}

/// The calibration of a judge on the answers of one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierCalibration {
    /// The tier.
    pub tier: TierName,
    /// Why its routes stay at monitor, where the judge is calibrated over all tiers but not on this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<String>,
    /// Human labels of its answers.
    pub labels: u64,
    /// As for all tiers.
    pub sensitivity: Option<f64>,
    /// As for all tiers.
    pub specificity: Option<f64>,
    /// As for all tiers.
    pub kappa: Option<f64>,
    /// The calibrated pass rate: an estimate of what people would give; absent where there are too few labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_pass_rate: Option<CalibratedRate>,
}

/// A pass rate corrected for the measured errors of the judge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibratedRate {
    /// The rate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Human labels that the calibration uses: the tier's own, or those of all tiers where its own are too few.
    pub labels: u64,
}
