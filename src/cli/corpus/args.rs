//! The arguments of the `corpus` commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Report every fault of a corpus, with its line
    Check {
        /// The prompts: JSONL or CSV
        corpus: PathBuf,
    },
    /// Describe a corpus: shares, tokens, duplicates, adversarial share, imbalance, and what its size can decide
    Stats {
        /// The prompts: JSONL or CSV
        corpus: PathBuf,
    },
    /// Make a corpus of what another tool wrote: a test suite, a log, a table, a recorded benchmark
    ///
    /// What has no counterpart is listed with its place and the reason, never dropped in silence.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What wrote it
    #[arg(value_enum)]
    pub(crate) from: Source,
    /// The file (a folder for zeroeval and routellm)
    pub(crate) file: PathBuf,
    /// The corpus to write (a folder for zeroeval and routellm)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// ZeroEval's results of three Claude models: a whole project with a recording
    Zeroeval,
    /// RouteLLM's GSM8K answers: a whole project with a recording
    Routellm,
}
