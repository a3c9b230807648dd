//! What the commands on a finished run take: `grade`, `report`, `check`, `diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::parse::{parse_alpha, parse_usd};
use crate::engine::Regression;
use crate::ident::OracleRef;
use crate::units::Usd;

#[derive(Debug, Args)]
pub(crate) struct GradeArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Grade with this version instead of any other version of the same oracle; repeatable
    #[arg(long, value_name = "NAME@VERSION")]
    pub(crate) oracle: Vec<OracleRef>,
    /// Show the replies of up to this many changed verdicts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) samples: usize,
    /// Call judges where no verdict of theirs is stored (calls cost money)
    #[arg(long)]
    pub(crate) allow_judge: bool,
    /// With --allow-judge: never let the total cost of the run, judges included, exceed this
    #[arg(long, value_name = "USD", value_parser = parse_usd, requires = "allow_judge")]
    pub(crate) max_cost: Option<Usd>,
    /// Save the new grades: rewrite the run's reports and router.toml
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run: its name, its folder, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Write the routes to this file [default: router.toml beside route-prof.toml; none for a what-if]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) what_if: WhatIf,
}

impl WhatIf {
    /// Whether no change was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.traffic.is_empty() && self.policy.is_empty()
    }
}

/// The changes of a what-if. The run itself is not overwritten.
#[derive(Debug, Args)]
#[command(next_help_heading = "What-if options")]
pub(crate) struct WhatIf {
    /// Change prices: provider/model=INPUT/OUTPUT (USD per million tokens), provider/model=x0.5, or a LiteLLM price file
    #[arg(long, value_name = "PRICES")]
    pub(crate) prices: Vec<String>,
    /// Change traffic: task=50000 (requests per day), task=x2, or x2 for all tasks
    #[arg(long, value_name = "TRAFFIC", value_delimiter = ',')]
    pub(crate) traffic: Vec<String>,
    /// Change a number of the policy, such as route_floor=0.9
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) policy: Vec<String>,
    /// Write the reports of the what-if into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Recompute the routes from this run's answers [default: the configured recording, else the latest run]
    #[arg(long, value_name = "RUN")]
    pub(crate) against: Option<String>,
    /// The corpus [default: the one named by the run or router.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) corpus: Option<PathBuf>,
    /// The router.toml to check [default: the one beside route-prof.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) router: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier run: its name, its folder, or `latest`
    pub(crate) before: String,
    /// The later run
    #[arg(default_value = "latest")]
    pub(crate) after: String,
    /// Compare a tier with one that has another name in the later run; repeatable
    #[arg(long, value_name = "BEFORE=AFTER")]
    pub(crate) tier: Vec<String>,
    /// Exit with 100 on these regressions
    #[arg(long, value_enum, value_delimiter = ',', default_value = "worse")]
    pub(crate) fail_on: Vec<RegressionArg>,
    /// Significance level: the accepted chance of reporting noise as a change
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = parse_alpha)]
    pub(crate) alpha: f64,
    /// Show up to this many replies that passed before and fail now
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) samples: usize,
    /// Print Markdown, for a pull-request comment
    #[arg(long)]
    pub(crate) markdown: bool,
}

impl RegressionArg {
    /// The engine's own type.
    pub(crate) const fn to_engine(self) -> Regression {
        match self {
            Self::Worse => Regression::Worse,
            Self::Costlier => Regression::Costlier,
            Self::Slower => Regression::Slower,
        }
    }
}

/// How a later run can be worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RegressionArg {
    /// The pass rate fell.
    Worse,
    /// Requests cost more.
    #[value(alias = "dearer")]
    Costlier,
    /// Requests take longer.
    Slower,
}
