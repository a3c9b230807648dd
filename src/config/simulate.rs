//! `[simulate]`: the day that `route-prof simulate` plays, so that a project's day need not be typed again. Flags win.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::ident::TierName;
use crate::units::Usd;

/// How requests fall over the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayProfile {
    /// As many in every hour.
    Flat,
    /// Most of them between nine and six.
    #[default]
    Office,
}

/// A tier that does not answer for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOutage {
    /// The tier.
    pub tier: TierName,
    /// Its beginning, in minutes from midnight.
    pub from: u32,
    /// How many minutes it lasts.
    pub minutes: u32,
}

impl PlannedOutage {
    /// Reads `small@10:00+30`: from ten, for half an hour. `None` where it is no outage.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (tier, rest) = text.split_once('@')?;
        let (clock, minutes) = rest.split_once('+')?;
        let (hour, minute) = clock.split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let from = (hour < 24 && minute < 60).then_some(hour * 60 + minute)?;
        Some(Self { tier: tier.parse().ok()?, from, minutes: minutes.parse().ok()? })
    }
}

/// The day, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulateSettings {
    /// Requests of the day.
    pub requests: u64,
    /// How they fall over the day.
    pub profile: DayProfile,
    /// The same by weights of one's own, an hour each; over `profile`.
    pub hours: Option<[f64; 24]>,
    /// How much slower the slowest hour is than the fastest: 0.5 for half as slow again.
    pub drift: f64,
    /// Tiers that do not answer for a while.
    pub outages: Vec<PlannedOutage>,
    /// USD for the day.
    pub budget_per_day: Option<Usd>,
    /// Users among whom the requests are spread.
    pub users: u32,
    /// USD for a user and day.
    pub budget_per_user: Option<Usd>,
    /// Requests of the window whose p95 must meet a task's latency need.
    pub window: u32,
    /// Whether an adaptive choice is shown beside the routes.
    pub adaptive: bool,
    /// What the adaptive choice gives in pass rate for the cost of the dearest tier.
    pub lambda: f64,
    /// The seed of the day.
    pub seed: u64,
}

impl Default for SimulateSettings {
    fn default() -> Self {
        Self {
            requests: 1_000_000,
            profile: DayProfile::Office,
            hours: None,
            drift: 0.0,
            outages: Vec::new(),
            budget_per_day: None,
            users: 1000,
            budget_per_user: None,
            window: 200,
            adaptive: false,
            lambda: 0.2,
            seed: 1,
        }
    }
}

/// The day that `route-prof simulate` plays; every key has a flag of the same name, which wins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSimulate {
    /// Requests of the day (default: 1000000).
    #[schemars(with = "Option<u64>")]
    pub(super) requests: Option<Spanned<u64>>,
    /// How they fall over the day (default: office).
    pub(super) profile: Option<DayProfile>,
    /// The same by 24 weights of one's own, an hour each from midnight; over `profile`.
    #[schemars(with = "Option<Vec<f64>>")]
    pub(super) hours: Option<Spanned<Vec<f64>>>,
    /// How much slower the slowest hour is than the fastest: 0.5 for half as slow again (default: 0).
    #[schemars(with = "Option<f64>")]
    pub(super) drift: Option<Spanned<f64>>,
    /// Tiers that do not answer for a while: `TIER@10:00+30`, from ten, for 30 minutes.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) outages: Vec<Spanned<String>>,
    /// USD for the day; beyond it requests go to the cheapest tier, then are rejected.
    #[schemars(with = "Option<Usd>")]
    pub(super) budget_per_day: Option<Spanned<Usd>>,
    /// Users among whom the requests are spread (default: 1000).
    #[schemars(with = "Option<u32>")]
    pub(super) users: Option<Spanned<u32>>,
    /// USD for a user and day.
    #[schemars(with = "Option<Usd>")]
    pub(super) budget_per_user: Option<Spanned<Usd>>,
    /// Requests of the window whose p95 must meet a task's latency need (default: 200).
    #[schemars(with = "Option<u32>")]
    pub(super) window: Option<Spanned<u32>>,
    /// Whether an adaptive choice (UCB1) is shown beside the routes.
    #[serde(default)]
    pub(super) adaptive: bool,
    /// What the adaptive choice gives in pass rate for the cost of the dearest tier (default: 0.2).
    #[schemars(with = "Option<f64>")]
    pub(super) lambda: Option<Spanned<f64>>,
    /// The seed of the day (default: 1).
    pub(super) seed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_a_tier_a_beginning_and_a_length() {
        let outage = PlannedOutage::parse("small@09:05+30").unwrap();
        assert_eq!((outage.tier.as_str(), outage.from, outage.minutes), ("small", 545, 30));
        for text in
            ["", "small", "small@9+30", "small@24:00+1", "small@10:60+1", "@10:00+1", "small@10:00+-1"]
        {
            assert_eq!(PlannedOutage::parse(text), None, "{text}");
        }
    }
}
