//! `simulate`: a day of traffic through a run's routes. No calls.

use anyhow::Context;
use serde::Serialize;

use super::args::{DayProfile, Format, Global, SimulateArgs};
use super::exit::{Exit, UsageError};
use super::project::Project;
use crate::config::simulate::{self as simulate_config, SimulateSettings};
use crate::console::{Align, Console, escape};
use crate::disk;
use crate::render::{charts::day::name, html};
use crate::simulate::{self, ASSUMED, Day, Hour, Outage, Profile, Settings, Variant};
use crate::summary::Summary;
use crate::units::{Millis, Usd};

#[derive(Serialize)]
struct Simulated {
    run: String,
    seed: u64,
    assumed: &'static str,
    days: Vec<Day>,
}

pub(crate) fn run(global: &Global, console: &Console, args: &SimulateArgs) -> anyhow::Result<Exit> {
    let project = Project::load(global)?;
    let folder = project.find_run(&args.run)?;
    let path = folder.join("summary.json");
    let summary: Summary = serde_json::from_slice(&disk::read(&path)?).with_context(|| {
        format!("{} cannot be read; render the run again with `route-prof report`", path.display())
    })?;
    let (settings, adaptive) = settings(&project.config.simulate, args)?;
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
    let simulated =
        Simulated { run: summary.run.id.to_string(), seed: settings.seed, assumed: ASSUMED, days };
    let mut json = serde_json::to_vec_pretty(&simulated)?;
    json.push(b'\n');
    disk::replace(&folder.join("simulate.json"), &json)?;
    disk::replace(&folder.join("simulate.csv"), &csv(&simulated)?)?;
    let (page, charts) = html::day::page(&summary, &settings, &simulated.days)?;
    disk::replace(&folder.join("simulate.html"), page.as_bytes())?;
    for chart in charts {
        disk::replace(&folder.join("charts").join(chart.file), chart.svg.as_bytes())?;
    }
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&json))?,
        Format::Human => console.out(&text(console, &simulated))?,
    }
    for file in ["simulate.csv", "simulate.html"] {
        console.note(&format!("wrote {}", project.shown(&folder.join(file))));
    }
    Ok(Exit::Fine)
}

/// The day: by flags, else by the settings; and whether the adaptive choice is shown.
fn settings(of: &SimulateSettings, args: &SimulateArgs) -> anyhow::Result<(Settings, bool)> {
    let profile = match (args.profile, of.hours) {
        (Some(DayProfile::Flat), _) => Profile::Flat,
        (Some(DayProfile::Office), _) => Profile::Office,
        (None, Some(hours)) => Profile::Hours(hours),
        (None, None) => match of.profile {
            simulate_config::DayProfile::Flat => Profile::Flat,
            simulate_config::DayProfile::Office => Profile::Office,
        },
    };
    // What is on the command line stands in the place of all outages of the settings, not beside them.
    let outages = if args.outage.is_empty() {
        of.outages.clone()
    } else {
        args.outage.iter().map(|text| outage(text)).collect::<anyhow::Result<_>>()?
    };
    let settings = Settings {
        requests: args.requests.unwrap_or(of.requests),
        profile,
        drift: args.drift.unwrap_or(of.drift),
        outages,
        budget_per_day: args.budget_per_day.or(of.budget_per_day.map(Usd::to_f64)),
        users: args.users.unwrap_or(of.users),
        budget_per_user: args.budget_per_user.or(of.budget_per_user.map(Usd::to_f64)),
        window: args.window.unwrap_or(usize::try_from(of.window)?),
        seed: args.seed.unwrap_or(of.seed),
        lambda: args.lambda.unwrap_or(of.lambda),
    };
    Ok((settings, args.adaptive || of.adaptive))
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

fn csv(simulated: &Simulated) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "variant",
        "hour",
        "requests",
        "served",
        "fallbacks",
        "downgraded",
        "rejected",
        "escalations",
        "p50_ms",
        "p95_ms",
        "cost_usd",
        "passes",
    ])?;
    for day in &simulated.days {
        for hour in &day.hours {
            let figure = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
            writer.write_record([
                name(day.variant).to_owned(),
                hour.hour.to_string(),
                hour.requests.to_string(),
                hour.served.to_string(),
                hour.fallbacks.to_string(),
                hour.downgraded.to_string(),
                hour.rejected.to_string(),
                hour.escalations.to_string(),
                figure(hour.p50_ms),
                figure(hour.p95_ms),
                format!("{:.6}", hour.cost),
                format!("{:.1}", hour.passes),
            ])?;
        }
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

fn cells(first: String, hour: &Hour) -> Vec<String> {
    let share = |count: u64| format!("{:.1} %", count as f64 / hour.requests.max(1) as f64 * 100.0);
    let time =
        |ms: Option<f64>| ms.and_then(Millis::from_ms).map_or_else(|| "–".to_owned(), |ms| ms.to_string());
    vec![
        first,
        hour.requests.to_string(),
        share(hour.fallbacks),
        share(hour.escalations),
        (hour.downgraded + hour.rejected).to_string(),
        time(hour.p50_ms),
        time(hour.p95_ms),
        format!("{:.2}", hour.cost),
        format!("{:.1} %", hour.passes / hour.served.max(1) as f64 * 100.0),
    ]
}

fn text(console: &Console, simulated: &Simulated) -> String {
    let headers = ["hour", "requests", "fallback", "escalated", "budget hits", "p50", "p95", "USD", "pass"];
    let mut align = vec![Align::Right; headers.len()];
    if let Some(first) = align.first_mut() {
        *first = Align::Left;
    }
    let mut text = String::new();
    if let Some(day) = simulated.days.first() {
        let rows: Vec<Vec<String>> =
            day.hours.iter().map(|hour| cells(format!("{:02}:00", hour.hour), hour)).collect();
        text.push_str(&console.table(&headers, &rows, &align));
        text.push('\n');
    }
    let rows: Vec<Vec<String>> =
        simulated.days.iter().map(|day| cells(name(day.variant).to_owned(), &day.total)).collect();
    let mut headers = headers;
    headers[0] = "the day";
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str(&format!("{ASSUMED} Seed {}.\n", simulated.seed));
    text
}
