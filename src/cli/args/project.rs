//! What the commands around a project take: `init`, `oracle`, `review`, `schema`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::engine::TaskKind;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to create it in
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Start from kinds of task, each with an oracle and prompts to replace; repeatable
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub(crate) task: Vec<TaskKind>,
}

/// The kinds of task by their names.
fn kinds() -> impl TypedValueParser<Value = TaskKind> {
    let named = |kind: TaskKind| PossibleValue::new(kind.name()).help(kind.about());
    let names = PossibleValuesParser::new(TaskKind::ALL.map(named));
    names.try_map(|name| {
        TaskKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("unknown kind of task")
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum OracleCommand {
    /// Run every example of every oracle, and record new versions in oracles.lock
    ///
    /// Also reports how often each gate accepts wrong answers and rejects good ones.
    Check {
        /// Do not write oracles.lock: fail if a version is missing from it
        #[arg(long)]
        locked: bool,
        /// Audit the gates on the replies of this run too
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// List the oracles, their versions and digests
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Write a sample of a run's answers for people to label: an offline page and a CSV file
    Export(ReviewExportArgs),
    /// Import human labels, report how far they agree with the oracles, and correct pass rates by them
    Import(ReviewImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReviewExportArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Number of answers, picked where labels narrow the decisions most: from the tiers that serve or are undecided [default: a
    /// cross-section of 60]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) n: Option<usize>,
    /// Only answers of this task
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Write review.html and review.csv into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Random seed [default: the run's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Show the tier and model of each answer (hidden by default, so that labels are blind)
    #[arg(long)]
    pub(crate) show_tier: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewImportArgs {
    /// The run: its name, its folder, or `latest`
    pub(crate) run: String,
    /// The labels: the download of review.html, or review.csv with its `verdict` column filled in
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The kind of file [default: list all kinds]
    pub(crate) name: Option<String>,
    /// Write all schemas into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "name")]
    pub(crate) out: Option<PathBuf>,
}
