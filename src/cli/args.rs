//! The command line, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::corpus::args::CorpusCommand;
use super::exit::Exit;
use crate::ident::OracleRef;
use crate::units::Usd;

/// Which model is good enough for which task, and what will it cost? Measured before launch.
#[derive(Debug, Parser)]
#[command(name = "route-prof", version, about, after_help = Exit::HELP, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The project's settings [default: route-prof.toml here or in a folder above]
    #[arg(long, short = 'c', global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What goes to stdout: tables for people, or one JSON document
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, alias = "colour")]
    pub(crate) color: Colour,
    /// Say only what went wrong
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    /// The options of a command that works on another project than the present one.
    pub(crate) fn of_config(config: PathBuf) -> Self {
        Self { config: Some(config), format: Format::Human, color: Colour::Auto, quiet: false }
    }
}

/// What goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
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

/// Where answers come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Answer from this recording instead of the one in the settings
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    pub(crate) tape: Option<PathBuf>,
    /// Ignore the recording of the settings: call the models
    #[arg(long, alias = "no-tape")]
    pub(crate) live: bool,
    /// Measure anew: take no answer from an earlier run
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Send each prompt this many times to each model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeats: Option<u32>,
    /// Seed of the order of trials and of the bootstrap
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Use the providers' batch APIs, at their price: answers within a day, and no latencies
    #[arg(long)]
    pub(crate) batch: bool,
    /// Measure the fallbacks of each tier's same_class too, so that a fallback in router.toml has evidence
    #[arg(long)]
    pub(crate) fallbacks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The prompts: JSONL or CSV
    pub(crate) corpus: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Say what the run would take, and stop: the same as `plan`
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Never let the run's bill exceed this: calls in flight count at the most they could cost
    #[arg(long, value_name = "USD", value_parser = parse_usd)]
    pub(crate) max_cost: Option<Usd>,
    /// Whether replies are streamed, over the settings: only a streamed reply has a time to first token
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) stream: Option<Switch>,
    /// Calls in flight per provider, over the settings
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,
    /// With --batch: hand requests over anew of which nobody knows whether the provider got them
    #[arg(long, requires = "batch")]
    pub(crate) resubmit: bool,
    /// Keep to that number of calls at a time instead of following what the server bears
    #[arg(long)]
    pub(crate) pin_concurrency: bool,
    /// Stop calling a cell once its answers decide, by a test that allows for looking all the time (policy.stop_alpha)
    #[arg(long, conflicts_with = "batch")]
    pub(crate) stop_early: bool,
    /// Write the answers as a recording, to be replayed with --tape
    #[arg(long, value_name = "FILE")]
    pub(crate) record_tape: Option<PathBuf>,
    /// The name of the run's folder [default: from the corpus and the models]
    #[arg(long, value_name = "NAME")]
    pub(crate) run_id: Option<String>,
    /// The routing config to write [default: router.toml beside the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

pub(crate) fn parse_usd(text: &str) -> Result<Usd, String> {
    let amount: Usd = text.parse().map_err(|error: crate::units::UnitError| error.to_string())?;
    if amount < Usd::ZERO { Err("a ceiling is never negative".to_owned()) } else { Ok(amount) }
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The prompts: JSONL or CSV
    pub(crate) corpus: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GradeArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Grade with this version in place of every version of the same oracle; may be given again
    #[arg(long, value_name = "NAME@VERSION")]
    pub(crate) oracle: Vec<OracleRef>,
    /// Show the replies of so many verdicts that flip
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) samples: usize,
    /// Ask judges what no stored answer of theirs settles: calls to models, at their price
    #[arg(long)]
    pub(crate) allow_judge: bool,
    /// With --allow-judge: never let the run's bill, the judges' included, exceed this
    #[arg(long, value_name = "USD", value_parser = parse_usd, requires = "allow_judge")]
    pub(crate) max_cost: Option<Usd>,
    /// Make the new grades those of the run: rewrite its reports and router.toml
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// The routing config to write [default: router.toml beside the settings; with a what-if, none]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) what_if: WhatIf,
}

/// What is to be otherwise than it is. Nothing of the run is overwritten then.
#[derive(Debug, Args)]
#[command(next_help_heading = "What if")]
pub(crate) struct WhatIf {
    /// Other prices: a file in LiteLLM's format, provider/model=INPUT/OUTPUT in USD per million tokens, or provider/model=x0.5
    #[arg(long, value_name = "PRICES")]
    pub(crate) prices: Vec<String>,
    /// Other traffic: task=50000 requests a day, task=x2, or x2 for all
    #[arg(long, value_name = "TRAFFIC", value_delimiter = ',')]
    pub(crate) traffic: Vec<String>,
    /// Another number of the policy: key=value
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) policy: Vec<String>,
    /// Write the reports of the what-if into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Check against this run's answers [default: the settings' recording, else the latest run]
    #[arg(long, value_name = "RUN")]
    pub(crate) against: Option<String>,
    /// The corpus [default: the one that the run, or router.toml, names]
    #[arg(long, value_name = "FILE")]
    pub(crate) corpus: Option<PathBuf>,
    /// The routing config to check [default: router.toml beside the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The run before: its name, its folder, or `latest`
    pub(crate) before: String,
    /// The run after
    #[arg(default_value = "latest")]
    pub(crate) after: String,
    /// A tier that is called otherwise now; may be given again
    #[arg(long, value_name = "BEFORE=AFTER")]
    pub(crate) tier: Vec<String>,
    /// What makes the exit code 100
    #[arg(long, value_enum, value_delimiter = ',', default_value = "worse")]
    pub(crate) fail_on: Vec<Ailment>,
    /// The chance of calling any noise a signal
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = parse_alpha)]
    pub(crate) alpha: f64,
    /// Show so many replies that passed before
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) samples: usize,
    /// Write Markdown, for a comment on a pull request
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// What can be wrong with a later run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ailment {
    /// Its pass rate fell.
    Worse,
    /// Its requests cost more.
    Dearer,
    /// Its requests take longer.
    Slower,
}

fn parse_alpha(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err("it lies between 0 and 1".to_owned()) }
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Requests of the day [default: 1000000, or as in `[simulate]` of the settings]
    #[arg(long, value_name = "N")]
    pub(crate) requests: Option<u64>,
    /// How they fall over the day [default: office]
    #[arg(long, value_enum)]
    pub(crate) profile: Option<DayProfile>,
    /// How much slower the slowest hour is than the fastest: 0.5 for half as slow again [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = parse_amount)]
    pub(crate) drift: Option<f64>,
    /// A tier that does not answer for a while: TIER@10:00+30 (minutes); may be given again
    #[arg(long, value_name = "OUTAGE")]
    pub(crate) outage: Vec<String>,
    /// USD for the day; beyond it requests go to the cheapest tier, then are rejected
    #[arg(long, value_name = "USD", value_parser = parse_amount)]
    pub(crate) budget_per_day: Option<f64>,
    /// Users among whom the requests are spread [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) users: Option<u32>,
    /// USD for a user and day
    #[arg(long, value_name = "USD", value_parser = parse_amount)]
    pub(crate) budget_per_user: Option<f64>,
    /// Requests of the window whose p95 must meet a task's latency need [default: 200]
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,
    /// An adaptive choice (UCB1) beside the routes
    #[arg(long)]
    pub(crate) adaptive: bool,
    /// What the adaptive choice gives in pass rate for the cost of the dearest tier [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = parse_amount)]
    pub(crate) lambda: Option<f64>,
    /// Seed of the day [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// How requests fall over the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DayProfile {
    /// As many in every hour.
    Flat,
    /// Most of them between nine and six.
    Office,
}

fn parse_amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    if amount.is_finite() && amount >= 0.0 { Ok(amount) } else { Err("it is 0 or more".to_owned()) }
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only these tiers; may be given again [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) tier: Vec<String>,
    /// The fallbacks of each tier's same_class too
    #[arg(long)]
    pub(crate) fallbacks: bool,
    /// Say what it would cost, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to put it
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Start from kinds of task: their audit, oracles and a corpus to fill; may be given again
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) task: Vec<TaskKind>,
}

/// A kind of task that a project can start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskKind {
    /// One label of a closed set.
    Classification,
    /// Fields, as JSON.
    Extraction,
    /// A short text that keeps the facts.
    Summarisation,
    /// Answers from a passage.
    RagAnswering,
    /// Functions.
    Code,
    /// Another language.
    Translation,
    /// Allow or block.
    Moderation,
    /// Prose.
    FreeForm,
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
