//! What a format is, and why a summary cannot be rendered. Knows no format.

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
