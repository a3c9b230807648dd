//! The exit codes, their meaning, and the code of each kind of error.

use std::process::ExitCode;

use crate::diag::UsageError;
use crate::engine::{Error, ErrorKind};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Fine,
    /// Failed for a reason other than the user's input.
    Failed,
    /// Bad usage or bad input.
    Usage,
    /// Incomplete but resumable: out of budget, a stopped tier, or unanswered trials.
    Incomplete,
    /// A gate failed: `router.toml` does not match today's inputs, or a run got worse.
    Gate,
    /// Interrupted; the same command continues.
    Interrupted,
}

impl Exit {
    /// The exit code of the process.
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
        0    success\n  \
        1    failed\n  \
        2    bad usage or bad input\n  \
        3    incomplete: run the same command again to continue (budget, stopped tier, unanswered trials)\n  \
        100  a gate failed: router.toml is out of date, or a run is worse\n  \
        130  interrupted: run the same command again to continue";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The exit code of an error.
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
