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

impl WhatIf {
    /// Whether nothing is to be otherwise.
    pub(crate) fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.traffic.is_empty() && self.policy.is_empty()
    }
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
    pub(crate) fail_on: Vec<RegressionArg>,
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

impl RegressionArg {
    /// The same as the engine takes it.
    pub(crate) const fn of_engine(self) -> Regression {
        match self {
            Self::Worse => Regression::Worse,
            Self::Dearer => Regression::Costlier,
            Self::Slower => Regression::Slower,
        }
    }
}

/// What can be wrong with a later run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RegressionArg {
    /// Its pass rate fell.
    Worse,
    /// Its requests cost more.
    Dearer,
    /// Its requests take longer.
    Slower,
}
