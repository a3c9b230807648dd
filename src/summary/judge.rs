//! How far a judge can be trusted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{OracleRef, TierName};

/// How far a judge can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The oracle whose judge it is.
    pub oracle: OracleRef,
    /// Labels by people.
    pub labels: u64,
    /// Labels that the policy asks for.
    pub labels_required: u32,
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
    pub calibrated_pass_rate: Option<CalibratedRate>,
}

/// A pass rate freed from the errors of the judge that measured it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibratedRate {
    /// The rate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Labels that the correction rests on: the tier's own, or those of all tiers where its own are too few.
    pub labels: u64,
}
