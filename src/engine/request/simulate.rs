//! Simulates a day of traffic through a run's routes. Makes no calls.

use std::path::PathBuf;

use serde::Serialize;

use crate::config::simulate::{self as simulate_config, SimulateSettings};
use crate::diag::{UsageError, escape};
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::Project;
use crate::ident::TaskName;
use crate::simulate::{ASSUMED, Day, Outage, Profile, Settings, Variant};
use crate::summary::Summary;
use crate::units::Usd;

/// The file of the simulated day in a run's folder.
const FILE: &str = "simulate.json";

/// The day to simulate. What is `None` or empty follows `[simulate]` of `route-prof.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimulateRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// Requests per day.
    pub requests: Option<u64>,
    /// How requests are spread over the day.
    pub profile: Option<DayProfile>,
    /// How much slower the slowest hour is than the fastest: 0.5 means 50 % slower.
    pub drift: Option<f64>,
    /// Outages, such as `small@10:00+30` (30 minutes from 10:00).
    pub outages: Vec<String>,
    /// Budget per day, in USD.
    pub budget_per_day: Option<f64>,
    /// Number of users who send the requests.
    pub users: Option<u32>,
    /// Budget per user and day, in USD.
    pub budget_per_user: Option<f64>,
    /// Number of requests in the window whose p95 must stay within a task's latency limit.
    pub window: Option<usize>,
    /// Whether to simulate an adaptive router (UCB1), too.
    pub adaptive: bool,
    /// The pass rate that the adaptive router trades for the cost of the costliest tier.
    pub lambda: Option<f64>,
    /// Random seed.
    pub seed: Option<u64>,
}

/// How requests are spread over the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayProfile {
    /// The same number in every hour.
    Flat,
    /// Most of them between 9:00 and 18:00.
    Office,
}

/// A simulated day.
#[derive(Debug)]
pub struct SimulatedDay {
    /// The result.
    pub result: Simulated,
    /// The settings of the simulation.
    pub settings: Settings,
    /// The run whose routes were simulated.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
}

/// The result of a simulated day: `simulate.json`.
#[derive(Debug, Serialize)]
pub struct Simulated {
    /// The run.
    pub run: String,
    /// The seed.
    pub seed: u64,
    /// The assumptions.
    pub assumed: &'static str,
    /// The tasks that are left out, because their traffic, or the cost of their route, is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<TaskName>,
    /// The day with the routes, and with the adaptive router if it was asked for.
    pub days: Vec<Day>,
}

impl Simulated {
    /// The result as indented JSON, with a final line break.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which would be a bug.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

impl Engine {
    /// Simulates a day of traffic through a run's routes, and writes `simulate.json` into its folder.
    ///
    /// # Errors
    /// If the run does not exist, or a task has no traffic.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, SimulateRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = SimulateRequest { run: "latest".to_owned(), ..SimulateRequest::default() };
    /// let day = engine.simulate(&engine.open(None)?, &request)?;
    /// println!("{}", day.result.days[0].total.cost);
    /// # Ok(())
    /// # }
    /// ```
    pub fn simulate(&self, project: &Project, request: &SimulateRequest) -> Result<SimulatedDay, Error> {
        Ok(simulate(project, request)?)
    }
}

fn simulate(project: &Project, request: &SimulateRequest) -> anyhow::Result<SimulatedDay> {
    let folder = project.find_run(&request.run)?;
    let summary = project.summary_of(&folder)?;
    let (settings, adaptive) = settings(&project.config.simulate, request)?;
    let variants: &[Variant] =
        if adaptive { &[Variant::Routes, Variant::Adaptive] } else { &[Variant::Routes] };
    let days = variants
        .iter()
        .map(|variant| crate::simulate::day(&summary, &settings, *variant))
        .collect::<Result<Vec<Day>, _>>()
        .map_err(|error| {
            UsageError::with_help(
                error.to_string(),
                "at least one task needs requests_per_day, and every outage must name a tier of the run",
            )
        })?;
    let left_out = crate::simulate::left_out(&summary);
    let result =
        Simulated { run: summary.run.id.to_string(), seed: settings.seed, assumed: ASSUMED, left_out, days };
    project.disk().replace(&folder.join(FILE), &result.to_json()?)?;
    Ok(SimulatedDay { result, settings, summary, folder })
}

/// The settings of the simulation: by the request, else by the configuration; and whether to simulate the adaptive router.
fn settings(of: &SimulateSettings, request: &SimulateRequest) -> anyhow::Result<(Settings, bool)> {
    let profile = match (request.profile, of.hours) {
        (Some(DayProfile::Flat), _) => Profile::Flat,
        (Some(DayProfile::Office), _) => Profile::Office,
        (None, Some(hours)) => Profile::Hours(hours),
        (None, None) => match of.profile {
            simulate_config::DayProfile::Flat => Profile::Flat,
            simulate_config::DayProfile::Office => Profile::Office,
        },
    };
    // Outages in the request replace all configured ones.
    let outages = if request.outages.is_empty() {
        of.outages.clone()
    } else {
        request.outages.iter().map(|text| outage(text)).collect::<anyhow::Result<_>>()?
    };
    let settings = Settings {
        requests: request.requests.unwrap_or(of.requests),
        profile,
        drift: request.drift.unwrap_or(of.drift),
        outages,
        budget_per_day: request.budget_per_day.or(of.budget_per_day.map(Usd::to_f64)),
        users: request.users.unwrap_or(of.users),
        budget_per_user: request.budget_per_user.or(of.budget_per_user.map(Usd::to_f64)),
        window: request.window.unwrap_or(usize::try_from(of.window)?),
        seed: request.seed.unwrap_or(of.seed),
        lambda: request.lambda.unwrap_or(of.lambda),
    };
    Ok((settings, request.adaptive || of.adaptive))
}

/// `small@10:00+30`.
fn outage(text: &str) -> anyhow::Result<Outage> {
    Outage::parse(text).ok_or_else(|| {
        UsageError::with_help(
            format!("`{}` is not an outage", escape(text)),
            "write --outage TIER@10:00+30: 30 minutes from 10:00",
        )
    })
}
