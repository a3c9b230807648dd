//! A day of traffic through a run's routes. No calls.

use std::path::PathBuf;

use serde::Serialize;

use crate::config::simulate::{self as simulate_config, SimulateSettings};
use crate::diag::{UsageError, escape};
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::Project;
use crate::simulate::{self, ASSUMED, Day, Outage, Profile, Settings, Variant};
use crate::summary::Summary;
use crate::units::Usd;

/// The file of the simulated day in a run's folder.
const FILE: &str = "simulate.json";

/// The day that is played, over what `[simulate]` of the settings says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimulateRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// Requests of the day.
    pub requests: Option<u64>,
    /// How they fall over the day.
    pub profile: Option<DayProfile>,
    /// How much slower the slowest hour is than the fastest: 0.5 for half as slow again.
    pub drift: Option<f64>,
    /// Tiers that do not answer for a while, such as `small@10:00+30` (minutes); none: those of the settings.
    pub outages: Vec<String>,
    /// USD for the day.
    pub budget_per_day: Option<f64>,
    /// Users among whom the requests are spread.
    pub users: Option<u32>,
    /// USD for a user and day.
    pub budget_per_user: Option<f64>,
    /// Requests of the window whose p95 must meet a task's latency need.
    pub window: Option<usize>,
    /// An adaptive choice (UCB1) beside the routes.
    pub adaptive: bool,
    /// What the adaptive choice gives in pass rate for the cost of the dearest tier.
    pub lambda: Option<f64>,
    /// Seed of the day.
    pub seed: Option<u64>,
}

/// How requests fall over the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayProfile {
    /// As many in every hour.
    Flat,
    /// Most of them between nine and six.
    Office,
}

/// A simulated day.
#[derive(Debug)]
pub struct SimulatedDay {
    /// What came of it.
    pub result: Simulated,
    /// What was played.
    pub settings: Settings,
    /// The run whose routes served.
    pub summary: Summary,
    /// The run's folder.
    pub folder: PathBuf,
}

/// What a simulated day came to: `simulate.json`.
#[derive(Debug, Serialize)]
pub struct Simulated {
    /// The run.
    pub run: String,
    /// The seed.
    pub seed: u64,
    /// What is assumed.
    pub assumed: &'static str,
    /// The day by the routes, and by the adaptive choice where one was asked for.
    pub days: Vec<Day>,
}

impl Simulated {
    /// The result as indented JSON, with a line break at its end.
    ///
    /// # Errors
    /// When it cannot be written as JSON: a defect.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

impl Engine {
    /// Plays a day of traffic through a run's routes, and writes `simulate.json` into its folder.
    ///
    /// # Errors
    /// When there is no such run, or a task has no traffic.
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
        Ok(play(project, request)?)
    }
}

fn play(project: &Project, request: &SimulateRequest) -> anyhow::Result<SimulatedDay> {
    let folder = project.find_run(&request.run)?;
    let summary = project.summary_of(&folder)?;
    let (settings, adaptive) = settings(&project.config.simulate, request)?;
    let variants: &[Variant] =
        if adaptive { &[Variant::Routes, Variant::Adaptive] } else { &[Variant::Routes] };
    let days = variants
        .iter()
        .map(|variant| simulate::day(&summary, &settings, *variant))
        .collect::<Result<Vec<Day>, _>>()
        .map_err(|error| {
            UsageError::with_help(
                error.to_string(),
                "tasks need requests_per_day, and outages name a tier of the run",
            )
        })?;
    let result = Simulated { run: summary.run.id.to_string(), seed: settings.seed, assumed: ASSUMED, days };
    project.disk().replace(&folder.join(FILE), &result.to_json()?)?;
    Ok(SimulatedDay { result, settings, summary, folder })
}

/// The day: by flags, else by the settings; and whether the adaptive choice is shown.
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
    // What is on the command line stands in the place of all outages of the settings, not beside them.
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
            format!("`{}` is no outage", escape(text)),
            "write --outage TIER@10:00+30: from ten, for half an hour",
        )
    })
}
