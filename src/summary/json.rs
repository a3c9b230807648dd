//! `summary.json`: the summary itself, written and read.

use super::result::Summary;

impl Summary {
    /// The summary as indented JSON, with a line break at its end.
    ///
    /// # Errors
    /// When it cannot be written as JSON: a defect.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a `summary.json`.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn from_json(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}
