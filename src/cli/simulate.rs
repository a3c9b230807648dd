//! `simulate`: a day of traffic through a run's routes.

use super::args::global::{Format, Global};
use super::args::simulate::{DayProfile, SimulateArgs};
use super::exit::Exit;
use super::session;
use crate::console::{Align, Console};
use crate::diag::escape;
use crate::diag::shown;
use crate::engine::{self, SimulateRequest, Simulated, SimulatedHour};
use crate::render;
use crate::units::Millis;

pub(super) fn run(global: &Global, console: &Console, args: &SimulateArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let day = engine.simulate(&engine.open(global.config.as_deref())?, &request(args))?;
    for page in render::day_pages(&day)? {
        engine.write(&day.folder.join(page.name), &page.bytes)?;
    }
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&day.result.to_json()?))?,
        Format::Human => console.out(&text(console, &day.result))?,
    }
    for file in ["simulate.csv", "simulate.html"] {
        console.note(&format!("wrote {}", shown(&day.folder.join(file))));
    }
    Ok(Exit::Fine)
}

fn request(args: &SimulateArgs) -> SimulateRequest {
    SimulateRequest {
        run: args.run.clone(),
        requests: args.requests,
        profile: args.profile.map(|profile| match profile {
            DayProfile::Flat => engine::DayProfile::Flat,
            DayProfile::Office => engine::DayProfile::Office,
        }),
        drift: args.drift,
        outages: args.outage.clone(),
        budget_per_day: args.budget_per_day,
        users: args.users,
        budget_per_user: args.budget_per_user,
        window: args.window,
        adaptive: args.adaptive,
        lambda: args.lambda,
        seed: args.seed,
    }
}

fn cells(first: String, hour: &SimulatedHour) -> Vec<String> {
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
    let headers =
        ["hour", "requests", "fallback", "escalated", "over budget", "p50", "p95", "USD", "pass rate"];
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
        simulated.days.iter().map(|day| cells(render::variant(day.variant).to_owned(), &day.total)).collect();
    let mut headers = headers;
    headers[0] = "whole day";
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str(&format!("{} Seed {}.\n", simulated.assumed, simulated.seed));
    if !simulated.left_out.is_empty() {
        let names: Vec<&str> = simulated.left_out.iter().map(|task| task.as_str()).collect();
        text.push_str(&format!(
            "Left out, because the traffic or a cost is not known: {}.\n",
            escape(&names.join(", "))
        ));
    }
    text
}
