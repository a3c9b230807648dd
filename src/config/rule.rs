//! What "good enough" is measured against, and how strictly: the choices of `[policy]` that are names, not numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::posterior::Posterior;
use crate::units::Share;

/// The margin of non-inferiority, unless the settings say otherwise.
pub(super) const MARGIN: f64 = 0.03;
/// The chance of settling a cell wrongly, unless the settings say otherwise.
pub(super) const STOP_ALPHA: f64 = 0.05;
/// Labels by people that a judge needs, unless the settings say otherwise.
pub(super) const JUDGE_MIN_LABELS: u32 = 50;

/// When a tier is good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Its pass rate clears a floor.
    #[default]
    Floor,
    /// It is no more than a margin worse than the reference tier, on the prompts that both answered.
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

/// What is done about looking at many cells at once: each is another chance to be lucky.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Multiplicity {
    /// Nothing: each cell is decided as if it stood alone.
    #[default]
    None,
    /// Holm's step-down over all cells: the chance that any of them is called good enough by luck stays what a single one's
    /// would be.
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

/// The interval of a pass rate, and with it how a floor is held against it. Cells of uneven weights or with repeats have no
/// exact interval: they keep Wilson's on the effective number of prompts, whatever is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson's score interval is shown; the posterior under a uniform prior decides.
    #[default]
    Wilson,
    /// The exact interval of Clopper and Pearson is shown, and its one-sided bound decides: covers at least what it promises.
    ClopperPearson,
    /// The interval under Jeffreys' prior is shown, and the posterior under that prior decides.
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

pub(super) fn is_usual_stop_alpha(alpha: &Share) -> bool {
    *alpha == Share::clamped(STOP_ALPHA)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
pub(super) const fn is_usual_judge_min_labels(labels: &u32) -> bool {
    *labels == JUDGE_MIN_LABELS
}
