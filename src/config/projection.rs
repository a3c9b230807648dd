//! `[projection]`, `[baseline]` and the traffic of a task: what the projected cost may depend on beside the measured prompts.
//! Nothing here decides a route.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::ident::{TaskName, TierName};

/// A quantity that is known as low, likely and high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// As low as it can get.
    pub low: f64,
    /// The most likely value.
    pub likely: f64,
    /// As high as it can get.
    pub high: f64,
}

impl Range {
    /// The range in other units.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, likely: self.likely * factor, high: self.high * factor }
    }
}

/// How the traffic of several tasks moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrafficMoves {
    /// Together: a good month has more requests of every task. The wider, safer interval.
    #[default]
    Together,
    /// Each task by itself.
    Independently,
}

/// What the projected cost depends on beside prompts and traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionSettings {
    /// The share by which traffic grows each month; compounds.
    pub growth_per_month: f64,
    /// Whether the table is there, so that more than the prompts is to vary.
    pub stated: bool,
    /// How the traffic of several tasks moves.
    pub traffic: TrafficMoves,
    /// Whether a route that may be wrong counts, where more than the prompts varies.
    pub routes_may_flip: bool,
    /// Factors on every price.
    pub price: Option<Range>,
    /// Factors on the number of output tokens.
    pub output_length: Option<Range>,
    /// Factors on what caches save, 0 to 1.
    pub cache: Option<Range>,
}

impl Default for ProjectionSettings {
    fn default() -> Self {
        Self {
            growth_per_month: 0.0,
            stated: false,
            traffic: TrafficMoves::default(),
            routes_may_flip: true,
            price: None,
            output_length: None,
            cache: None,
        }
    }
}

/// What serves today: a tier for each task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineSettings {
    /// The tier of every task that `models` does not name.
    pub tier: Option<TierName>,
    /// The tier of single tasks.
    pub models: BTreeMap<TaskName, TierName>,
}

impl BaselineSettings {
    /// The tier that serves a task today.
    #[must_use]
    pub fn of(&self, task: &TaskName) -> Option<&TierName> {
        self.models.get(task).or(self.tier.as_ref())
    }
}

/// Requests per day as typed: a number, or low, likely and high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RawTraffic {
    Plain(f64),
    Range(Range),
}

/// The shape of [`RawTraffic`] for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum TrafficShape {
    /// Requests per day.
    Plain(f64),
    /// Low, likely and high.
    Range(Range),
}

impl<'de> Deserialize<'de> for RawTraffic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;

        impl<'de> Visitor<'de> for Typed {
            type Value = RawTraffic;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or { low = 30000, likely = 50000, high = 90000 }")
            }

            fn visit_f64<E>(self, value: f64) -> Result<RawTraffic, E> {
                Ok(RawTraffic::Plain(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<RawTraffic, E> {
                Ok(RawTraffic::Plain(value as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawTraffic, A::Error> {
                Range::deserialize(MapAccessDeserializer::new(map)).map(RawTraffic::Range)
            }
        }

        deserializer.deserialize_any(Typed)
    }
}

/// Factors on a quantity: as low and as high as it can get; 1 is as measured.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "expected factors: { low = 0.8, high = 1.3 }")]
pub(super) struct RawFactors {
    /// The lowest factor: 1 or less.
    #[schemars(extend("x-unit" = "factor", "default" = 1.0))]
    pub(super) low: Option<f64>,
    /// The highest factor: 1 or more.
    #[schemars(extend("x-unit" = "factor", "default" = 1.0))]
    pub(super) high: Option<f64>,
}

/// What the projected cost depends on beside the prompts and `requests_per_day`: growth, and what may come out otherwise. Decides no
/// route.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProjection {
    /// The share by which the traffic grows each month; compounds over the year.
    #[schemars(with = "Option<f64>", extend("x-unit" = "share per month", "default" = 0.0))]
    pub(super) growth_per_month: Option<Spanned<f64>>,
    /// How the traffic of several tasks moves, where it is a range.
    #[serde(default)]
    pub(super) traffic: TrafficMoves,
    /// Count that a route may be wrong, as probably as its tier misses its floor: then the next tier serves.
    #[schemars(extend("default" = true))]
    pub(super) routes_may_flip: Option<bool>,
    /// By which factors all prices may move: `{ low = 0.7, high = 1.1 }`.
    #[schemars(with = "Option<RawFactors>", extend("x-if-omitted" = "prices stay"))]
    pub(super) price: Option<Spanned<RawFactors>>,
    /// By which factors the number of output tokens may differ from the measured one: `{ low = 0.8, high = 1.3 }`.
    #[schemars(with = "Option<RawFactors>", extend("x-if-omitted" = "as measured"))]
    pub(super) output_length: Option<Spanned<RawFactors>>,
    /// How much of what caches saved in the run they save in production: `{ low = 0 }` is from nothing to all of it.
    #[schemars(with = "Option<RawFactors>", extend("x-if-omitted" = "as measured"))]
    pub(super) cache: Option<Spanned<RawFactors>>,
}

/// What serves today: what savings are told against. Set `tier`, `models`, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBaseline {
    /// The tier (or its `provider/model`) that serves every task that `models` does not name.
    #[schemars(with = "Option<String>", extend("x-if-omitted" = "`models` names every task"))]
    pub(super) tier: Option<Spanned<String>>,
    /// The tier (or its `provider/model`) that serves a task, by the task's name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) models: BTreeMap<Spanned<String>, Spanned<String>>,
}
