//! `projection.csv`: what the routes cost on the expected traffic, next to all traffic on each tier.

use super::renderer::{RenderError, Renderer};
use crate::summary::{Horizon, Summary};

/// `projection.csv`.
pub(super) const PROJECTION: Renderer =
    Renderer { name: "projection", file: "projection.csv", render: projection };

fn projection(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "what",
        "task",
        "tier",
        "requests_per_day",
        "day_usd",
        "day_low",
        "day_high",
        "month_usd",
        "month_low",
        "month_high",
        "year_usd",
        "year_low",
        "year_high",
        "savings",
        "savings_low",
        "savings_high",
    ];
    writer.write_record(header)?;
    let money = |cost: Option<&Horizon>| -> Vec<String> {
        match cost {
            None => vec![String::new(); 9],
            Some(cost) => [cost.day, cost.month, cost.year]
                .iter()
                .flat_map(|money| [money.mean.to_string(), money.low.to_string(), money.high.to_string()])
                .collect(),
        }
    };
    let projection = &summary.projection;
    let blank = || vec![String::new(); 3];
    for task in &projection.tasks {
        for (what, cost) in [("routed", &task.routed), ("routed as if uncached", &task.routed_uncached)] {
            let lead = [
                what.to_owned(),
                task.task.to_string(),
                task.tier.to_string(),
                task.requests_per_day.to_string(),
            ];
            writer.write_record(lead.into_iter().chain(money(Some(cost))).chain(blank()))?;
        }
    }
    let requests = projection.requests_per_day.to_string();
    for (what, cost) in [("routed", &projection.total), ("routed as if uncached", &projection.total_uncached)]
    {
        let lead = [what.to_owned(), "(all)".to_owned(), String::new(), requests.clone()];
        writer.write_record(lead.into_iter().chain(money(cost.as_ref())).chain(blank()))?;
    }
    for baseline in &projection.baselines {
        let lead = [
            "all traffic on one tier".to_owned(),
            "(all)".to_owned(),
            baseline.tier.to_string(),
            requests.clone(),
        ];
        let savings = baseline.savings.map_or_else(blank, |savings| {
            [savings.mean, savings.low, savings.high].iter().map(ToString::to_string).collect()
        });
        writer.write_record(lead.into_iter().chain(money(baseline.cost.as_ref())).chain(savings))?;
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}
