//! The command line: turns arguments into a request, calls the engine, and turns the result into tables and an exit code.
//! Decides and computes nothing.

mod args;
mod check;
mod completions;
mod corpus;
mod diff;
mod doctor;
mod ending;
mod events;
mod exit;
mod grade;
mod init;
mod oracle;
mod outputs;
mod plan;
mod report;
mod review;
mod run;
mod schema;
mod session;
mod simulate;

use std::process::ExitCode;

use clap::Parser;

use self::args::global::Colour;
use self::args::project::{OracleCommand, ReviewCommand};
use self::args::{Cli, Command};
pub use self::exit::Exit;
use crate::console::{ColourChoice, Console, Verbosity};
use crate::diag::UsageError;
use crate::engine;

/// Runs the program: parses the arguments, runs the command, reports errors, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A broken pipe while printing help is no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Fine }.into();
        }
    };
    let colour = match cli.global.color {
        Colour::Auto => ColourChoice::Auto,
        Colour::Always => ColourChoice::Always,
        Colour::Never => ColourChoice::Never,
    };
    let verbosity = if cli.global.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let console = Console::new(colour, verbosity);
    match run(&cli, &console) {
        Ok(exit) => exit.into(),
        Err(error) if console.is_broken_pipe(&error) => Exit::Fine.into(),
        Err(error) => {
            explain(&console, &error);
            exit::of_error(&error).into()
        }
    }
}

fn run(cli: &Cli, console: &Console) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Run(args) if args.dry_run => plan::run(global, console, &args.corpus, &args.source),
        Command::Run(args) => run::run(global, console, args),
        Command::Plan(args) => plan::run(global, console, &args.corpus, &args.source),
        Command::Grade(args) => grade::run(global, console, args),
        Command::Report(args) => report::run(global, console, args),
        Command::Check(args) => check::run(global, console, args),
        Command::Diff(args) => diff::run(global, console, args),
        Command::Simulate(args) => simulate::run(global, console, args),
        Command::Doctor(args) => doctor::run(global, console, args),
        Command::Init(args) => init::run(global, console, args),
        Command::Corpus(command) => corpus::run(global, console, command),
        Command::Oracle(OracleCommand::Check { locked, run }) => {
            oracle::check(global, console, *locked, run.as_deref())
        }
        Command::Oracle(OracleCommand::List) => oracle::list(global, console),
        Command::Review(ReviewCommand::Export(args)) => review::export(global, console, args),
        Command::Review(ReviewCommand::Import(args)) => review::import(global, console, args),
        Command::Schema(args) => schema::run(global, console, args),
        Command::Completions { shell } => completions::completions(console, *shell),
        Command::Man { out } => completions::man(console, out.as_deref()),
    }
}

/// Prints an error on stderr: faults with their carets, anything else on one line.
fn explain(console: &Console, error: &anyhow::Error) {
    let failed = error.downcast_ref::<engine::Error>();
    if let Some(faults) = failed.and_then(engine::Error::faults) {
        console.faults(faults);
        return;
    }
    let own = error.downcast_ref::<UsageError>();
    let help = failed.and_then(engine::Error::help).or_else(|| own.and_then(|own| own.help.as_deref()));
    match failed.map(engine::Error::kind) {
        Some(engine::ErrorKind::Interrupted) => console.note(&error.to_string()),
        Some(engine::ErrorKind::Input | engine::ErrorKind::Failed) | None => {
            console.error(&error.to_string())
        }
    }
    if let Some(help) = help {
        console.help(help);
    }
}
