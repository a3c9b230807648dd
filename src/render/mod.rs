//! A summary to bytes: one file per format, one line each in [`RENDERERS`]. Pure: reads no file, writes none, asks no clock.

pub mod charts;
pub mod csv;
pub mod html;
pub mod json;
mod junit;
mod markdown;
pub mod review;
mod strategies;
pub mod terminal;
mod words;

use crate::summary::Summary;

/// Why a summary cannot be rendered: a defect of the program, never of its input.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// JSON.
    #[error("the summary cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The page's template.
    #[error("the report's template fails: {0}")]
    Template(#[from] minijinja::Error),
    /// A chart.
    #[error("a chart cannot be drawn: {0}")]
    Chart(String),
    /// CSV.
    #[error("the table cannot be written as CSV: {0}")]
    Csv(#[from] ::csv::Error),
    /// Writing to memory.
    #[error("a report cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// A format.
pub struct Renderer {
    /// Its name.
    pub name: &'static str,
    /// The file that it becomes in the run's folder.
    pub file: &'static str,
    /// The bytes of a summary.
    pub render: fn(&Summary) -> Result<Vec<u8>, RenderError>,
}

/// Every format that is a function of the summary alone and stands in the run's folder.
pub const RENDERERS: &[&Renderer] = &[
    &json::RENDERER,
    &html::RENDERER,
    &markdown::RENDERER,
    &csv::PROJECTION,
    &strategies::RENDERER,
    &junit::RENDERER,
];
