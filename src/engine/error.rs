//! What a request to the engine can fail with.

use std::fmt;

use crate::diag::{Faults, UsageError};

/// Whose turn it is after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is at fault: a file with its line, or a request that asks for what does not exist.
    Input,
    /// The caller stopped the work; what was done by then is kept.
    Interrupted,
    /// Anything else: the disk, the network, a defect.
    Failed,
}

/// Why a request failed.
#[derive(Debug)]
pub struct Error(anyhow::Error);

impl Error {
    /// Whose turn it is now.
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

    /// The faults of a file, each with its place, where a file is to blame.
    #[must_use]
    pub fn faults(&self) -> Option<&Faults> {
        self.0.chain().find_map(|cause| cause.downcast_ref())
    }

    /// What to do about it, where that is known.
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

/// The caller stopped the programs of `command` oracles; what they had answered by then is kept.
#[derive(Debug, thiserror::Error)]
#[error("interrupted with {open} questions to programs open; run the same command again to continue")]
pub(crate) struct Interruption {
    /// What was still to be asked.
    pub(crate) open: u64,
}
