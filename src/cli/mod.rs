//! The command line: arguments, exit codes, one file per command. Nothing here decides or computes: it reads, calls
//! the modules below, and writes what they give.

mod args;
mod asking;
mod check;
mod completions;
mod corpus;
mod evidence;
mod diff;
mod doctor;
mod exit;
mod batch;
mod grade;
mod init;
mod judging;
mod oracle;
mod outputs;
mod past_run;
mod plan;
mod programs;
mod project;
mod recorder;
mod report;
mod review;
mod run;
mod run_folder;
mod run_record;
mod schema;
mod scouting;
mod send;
mod simulate;
mod stopping;
mod what_if;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Colour, Command, OracleCommand, ReviewCommand};
pub use self::exit::Exit;
use self::exit::{Interruption, UsageError};
use crate::console::{ColourChoice, Console, Verbosity};
use crate::diag::Faults;

/// The whole program: parses the arguments, runs the command, says what went wrong, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A broken pipe while printing help is nobody's fault.
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
        Command::Review(ReviewCommand::Export(args)) => review::export::run(global, console, args),
        Command::Review(ReviewCommand::Import(args)) => review::import::run(global, console, args),
        Command::Schema(args) => schema::run(global, console, args),
        Command::Completions { shell } => completions::completions(console, *shell),
        Command::Man { out } => completions::man(console, out.as_deref()),
    }
}

/// Says what went wrong on stderr: faults with their carets, anything else as one line a cause.
fn explain(console: &Console, error: &anyhow::Error) {
    for cause in error.chain() {
        if let Some(interruption) = cause.downcast_ref::<Interruption>() {
            console.note(&interruption.to_string());
            return;
        }
        if let Some(faults) = cause.downcast_ref::<Faults>() {
            console.faults(faults);
            return;
        }
    }
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let mut text = String::new();
    for cause in &causes {
        // Many errors repeat their cause in their own text.
        if !text.contains(cause.as_str()) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(cause);
        }
    }
    console.error(&text);
    let help = error.chain().find_map(|cause| cause.downcast_ref::<UsageError>()?.help.clone());
    if let Some(help) = help {
        console.help(&help);
    }
}
