//! The first line of a journal.

use serde::{Deserialize, Serialize};

use crate::record::JOURNAL_VERSION;

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What the file is: `journal`.
    #[serde(rename = "route-prof")]
    pub kind: String,
    /// The version of the format.
    pub version: u32,
    /// A note for people; for a recording, what was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Header {
    pub(super) fn new(note: Option<String>) -> Self {
        Self { kind: "journal".to_owned(), version: JOURNAL_VERSION, note }
    }
}
