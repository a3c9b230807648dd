//! The one frozen, versioned result of a run. Everything that people or machines read is rendered from it, so a
//! field is never renamed or given another meaning without a new [`VERSION`].
//!
//! Figures are rounded when the summary is built (shares to 6 places, times to microseconds, money to ten significant
//! digits), so that the same inputs give the same bytes on every machine.

pub mod queries;
pub mod outside;
pub mod assemble;
mod counted;
pub mod json;
mod judge;
mod method;
mod notice;
mod notices;
mod result;
pub mod flips;
mod rounding;
mod run;
pub mod strategies;
mod task;
#[cfg(test)]
mod tests;
mod tier;

// Each of these is defined by the module that computes it; to readers they are all parts of the summary.
pub use crate::config::Range;
pub use crate::measure::{
    Availability, Counts, Latency, Money, PassPower, Rate, ReasonCount, Repeats, TokenStats,
};
pub use crate::policy::{
    Band, Decision, Detector, EffectiveCost, Escalation, Infeasible, NeededTime, QualityGate, Route,
    Unproven, Wrong,
};
pub use crate::project::Source as BillSource;
pub use crate::project::{
    Baseline, Growth, Horizon, Interval, Projection, Scenario, SourceShare, TaskProjection, TaskTier, Today,
    Weighting,
};
pub use assemble::{Inputs, MeasuredTask, assemble};
pub use json::SummaryError;
pub use judge::{CalibratedRate, Calibration, LabelSource, TierCalibration, TurningPoint};
pub use method::{Method, Versus};
pub use notice::{Notice, NoticeLevel};
pub use outside::{OutsideCell, OutsideModel, Role};
pub use result::{JudgeSpend, Spend, Summary, VERSION};
pub use run::{Evidence, RunFacts, Source, StopEarly};
pub use strategies::{Strategies, StrategyKind, StrategyLine};
pub use task::{Cell, ProfileTier, RequestProfile, StoppedEarly, TaskSummary};
pub use tier::{PriceLine, TierSummary};
