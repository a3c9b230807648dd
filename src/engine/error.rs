//! The error of a request to the engine.

use std::fmt;

use crate::diag::{Faults, UsageError};

/// What kind of failure it was, and so who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Bad input: a file with faults, or a request for something that does not exist.
    Input,
    /// The caller stopped the work; everything done so far is kept.
    Interrupted,
    /// Anything else: the disk, the network, a bug.
    Failed,
}

/// Why a request failed.
#[derive(Debug)]
pub struct Error(anyhow::Error);

impl Error {
    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let any = |is: fn(&(dyn std::error::Error + 'static)) -> bool| self.0.chain().any(is);
        if any(|cause| cause.is::<Interruption>()) {
            ErrorKind::Interrupted
        } else if any(|cause| cause.is::<Faults>() || cause.is::<UsageError>()) {
            ErrorKind::Input
        } else {
            ErrorKind::Failed
        }
    }

    /// The faults of a file, each with its place, if a file caused the error.
    #[must_use]
    pub fn faults(&self) -> Option<&Faults> {
        self.0.chain().find_map(|cause| cause.downcast_ref())
    }

    /// What to do about it, if known.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.chain().find_map(|cause| cause.downcast_ref::<UsageError>()?.help.as_deref())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for cause in self.0.chain().map(ToString::to_string) {
            // Many errors repeat their cause in their own text.
            if !text.contains(&cause) {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&cause);
            }
        }
        f.write_str(&text)
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

/// The caller stopped the programs of `command` oracles; their verdicts so far are kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "interrupted: {open} questions to oracle programs have no answer yet; run the same command again to continue"
)]
pub(crate) struct Interruption {
    /// Questions without an answer.
    pub(crate) open: u64,
}
