//! What `simulate` takes.

use clap::{Args, ValueEnum};

use super::parse::parse_amount;

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
