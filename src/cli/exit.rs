//! The exit codes, each with its meaning, and how an error finds its code.

use std::process::ExitCode;

use crate::diag::Faults;

/// What a command ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Fine,
    /// The program failed at something that is not the user's input.
    Failed,
    /// Bad usage or bad input.
    Usage,
    /// Incomplete but resumable: out of budget, or a stopped tier.
    Incomplete,
    /// The gate failed: the committed routes are not what today's inputs give.
    Gate,
    /// Interrupted; the same command continues.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Gate => 100,
            Self::Interrupted => 130,
        }
    }

    /// The text about exit codes in `--help` and the man page.
    pub const HELP: &'static str = "Exit codes:\n  \
        0    fine\n  \
        1    failed\n  \
        2    bad usage or bad input\n  \
        3    incomplete but resumable (budget, stopped tier, unanswered trials)\n  \
        100  the gate failed\n  \
        130  interrupted";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Bad usage that no file is to blame for, such as a run that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl UsageError {
    /// An error with its remedy.
    pub(crate) fn with_help(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), help: Some(help.into()) }.into()
    }
}

/// The user stopped a command in the middle; what it had done by then is kept.
#[derive(Debug, thiserror::Error)]
#[error("interrupted with {open} questions to programs open; run the same command again to continue")]
pub(crate) struct Interruption {
    /// What was still to be asked.
    pub(crate) open: u64,
}

/// The code of an error: the user's own wish where the chain holds one, bad input wherever the chain holds faults or a usage error, else a failure.
pub(crate) fn of_error(error: &anyhow::Error) -> Exit {
    if error.chain().any(|cause| cause.is::<Interruption>()) {
        return Exit::Interrupted;
    }
    let bad_input = error.chain().any(|cause| cause.is::<Faults>() || cause.is::<UsageError>());
    if bad_input { Exit::Usage } else { Exit::Failed }
}
