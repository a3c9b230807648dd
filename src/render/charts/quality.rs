//! Cost against pass rate: the single tiers, and the routes.

use plotters::style::text_anchor::HPos;

use super::canvas::{Chart, Drawing, GOOD, INK, clean, spread, text_style, tier_colour, write_text};
use super::plane::{Frame, Margins, Plane, Point};
use crate::render::renderer::RenderError;
use crate::summary::Summary;

pub(super) const CHART: Chart =
    Chart { file: "cost-quality.svg", title: "Cost per 1,000 requests against pass rate", draw: paint };

const FRAME: Frame = Frame { width: 760, height: 340, left: 64, right: 130, top: 20, bottom: 300 };

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
    points.retain(Point::has_a_place);
    points
}

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let points = points(summary);
    let margins = Margins { cost: 1.6, tenths: 1.0 };
    let Some(plane) = Plane::around(&points, FRAME, margins) else { return Ok(None) };
    plane
        .draw(if plane.floor < 0.55 { 2.0 } else { 1.0 }, |root| {
            let heights: Vec<i32> = points.iter().map(|point| plane.y(point.rate)).collect();
            let names = spread(&heights, 16, FRAME.top, FRAME.bottom);
            for (point, name) in points.iter().zip(names) {
                plane.mark(root, point, 2)?;
                let at = (plane.x(point.cost) + 13, name);
                write_text(root, &clean(&point.name, 18), at, &text_style(13, INK, HPos::Left))?;
            }
            Ok(())
        })
        .map(Some)
}
