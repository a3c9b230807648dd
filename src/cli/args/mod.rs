//! The command line, as typed.

pub(crate) mod corpus;
pub(crate) mod decide;
pub(crate) mod global;
mod parse;
pub(crate) mod project;
pub(crate) mod run;
pub(crate) mod simulate;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::corpus::CorpusCommand;
use self::decide::{CheckArgs, DiffArgs, GradeArgs, ReportArgs};
use self::global::Global;
use self::project::{InitArgs, OracleCommand, ReviewCommand, SchemaArgs};
use self::run::{DoctorArgs, PlanArgs, RunArgs};
use self::simulate::SimulateArgs;
use super::exit::Exit;

/// Find out which model is good enough for which task, and what it will cost, before launch
#[derive(Debug, Parser)]
#[command(name = "route-prof", version, about, after_help = Exit::HELP, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a corpus on every tier, choose the routes, and write router.toml and reports
    ///
    /// Sends every prompt to every tier, grades the answers with the oracles, and picks the cheapest tier that is good enough
    /// for each task.
    ///
    /// Interrupted, killed or out of budget? Run the same command again and it continues. A trial that has an answer is never
    /// paid for twice.
    Run(RunArgs),
    /// Estimate the calls, cost and time of a run, and what its prompts can decide
    ///
    /// Makes no network call.
    Plan(PlanArgs),
    /// Grade a run's stored replies with today's oracles, and list what changes
    ///
    /// Lists the verdicts, pass rates and routes that change. Nothing is written without --write. Makes no call to a model
    /// without --allow-judge.
    Grade(GradeArgs),
    /// Recompute a run's routes and reports with today's policy, prices and traffic
    ///
    /// Makes no call. With --prices, --traffic or --policy it answers a what-if question and leaves the run unchanged.
    Report(ReportArgs),
    /// Check that router.toml matches today's inputs: a gate for CI
    ///
    /// Recomputes the routes from stored answers, without a call. Exits with 100 if a price, the policy, an oracle or the corpus
    /// has changed so that router.toml is out of date.
    Check(CheckArgs),
    /// Compare two runs prompt by prompt: better, worse, costlier, slower, or noise
    ///
    /// Exits with 100 on a regression: by default, a pass rate that fell beyond noise.
    Diff(DiffArgs),
    /// Simulate a day of traffic through the routes, with slow hours, outages and budgets
    ///
    /// Draws latencies, costs and verdicts from the measured distributions. Makes no call.
    Simulate(SimulateArgs),
    /// Test every tier with one tiny call, and say how to fix what is wrong
    ///
    /// Checks the key, the model, its context window, the served model and the clock. States the maximum cost before it calls.
    Doctor(DoctorArgs),
    /// Create a project to start from
    Init(InitArgs),
    /// Check, describe, import, sample or create a corpus
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Run the oracles' self-tests, or list the oracles
    #[command(subcommand)]
    Oracle(OracleCommand),
    /// Collect human labels for a run's answers, and calibrate judges with them
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Print the JSON Schema of any file that route-prof reads or writes
    Schema(SchemaArgs),
    /// Print shell completions
    Completions {
        /// The shell to complete for
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one per command into a folder
    Man {
        /// Write one page per command into this folder
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}
