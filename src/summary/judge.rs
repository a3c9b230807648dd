//! What human labels say of an oracle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{OracleRef, TierName};
use crate::policy::Wrong;

/// What human labels say of the oracle of a task: of a judge always, of another oracle where people have labelled answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The oracle.
    pub oracle: OracleRef,
    /// Whether a model judges. Other oracles are believed without any label; left out where it is true.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub judge: bool,
    /// Human labels.
    pub labels: u64,
    /// Human labels that the policy requires of a judge; 0 where no model judges.
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

#[expect(clippy::missing_const_for_fn, reason = "serde takes any function")]
fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_yes(judge: &bool) -> bool {
    *judge
}

/// Which labels correct a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelSource {
    /// Those of the run's own answers: the rate is estimated from verdicts and labels together, by verdict.
    Own,
    /// Those of other answers, by sensitivity and specificity.
    Others,
}

/// What human labels say of the answers of one tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierCalibration {
    /// The tier.
    pub tier: TierName,
    /// Why its routes stay at monitor, where the judge is calibrated over all tiers but not on this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<String>,
    /// Human labels of its answers, of this run or others.
    pub labels: u64,
    /// Those of them that are about answers of this run; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_labels: Option<u64>,
    /// How many labels of answers of this run it takes before they correct the rate; absent where there are as many, and without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_needed: Option<u64>,
    /// As for all tiers.
    pub sensitivity: Option<f64>,
    /// As for all tiers.
    pub specificity: Option<f64>,
    /// As for all tiers.
    pub kappa: Option<f64>,
    /// The calibrated pass rate: an estimate of what people would give; absent where there are too few labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_pass_rate: Option<CalibratedRate>,
    /// Which labels correct it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_by: Option<LabelSource>,
}

/// A pass rate corrected for the errors of the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibratedRate {
    /// The rate.
    pub mean: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Human labels that it uses: those of the run's own answers of the tier, else those of other answers of the tier, else those of
    /// all tiers.
    pub labels: u64,
}

/// How many verdicts of the oracle may be wrong before the decision for a task turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurningPoint {
    /// The tier that serves.
    pub tier: TierName,
    /// Which verdicts: its passes where it is good enough, its fails where it is not, or not shown to be.
    pub wrong: Wrong,
    /// The decision holds while less than this share of them is wrong, 0 to 1; rounded down.
    pub share: f64,
}
