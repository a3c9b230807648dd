//! `simulate`: a day of traffic through a run's routes. No calls.

use anyhow::Context;
use serde::Serialize;

use super::args::{DayProfile, Format, Global, SimulateArgs};
use super::exit::{Exit, UsageError};
use super::project::Project;
use crate::console::{Align, Console, escape};
use crate::disk;
use crate::simulate::{self, Day, Hour, Outage, Profile, Settings, Variant};
use crate::summary::Summary;
use crate::units::Millis;

/// What is assumed: it stands beside every figure.
const ASSUMED: &str = "It is assumed that requests are independent, that answers do not depend on the load, and that latencies, costs and \
pass rates are those of the measurement.";

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
    let settings = Settings {
        requests: args.requests,
        profile: match args.profile {
            DayProfile::Flat => Profile::Flat,
            DayProfile::Office => Profile::Office,
        },
        drift: args.drift,
        outages: args.outage.iter().map(|text| outage(text)).collect::<anyhow::Result<_>>()?,
        budget_per_day: args.budget_per_day,
        users: args.users,
        budget_per_user: args.budget_per_user,
        window: args.window,
        seed: args.seed,
        lambda: args.lambda,
    };
    let variants: &[Variant] =
        if args.adaptive { &[Variant::Routes, Variant::Adaptive] } else { &[Variant::Routes] };
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
    let simulated = Simulated { run: summary.run.id.to_string(), seed: args.seed, assumed: ASSUMED, days };
    let mut json = serde_json::to_vec_pretty(&simulated)?;
    json.push(b'\n');
    disk::replace(&folder.join("simulate.json"), &json)?;
    disk::replace(&folder.join("simulate.csv"), &csv(&simulated)?)?;
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&json))?,
        Format::Human => console.out(&text(console, &simulated))?,
    }
    console.note(&format!("wrote {}", project.shown(&folder.join("simulate.csv"))));
    Ok(Exit::Fine)
}

/// `small@10:00+30`.
fn outage(text: &str) -> anyhow::Result<Outage> {
    let parsed = || {
        let (tier, rest) = text.split_once('@')?;
        let (clock, minutes) = rest.split_once('+')?;
        let (hour, minute) = clock.split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let from = (hour < 24 && minute < 60).then_some(hour * 60 + minute)?;
        Some(Outage { tier: tier.parse().ok()?, from, minutes: minutes.parse().ok()? })
    };
    parsed().ok_or_else(|| {
        UsageError::with_help(
            format!("`{}` is no outage", escape(text)),
            "write --outage TIER@10:00+30: from ten, for half an hour",
        )
    })
}

const fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::Routes => "routes",
        Variant::Adaptive => "adaptive",
    }
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
