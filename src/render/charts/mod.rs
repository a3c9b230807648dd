//! Charts as SVG, drawn by plotters: pass rates, cost against quality, latencies, monthly cost.

mod canvas;
mod cost;
pub mod day;
mod latency;
mod pass_rate;
mod plane;
mod quality;
mod strategies;

pub use self::canvas::Drawn;
use self::canvas::{Chart, finish};
use super::renderer::RenderError;
use crate::summary::Summary;

const CHARTS: &[&Chart] =
    &[&pass_rate::CHART, &quality::CHART, &latency::CHART, &cost::CHART, &strategies::CHART];

/// Every chart that the summary has figures for.
///
/// # Errors
/// When plotters fails.
pub fn all(summary: &Summary) -> Result<Vec<Drawn>, RenderError> {
    let mut charts = Vec::new();
    for chart in CHARTS {
        if let Some(drawing) = (chart.draw)(summary)? {
            charts.push(Drawn { file: chart.file, title: chart.title, svg: finish(&drawing, chart.title) });
        }
    }
    Ok(charts)
}
