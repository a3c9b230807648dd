//! What-if: a run's routes and cost with other prices, traffic or policy. Makes no calls, and leaves the run unchanged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;

use super::report::graded_by;
use crate::config::{Policy, PriceOverride, Range};
use crate::diag::{UsageError, escape, nearest};
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::summarise::summarise;
use crate::engine::run::files::SUMMARY;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::ident::ModelRef;
use crate::router::{self, RouterDiff};
use crate::summary::{Notice, NoticeLevel, Summary};
use crate::units::Usd;

/// What to change, and in which run.
#[derive(Clone, Debug, Default)]
pub struct WhatIfRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// Changes of prices.
    pub prices: Vec<PriceChange>,
    /// Changes of traffic.
    pub traffic: Vec<TrafficChange>,
    /// Changes of the policy.
    pub policy: Vec<PolicyChange>,
    /// Write `summary.json` into this folder.
    pub out: Option<PathBuf>,
    /// Write the routes to this file.
    pub router: Option<PathBuf>,
}

/// A change of prices. Parses `prices.json`, `provider/model=INPUT/OUTPUT` and `provider/model=x0.5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceChange {
    /// The prices of a file in LiteLLM's format.
    File(PathBuf),
    /// A model's prices, in USD per million tokens.
    Model {
        /// The model.
        model: ModelRef,
        /// Input.
        input: Usd,
        /// Output.
        output: Usd,
    },
    /// A model's prices, multiplied by a factor.
    Factor {
        /// The model.
        model: ModelRef,
        /// The factor: 0 or more.
        factor: Usd,
    },
}

/// A change of traffic. Parses `task=50000`, `task=30000..50000..90000`, `task=x2` and `x2`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficChange {
    /// The task; `None` means all tasks.
    pub task: Option<String>,
    /// The new amount.
    pub amount: TrafficAmount,
}

/// An amount of traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrafficAmount {
    /// Requests per day.
    PerDay(f64),
    /// Requests per day, from low by likely to high.
    Between(Range),
    /// The configured traffic, multiplied by a factor.
    Times(f64),
}

/// A change of the policy. Parses `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// The key, as in `[policy]`.
    pub key: String,
    /// The value, as in TOML; strings need no quotes.
    pub value: String,
}

/// The result of a what-if, beside the current result.
#[derive(Debug)]
pub struct WhatIf {
    /// The current result.
    pub current: Summary,
    /// The result with the changes.
    pub what_if: Summary,
    /// The changes, one line each.
    pub changes: Vec<String>,
    /// What changes in the routes.
    pub routes: RouterDiff,
}

impl Engine {
    /// Recomputes a run's routes with other prices, traffic or policy.
    ///
    /// # Errors
    /// If the run does not exist, or a change names something that does not exist.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, WhatIfRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = WhatIfRequest {
    ///     run: "latest".to_owned(),
    ///     traffic: vec!["x2".parse()?],
    ///     ..WhatIfRequest::default()
    /// };
    /// let what_if = engine.what_if(&engine.open(None)?, &request)?;
    /// println!("{}", what_if.routes.to_text());
    /// # Ok(())
    /// # }
    /// ```
    pub fn what_if(&self, project: &Project, request: &WhatIfRequest) -> Result<WhatIf, Error> {
        Ok(what_if(self, project.clone(), request)?)
    }
}

fn what_if(engine: &Engine, project: Project, request: &WhatIfRequest) -> anyhow::Result<WhatIf> {
    let summarise = |past: &PastRun| -> anyhow::Result<Summary> {
        let oracles = graded_by(past)?;
        let basis = past.basis(&oracles);
        summarise(&basis, &collect(engine, &basis)?)
    };
    let mut past = PastRun::open(project, &request.run)?;
    let current = summarise(&past)?;
    let changes = apply(&mut past.project, request)?;
    let mut what_if = summarise(&past)?;
    what_if.notices.insert(
        0,
        Notice {
            level: NoticeLevel::Warning,
            code: "what-if".to_owned(),
            text: format!("This is a what-if, not the current result: {}.", changes.join("; ")),
        },
    );
    let files = |summary: &Summary| router::parse(&router::write(summary));
    let routes = router::diff(&files(&current)?, &files(&what_if)?);
    if let Some(folder) = &request.out {
        past.project.disk().replace(&folder.join(SUMMARY), &what_if.to_json()?)?;
    }
    if let Some(path) = &request.router {
        past.project.disk().replace(path, router::write(&what_if).as_bytes())?;
    }
    Ok(WhatIf { current, what_if, changes, routes })
}

/// Applies the changes to a project. Returns them, one line each.
fn apply(project: &mut Project, request: &WhatIfRequest) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for change in &request.prices {
        lines.push(price(project, change)?);
    }
    if !request.prices.is_empty() {
        project.reprice()?;
    }
    for change in &request.traffic {
        lines.push(traffic(project, change)?);
    }
    for change in &request.policy {
        lines.push(policy(project, change)?);
    }
    Ok(lines)
}

fn bad(what: String, help: &str) -> anyhow::Error {
    UsageError::with_help(what, help)
}

const PRICE_HELP: &str = "write --prices prices.json, or --prices provider/model=INPUT/OUTPUT (USD per million tokens), or --prices provider/model=x0.5";

impl FromStr for PriceChange {
    type Err = Error;

    fn from_str(change: &str) -> Result<Self, Error> {
        let Some((model, figures)) = change.split_once('=') else {
            return Ok(Self::File(PathBuf::from(change)));
        };
        let model: ModelRef =
            model.parse().map_err(|_| bad(format!("`{}` is not a model", escape(model)), PRICE_HELP))?;
        let amount = |text: &str| -> Result<Usd, Error> {
            let amount: Usd =
                text.parse().map_err(|_| bad(format!("`{}` is not a price", escape(text)), PRICE_HELP))?;
            if amount < Usd::ZERO {
                Err(bad(format!("{amount} is not a price"), PRICE_HELP).into())
            } else {
                Ok(amount)
            }
        };
        if let Some(factor) = figures.strip_prefix('x') {
            return Ok(Self::Factor { model, factor: amount(factor)? });
        }
        let (input, output) = figures
            .split_once('/')
            .ok_or_else(|| bad(format!("`{}` is not a price", escape(figures)), PRICE_HELP))?;
        Ok(Self::Model { model, input: amount(input)?, output: amount(output)? })
    }
}

fn price(project: &mut Project, change: &PriceChange) -> anyhow::Result<String> {
    let model = match change {
        PriceChange::File(path) => {
            project.config.prices.catalogue =
                Some(std::path::absolute(path).context("cannot resolve the path of the price file")?);
            // This price file takes precedence over the prices in route-prof.toml.
            project.config.prices.models.clear();
            return Ok(format!("prices of {}", escape(&path.to_string_lossy())));
        }
        PriceChange::Model { model, .. } | PriceChange::Factor { model, .. } => model,
    };
    let known: Vec<String> = project.config.tiers.iter().map(|tier| tier.model.to_string()).collect();
    let Some(at) = project.config.tiers.iter().position(|tier| tier.model == *model) else {
        let near = nearest(&model.to_string(), known.iter().map(String::as_str)).map(str::to_owned);
        let help = near.map_or_else(
            || format!("use one of: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(bad(format!("no tier uses the model {model}"), &help));
    };
    let now = project.prices.get(at).context("a tier without a price")?;
    let before = project.config.prices.models.get(model).cloned().unwrap_or_default();
    let over = match change {
        PriceChange::File(_) => before,
        PriceChange::Model { input, output, .. } => {
            PriceOverride { input: Some(*input), output: Some(*output), ..before }
        }
        PriceChange::Factor { factor, .. } => {
            let times = |price: Usd| price.times(factor.amount()).context("a price too large to count with");
            PriceOverride {
                input: Some(times(now.input)?),
                output: Some(times(now.output)?),
                cache_read: now.cache_read.map(times).transpose()?,
                cache_write: now.cache_write.map(times).transpose()?,
                ..before
            }
        }
    };
    let line = format!(
        "{model} at {} in, {} out per million tokens",
        over.input.map(Usd::human).unwrap_or_default(),
        over.output.map(Usd::human).unwrap_or_default()
    );
    project.config.prices.models.insert(model.clone(), over);
    Ok(line)
}

const TRAFFIC_HELP: &str = "write --traffic task=50000 (requests per day), --traffic task=30000..50000..90000 (low, likely, high), --traffic task=x2, or --traffic x2 for all tasks";

impl FromStr for TrafficChange {
    type Err = Error;

    fn from_str(change: &str) -> Result<Self, Error> {
        let number = |text: &str| -> Result<f64, Error> {
            let number: f64 = text
                .parse()
                .map_err(|_| bad(format!("`{}` is not an amount of traffic", escape(text)), TRAFFIC_HELP))?;
            if number.is_finite() && number >= 0.0 {
                Ok(number)
            } else {
                Err(bad(format!("{number} is not an amount of traffic"), TRAFFIC_HELP).into())
            }
        };
        let (task, amount) =
            change.split_once('=').map_or((None, change), |(task, amount)| (Some(task), amount));
        let amount = match amount.strip_prefix('x') {
            Some(factor) => TrafficAmount::Times(number(factor)?),
            None if task.is_none() => {
                return Err(bad(format!("`{}` names no task", escape(change)), TRAFFIC_HELP).into());
            }
            None => match amount.split("..").collect::<Vec<_>>().as_slice() {
                [low, likely, high] => {
                    let range = Range { low: number(low)?, likely: number(likely)?, high: number(high)? };
                    if range.low > range.likely || range.likely > range.high {
                        let what = format!("`{}` is not in order", escape(amount));
                        return Err(bad(what, TRAFFIC_HELP).into());
                    }
                    TrafficAmount::Between(range)
                }
                _ => TrafficAmount::PerDay(number(amount)?),
            },
        };
        Ok(Self { task: task.map(str::to_owned), amount })
    }
}

fn traffic(project: &mut Project, change: &TrafficChange) -> anyhow::Result<String> {
    let task = change.task.as_deref();
    if let Some(task) = task
        && project.config.task(task).is_none()
    {
        let near = nearest(task, project.config.tasks.iter().map(|task| task.name.as_str()));
        let help = near.map_or_else(|| TRAFFIC_HELP.to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(bad(format!("there is no task `{}`", escape(task)), &help));
    }
    let mut lines = Vec::new();
    for known in
        project.config.tasks.iter_mut().filter(|known| task.is_none_or(|task| known.name.as_str() == task))
    {
        (known.requests_per_day, known.traffic_range) = match change.amount {
            TrafficAmount::Times(factor) => (
                known.requests_per_day.map(|requests| requests * factor),
                known.traffic_range.map(|range| range.times(factor)),
            ),
            TrafficAmount::PerDay(requests) => (Some(requests), None),
            TrafficAmount::Between(range) => (Some(range.likely), (range.low < range.high).then_some(range)),
        };
        if let Some(requests) = known.requests_per_day {
            lines.push(format!("{} with {requests:.0} requests per day", known.name));
        }
    }
    Ok(lines.join(", "))
}

const POLICY_HELP: &str =
    "write --policy key=value, with a key of [policy], such as --policy route_floor=0.9";

impl FromStr for PolicyChange {
    type Err = Error;

    fn from_str(change: &str) -> Result<Self, Error> {
        let (key, value) = change
            .split_once('=')
            .ok_or_else(|| bad(format!("`{}` is not of the form key=value", escape(change)), POLICY_HELP))?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

fn policy(project: &mut Project, change: &PolicyChange) -> anyhow::Result<String> {
    let PolicyChange { key, value } = change;
    let shown = format!("{key}={value}");
    let line = format!("{key} = {value}");
    let typed: BTreeMap<String, toml::Value> = toml::from_str(&line)
        .or_else(|_| toml::from_str(&format!("{key} = {}", toml::Value::String(value.clone()))))
        .map_err(|_| bad(format!("`{}` cannot be read", escape(&shown)), POLICY_HELP))?;
    let mut all = toml::Table::try_from(&project.config.policy).context("the policy cannot be written")?;
    all.extend(typed);
    let changed: Policy = all
        .try_into()
        .map_err(|error| bad(format!("{}: {}", escape(&shown), error.message()), POLICY_HELP))?;
    let ladder: Vec<&str> = project.config.ladder().iter().map(|tier| tier.name.as_str()).collect();
    if let Some(problem) = changed.rule_problems(&ladder).into_iter().next() {
        return Err(UsageError::with_help(format!("{}: {}", escape(&shown), problem.message), problem.help));
    }
    project.config.policy = changed;
    Ok(line)
}
