//! The exit codes, each with its meaning, and how an error finds its code.

use std::process::ExitCode;

use crate::diag::UsageError;
use crate::engine::{Error, ErrorKind};

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

/// The code of an error.
pub(crate) fn of_error(error: &anyhow::Error) -> Exit {
    if let Some(error) = error.downcast_ref::<Error>() {
        return match error.kind() {
            ErrorKind::Input => Exit::Usage,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Failed => Exit::Failed,
        };
    }
    if error.is::<UsageError>() { Exit::Usage } else { Exit::Failed }
}
