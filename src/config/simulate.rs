//! `[simulate]`: the day that `route-prof simulate` simulates, so that a project's day need not be typed again. Flags win.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::ident::TierName;
use crate::units::Usd;

/// How the requests are spread over the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayProfile {
    /// The same number in every hour.
    Flat,
    /// Most of them between 9:00 and 18:00.
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
    /// Reads `small@10:00+30`: from ten, for half an hour. `None` if it is no outage.
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
    /// How they are spread over the day.
    pub profile: DayProfile,
    /// 24 weights, one per hour, in place of `profile`.
    pub hours: Option<[f64; 24]>,
    /// How much slower the slowest hour is than the fastest: 0.5 is 50 % slower.
    pub drift: f64,
    /// Tiers that do not answer for a while.
    pub outages: Vec<PlannedOutage>,
    /// Budget for the day.
    pub budget_per_day: Option<Usd>,
    /// Users who send the requests.
    pub users: u32,
    /// Budget per user and day.
    pub budget_per_user: Option<Usd>,
    /// Last requests over which the p95 latency is taken.
    pub window: u32,
    /// Whether an adaptive choice is shown beside the routes.
    pub adaptive: bool,
    /// Pass rate that the adaptive choice would give up to save the whole cost of the most expensive tier.
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

/// The day that `route-prof simulate` simulates. The command's flags override these keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSimulate {
    /// Requests in the day.
    #[schemars(with = "Option<u64>", extend("x-unit" = "requests per day", "default" = SimulateSettings::default().requests))]
    pub(super) requests: Option<Spanned<u64>>,
    /// How the requests are spread over the day.
    #[schemars(extend("default" = SimulateSettings::default().profile))]
    pub(super) profile: Option<DayProfile>,
    /// 24 weights, one per hour from midnight, that replace `profile`.
    #[schemars(with = "Option<Vec<f64>>", extend("x-unit" = "relative weight", "x-if-omitted" = "`profile`"))]
    pub(super) hours: Option<Spanned<Vec<f64>>>,
    /// How much slower the slowest hour is than the fastest: 0.5 is 50 % slower.
    #[schemars(with = "Option<f64>", extend("x-unit" = "share, 0 or more", "default" = SimulateSettings::default().drift))]
    pub(super) drift: Option<Spanned<f64>>,
    /// Outages of tiers: `TIER@10:00+30` is down from 10:00 for 30 minutes.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) outages: Vec<Spanned<String>>,
    /// Budget for the day; once it is spent, requests go to the cheapest tier, then are rejected.
    #[schemars(with = "Option<Usd>", extend("x-unit" = "USD per day", "x-if-omitted" = "no budget"))]
    pub(super) budget_per_day: Option<Spanned<Usd>>,
    /// Users who send the requests.
    #[schemars(with = "Option<u32>", extend("x-unit" = "users", "default" = SimulateSettings::default().users))]
    pub(super) users: Option<Spanned<u32>>,
    /// Budget per user and day.
    #[schemars(with = "Option<Usd>", extend("x-unit" = "USD per user and day", "x-if-omitted" = "no budget"))]
    pub(super) budget_per_user: Option<Spanned<Usd>>,
    /// Last requests over which the p95 latency is taken; if it is too high, the next tier is asked.
    #[schemars(with = "Option<u32>", extend("x-unit" = "requests", "default" = SimulateSettings::default().window))]
    pub(super) window: Option<Spanned<u32>>,
    /// Also simulate an adaptive choice of tiers (UCB1), for comparison.
    #[serde(default)]
    pub(super) adaptive: bool,
    /// Pass rate that the adaptive choice would give up to save the whole cost of the most expensive tier.
    #[schemars(with = "Option<f64>", extend("x-unit" = "pass rate, 0 or more", "default" = SimulateSettings::default().lambda))]
    pub(super) lambda: Option<Spanned<f64>>,
    /// Seed of the day.
    #[schemars(extend("default" = SimulateSettings::default().seed))]
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
