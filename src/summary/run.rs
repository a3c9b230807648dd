//! What was run, on what, and where the answers come from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{Digest, OracleRef, RunId, TaskName};
use crate::units::Usd;

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFacts {
    /// The folder's name.
    pub id: RunId,
    /// The corpus, as the user named it (relative to the project where it lies within).
    pub corpus: String,
    /// Where the answers come from.
    pub source: Source,
    /// The day of the oldest answer in UTC; absent where the answers carry no date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// Prompts in the corpus.
    pub prompts: u64,
    /// Trials that the plan asks for.
    pub trials: u64,
    /// Trials that have an answer.
    pub answered: u64,
    /// Trials whose last attempt was an infrastructure error.
    pub errors: u64,
    /// Trials without any attempt.
    pub missing: u64,
    /// Repeats of each prompt.
    pub repeats: u32,
    /// The seed of orders and bootstraps.
    pub seed: u64,
    /// What early stopping saved; `None` without `--stop-early`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_early: Option<StopEarly>,
}

/// What `--stop-early` saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopEarly {
    /// The largest chance of a wrong claim that is allowed for, per cell and claim.
    pub alpha: f64,
    /// Cells of the ladder.
    pub cells: u64,
    /// Those of them that were decided before all of their prompts were answered.
    pub stopped: u64,
    /// Cells that were not measured to their last prompt because a cheaper tier of the task was proven. They are not decided.
    #[serde(default, skip_serializing_if = "is_none")]
    pub spared: u64,
    /// Whether dearer cells were measured even where a cheaper tier was proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// Trials that were not sent, because their cell was decided or spared; they do not count as missing.
    pub calls_saved: u64,
    /// What they would have cost in USD, by the mean cost of their cells; `None` where a cell's cost is unknown.
    pub cost_saved: Option<Usd>,
    /// The tasks that were measured in full, because their oracle asks a model or a program after all replies are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured_in_full: Vec<TaskName>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Where the answers of a run come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Calls to models.
    Live,
    /// A replay of a recording of real models: the tape's name.
    Recording(String),
    /// A script: no model at all.
    Script,
    /// Several of these.
    Mixed,
}

impl Source {
    /// Where the answers come from, if not from calls of this run: for the top of every page.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Live => None,
            Self::Recording(tape) => Some(format!(
                "Replay of the recording {tape}: the answers are real but were recorded earlier; no model was called now."
            )),
            Self::Script => Some(
                "Scripted answers: no model was called. Nothing here says anything about a model.".to_owned(),
            ),
            Self::Mixed => {
                Some("The answers come from several sources: calls, recordings or scripts.".to_owned())
            }
        }
    }
}

/// Digests of everything that the result depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The corpus: ids, tasks, messages, references, weights.
    pub corpus: Digest,
    /// The tiers: models, endpoints, parameters, and what is sent around each prompt.
    pub tiers: Digest,
    /// The tasks: consequence, latency, traffic, oracle names.
    pub tasks: Digest,
    /// The policy.
    pub policy: Digest,
    /// The prices of the models used.
    pub prices: Digest,
    /// Where the prices come from, such as `built-in catalogue of 2026-11-22`.
    pub price_source: String,
    /// A note on the prices, such as that they are stand-ins.
    pub price_note: Option<String>,
    /// Each oracle version that graded, with its digest.
    pub oracles: BTreeMap<OracleRef, Digest>,
    /// The human labels that judges were calibrated with, where there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<OracleRef, Digest>,
}
