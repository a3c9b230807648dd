//! Figures as every report writes them: rates, money, savings, points, factors.

use rust_decimal::Decimal;

use crate::summary::{Baseline, Horizon, Interval, Money, Rate, StrategyLine};
use crate::units::{Usd, percent};

/// A share that is too small to be shown.
const NOTHING: &str = "0.0 %";

/// A rate with its interval: `97.3 % (94.4–98.8)`.
pub(super) fn rate(rate: &Rate) -> String {
    format!("{:.1} % ({:.1}–{:.1})", rate.mean * 100.0, rate.low * 100.0, rate.high * 100.0)
}

/// A rate with its interval in whole percents: `97.3 % (94–99)`.
pub(super) fn rate_short(rate: &Rate) -> String {
    format!("{:.1} % ({:.0}–{:.0})", rate.mean * 100.0, rate.low * 100.0, rate.high * 100.0)
}

/// A share with its interval in whole percents: `97.3 % (94–99)`.
pub(super) fn share_short(share: &Interval) -> String {
    format!("{} ({:.0}–{:.0})", percent(share.mean), share.low * 100.0, share.high * 100.0)
}

/// An amount with its interval: without cents from a hundred dollars up.
pub(super) fn money_short(money: &Money) -> String {
    format!("{} ({}–{})", usd_short(money.mean), usd_short(money.low), usd_short(money.high))
}

/// An amount without cents from a hundred dollars up.
pub(super) fn usd_short(usd: Usd) -> String {
    let text = usd.human();
    if usd.amount().abs() < Decimal::ONE_HUNDRED {
        return text;
    }
    usd.rounded(0).human().trim_end_matches(".00").to_owned()
}

/// A share in whole percents, with one decimal below ten: `68 %`, `4.2 %`.
pub(super) fn percent_short(share: f64) -> String {
    if share.abs() < 0.0995 { percent(share) } else { format!("{:.0} %", share * 100.0) }
}

/// A difference of shares in percentage points.
pub(super) fn points(difference: f64) -> String {
    let text = format!("{:+.1}", difference * 100.0);
    if matches!(text.as_str(), "+0.0" | "-0.0") { "0.0".to_owned() } else { text }
}

/// A factor: `× 4.66`, `× 0.20`.
pub(super) fn factor(factor: f64) -> String {
    if factor >= 100.0 { format!("× {factor:.0}") } else { format!("× {factor:.2}") }
}

/// What one thing costs less than another: negative where it costs more.
#[derive(Clone, Copy)]
pub(super) struct Savings {
    /// The money saved.
    amount: Usd,
    /// The share of the other's cost, with its interval.
    share: Interval,
}

impl Savings {
    /// Of the routes against a baseline, per month; `None` where a cost is unknown.
    pub(super) fn of_routes(total: Option<&Horizon>, baseline: &Baseline) -> Option<Self> {
        Self::of(total, baseline.cost.as_ref(), baseline.savings)
    }

    /// Of the routes against what costs `other`, per month; `None` where a cost is unknown.
    pub(super) fn of(
        total: Option<&Horizon>,
        other: Option<&Horizon>,
        share: Option<Interval>,
    ) -> Option<Self> {
        Some(Self { amount: other?.month.mean - total?.month.mean, share: share? })
    }

    /// Of a strategy against the best single tier: per month where the traffic is known, else per 1,000 requests.
    pub(super) fn of_strategy(line: &StrategyLine, best: &StrategyLine) -> Option<Self> {
        let amount = match (line.month, best.month) {
            (Some(own), Some(best)) => best.mean - own.mean,
            (None, _) | (_, None) => best.cost_per_1000.mean - line.cost_per_1000.mean,
        };
        Some(Self { amount, share: line.savings? })
    }

    /// Whether there is no difference that could be shown.
    fn is_nothing(self) -> bool {
        percent(self.share.mean.abs()) == NOTHING
    }

    /// For a cell of a table: `$839 (68 %)`, `costs $193 more`.
    pub(super) fn cell(self) -> String {
        if self.is_nothing() {
            return format!("$0 ({NOTHING})");
        }
        if self.share.mean < 0.0 {
            return format!("costs {} more", usd_short(Usd::ZERO - self.amount));
        }
        format!("{} ({})", usd_short(self.amount), percent_short(self.share.mean))
    }

    /// The interval of the share: `67.8 to 68.1 %`.
    pub(super) fn interval(self) -> String {
        format!("{:.1} to {}", self.share.low * 100.0, percent(self.share.high))
    }

    /// For a sentence: `saves $839 a month (68 %) against all traffic on frontier`, `costs $193 a month more (96 %) than all
    /// traffic on mid`, `costs as much as all traffic on mid`; `per` is "a month" or "per 1,000 requests".
    pub(super) fn clause(self, per: &str, other: &str) -> String {
        if self.is_nothing() {
            format!("costs as much as {other}")
        } else if self.share.mean > 0.0 {
            let share = percent_short(self.share.mean);
            format!("saves {} {per} ({share}) against {other}", usd_short(self.amount))
        } else {
            let (more, share) = (Usd::ZERO - self.amount, percent_short(-self.share.mean));
            format!("costs {} {per} more ({share}) than {other}", usd_short(more))
        }
    }

    /// For a tile: the money, and what it means against the baseline of that name.
    pub(super) fn tile(self, baseline: &str) -> (String, String) {
        if self.is_nothing() {
            ("$0".to_owned(), format!("no savings against {baseline}"))
        } else if self.share.mean > 0.0 {
            let share = percent_short(self.share.mean);
            (usd_short(self.amount), format!("saved per month ({share}) against {baseline}"))
        } else {
            let share = percent_short(-self.share.mean);
            (usd_short(Usd::ZERO - self.amount), format!("extra cost per month ({share}) against {baseline}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn savings(amount: &str, mean: f64) -> Savings {
        let share = Interval { mean, low: mean - 0.01, high: mean + 0.01 };
        Savings { amount: amount.parse().unwrap(), share }
    }

    #[test]
    fn savings_come_as_money_first_and_extra_cost_says_so() {
        let (saved, extra) = (savings("838.64", 0.679), savings("-193.4", -0.955));
        assert_eq!(saved.cell(), "$839 (68 %)");
        assert_eq!(saved.clause("a month", "x"), "saves $839 a month (68 %) against x");
        assert_eq!(saved.interval(), "66.9 to 68.9 %");
        assert_eq!(extra.cell(), "costs $193 more");
        assert_eq!(extra.clause("a month", "x"), "costs $193 a month more (96 %) than x");
        assert_eq!(extra.tile("x").0, "$193");
        assert_eq!(savings("3.10", 0.042).cell(), "$3.10 (4.2 %)");
    }

    #[test]
    fn a_difference_too_small_to_be_shown_is_none() {
        for tiny in [savings("0.01", 0.0004), savings("-0.01", -0.0004)] {
            assert_eq!(tiny.cell(), "$0 (0.0 %)");
            assert_eq!(tiny.clause("a month", "x"), "costs as much as x");
            assert_eq!(tiny.tile("x"), ("$0".to_owned(), "no savings against x".to_owned()));
        }
    }
}
