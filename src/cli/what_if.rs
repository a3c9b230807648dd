//! `report --prices/--traffic/--policy`: what a run would decide and cost if something were otherwise. No calls, and nothing of the
//! run is overwritten.

use std::collections::BTreeMap;

use anyhow::Context;

use super::args::WhatIf;
use super::exit::UsageError;
use super::project::Project;
use crate::config::{Policy, PriceOverride};
use crate::console::escape;
use crate::diag::nearest;
use crate::ident::ModelRef;
use crate::units::Usd;

impl WhatIf {
    /// Whether nothing is to be otherwise.
    pub(crate) fn is_empty(&self) -> bool {
        self.prices.is_empty() && self.traffic.is_empty() && self.policy.is_empty()
    }

    /// Makes a project what it would be. Returns what was changed, a line each.
    pub(crate) fn apply(&self, project: &mut Project) -> anyhow::Result<Vec<String>> {
        let mut said = Vec::new();
        for change in &self.prices {
            said.push(price(project, change)?);
        }
        if !self.prices.is_empty() {
            project.reprice()?;
        }
        for change in &self.traffic {
            said.push(traffic(project, change)?);
        }
        for change in &self.policy {
            said.push(policy(project, change)?);
        }
        Ok(said)
    }
}

fn bad(what: String, help: &str) -> anyhow::Error {
    UsageError::with_help(what, help)
}

/// `prices.json`, or `provider/model=input/output`, or `provider/model=x0.5`.
fn price(project: &mut Project, change: &str) -> anyhow::Result<String> {
    const HELP: &str = "write --prices prices.json, or --prices provider/model=INPUT/OUTPUT (USD per million tokens), or --prices provider/model=x0.5";
    let Some((model, figures)) = change.split_once('=') else {
        project.config.prices.catalogue = Some(std::path::absolute(change).context("no such path")?);
        // A price file that is named now is asked before the lines of the settings.
        project.config.prices.models.clear();
        return Ok(format!("prices of {}", escape(change)));
    };
    let model: ModelRef = model.parse().map_err(|_| bad(format!("`{}` is no model", escape(model)), HELP))?;
    let known: Vec<String> = project.config.tiers.iter().map(|tier| tier.model.to_string()).collect();
    let Some(at) = project.config.tiers.iter().position(|tier| tier.model == model) else {
        let near = nearest(&model.to_string(), known.iter().map(String::as_str)).map(str::to_owned);
        let help = near.map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(bad(format!("no tier is served by {model}"), &help));
    };
    let now = project.prices.get(at).context("a tier without a price")?;
    let amount = |text: &str| -> anyhow::Result<Usd> {
        let amount: Usd = text.parse().map_err(|_| bad(format!("`{}` is no price", escape(text)), HELP))?;
        if amount < Usd::ZERO { Err(bad(format!("{amount} is no price"), HELP)) } else { Ok(amount) }
    };
    let over = match figures.strip_prefix('x') {
        Some(factor) => {
            let factor = amount(factor)?.amount();
            let times = |price: Usd| price.times(factor).context("a price too large to count with");
            PriceOverride {
                input: Some(times(now.input)?),
                output: Some(times(now.output)?),
                cache_read: now.cache_read.map(times).transpose()?,
                cache_write: now.cache_write.map(times).transpose()?,
                ..project.config.prices.models.get(&model).cloned().unwrap_or_default()
            }
        }
        None => {
            let (input, output) = figures
                .split_once('/')
                .ok_or_else(|| bad(format!("`{}` is no price", escape(figures)), HELP))?;
            PriceOverride {
                input: Some(amount(input)?),
                output: Some(amount(output)?),
                ..project.config.prices.models.get(&model).cloned().unwrap_or_default()
            }
        }
    };
    let line = format!(
        "{model} at {} in, {} out per million tokens",
        over.input.map(Usd::human).unwrap_or_default(),
        over.output.map(Usd::human).unwrap_or_default()
    );
    project.config.prices.models.insert(model, over);
    Ok(line)
}

/// `task=50000` requests a day, `task=x2`, or `x2` for all.
fn traffic(project: &mut Project, change: &str) -> anyhow::Result<String> {
    const HELP: &str =
        "write --traffic task=50000 (requests a day), --traffic task=x2, or --traffic x2 for all tasks";
    let number = |text: &str| -> anyhow::Result<f64> {
        let number: f64 = text.parse().map_err(|_| bad(format!("`{}` is no traffic", escape(text)), HELP))?;
        if number.is_finite() && number >= 0.0 {
            Ok(number)
        } else {
            Err(bad(format!("{number} is no traffic"), HELP))
        }
    };
    let (task, amount) = change.split_once('=').map_or((None, change), |(task, amount)| (Some(task), amount));
    if let Some(task) = task
        && project.config.task(task).is_none()
    {
        let near = nearest(task, project.config.tasks.iter().map(|task| task.name.as_str()));
        let help = near.map_or_else(|| HELP.to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(bad(format!("there is no task `{}`", escape(task)), &help));
    }
    let mut said = Vec::new();
    for known in
        project.config.tasks.iter_mut().filter(|known| task.is_none_or(|task| known.name.as_str() == task))
    {
        known.requests_per_day = match amount.strip_prefix('x') {
            Some(factor) => {
                let factor = number(factor)?;
                known.requests_per_day.map(|requests| requests * factor)
            }
            None if task.is_none() => return Err(bad(format!("`{}` names no task", escape(change)), HELP)),
            None => Some(number(amount)?),
        };
        if let Some(requests) = known.requests_per_day {
            said.push(format!("{} with {requests:.0} requests a day", known.name));
        }
    }
    Ok(said.join(", "))
}

/// `key=value`, as in `[policy]`.
fn policy(project: &mut Project, change: &str) -> anyhow::Result<String> {
    const HELP: &str = "write --policy key=value, with a key of [policy], such as --policy route_floor=0.9";
    let (key, value) =
        change.split_once('=').ok_or_else(|| bad(format!("`{}` sets nothing", escape(change)), HELP))?;
    let line = format!("{key} = {value}");
    let typed: BTreeMap<String, toml::Value> = toml::from_str(&line)
        .or_else(|_| toml::from_str(&format!("{key} = {}", toml::Value::String(value.to_owned()))))
        .map_err(|_| bad(format!("`{}` cannot be read", escape(change)), HELP))?;
    let mut all = toml::Table::try_from(&project.config.policy).context("the policy cannot be written")?;
    all.extend(typed);
    let changed: Policy =
        all.try_into().map_err(|error| bad(format!("{}: {}", escape(change), error.message()), HELP))?;
    let ladder: Vec<&str> = project.config.ladder().iter().map(|tier| tier.name.as_str()).collect();
    if let Some(problem) = changed.rule_problems(&ladder).into_iter().next() {
        return Err(UsageError::with_help(format!("{}: {}", escape(change), problem.message), problem.help));
    }
    project.config.policy = changed;
    Ok(line)
}
