//! Cost against quality of every strategy, and the line of what a random mix of single tiers buys.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::{
    Chart, Drawing, GOOD, GRID, INK, MUTED, RenderError, clean, dot, draw, line, spread, text_style,
    tier_colour, write_text,
};
use crate::stats::frontier;
use crate::summary::{StrategyKind, Summary};

pub(super) const CHART: Chart = Chart {
    file: "strategies.svg",
    title: "Strategies: cost of a thousand requests against the pass rate",
    draw: paint,
};

const WIDTH: i32 = 760;
const HEIGHT: i32 = 460;
const LEFT: i32 = 64;
const RIGHT: i32 = 250;
const TOP: i32 = 20;
const BOTTOM: i32 = 410;

struct Point {
    name: String,
    cost: f64,
    rate: f64,
    low: f64,
    high: f64,
    colour: RGBColor,
    size: i32,
}

/// The strategies with a colour each: tiers have their own, bounds are pale.
fn points(summary: &Summary) -> Vec<Point> {
    let mut tier = 0;
    let lines = summary.strategies.iter().flat_map(|strategies| &strategies.table);
    lines
        .map(|one| {
            let (colour, size) = match one.kind {
                StrategyKind::Single => {
                    tier += 1;
                    (tier_colour(tier - 1), 6)
                }
                StrategyKind::Routes => (GOOD, 8),
                StrategyKind::Deployable | StrategyKind::Outside => (INK, 4),
                StrategyKind::Bound => (MUTED, 4),
            };
            Point {
                name: one.label.clone(),
                cost: one.cost_per_1000.mean.to_f64(),
                rate: one.pass_rate.mean,
                low: one.pass_rate.low,
                high: one.pass_rate.high,
                colour,
                size,
            }
        })
        .filter(|point| point.cost.is_finite() && point.cost > 0.0)
        .collect()
}

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let points = points(summary);
    let costs = || points.iter().map(|point| point.cost);
    let (Some(least), Some(most)) = (costs().reduce(f64::min), costs().reduce(f64::max)) else {
        return Ok(None);
    };
    let (from, to) = ((least / 1.4).log10(), (most * 1.4).log10());
    let lowest = points.iter().map(|point| point.low).fold(1.0, f64::min);
    let floor = (lowest * 10.0).floor() / 10.0;
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
            let style = text_style(12, MUTED, HPos::Right);
            write_text(root, &format!("{:.0} %", rate * 100.0), (LEFT - 8, y(rate)), &style)?;
            tenth += 1.0;
        }
        for decade in (from.floor() as i32)..=(to.ceil() as i32) {
            for step in [1.0, 3.0] {
                let cost = step * 10_f64.powi(decade);
                if cost.log10() > from && cost.log10() < to {
                    line(root, (x(cost), TOP), (x(cost), BOTTOM), GRID, 1)?;
                    let label = crate::units::Usd::from_estimate(cost).map(crate::units::Usd::human);
                    let style = text_style(12, MUTED, HPos::Center);
                    write_text(root, &label.unwrap_or_default(), (x(cost), BOTTOM + 14), &style)?;
                }
            }
        }
        let style = text_style(12, MUTED, HPos::Center);
        write_text(root, "USD per 1,000 requests", ((LEFT + WIDTH - RIGHT) / 2, BOTTOM + 32), &style)?;
        // What mixing single tiers by lot buys: a straight line on a linear axis, a curve on this one.
        let singles: Vec<frontier::Point> = summary
            .strategies
            .iter()
            .flat_map(|strategies| &strategies.table)
            .filter(|one| one.kind == StrategyKind::Single)
            .map(|one| (one.cost_per_1000.mean.to_f64(), one.pass_rate.mean))
            .collect();
        let hull = frontier::hull(&singles);
        let steps = (0..=80).map(|step| 10_f64.powf(from + (to - from) * f64::from(step) / 80.0));
        let mixed: Vec<(i32, i32)> =
            steps.filter_map(|cost| Some((x(cost), y(frontier::at(&hull, cost)?)))).collect();
        for pair in mixed.windows(2) {
            if let [a, b] = pair {
                line(root, *a, *b, MUTED, 1)?;
            }
        }
        for point in &points {
            let at = (x(point.cost), y(point.rate));
            line(root, (at.0, y(point.low)), (at.0, y(point.high)), point.colour, 1)?;
            dot(root, at, point.size, point.colour)?;
        }
        // The names stand in a column of their own, each joined to its point.
        let heights: Vec<i32> = points.iter().map(|point| y(point.rate)).collect();
        let names = spread(&heights, 16, TOP, BOTTOM);
        for (point, name) in points.iter().zip(names) {
            let column = WIDTH - RIGHT + 14;
            line(root, (x(point.cost), y(point.rate)), (column - 4, name), GRID, 1)?;
            write_text(root, &clean(&point.name, 34), (column, name), &text_style(12, INK, HPos::Left))?;
        }
        Ok(())
    })
    .map(Some)
}
