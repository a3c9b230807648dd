//! What the `corpus` commands take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::parse::{parse_near, parse_share, parse_usd};
use crate::engine::NEAR_DUPLICATE;
use crate::ident::{ModelRef, TaskName};
use crate::units::Usd;

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Report every fault of a corpus, with its line number
    Check {
        /// The corpus: JSONL or CSV
        corpus: PathBuf,
    },
    /// Describe a corpus, and what its size can decide
    ///
    /// Per task: prompts, share of the traffic, effective sample size, tokens, duplicates, adversarial prompts, and the pass
    /// rate that would meet the route floor.
    Stats {
        /// The corpus: JSONL or CSV
        corpus: PathBuf,
    },
    /// Import prompts from another tool: a test suite, a log, a table or a recorded benchmark
    ///
    /// Whatever cannot be converted is listed with its place and the reason. Nothing is dropped silently.
    Import(ImportArgs),
    /// Draw a smaller, stratified corpus
    ///
    /// Stratifies by task, length and adversarial prompts. Weights keep each task's total.
    Sample(SampleArgs),
    /// Create prompts from templates, until you have real ones
    ///
    /// A share of them is adversarial. With --with, a model writes them.
    Synth(SynthArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// The templates: a TOML file (--init writes an example)
    #[arg(long, value_name = "FILE")]
    pub(crate) templates: Option<PathBuf>,
    /// Assign the prompts to this task
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<TaskName>,
    /// Number of prompts
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) n: u64,
    /// Share of adversarial prompts
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = parse_share)]
    pub(crate) adversarial: f64,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The corpus to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Have this model write the prompts, after examples from the templates (calls cost money)
    #[arg(long, value_name = "PROVIDER/MODEL", requires = "out")]
    pub(crate) with: Option<ModelRef>,
    /// With --with: never spend more than this
    #[arg(long, value_name = "USD", value_parser = parse_usd, requires = "with")]
    pub(crate) max_cost: Option<Usd>,
    /// Write example templates to this file, and stop
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The corpus: JSONL or CSV
    pub(crate) corpus: PathBuf,
    /// Number of prompts to draw
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) n: u64,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The corpus to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The format of the file
    #[arg(value_enum)]
    pub(crate) from: Source,
    /// The file to import (a folder for zeroeval and routellm)
    pub(crate) file: PathBuf,
    /// The corpus to write (a folder for zeroeval and routellm)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Write the oracles made from assertions into this folder [default: oracles]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) oracles: Option<PathBuf>,
    /// Assign every prompt to this task [default: from the file's name]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["task_field", "task_rules"])]
    pub(crate) task: Option<TaskName>,
    /// Take the task from this field of a record (`a.b.c`) or this column
    #[arg(long, value_name = "FIELD", conflicts_with = "task_rules")]
    pub(crate) task_field: Option<String>,
    /// Take the task from rules on the prompt: a TOML file of `[[rule]]` tables with `task` and `match`
    #[arg(long, value_name = "FILE")]
    pub(crate) task_rules: Option<PathBuf>,
    /// Merge duplicates and near-duplicates into one prompt with the weight of all of them
    #[arg(long)]
    pub(crate) weight_by_frequency: bool,
    /// With --weight-by-frequency: share of three-word sequences that near-duplicates have in common
    #[arg(long, value_name = "SHARE", default_value_t = NEAR_DUPLICATE, value_parser = parse_near)]
    pub(crate) near: f64,
    /// Mask e-mail addresses, phone, card and account numbers, IP addresses and API keys
    #[arg(long)]
    pub(crate) mask: bool,
    /// promptfoo: the judge for rubrics whose grader is missing or unknown
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub(crate) judge: Option<ModelRef>,
    /// promptfoo: the embeddings model for `similar` assertions whose grader is missing or unknown
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub(crate) embedding: Option<ModelRef>,
    /// CSV: column of the prompt
    #[arg(long, value_name = "NAME", default_value = "prompt")]
    pub(crate) prompt_column: String,
    /// CSV: column of the reference answer
    #[arg(long, value_name = "NAME")]
    pub(crate) expected_column: Option<String>,
    /// CSV: column of the id
    #[arg(long, value_name = "NAME")]
    pub(crate) id_column: Option<String>,
    /// CSV: column of the weight
    #[arg(long, value_name = "NAME")]
    pub(crate) weight_column: Option<String>,
    /// CSV: column of the system prompt
    #[arg(long, value_name = "NAME")]
    pub(crate) system_column: Option<String>,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Detect the format from the file's name and contents
    Auto,
    /// promptfoo: a config (YAML, JSON) or tests (CSV, JSONL)
    Promptfoo,
    /// OpenAI evals: JSONL with `input` and `ideal`
    Evals,
    /// Any CSV: name its columns with the --*-column options
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
