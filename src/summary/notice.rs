//! What a reader must know before believing a figure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Note,
    /// Limits how far the figures can be believed.
    Warning,
    /// Must be fixed before the routes are used: `check` fails on it.
    Error,
}

/// What a reader must know before believing a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// A short stable name, such as `replay` or `dominated-tier`.
    pub code: String,
    /// One or two sentences.
    pub text: String,
}
