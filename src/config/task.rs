//! A task: a row of the task profile audit.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::projection::Range;
use super::provider::DataLocation;
use super::split::LengthBand;
use crate::ident::{OracleRef, TaskName};
use crate::record::Message;
use crate::units::{Millis, Share, Tokens, Usd};

/// A task: a row of the task profile audit.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name.
    pub name: TaskName,
    /// What it does, for people.
    pub description: Option<String>,
    /// Who answers for it, for people.
    pub owner: Option<String>,
    /// The oracle that grades it.
    pub oracle: OracleRef,
    /// The blast radius of a wrong answer.
    pub consequence: Consequence,
    /// The p95 of the total latency that the task can live with; none for a background job.
    pub latency_p95: Option<Millis>,
    /// The p95 of the time to first token that the task can live with; `None` where it does not count.
    pub ttft_p95: Option<Millis>,
    /// The share of gate rejections above which somebody has to look at the route.
    pub escalate_above: Option<Share>,
    /// Where its data may go.
    pub data_location: DataNeed,
    /// Expected traffic, the likely one of a range; unknown where not stated, and then the task has no projection.
    pub requests_per_day: Option<f64>,
    /// How low and how high the traffic can get, where that is stated.
    pub traffic_range: Option<Range>,
    /// Output tokens that an answer is expected to have, on average.
    pub expected_output_tokens: Option<f64>,
    /// The system text that production sends, already read.
    pub system: Option<Arc<str>>,
    /// Few-shot turns that production sends, already read.
    pub shots: Arc<[Message]>,
    /// The template around a prompt's `vars`.
    pub template: Option<Arc<str>>,
    /// Request parameters.
    pub params: BTreeMap<String, Value>,
    /// The cap on output tokens.
    pub max_output_tokens: Option<Tokens>,
    /// The task's own floors, over the policy's.
    pub route_floor: Option<Share>,
    /// See `route_floor`.
    pub monitor_floor: Option<Share>,
    /// The task's own margin of non-inferiority, over the policy's.
    pub margin: Option<Share>,
    /// What a second of waiting costs this task, over the policy's.
    pub latency_penalty: Option<Usd>,
    /// The bounds between its bands of length, in estimated input tokens, rising; empty where it is decided as a whole.
    pub split: Vec<Tokens>,
    /// The band of a task that this stands for; `None` for a task as configured.
    pub band: Option<LengthBand>,
    /// Where in `route-prof.toml` the task is defined, for messages.
    pub line: usize,
}

impl Task {
    /// The name of the configured task: of a band, that of the task that it is a part of.
    #[must_use]
    pub fn of(&self) -> &TaskName {
        self.band.as_ref().map_or(&self.name, |band| &band.of)
    }
}

/// Where the data of a task may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataNeed {
    /// To any provider.
    #[default]
    Any,
    /// Only to providers with `data_location = "local"`.
    Local,
}

impl DataNeed {
    /// Whether the data of such a task may go there.
    #[must_use]
    pub const fn allows(self, location: DataLocation) -> bool {
        match (self, location) {
            (Self::Local, DataLocation::External) => false,
            (Self::Local, DataLocation::Local) | (Self::Any, _) => true,
        }
    }
}

/// How much damage a wrong answer does. It sets the confidence that a decision requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// An annoyance.
    Low,
    /// Costs time or trust.
    #[default]
    Medium,
    /// Costs money, endangers safety or breaks the law.
    High,
}

impl Consequence {
    /// The name as written in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
