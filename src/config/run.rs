//! How trials are run, and what they may be answered from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Share, Tokens};

/// How trials are run. Written as `[run]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Seed of the order of trials and of every bootstrap.
    pub seed: u64,
    /// Times that each prompt is sent to each model.
    pub repeats: u32,
    /// The cap on output tokens where nothing else sets one.
    pub max_output_tokens: Tokens,
    /// Attempts at a trial at the most.
    pub max_attempts: u32,
    /// Seconds for a trial, from its first attempt: no further attempt begins after them.
    pub max_trial_s: u32,
    /// The share of an endpoint's calls that may be retries; what is beyond goes out one at a time.
    pub retry_budget: Share,
    /// Seconds that a tier waits at the most for a server that asks it to; one that asks for more stops the tier.
    pub max_park_s: u32,
    /// Send as many calls at a time as the limit says, always, instead of following what the server bears: `--pin-concurrency`.
    pub pin_concurrency: bool,
    /// Call no cell any more whose answers decide already: `--stop-early`.
    pub stop_early: bool,
    /// Seconds between the first two looks at a batch; the time between them doubles, up to five minutes.
    pub batch_poll_s: u32,
    /// Seconds to a connection.
    pub connect_timeout_s: u32,
    /// Seconds to the first byte, and between two pieces of content.
    pub progress_timeout_s: u32,
    /// Seconds for a whole attempt.
    pub total_timeout_s: u32,
    /// The folder for reports.
    pub reports: PathBuf,
    /// The folder of the oracles.
    pub oracles: PathBuf,
    /// The routing config that is written.
    pub router: PathBuf,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            repeats: 1,
            max_output_tokens: Tokens(1024),
            max_attempts: 6,
            max_trial_s: 600,
            retry_budget: Share::clamped(0.2),
            max_park_s: 900,
            pin_concurrency: false,
            stop_early: false,
            batch_poll_s: 15,
            connect_timeout_s: 10,
            progress_timeout_s: 120,
            total_timeout_s: 900,
            reports: "reports".into(),
            oracles: "oracles".into(),
            router: "router.toml".into(),
        }
    }
}

/// A recording to answer from. Written as `[tape]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The file: a journal.
    pub file: PathBuf,
    /// What to do about trials that it does not hold.
    pub mode: TapeMode,
}

/// What to do about trials that a tape does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TapeMode {
    /// Never call: a trial that is not on the tape stays unanswered, and the run says so.
    #[default]
    Only,
    /// Call for what is missing.
    Prefer,
}
