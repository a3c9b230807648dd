//! Parsers of single values.

use crate::units::{UnitError, Usd};

pub(crate) fn parse_usd(text: &str) -> Result<Usd, String> {
    let amount: Usd = text.parse().map_err(|error: UnitError| error.to_string())?;
    if amount < Usd::ZERO { Err("a cost limit cannot be negative".to_owned()) } else { Ok(amount) }
}

pub(crate) fn parse_alpha(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if share > 0.0 && share < 1.0 {
        Ok(share)
    } else {
        Err("must be between 0 and 1, both excluded".to_owned())
    }
}

pub(crate) fn parse_amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if amount.is_finite() && amount >= 0.0 { Ok(amount) } else { Err("must be 0 or more".to_owned()) }
}

pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "write a number such as 0.2".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share must be between 0 and 1".to_owned()) }
}

pub(crate) fn parse_near(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "write a number such as 0.9".to_owned())?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err("a share must be above 0 and at most 1".to_owned())
    }
}
