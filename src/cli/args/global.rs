//! The options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Sets the options of every command apart in the help texts.
const HEADING: &str = "Global options";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The configuration [default: route-prof.toml in this folder or the nearest one above]
    #[arg(long, short = 'c', global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) config: Option<PathBuf>,
    /// Print tables for people, or one JSON document
    #[arg(long, global = true, value_enum, default_value_t = Format::Human, help_heading = HEADING)]
    pub(crate) format: Format,
    /// When to use colour: `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, alias = "colour", help_heading = HEADING)]
    pub(crate) color: Colour,
    /// Print only warnings and errors on stderr
    #[arg(long, short = 'q', global = true, help_heading = HEADING)]
    pub(crate) quiet: bool,
}

/// What goes to stdout. The values carry no help of their own: it would be repeated on the page of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}
