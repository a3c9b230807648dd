//! What "good enough" is measured against, and how strictly: the choices of `[policy]` that are names, not numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::task::Consequence;
use crate::stats::posterior::Posterior;
use crate::units::Share;

/// The margin of non-inferiority, unless configured otherwise.
pub(super) const MARGIN: f64 = 0.03;
/// Human labels that a judge needs, unless configured otherwise.
pub(super) const JUDGE_MIN_LABELS: u32 = 50;

/// When a tier is good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Its pass rate meets a floor.
    #[default]
    Floor,
    /// It is no worse than the reference by more than `margin`, on the prompts that both answered.
    NonInferior,
}

impl Rule {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::NonInferior => "non_inferior",
        }
    }
}

/// Up to which consequence a cheaper tier that meets only the monitor floor serves, with monitoring, in place of a dearer one that meets
/// the route floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MonitorSaves {
    /// At none: monitoring is for tasks where no tier is shown to meet the route floor.
    Never,
    /// At low consequence.
    Low,
    /// At low and medium consequence. At high consequence it never does.
    #[default]
    Medium,
}

impl MonitorSaves {
    /// Whether it may at this consequence.
    #[must_use]
    pub const fn allows(self, consequence: Consequence) -> bool {
        match (self, consequence) {
            (Self::Never, _) | (_, Consequence::High) | (Self::Low, Consequence::Medium) => false,
            (Self::Low | Self::Medium, Consequence::Low) | (Self::Medium, Consequence::Medium) => true,
        }
    }
}

/// The correction for deciding many cells at once: each is another chance to be lucky.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Multiplicity {
    /// No correction: each cell is decided as if it were the only one.
    #[default]
    None,
    /// Holm correction over all cells: the chance that any cell passes by luck stays that of one cell.
    Holm,
}

impl Multiplicity {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Holm => "holm",
        }
    }
}

/// The confidence interval of a pass rate, and the test against a floor that goes with it. Cells with uneven weights or
/// repeats always use Wilson's interval on the effective sample size, because no exact one exists for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson's score interval; the posterior under a uniform prior decides.
    #[default]
    Wilson,
    /// The exact interval of Clopper and Pearson; its one-sided bound decides. Conservative.
    ClopperPearson,
    /// The interval under Jeffreys' prior; the posterior under that prior decides.
    Jeffreys,
}

impl IntervalMethod {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::ClopperPearson => "clopper_pearson",
            Self::Jeffreys => "jeffreys",
        }
    }

    /// What decides when this interval is asked for: how sure `n` (effective) trials are, of which the share `mean` passed.
    #[must_use]
    pub fn posterior(self, mean: f64, n: f64) -> Posterior {
        match self {
            Self::Wilson => Posterior::new(mean, n),
            Self::ClopperPearson => Posterior::exact(mean, n),
            Self::Jeffreys => Posterior::jeffreys(mean, n),
        }
    }

    /// The name as people write it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Wilson => "Wilson",
            Self::ClopperPearson => "Clopper-Pearson",
            Self::Jeffreys => "Jeffreys",
        }
    }
}

/// What is wrong with a policy, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// A margin must be one that can be held: with none, not even a tier that is as good could be shown to be.
pub(super) fn margin_problems(margin: Share, monitor: Option<Share>) -> Vec<Problem> {
    let mut found = Vec::new();
    if margin.get() <= 0.0 || margin.get() >= 1.0 {
        found.push(Problem::new(
            format!("a margin of {} decides nothing", margin.get()),
            "it is the loss of quality that you can live with, such as 0.03 for three points",
        ));
    }
    if monitor.is_some_and(|monitor| monitor.get() < margin.get()) {
        found.push(Problem::new(
            "monitor_margin is below the margin",
            "between the two a tier serves with monitoring: monitor_margin is the larger one",
        ));
    }
    found
}

/// Whether a setting is what it is when nobody sets it: such settings are left out of the policy's digest, so that routes do
/// not hang on what they do not use.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(super) fn is_usual_margin(margin: &Share) -> bool {
    *margin == Share::clamped(MARGIN)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
pub(super) const fn is_usual_judge_min_labels(labels: &u32) -> bool {
    *labels == JUDGE_MIN_LABELS
}
