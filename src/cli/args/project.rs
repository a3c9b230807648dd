//! What the commands around a project take: `init`, `oracle`, `review`, `schema`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::engine::TaskKind;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to put it
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Start from kinds of task: their audit, oracles and a corpus to fill; may be given again
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub(crate) task: Vec<TaskKind>,
}

/// The kinds of task by their names.
fn kinds() -> impl TypedValueParser<Value = TaskKind> {
    let named = |kind: TaskKind| PossibleValue::new(kind.name()).help(kind.about());
    let names = PossibleValuesParser::new(TaskKind::ALL.map(named));
    names.try_map(|name| TaskKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("no such kind"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum OracleCommand {
    /// Run every example of every oracle, and record new versions in oracles.lock
    Check {
        /// Do not write oracles.lock: fail when it lacks a version
        #[arg(long)]
        locked: bool,
        /// Check the gates on the replies of this run too: how often each accepts what is wrong, and rejects what is right
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// List the oracles, their versions and digests
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Draw a sample of a run's answers (by task, tier and verdict) as an offline page and as CSV
    Export(ReviewExportArgs),
    /// Take people's verdicts in, say how far they agree with the oracles, and calibrate judges
    Import(ReviewImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReviewExportArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// How many answers
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) n: usize,
    /// Only answers of this task
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// The folder for review.html and review.csv
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Seed of the draw [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Show which tier and model gave an answer. By default people judge blind
    #[arg(long)]
    pub(crate) show_tier: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewImportArgs {
    /// The run: its name, its folder, or `latest`
    pub(crate) run: String,
    /// The verdicts: the page's download, or review.csv with its column `verdict` filled in
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The file to describe; without it, the names there are
    pub(crate) name: Option<String>,
    /// Write all of them into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "name")]
    pub(crate) out: Option<PathBuf>,
}
