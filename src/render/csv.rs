//! `projection.csv`: what the routes cost on the expected traffic, next to all traffic on each tier.

use super::bill;
use super::renderer::{RenderError, Renderer};
use crate::diag::formula_safe;
use crate::summary::{BillSource, Horizon, Summary};

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
        "interval_contains",
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
    let sources = projection.sources.as_deref().unwrap_or_default();
    // The parts of the variance are those of the total; of the other rows only what it is made of is known.
    let (contains, parts) = match sources {
        [_, _, ..] => {
            let names: Vec<&str> = sources.iter().map(|one| bill::source(one.source)).collect();
            (names.join(", "), bill::shares(sources))
        }
        [_] | [] => {
            (bill::source(BillSource::Prompts).to_owned(), bill::source(BillSource::Prompts).to_owned())
        }
    };
    let contains = || std::iter::once(contains.clone());
    let parts = || std::iter::once(parts.clone());
    for task in &projection.tasks {
        for (what, cost) in [("routed", &task.routed), ("routed as if uncached", &task.routed_uncached)] {
            let lead = [
                what.to_owned(),
                task.task.to_string(),
                task.tier.to_string(),
                task.requests_per_day.to_string(),
            ];
            writer
                .write_record(lead.into_iter().chain(money(Some(cost))).chain(blank()).chain(contains()))?;
        }
    }
    let requests = projection.requests_per_day.to_string();
    for (what, cost) in [("routed", &projection.total), ("routed as if uncached", &projection.total_uncached)]
    {
        let lead = [what.to_owned(), "(all)".to_owned(), String::new(), requests.clone()];
        writer.write_record(lead.into_iter().chain(money(cost.as_ref())).chain(blank()).chain(parts()))?;
    }
    for baseline in &projection.baselines {
        let lead = [
            "all traffic on one tier".to_owned(),
            "(all)".to_owned(),
            baseline.tier.to_string(),
            requests.clone(),
        ];
        let row = lead.into_iter().chain(money(baseline.cost.as_ref())).chain(bill::bounds(baseline.savings));
        writer.write_record(row.chain(contains()))?;
    }
    if let Some(today) = &projection.today {
        let lead = ["what serves today".to_owned(), "(all)".to_owned(), bill::tiers(today), requests];
        let lead = lead.map(|cell| formula_safe(&cell).into_owned());
        let row = lead.into_iter().chain(money(today.cost.as_ref())).chain(bill::bounds(today.savings));
        writer.write_record(row.chain(contains()))?;
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}
