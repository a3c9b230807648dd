//! `summary.json`: the summary itself, written and read.

use serde::Deserialize;

use super::result::{Summary, VERSION};

/// Why bytes are not a summary that this program reads.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The format is of another version.
    #[error("summary.json is version {0}; this program reads version {VERSION}")]
    Version(u32),
    /// It is not JSON of that shape.
    #[error("not a summary: {0}")]
    Json(#[from] serde_json::Error),
}

impl SummaryError {
    /// What to do about it: the summary of a run follows from its answers, unless a newer program wrote it.
    #[must_use]
    pub fn help(&self, run: &str) -> String {
        match self {
            Self::Version(version) if *version > VERSION => {
                "a newer route-prof wrote it: update this one".to_owned()
            }
            Self::Version(_) | Self::Json(_) => rewrite_with(run),
        }
    }
}

/// How the summary of a run is written again.
#[must_use]
pub fn rewrite_with(run: &str) -> String {
    format!("write it again with `route-prof report {run}`: that makes no call")
}

/// The one field that every version of the format has.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

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

    /// Reads a `summary.json`. The version comes first: a file of another version is refused as that, not as a file with
    /// unknown fields.
    ///
    /// # Errors
    /// When it is of another version, or not a summary.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SummaryError> {
        let Header { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            return Err(SummaryError::Version(version));
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_with_what_to_do() {
        let old = br#"{"version": 1, "beside": [], "tool": "route-prof 0.1.0"}"#;
        insta::assert_snapshot!(
            Summary::from_json(old).unwrap_err(),
            @"summary.json is version 1; this program reads version 3"
        );
        insta::assert_snapshot!(
            Summary::from_json(old).unwrap_err().help("a-run"),
            @"write it again with `route-prof report a-run`: that makes no call"
        );
        let newer = Summary::from_json(br#"{"version": 4}"#).unwrap_err();
        assert_eq!(newer.help("a-run"), "a newer route-prof wrote it: update this one");
        assert!(matches!(newer, SummaryError::Version(4)), "{newer}");
        let none = Summary::from_json(br#"{"tool": "route-prof 0.1.0"}"#).unwrap_err();
        assert!(matches!(none, SummaryError::Json(_)), "{none}");
    }
}
