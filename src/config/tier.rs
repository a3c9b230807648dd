//! A rung of the ladder, and what is measured beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ident::{ModelRef, TierName};
use crate::units::Tokens;

/// A rung of the ladder.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: TierName,
    /// The model that is measured and that serves.
    pub model: ModelRef,
    /// What it is measured for.
    pub role: TierRole,
    /// Fallbacks of the same class, in order.
    pub same_class: Vec<ModelRef>,
    /// The cap on output tokens where neither prompt nor task sets one.
    pub max_output_tokens: Option<Tokens>,
    /// The context window, where the catalogue's is wrong or missing.
    pub context_window: Option<Tokens>,
    /// Request parameters for this tier, over the provider's and under the task's.
    pub params: BTreeMap<String, Value>,
}

/// What a tier is measured for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierRole {
    /// To be routed to.
    Rung,
    /// To stand in for this tier's model when that one is down.
    Fallback(TierName),
    /// To be compared with: it is a router itself, and no rung of the ladder.
    Router,
}
