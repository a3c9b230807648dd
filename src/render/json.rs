//! `summary.json`: the summary itself.

use super::renderer::{RenderError, Renderer};
use crate::summary::Summary;

pub(super) const RENDERER: Renderer = Renderer { name: "json", file: "summary.json", render };

/// The summary as JSON, indented, with a line break at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut bytes = serde_json::to_vec_pretty(summary)?;
    bytes.push(b'\n');
    Ok(bytes)
}
