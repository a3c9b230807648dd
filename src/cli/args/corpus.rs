//! What the `corpus` commands take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::parse::{parse_near, parse_share, parse_usd};
use crate::ident::{ModelRef, TaskName};
use crate::units::Usd;

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
    /// Draw a smaller corpus, stratified by task, length and adversarial prompts; weights keep each task's total
    Sample(SampleArgs),
    /// Make prompts from templates, a share of them adversarial: to start with, until there are real ones
    Synth(SynthArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// The templates: a TOML file
    #[arg(long, value_name = "FILE")]
    pub(crate) templates: Option<PathBuf>,
    /// The task of the prompts
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<TaskName>,
    /// How many prompts
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) n: u64,
    /// The share of adversarial prompts
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = parse_share)]
    pub(crate) adversarial: f64,
    /// Seed of the prompts
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The corpus to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Have this model write the prompts after examples of the templates, in place of filling the slots: calls, at their price
    #[arg(long, value_name = "PROVIDER/MODEL", requires = "out")]
    pub(crate) with: Option<ModelRef>,
    /// With --with: never let the bill exceed this
    #[arg(long, value_name = "USD", value_parser = parse_usd, requires = "with")]
    pub(crate) max_cost: Option<Usd>,
    /// Write an example of the templates, and stop
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The prompts: JSONL or CSV
    pub(crate) corpus: PathBuf,
    /// How many prompts to draw
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) n: u64,
    /// Seed of the draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The corpus to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
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
    /// The folder for the oracles that assertions become [default: oracles]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) oracles: Option<PathBuf>,
    /// The task of every prompt [default: from the file's name]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["task_field", "task_rules"])]
    pub(crate) task: Option<TaskName>,
    /// Take the task from this field of a record (names with dots between them) or column
    #[arg(long, value_name = "FIELD", conflicts_with = "task_rules")]
    pub(crate) task_field: Option<String>,
    /// Take the task from rules on the prompt: a TOML file of `[[rule]]` tables with `task` and `match`
    #[arg(long, value_name = "FILE")]
    pub(crate) task_rules: Option<PathBuf>,
    /// Fold prompts that are the same, or nearly so, into one that weighs as much as all of them
    #[arg(long)]
    pub(crate) weight_by_frequency: bool,
    /// How alike prompts are to be folded: the share of shingles that they have in common
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = parse_near)]
    pub(crate) near: f64,
    /// Mask e-mail addresses, telephone, card and account numbers, IP addresses and keys
    #[arg(long)]
    pub(crate) mask: bool,
    /// promptfoo: who judges a rubric whose grader is not named, or not known here
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub(crate) judge: Option<ModelRef>,
    /// promptfoo: the embeddings model of a `similar` whose grader is not named, or not known here
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub(crate) embedding: Option<ModelRef>,
    /// CSV: the column of the prompt
    #[arg(long, value_name = "NAME", default_value = "prompt")]
    pub(crate) prompt_column: String,
    /// CSV: the column of the reference answer
    #[arg(long, value_name = "NAME")]
    pub(crate) expected_column: Option<String>,
    /// CSV: the column of the id
    #[arg(long, value_name = "NAME")]
    pub(crate) id_column: Option<String>,
    /// CSV: the column of the weight
    #[arg(long, value_name = "NAME")]
    pub(crate) weight_column: Option<String>,
    /// CSV: the column of the system text
    #[arg(long, value_name = "NAME")]
    pub(crate) system_column: Option<String>,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Tell by the file's name and looks
    Auto,
    /// promptfoo: a config (YAML, JSON) or tests (CSV, JSONL)
    Promptfoo,
    /// OpenAI evals: JSONL with `input` and `ideal`
    Evals,
    /// Any CSV, with its columns named
    Csv,
    /// LiteLLM: spend logs or standard logging payloads (JSONL, JSON)
    Litellm,
    /// OpenTelemetry: GenAI spans as OTLP JSON
    Otel,
    /// Langfuse: exported observations or traces (JSON, JSONL, CSV)
    Langfuse,
    /// ZeroEval's results of three Claude models: a whole project with a recording
    Zeroeval,
    /// RouteLLM's GSM8K answers: a whole project with a recording
    Routellm,
}
