//! `strategies.csv`: every figure of every strategy, one row per strategy.

use super::renderer::{RenderError, Renderer};
use crate::diag::formula_safe;
use crate::summary::{StrategyLine, Summary};
use crate::units::{Millis, Usd};

pub(super) const RENDERER: Renderer = Renderer { name: "strategies", file: "strategies.csv", render };

/// A column: its name, and its cell of a line; empty where unknown.
type Column = (&'static str, fn(&StrategyLine) -> String);

fn usd(amount: Option<Usd>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

const COLUMNS: &[Column] = &[
    ("strategy", |line| formula_safe(&line.id).into_owned()),
    ("what", |line| formula_safe(&line.label).into_owned()),
    ("kind", |line| super::compared::strategy_kind(line.kind).to_owned()),
    ("n", |line| line.n.to_string()),
    ("pass_rate", |line| line.pass_rate.mean.to_string()),
    ("pass_rate_low", |line| line.pass_rate.low.to_string()),
    ("pass_rate_high", |line| line.pass_rate.high.to_string()),
    ("cost_per_1000_usd", |line| line.cost_per_1000.mean.to_string()),
    ("cost_per_1000_low", |line| line.cost_per_1000.low.to_string()),
    ("cost_per_1000_high", |line| line.cost_per_1000.high.to_string()),
    ("month_usd", |line| usd(line.month.map(|month| month.mean))),
    ("latency_p50_ms", |line| number(line.latency_p50.map(Millis::ms))),
    ("latency_p95_ms", |line| number(line.latency_p95.map(Millis::ms))),
    ("escalation_rate", |line| line.escalation_rate.to_string()),
    ("quality_gap", |line| line.quality_gap.mean.to_string()),
    ("quality_gap_low", |line| line.quality_gap.low.to_string()),
    ("quality_gap_high", |line| line.quality_gap.high.to_string()),
    ("savings", |line| number(line.savings.map(|savings| savings.mean))),
    ("savings_low", |line| number(line.savings.map(|savings| savings.low))),
    ("savings_high", |line| number(line.savings.map(|savings| savings.high))),
    ("gain_over_random", |line| number(line.gain_over_random.map(|over| over.mean))),
    ("gain_over_random_low", |line| number(line.gain_over_random.map(|over| over.low))),
    ("gain_over_random_high", |line| number(line.gain_over_random.map(|over| over.high))),
    ("cost_save", |line| number(line.cost_save)),
    ("qnc", |line| number(line.qnc)),
    ("aiq", |line| number(line.aiq)),
    ("pgr", |line| number(line.pgr)),
    ("apgr", |line| number(line.apgr)),
    ("cpt50", |line| number(line.cpt50)),
    ("cpt80", |line| number(line.cpt80)),
    ("opt_sel", |line| number(line.opt_sel)),
    ("opt_cost", |line| number(line.opt_cost)),
    ("opt_acc", |line| number(line.opt_acc)),
    ("ibc_lift", |line| number(line.ibc_lift)),
    ("cost_of_pass_usd", |line| usd(line.cost_of_pass)),
    ("expected_bill_per_1000_usd", |line| usd(line.expected_bill_per_1000)),
    ("frontier_share", |line| number(line.frontier_share)),
    ("in_sample_pass_rate", |line| number(line.in_sample.map(|flattering| flattering.pass_rate))),
    ("in_sample_cost_per_1000_usd", |line| usd(line.in_sample.map(|flattering| flattering.cost_per_1000))),
    ("in_sample_savings", |line| number(line.in_sample.and_then(|flattering| flattering.savings))),
    ("in_sample_aiq", |line| number(line.in_sample.and_then(|flattering| flattering.aiq))),
];

fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS.iter().map(|(name, _)| name))?;
    for line in summary.strategies.iter().flat_map(|strategies| &strategies.table) {
        writer.write_record(COLUMNS.iter().map(|(_, cell)| cell(line)))?;
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}
