//! Estimates with their intervals, as rates and as money.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::facts::{Money, Rate};
use crate::config::IntervalMethod;
use crate::stats::weighted::Estimate;
use crate::stats::{interval, skew};
use crate::units::Usd;

/// An estimate with its interval; `n` are the trials that it rests on. `None` where there is no interval.
#[must_use]
pub fn rate(estimate: Estimate, n: u64, confidence: f64, method: IntervalMethod) -> Option<Rate> {
    let Estimate { mean, n_eff } = estimate;
    let bounds = match method {
        IntervalMethod::Wilson => interval::wilson,
        IntervalMethod::ClopperPearson => interval::clopper_pearson,
        IntervalMethod::Jeffreys => interval::jeffreys,
    };
    let bounds = bounds(mean, n_eff, confidence)?;
    Some(Rate { mean, low: bounds.low, high: bounds.high, n, n_eff, interval: method })
}

/// A mean and its bootstrap replicates as money: `None` where there is no mean, or where it cannot be a decimal. The interval
/// is that of [`skew`]: costs have long tails.
#[must_use]
pub fn money(mean: f64, replicates: impl IntoIterator<Item = f64>, confidence: f64) -> Option<Money> {
    let replicates: Vec<f64> = replicates.into_iter().collect();
    let bounds = skew::interval(mean, &replicates, confidence);
    let (low, high) = bounds.map_or((mean, mean), |b| (b.low, b.high));
    Some(Money { mean: usd(mean)?, low: usd(low)?, high: usd(high)? })
}

/// An estimate of money as a decimal of ten significant digits.
#[must_use]
pub fn usd(value: f64) -> Option<Usd> {
    Decimal::from_f64(value).map(|amount| Usd::new(amount).significant(10))
}
