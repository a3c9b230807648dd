//! Cells to routes: which tier serves a task, and why.
//!
//! Decides on evidence only; measures nothing and prices nothing.

mod assess;
mod assessment;
pub mod audit;
mod band;
mod case;
mod cost;
mod escalation;
mod floors;
mod ladder;
mod multiplicity;
mod flips;
mod needs;
mod route;
mod stopping;
pub mod strategies;
#[cfg(test)]
pub(crate) mod tests;
mod types;

pub use assessment::{Assessment, Comparison, Doubt, EarlyStop, Odds, Strictness};
pub use case::{Case, OVERFLOW_TOLERANCE, TierFacts, references};
pub use escalation::watched;
pub use flips::{Change, Flip};
pub use floors::Floors;
pub use ladder::{Standing, cheapest_sufficient_tier, default_tier, dominated};
pub use multiplicity::holm;
pub use route::guarded;
pub use stopping::{Known, Unit, Watch, stop_alpha};
pub use types::{
    AfterFallback, Band, Decision, Detector, EffectiveCost, Escalation, Infeasible, NeededTime, QualityGate,
    Route, Unproven,
};
