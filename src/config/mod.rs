//! `route-prof.toml`: as typed (`raw`), then validated into the types here.
//!
//! No provider API, oracle kind or strategy is known here: names are names, and the modules that own them resolve them.

mod digest;
mod load;
mod policy;
mod price;
mod projection;
mod provider;
mod raw;
mod rule;
mod run;
mod settings;
pub mod simulate;
mod split;
mod strategy;
mod task;
#[cfg(test)]
mod tests;
mod tier;

pub use self::load::{ConfigError, load, plain_json_error};
pub use self::policy::Policy;
pub use self::price::{PriceOverride, Prices};
pub use self::projection::{BaselineSettings, ProjectionSettings, Range, TrafficMoves};
pub use self::provider::{DataLocation, Limits, Provider, ServedModel};
pub use self::raw::json_schema;
pub(crate) use self::rule::is_default;
pub use self::rule::{IntervalMethod, MonitorSaves, Multiplicity, Problem, Rule};
pub use self::run::{RunSettings, Tape, TapeMode};
pub use self::settings::Config;
pub use self::simulate::SimulateSettings;
pub use self::split::{LengthBand, length_bands};
pub use self::strategy::{
    ClassifierSettings, HybridSettings, NearestSettings, ScoreWeights, StrategySettings,
};
pub use self::task::{Consequence, DataNeed, Task};
pub use self::tier::{Tier, TierRole};
