//! What `run`, `plan` and `doctor` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::parse::parse_usd;
use crate::engine::SourceOptions;
use crate::units::Usd;

/// Where answers come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Replay this recording instead of the configured one
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    pub(crate) tape: Option<PathBuf>,
    /// Call the models, even if a recording is configured
    #[arg(long, alias = "no-tape")]
    pub(crate) live: bool,
    /// Measure again: reuse no answer from an earlier run
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Send each prompt this many times to each model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) repeats: Option<u32>,
    /// Random seed, for the order of trials and the bootstrap
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Use the providers' batch APIs: cheaper, answered within a day, no latencies
    #[arg(long)]
    pub(crate) batch: bool,
    /// Also measure the fallback models (same_class) of each tier
    #[arg(long)]
    pub(crate) fallbacks: bool,
}

impl SourceArgs {
    /// The engine's own type.
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
    /// The corpus: JSONL or CSV
    pub(crate) corpus: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Estimate the run and stop, like `plan`
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Never let the run cost more than this; calls in flight count at their maximum cost
    #[arg(long, value_name = "USD", value_parser = parse_usd)]
    pub(crate) max_cost: Option<Usd>,
    /// Stream replies or not [default: as configured]; only streamed replies have a time to first token
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) stream: Option<Switch>,
    /// Maximum calls in flight per provider [default: as configured]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: Option<u16>,
    /// With --batch: submit requests again if it is unknown whether the provider received them
    #[arg(long, requires = "batch")]
    pub(crate) resubmit: bool,
    /// Keep the number of calls in flight fixed instead of adapting it to the server
    #[arg(long)]
    pub(crate) pin_concurrency: bool,
    /// Stop calling a tier for a task once its answers decide, or once a cheaper tier is proven
    #[arg(long, conflicts_with = "batch")]
    pub(crate) stop_early: bool,
    /// With --stop-early: measure dearer tiers even where a cheaper one is proven; strategies need their answers
    #[arg(long)]
    pub(crate) complete: bool,
    /// Write the answers to this file as a recording, for --tape
    #[arg(long, value_name = "FILE")]
    pub(crate) record_tape: Option<PathBuf>,
    /// Name of the run and its folder [default: derived from the corpus and the models]
    #[arg(long, value_name = "NAME")]
    pub(crate) run_id: Option<String>,
    /// Write the routes to this file [default: router.toml beside route-prof.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The corpus: JSONL or CSV
    pub(crate) corpus: PathBuf,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Test only this tier; repeatable [default: all tiers]
    #[arg(long, value_name = "NAME")]
    pub(crate) tier: Vec<String>,
    /// Also test the fallback models (same_class) of each tier
    #[arg(long)]
    pub(crate) fallbacks: bool,
    /// State the maximum cost, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}
