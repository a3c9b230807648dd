//! Checks `[projection]`, `[baseline]` and the traffic of tasks.

use std::collections::BTreeMap;

use toml::Spanned;

use super::check::Check;
use crate::config::projection::{
    BaselineSettings, ProjectionSettings, Range, RawBaseline, RawFactors, RawProjection, RawTraffic,
};
use crate::config::task::Task;
use crate::config::tier::{Tier, TierRole};
use crate::ident::{TaskName, TierName};

/// Traffic that doubles every month is not a projection any more.
const MOST_GROWTH: f64 = 1.0;

impl Check<'_> {
    /// The likely traffic of a task, and its range where one is stated.
    pub(super) fn traffic(&mut self, raw: &Option<Spanned<RawTraffic>>) -> (Option<f64>, Option<Range>) {
        let Some(typed) = raw else { return (None, None) };
        let fine = |value: f64| value.is_finite() && value >= 0.0;
        match *typed.get_ref() {
            RawTraffic::Plain(value) if fine(value) => (Some(value), None),
            RawTraffic::Plain(value) => {
                let message = format!("requests_per_day is {value}");
                self.fault(typed.span(), message, "use a finite number, 0 or more");
                (None, None)
            }
            RawTraffic::Range(range) => {
                if let Some(value) =
                    [range.low, range.likely, range.high].into_iter().find(|value| !fine(*value))
                {
                    let message = format!("a bound of requests_per_day is {value}");
                    self.fault(typed.span(), message, "use finite numbers, 0 or more");
                    return (None, None);
                }
                if range.low > range.likely || range.likely > range.high {
                    self.fault(
                        typed.span(),
                        format!(
                            "low, likely and high of requests_per_day are not in order: {}, {}, {}",
                            range.low, range.likely, range.high
                        ),
                        "order them: low <= likely <= high",
                    );
                    return (None, None);
                }
                (Some(range.likely), (range.low < range.high).then_some(range))
            }
        }
    }

    pub(super) fn projection(&mut self, raw: Option<RawProjection>) -> ProjectionSettings {
        let Some(raw) = raw else { return ProjectionSettings::default() };
        let growth = raw.growth_per_month.map_or(0.0, |typed| {
            let growth = *typed.get_ref();
            if growth.is_finite() && (-0.9..=MOST_GROWTH).contains(&growth) {
                return growth;
            }
            self.fault(
                typed.span(),
                format!("growth_per_month is {growth}"),
                "use a share from -0.9 to 1, such as 0.05 for 5 % more each month",
            );
            0.0
        });
        ProjectionSettings {
            growth_per_month: growth,
            stated: true,
            traffic: raw.traffic,
            routes_may_flip: raw.routes_may_flip.unwrap_or(true),
            price: self.factors("price", raw.price, f64::INFINITY),
            output_length: self.factors("output_length", raw.output_length, f64::INFINITY),
            cache: self.factors("cache", raw.cache, 1.0),
        }
    }

    fn factors(&mut self, name: &str, typed: Option<Spanned<RawFactors>>, most: f64) -> Option<Range> {
        let typed = typed?;
        let RawFactors { low, high } = *typed.get_ref();
        let range = Range { low: low.unwrap_or(1.0), likely: 1.0, high: high.unwrap_or(1.0) };
        let fine =
            (0.0..=1.0).contains(&range.low) && range.high.is_finite() && (1.0..=most).contains(&range.high);
        if !fine {
            let help = if most > 1.0 {
                "use factors: low from 0 to 1, high 1 or more; 1 is as measured"
            } else {
                "use low from 0 (caches save nothing) to 1 (as measured); high stays 1"
            };
            let message = format!(
                "the factors of {name} in [projection] are {} and {}: they must lie around 1",
                range.low, range.high
            );
            self.fault(typed.span(), message, help);
            return None;
        }
        (range.low < range.high).then_some(range)
    }

    pub(super) fn baseline(
        &mut self,
        raw: Spanned<RawBaseline>,
        tasks: &[Task],
        tiers: &[Tier],
    ) -> BaselineSettings {
        let span = raw.span();
        let raw = raw.into_inner();
        let tier = raw.tier.as_ref().and_then(|typed| self.rung(typed, tiers));
        let mut models: BTreeMap<TaskName, TierName> = BTreeMap::new();
        for (task, typed) in &raw.models {
            match tasks.iter().find(|known| known.name.as_str() == task.get_ref()) {
                Some(known) => {
                    if let Some(tier) = self.rung(typed, tiers) {
                        models.insert(known.name.clone(), tier);
                    }
                }
                None => {
                    let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
                    self.fault(
                        task.span(),
                        format!("there is no task `{}`", task.get_ref().escape_debug()),
                        format!("use one of: {}", names.join(", ")),
                    );
                }
            }
        }
        let open =
            tasks.iter().find(|task| !raw.models.keys().any(|name| *name.get_ref() == *task.name.as_str()));
        if let Some(open) = open.filter(|_| raw.tier.is_none()) {
            self.fault(
                span,
                format!("[baseline] does not say what serves `{}` today", open.name),
                "set tier, for all tasks, or name every task in models",
            );
        }
        BaselineSettings { tier, models }
    }

    /// A tier of the ladder, by its name or its model.
    fn rung(&mut self, typed: &Spanned<String>, tiers: &[Tier]) -> Option<TierName> {
        let ladder = || tiers.iter().filter(|tier| tier.role == TierRole::Rung);
        let found = ladder()
            .find(|tier| tier.name.as_str() == typed.get_ref())
            .or_else(|| ladder().find(|tier| tier.model.to_string() == *typed.get_ref()));
        if found.is_none() {
            let names: Vec<&str> = ladder().map(|tier| tier.name.as_str()).collect();
            self.fault(
                typed.span(),
                format!("there is no tier `{}` on the ladder", typed.get_ref().escape_debug()),
                format!("use one of: {}", names.join(", ")),
            );
        }
        found.map(|tier| tier.name.clone())
    }
}
