//! What `run`, `plan` and `doctor` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::parse::parse_usd;
use crate::engine::SourceOptions;
use crate::units::Usd;

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

impl SourceArgs {
    /// The same as the engine takes it.
    pub(crate) fn options(&self) -> SourceOptions {
        SourceOptions {
            tape: self.tape.clone(),
            live: self.live,
            fresh: self.fresh,
            repeats: self.repeats,
            seed: self.seed,
            batch: self.batch,
            fallbacks: self.fallbacks,
        }
    }
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

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The prompts: JSONL or CSV
    pub(crate) corpus: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
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
