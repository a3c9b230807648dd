//! `simulate.csv`: a simulated day, hour by hour.

use super::charts::day::name;
use super::renderer::RenderError;
use crate::simulate::Day;

/// A row for each hour.
pub(super) fn csv(days: &[Day]) -> Result<Vec<u8>, RenderError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "variant",
        "hour",
        "requests",
        "served",
        "fallbacks",
        "downgraded",
        "rejected",
        "escalations",
        "p50_ms",
        "p95_ms",
        "cost_usd",
        "passes",
    ])?;
    for day in days {
        for hour in &day.hours {
            let figure = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
            writer.write_record([
                name(day.variant).to_owned(),
                hour.hour.to_string(),
                hour.requests.to_string(),
                hour.served.to_string(),
                hour.fallbacks.to_string(),
                hour.downgraded.to_string(),
                hour.rejected.to_string(),
                hour.escalations.to_string(),
                figure(hour.p50_ms),
                figure(hour.p95_ms),
                format!("{:.6}", hour.cost),
                format!("{:.1}", hour.passes),
            ])?;
        }
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}
