//! Cost of a request against quality: the single tiers, and the routes.

use plotters::style::text_anchor::HPos;

use super::{
    Chart, Drawing, GOOD, GRID, INK, MUTED, RenderError, clean, dot, draw, line, spread, text_style,
    tier_colour, write_text,
};
use crate::summary::Summary;

pub(super) const CHART: Chart = Chart {
    file: "cost-quality.svg",
    title: "Cost of a thousand requests against the pass rate",
    draw: paint,
};

const WIDTH: i32 = 760;
const HEIGHT: i32 = 340;
const LEFT: i32 = 64;
const RIGHT: i32 = 130;
const TOP: i32 = 20;
const BOTTOM: i32 = 300;

struct Point {
    name: String,
    /// USD per thousand requests.
    cost: f64,
    rate: f64,
    low: f64,
    high: f64,
    colour: plotters::style::RGBColor,
    size: i32,
}

fn points(summary: &Summary) -> Vec<Point> {
    let mut points: Vec<Point> = summary
        .tiers
        .iter()
        .enumerate()
        .filter_map(|(at, tier)| {
            let (rate, cost) = (tier.pass_rate?, tier.cost_per_request?);
            Some(Point {
                name: tier.name.to_string(),
                cost: cost.to_f64() * 1000.0,
                rate: rate.mean,
                low: rate.low,
                high: rate.high,
                colour: tier_colour(at),
                size: 6,
            })
        })
        .collect();
    let projection = &summary.projection;
    if let Some(total) = &projection.total
        && projection.requests_per_day > 0.0
    {
        // The routes' quality: that of each task's tier, weighted by traffic.
        let mut sums = (0.0, 0.0);
        for task in &summary.tasks {
            let projected = projection.tasks.iter().find(|line| line.task == task.name);
            if let (Some(line), Some(rate)) = (projected, task.route.pass_rate) {
                sums = (sums.0 + rate.mean * line.requests_per_day, sums.1 + line.requests_per_day);
            }
        }
        if sums.1 > 0.0 {
            let rate = sums.0 / sums.1;
            let cost = total.day.mean.to_f64() / projection.requests_per_day * 1000.0;
            points.push(Point {
                name: "as routed".to_owned(),
                cost,
                rate,
                low: rate,
                high: rate,
                colour: GOOD,
                size: 8,
            });
        }
    }
    points.retain(|point| point.cost.is_finite() && point.cost > 0.0);
    points
}

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let points = points(summary);
    let costs = || points.iter().map(|point| point.cost);
    let (Some(least), Some(most)) = (costs().reduce(f64::min), costs().reduce(f64::max)) else {
        return Ok(None);
    };
    // A decade of room at the least, on a logarithmic axis.
    let (from, to) = ((least / 1.6).log10(), (most * 1.6).log10());
    let lowest = points.iter().map(|point| point.low).fold(1.0, f64::min);
    let floor = ((lowest * 10.0).floor() / 10.0 - 0.1).max(0.0);
    let x = |cost: f64| {
        LEFT + ((cost.log10() - from) / (to - from) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    };
    let y = |rate: f64| {
        BOTTOM - ((rate - floor) / (1.0 - floor).max(0.01) * f64::from(BOTTOM - TOP)).round() as i32
    };
    draw(WIDTH as u32, HEIGHT as u32, |root| {
        let mut tenth = (floor * 10.0).round();
        while tenth <= 10.0 {
            let rate = tenth / 10.0;
            line(root, (LEFT, y(rate)), (WIDTH - RIGHT, y(rate)), GRID, 1)?;
            write_text(
                root,
                &format!("{:.0} %", rate * 100.0),
                (LEFT - 8, y(rate)),
                &text_style(12, MUTED, HPos::Right),
            )?;
            tenth += if floor < 0.55 { 2.0 } else { 1.0 };
        }
        for decade in (from.floor() as i32)..=(to.ceil() as i32) {
            for step in [1.0, 3.0] {
                let cost = step * 10_f64.powi(decade);
                if cost.log10() > from && cost.log10() < to {
                    line(root, (x(cost), TOP), (x(cost), BOTTOM), GRID, 1)?;
                    let label = crate::units::Usd::from_estimate(cost)
                        .map(crate::units::Usd::human)
                        .unwrap_or_default();
                    write_text(root, &label, (x(cost), BOTTOM + 14), &text_style(12, MUTED, HPos::Center))?;
                }
            }
        }
        let style = text_style(12, MUTED, HPos::Center);
        write_text(root, "USD per 1,000 requests", ((LEFT + WIDTH - RIGHT) / 2, BOTTOM + 32), &style)?;
        let heights: Vec<i32> = points.iter().map(|point| y(point.rate)).collect();
        let names = spread(&heights, 16, TOP, BOTTOM);
        for (point, name) in points.iter().zip(names) {
            let at = (x(point.cost), y(point.rate));
            line(root, (at.0, y(point.low)), (at.0, y(point.high)), point.colour, 2)?;
            dot(root, at, point.size, point.colour)?;
            write_text(root, &clean(&point.name, 18), (at.0 + 13, name), &text_style(13, INK, HPos::Left))?;
        }
        Ok(())
    })
    .map(Some)
}
