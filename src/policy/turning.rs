//! How many verdicts of the oracle may be wrong before a decision turns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assessment::Assessment;
use super::band::{self, Criteria};
use super::case::Case;
use super::floors::Floors;
use super::types::Band;
use crate::config::Rule;
use crate::measure::CellEvidence;
use crate::stats::weighted::Estimate;

/// The verdicts that are taken to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// Passes of answers that are bad.
    Passes,
    /// Fails of answers that are good.
    Fails,
}

/// The share of wrong verdicts at which what is said of a tier turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turning {
    /// The verdicts.
    pub wrong: Wrong,
    /// The share of the tier's passes (or fails): with fewer wrong ones the decision holds. 0 to 1.
    pub share: f64,
}

impl Case<'_> {
    /// The share of a tier's verdicts that would have to be wrong for its band to be another: of its passes where it is good enough,
    /// of its fails where it is not, or not shown to be. `None` where no share would do, where the floors do not decide, and where the
    /// cell was stopped early.
    #[must_use]
    pub fn turning(&self, assessments: &[Assessment], tier: usize) -> Option<Turning> {
        let (cell, assessment) = (self.cells.get(tier)?, assessments.get(tier)?);
        if self.policy.rule != Rule::Floor || self.early_stop(tier).is_some() {
            return None;
        }
        let criteria = Criteria {
            floors: Floors::of(self.task, self.policy),
            min_prompts: self.policy.min_prompts,
            references: None,
        };
        let wrong = match assessment.band {
            Band::Route | Band::Monitor => Wrong::Passes,
            Band::Below | Band::Undecided => Wrong::Fails,
        };
        let holds = |share: f64| {
            let band =
                band::judge(&with(cell, wrong, share), self.first + tier, &criteria, assessment.strictness)
                    .band;
            let band = if band == Band::Route && self.cap(tier).is_some() { Band::Monitor } else { band };
            match assessment.band {
                // An undecided tier turns when it is shown to be good enough: that it may be shown to be too bad is no news.
                Band::Undecided => matches!(band, Band::Undecided | Band::Below),
                Band::Route | Band::Monitor | Band::Below => band == assessment.band,
            }
        };
        if !holds(0.0) || holds(1.0) {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            if holds(middle) { low = middle } else { high = middle }
        }
        Some(Turning { wrong, share: low })
    }
}

/// What the decision rests on, with so many of the verdicts turned round.
fn with(cell: &CellEvidence, wrong: Wrong, share: f64) -> CellEvidence {
    let turned = |mean: f64| match wrong {
        Wrong::Passes => mean * (1.0 - share),
        Wrong::Fails => mean + (1.0 - mean) * share,
    };
    let estimate = |of: Option<Estimate>| of.map(|of| Estimate { mean: turned(of.mean), ..of });
    let mut pass_rate = cell.pass_rate;
    if let Some(rate) = &mut pass_rate {
        rate.mean = turned(rate.mean);
    }
    CellEvidence {
        counts: cell.counts,
        pass_rate,
        if_fail: estimate(cell.if_fail),
        if_pass: estimate(cell.if_pass),
        // Nobody is told how many more prompts would decide it.
        uncalibrated: cell.pass_rate,
        ..CellEvidence::default()
    }
}
