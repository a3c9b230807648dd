//! Checks `[simulate]`.

use toml::Spanned;

use super::check::Check;
use crate::config::simulate::{PlannedOutage, RawSimulate, SimulateSettings};
use crate::config::tier::Tier;
use crate::units::Usd;

/// Users at most: each has a budget to keep.
const MOST_USERS: u32 = 10_000_000;

impl Check<'_> {
    pub(super) fn simulate(&mut self, raw: RawSimulate, tiers: &[Tier]) -> SimulateSettings {
        let usual = SimulateSettings::default();
        let outages = raw.outages.iter().filter_map(|text| self.outage(text, tiers)).collect();
        SimulateSettings {
            requests: raw.requests.map_or(usual.requests, Spanned::into_inner),
            profile: raw.profile.unwrap_or(usual.profile),
            hours: raw.hours.and_then(|hours| self.hours(&hours)),
            drift: self.amount("drift", raw.drift).unwrap_or(usual.drift),
            outages,
            budget_per_day: self.budget("budget_per_day", raw.budget_per_day),
            users: self.count("users", raw.users, MOST_USERS).unwrap_or(usual.users),
            budget_per_user: self.budget("budget_per_user", raw.budget_per_user),
            window: self.count("window", raw.window, u32::MAX).unwrap_or(usual.window),
            adaptive: raw.adaptive,
            lambda: self.amount("lambda", raw.lambda).unwrap_or(usual.lambda),
            seed: raw.seed.unwrap_or(usual.seed),
        }
    }

    fn outage(&mut self, text: &Spanned<String>, tiers: &[Tier]) -> Option<PlannedOutage> {
        let Some(outage) = PlannedOutage::parse(text.get_ref()) else {
            self.fault(
                text.span(),
                format!("`{}` is not an outage", text.get_ref().escape_debug()),
                "write \"TIER@10:00+30\": 30 minutes from 10:00",
            );
            return None;
        };
        if !tiers.iter().any(|tier| tier.name == outage.tier) {
            let names: Vec<&str> = tiers.iter().map(|tier| tier.name.as_str()).collect();
            self.fault(
                text.span(),
                format!("there is no tier `{}`", outage.tier),
                format!("use one of: {}", names.join(", ")),
            );
            return None;
        }
        Some(outage)
    }

    fn hours(&mut self, hours: &Spanned<Vec<f64>>) -> Option<[f64; 24]> {
        let weights = <[f64; 24]>::try_from(hours.get_ref().as_slice()).ok();
        let fine = |weights: &[f64; 24]| {
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.iter().sum::<f64>() > 0.0
        };
        let checked = weights.filter(fine);
        if checked.is_none() {
            self.fault(
                hours.span(),
                "hours of [simulate] is not a list of 24 weights",
                "write 24 numbers of 0 or more, one per hour from midnight, at least one of them above 0",
            );
        }
        checked
    }

    fn amount(&mut self, name: &str, value: Option<Spanned<f64>>) -> Option<f64> {
        let value = value?;
        if !(value.get_ref().is_finite() && *value.get_ref() >= 0.0) {
            self.fault(
                value.span(),
                format!("{name} of [simulate] is negative"),
                "use a number of 0 or more",
            );
        }
        Some(value.into_inner())
    }

    fn budget(&mut self, name: &str, value: Option<Spanned<Usd>>) -> Option<Usd> {
        let value = value?;
        if *value.get_ref() < Usd::ZERO {
            self.fault(value.span(), format!("{name} of [simulate] is negative"), "use 0 USD or more");
        }
        Some(value.into_inner())
    }

    fn count(&mut self, name: &str, value: Option<Spanned<u32>>, most: u32) -> Option<u32> {
        let value = value?;
        if !(1..=most).contains(value.get_ref()) {
            self.fault(
                value.span(),
                format!("{name} of [simulate] is out of range"),
                format!("use 1 to {most}"),
            );
        }
        Some(value.into_inner())
    }
}
