//! A share of things that were counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::project::Interval;

/// A share of counted answers with its Wilson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedShare {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share; `None` of nothing.
    pub share: Option<Interval>,
}
