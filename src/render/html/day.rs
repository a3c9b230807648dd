//! `simulate.html`: a simulated day as one file that can be opened anywhere. No network, no script.

use minijinja::{AutoEscape, Environment, context, value::Value};

use super::super::charts::{self, Drawn, day::name};
use super::super::renderer::RenderError;
use crate::simulate::{ASSUMED, Day, Hour, Profile, Settings};
use crate::summary::Summary;
use crate::units::{Millis, Usd, percent};

/// The page, and its charts.
///
/// # Errors
/// When the templates or plotters fail.
pub fn page(
    summary: &Summary,
    settings: &Settings,
    days: &[Day],
) -> Result<(String, Vec<Drawn>), RenderError> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    engine.add_template("simulate", include_str!("simulate.html.jinja"))?;
    let drawn = charts::day::charts(days, &settings.outages)?;
    let charts: Vec<Value> = drawn
        .iter()
        .map(|chart| context! { title => chart.title, svg => Value::from_safe_string(chart.svg.clone()) })
        .collect();
    let page = engine.get_template("simulate")?.render(context! {
        style => Value::from_safe_string(include_str!("report.css").to_owned()),
        tool => summary.tool.clone(),
        run => summary.run.id.as_str(),
        corpus => summary.run.corpus.clone(),
        source => summary.run.source.sentence(),
        price_note => summary.evidence.price_note.clone(),
        settings => described(settings),
        totals => days.iter().map(|day| row(name(day.variant).to_owned(), &day.total)).collect::<Vec<_>>(),
        days => days.iter().map(|day| context! {
            name => name(day.variant),
            hours => day.hours.iter().map(|hour| row(format!("{:02}:00", hour.hour), hour)).collect::<Vec<_>>(),
        }).collect::<Vec<_>>(),
        charts => charts,
        assumed => ASSUMED,
    })?;
    Ok((page, drawn))
}

fn usd(amount: f64) -> String {
    format!("{amount:.6}").parse::<Usd>().map_or_else(|_| "unknown".to_owned(), Usd::human)
}

fn row(label: String, hour: &Hour) -> Value {
    let share = |count: u64| {
        if hour.requests == 0 { "–".to_owned() } else { percent(count as f64 / hour.requests as f64) }
    };
    let time =
        |ms: Option<f64>| ms.and_then(Millis::from_ms).map_or_else(|| "–".to_owned(), |ms| ms.to_string());
    context! {
        label => label,
        requests => hour.requests,
        fallbacks => share(hour.fallbacks),
        escalations => share(hour.escalations),
        downgraded => hour.downgraded,
        rejected => hour.rejected,
        p50 => time(hour.p50_ms),
        p95 => time(hour.p95_ms),
        cost => usd(hour.cost),
        passes => if hour.served == 0 { "–".to_owned() } else { percent(hour.passes / hour.served as f64) },
    }
}

/// What was simulated, in short sentences.
fn described(settings: &Settings) -> Vec<String> {
    let mut text = vec![format!(
        "{} requests from {} users, {}.",
        settings.requests,
        settings.users,
        match settings.profile {
            Profile::Flat => "evenly over the day",
            Profile::Office => "most of them between 9:00 and 18:00",
            Profile::Hours(_) => "by the configured weights of the hours",
        }
    )];
    if settings.drift > 0.0 {
        text.push(format!("The slowest hour is {} slower than the fastest.", percent(settings.drift)));
    }
    for outage in &settings.outages {
        let (hour, minute) = (outage.from / 60, outage.from % 60);
        text.push(format!(
            "Outage: {} does not answer for {} minutes from {hour:02}:{minute:02}.",
            outage.tier, outage.minutes
        ));
    }
    if let Some(budget) = settings.budget_per_day {
        text.push(format!("Budget for the day: {}.", usd(budget)));
    }
    if let Some(budget) = settings.budget_per_user {
        text.push(format!("Budget per user: {}.", usd(budget)));
    }
    text
}
