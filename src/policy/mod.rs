//! Cells to routes: which tier serves a task, and why.
//!
//! Decides on evidence only; measures nothing and prices nothing.

mod assess;
mod assessment;
pub mod audit;
mod band;
mod case;
mod cost;
mod floors;
mod ladder;
mod multiplicity;
mod robust;
mod route;
mod stopping;
pub mod strategies;
#[cfg(test)]
pub(crate) mod tests;
mod types;

pub use assessment::{Assessment, Comparison, Doubt, Odds, Settled, Strictness};
pub use case::{Case, OVERFLOW_TOLERANCE, TierFacts, references};
pub use cost::EffectiveMeans;
pub use floors::Floors;
pub use ladder::{Standing, best_single, default_tier, dominated};
pub use multiplicity::holm;
pub use robust::{Flip, Lever};
pub use route::guarded;
pub use stopping::{Watch, Weights};
pub use types::{Band, Decision, EffectiveCost, Escalation, Infeasible, QualityGate, Route};
