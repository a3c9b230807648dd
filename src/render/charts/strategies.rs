//! Cost against pass rate of every strategy, and the curve of random routing between single tiers.

use plotters::style::text_anchor::HPos;

use super::canvas::{
    Chart, Drawing, GOOD, GRID, INK, MUTED, clean, line, spread, text_style, tier_colour, write_text,
};
use super::plane::{Frame, Margins, Plane, Point};
use crate::render::renderer::RenderError;
use crate::stats::frontier;
use crate::summary::{StrategyKind, Summary};

pub(super) const CHART: Chart = Chart {
    file: "strategies.svg",
    title: "Strategies: cost per 1,000 requests against pass rate; the curve is random routing",
    draw: paint,
};

const FRAME: Frame = Frame { width: 760, height: 460, left: 64, right: 250, top: 20, bottom: 410 };

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
                StrategyKind::Routes | StrategyKind::RoutesCrossFitted => (GOOD, 8),
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
        .filter(Point::has_a_place)
        .collect()
}

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let points = points(summary);
    let margins = Margins { cost: 1.4, tenths: 0.0 };
    let Some(plane) = Plane::around(&points, FRAME, margins) else { return Ok(None) };
    plane
        .draw(1.0, |root| {
            // Random routing between single tiers: straight lines on a linear axis, a curve on this one.
            let singles: Vec<frontier::Point> = summary
                .strategies
                .iter()
                .flat_map(|strategies| &strategies.table)
                .filter(|one| one.kind == StrategyKind::Single)
                .map(|one| (one.cost_per_1000.mean.to_f64(), one.pass_rate.mean))
                .collect();
            let hull = frontier::hull(&singles);
            let steps = (0..=80)
                .map(|step| 10_f64.powf(plane.from + (plane.to - plane.from) * f64::from(step) / 80.0));
            let random: Vec<(i32, i32)> =
                steps.filter_map(|cost| Some((plane.x(cost), plane.y(frontier::at(&hull, cost)?)))).collect();
            for pair in random.windows(2) {
                if let [a, b] = pair {
                    line(root, *a, *b, MUTED, 1)?;
                }
            }
            for point in &points {
                plane.mark(root, point, 1)?;
            }
            // The names stand in a column of their own, each joined to its point.
            let heights: Vec<i32> = points.iter().map(|point| plane.y(point.rate)).collect();
            let names = spread(&heights, 16, FRAME.top, FRAME.bottom);
            for (point, name) in points.iter().zip(names) {
                let column = FRAME.width - FRAME.right + 14;
                line(root, (plane.x(point.cost), plane.y(point.rate)), (column - 4, name), GRID, 1)?;
                write_text(root, &clean(&point.name, 34), (column, name), &text_style(12, INK, HPos::Left))?;
            }
            Ok(())
        })
        .map(Some)
}
