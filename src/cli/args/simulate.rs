//! What `simulate` takes.

use clap::{Args, ValueEnum};

use super::parse::parse_amount;

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Requests per day [default: as in `[simulate]` of route-prof.toml, else 1000000]
    #[arg(long, value_name = "N")]
    pub(crate) requests: Option<u64>,
    /// How requests are spread over the day [default: office]
    #[arg(long, value_enum)]
    pub(crate) profile: Option<DayProfile>,
    /// How much slower the slowest hour is than the fastest: 0.5 means 50 % slower [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = parse_amount)]
    pub(crate) drift: Option<f64>,
    /// Take a tier down: TIER@10:00+30 is 30 minutes from 10:00; repeatable
    #[arg(long, value_name = "OUTAGE")]
    pub(crate) outage: Vec<String>,
    /// Budget per day in USD; beyond it, requests go to the cheapest tier, then are rejected
    #[arg(long, value_name = "USD", value_parser = parse_amount)]
    pub(crate) budget_per_day: Option<f64>,
    /// Number of users who send the requests [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) users: Option<u32>,
    /// Budget per user and day in USD
    #[arg(long, value_name = "USD", value_parser = parse_amount)]
    pub(crate) budget_per_user: Option<f64>,
    /// Number of requests in the window whose p95 must stay within a task's latency limit [default: 200]
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,
    /// Also simulate an adaptive router (UCB1), to compare it with the routes
    #[arg(long)]
    pub(crate) adaptive: bool,
    /// Pass rate that the adaptive router trades for the cost of the costliest tier [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = parse_amount)]
    pub(crate) lambda: Option<f64>,
    /// Random seed [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

/// How requests fall over the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DayProfile {
    /// The same number in every hour
    Flat,
    /// Most of them between 9:00 and 18:00
    Office,
}
