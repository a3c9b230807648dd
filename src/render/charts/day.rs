//! A simulated day hour by hour: requests, fallbacks, latency and cost of each variant.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Drawing, Drawn, GRID, INK, MUTED, Root, clean, dot, draw, failed, finish, line, spread, text_style,
    tier_colour, write_text,
};
use crate::render::renderer::RenderError;
use crate::simulate::{Day, Hour, Outage, Variant};
use crate::units::{Millis, Usd};

const WIDTH: i32 = 760;
const HEIGHT: i32 = 240;
const LEFT: i32 = 90;
const RIGHT: i32 = 110;
const TOP: i32 = 26;
const BOTTOM: i32 = HEIGHT - 34;
/// Lines across, the axis left out.
const LINES: u32 = 4;

/// A figure of an hour: the file, what it shows, its value, and how it is written.
struct Figure {
    file: &'static str,
    title: &'static str,
    value: fn(&Hour) -> Option<f64>,
    write: fn(f64) -> String,
}

fn share(of: u64, hour: &Hour) -> Option<f64> {
    (hour.requests > 0).then(|| of as f64 / hour.requests as f64)
}

fn count(value: f64) -> String {
    if value >= 10_000.0 { format!("{:.0} k", value / 1000.0) } else { format!("{value:.0}") }
}

const FIGURES: [Figure; 4] = [
    Figure {
        file: "day-requests.svg",
        title: "Requests per hour",
        value: |hour| Some(hour.requests as f64),
        write: count,
    },
    Figure {
        file: "day-fallbacks.svg",
        title: "Share of requests that another tier than the first choice answered, or that were rejected",
        value: |hour| share(hour.fallbacks + hour.rejected, hour),
        write: |value| format!("{:.1} %", value * 100.0),
    },
    Figure {
        file: "day-latency.svg",
        title: "p95 latency",
        value: |hour| hour.p95_ms,
        write: |value| Millis::from_ms(value).map_or_else(String::new, |ms| ms.to_string()),
    },
    Figure {
        file: "day-cost.svg",
        title: "Cost per hour",
        value: |hour| Some(hour.cost),
        write: |value| format!("{value:.4}").parse::<Usd>().map_or_else(|_| String::new(), Usd::human),
    },
];

/// The name of a variant.
#[must_use]
pub const fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::Routes => "routes",
        Variant::Adaptive => "adaptive",
    }
}

/// The charts of a day; one without a value is left out.
///
/// # Errors
/// When plotters fails.
pub fn charts(days: &[Day], outages: &[Outage]) -> Result<Vec<Drawn>, RenderError> {
    let mut charts = Vec::new();
    for figure in &FIGURES {
        if let Some(drawing) = paint(figure, days, outages)? {
            let svg = finish(&drawing, figure.title);
            charts.push(Drawn { file: figure.file, title: figure.title, svg });
        }
    }
    Ok(charts)
}

fn paint(figure: &Figure, days: &[Day], outages: &[Outage]) -> Result<Option<Drawing>, RenderError> {
    let values: Vec<Vec<Option<f64>>> =
        days.iter().map(|day| day.hours.iter().map(figure.value).collect()).collect();
    let known = || values.iter().flatten().flatten().copied().filter(|value| value.is_finite());
    if known().next().is_none() {
        return Ok(None);
    }
    let most = ceiling(known().fold(0.0, f64::max));
    let x =
        |minute: u32| LEFT + (f64::from(minute) / 1440.0 * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    let y = |value: f64| BOTTOM - (value / most * f64::from(BOTTOM - TOP)).round() as i32;
    draw(WIDTH as u32, HEIGHT as u32, |root| {
        for outage in outages {
            shade(root, outage, (x(outage.from), x((outage.from + outage.minutes).min(1440))))?;
        }
        for step in 0..=LINES {
            let value = most * f64::from(step) / f64::from(LINES);
            line(root, (LEFT, y(value)), (x(1440), y(value)), GRID, 1)?;
            write_text(
                root,
                &(figure.write)(value),
                (LEFT - 8, y(value)),
                &text_style(12, MUTED, HPos::Right),
            )?;
        }
        for hour in (0..=24_u32).step_by(3) {
            let label = format!("{hour:02}:00");
            write_text(root, &label, (x(hour * 60), BOTTOM + 16), &text_style(12, MUTED, HPos::Center))?;
        }
        let mut names: Vec<(i32, &'static str, RGBColor)> = Vec::new();
        for (at, (day, own)) in days.iter().zip(&values).enumerate() {
            // The requests are the same for all variants.
            if at > 0 && Some(own) == values.first() {
                continue;
            }
            let colour = tier_colour(at + 1);
            // A value stands in the middle of its hour; an hour without one breaks the line.
            let middle = |hour: &Hour| x(hour.hour * 60 + 30);
            let points: Vec<Option<(i32, i32)>> =
                day.hours.iter().zip(own).map(|(hour, value)| Some((middle(hour), y((*value)?)))).collect();
            for stretch in points.split(Option::is_none) {
                let path: Vec<(i32, i32)> = stretch.iter().flatten().copied().collect();
                for place in &path {
                    dot(root, *place, 2, colour)?;
                }
                root.draw(&PathElement::new(path, colour.stroke_width(2))).map_err(failed)?;
            }
            if let Some((_, last)) = points.iter().flatten().next_back() {
                names.push((*last, name(day.variant), colour));
            }
        }
        if names.len() > 1 {
            let places = spread(&names.iter().map(|one| one.0).collect::<Vec<_>>(), 16, TOP, BOTTOM);
            for ((_, name, colour), place) in names.iter().zip(places) {
                line(root, (x(1440) + 8, place), (x(1440) + 22, place), *colour, 3)?;
                write_text(root, name, (x(1440) + 28, place), &text_style(13, INK, HPos::Left))?;
            }
        }
        Ok(())
    })
    .map(Some)
}

/// A stretch of time in which a tier does not answer.
fn shade(root: &Root<'_>, outage: &Outage, (from, to): (i32, i32)) -> Result<(), RenderError> {
    let area = [(from, TOP), (to.max(from + 1), BOTTOM)];
    root.draw(&Rectangle::new(area, GRID.mix(0.5).filled())).map_err(failed)?;
    let label = format!("{} out", clean(outage.tier.as_str(), 20));
    write_text(root, &label, (from, TOP - 12), &text_style(12, MUTED, HPos::Left))
}

/// The end of an axis: a round number at or above the greatest value.
fn ceiling(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * unit).find(|end| *end >= most).unwrap_or(10.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::ceiling;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        assert_eq!([0.0, 0.031, 1.0, 7.2, 83_000.0].map(ceiling), [1.0, 0.032, 1.0, 8.0, 100_000.0]);
    }
}
