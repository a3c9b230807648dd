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

/// Which model is good enough for which task, and what will it cost? Measured before launch.
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
    /// Send a corpus to every tier, grade the answers, write router.toml and the reports
    ///
    /// Interrupted, killed or out of budget: run the same command again and it continues. A trial that has an answer is
    /// never paid for twice.
    Run(RunArgs),
    /// What a run would take and could decide: no network
    Plan(PlanArgs),
    /// Grade a run's stored replies with today's oracles, and list the decisions that flip: no calls,
    /// unless --allow-judge
    Grade(GradeArgs),
    /// Decide and render a run anew with today's policy, prices and traffic: no calls
    Report(ReportArgs),
    /// Is router.toml what today's inputs give, and does it still hold? A gate for CI
    Check(CheckArgs),
    /// Two runs, paired: what got better, worse, dearer or slower, and whether that is noise. Exits with 100 on a regression
    Diff(DiffArgs),
    /// A day of traffic through the routes, from the measured distributions: slow hours, outages, budgets
    Simulate(SimulateArgs),
    /// Try every tier with one tiny call: key, model, window, served model, clock. Says what it costs first
    Doctor(DoctorArgs),
    /// A project to start from
    Init(InitArgs),
    /// Check, describe, import, sample or make a corpus
    #[command(subcommand)]
    Corpus(CorpusCommand),
    /// Run the oracles' self-tests, or list them
    #[command(subcommand)]
    Oracle(OracleCommand),
    /// Have people judge a sample of a run's answers, and hold judges against them
    #[command(subcommand)]
    Review(ReviewCommand),
    /// JSON Schemas of every file that is read or written
    Schema(SchemaArgs),
    /// Completions for a shell, on stdout
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Man pages: one on stdout, or all into a folder
    Man {
        /// Write a page a command into this folder
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}
