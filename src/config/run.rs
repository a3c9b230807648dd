//! How trials are run, and what they may be answered from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Share, Tokens};

/// How trials are run, and where files go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// Seed of the order of trials and of every bootstrap.
    pub seed: u64,
    /// How often each prompt is sent to each model.
    #[schemars(extend("x-unit" = "trials per prompt"))]
    pub repeats: u32,
    /// Cap on output tokens where neither prompt, task nor tier sets one.
    #[schemars(extend("x-unit" = "tokens"))]
    pub max_output_tokens: Tokens,
    /// The most attempts per trial.
    #[schemars(extend("x-unit" = "attempts"))]
    pub max_attempts: u32,
    /// Time after the first attempt of a trial after which no further attempt starts.
    #[schemars(extend("x-unit" = "seconds"))]
    pub max_trial_s: u32,
    /// The share of an endpoint's calls that may be retries; beyond it, retries go out one at a time.
    #[schemars(extend("x-unit" = "share, 0 to 1"))]
    pub retry_budget: Share,
    /// The longest pause that a server may ask of a tier; a longer one stops the tier.
    #[schemars(extend("x-unit" = "seconds"))]
    pub max_park_s: u32,
    /// Keep concurrency fixed at its limit instead of adapting to the server (`--pin-concurrency`).
    pub pin_concurrency: bool,
    /// Stop calling cells that are already decided (`--stop-early`).
    pub stop_early: bool,
    /// With `stop_early`: measure dearer tiers even where a cheaper one is proven (`--complete`).
    pub complete: bool,
    /// Time between the first two polls of a batch; it doubles up to five minutes.
    #[schemars(extend("x-unit" = "seconds"))]
    pub batch_poll_s: u32,
    /// Time limit for connecting.
    #[schemars(extend("x-unit" = "seconds"))]
    pub connect_timeout_s: u32,
    /// Time limit to the first byte, and between two pieces of content.
    #[schemars(extend("x-unit" = "seconds"))]
    pub progress_timeout_s: u32,
    /// Time limit for a whole attempt.
    #[schemars(extend("x-unit" = "seconds"))]
    pub total_timeout_s: u32,
    /// Folder for runs and their reports.
    pub reports: PathBuf,
    /// Folder of the oracles.
    pub oracles: PathBuf,
    /// File to which the routes are written.
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
            complete: false,
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

/// What happens to trials that are not in the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TapeMode {
    /// No model is called: these trials stay unanswered, and the run reports them.
    #[default]
    Only,
    /// These trials are sent to the models.
    Prefer,
}
