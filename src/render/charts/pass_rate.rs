//! Pass rate with its confidence interval, per task and tier, against the floors.

use plotters::style::text_anchor::HPos;

use super::canvas::{
    Chart, Drawing, GRID, INK, MUTED, clean, dot, draw, line, text_style, tier_colour, write_text,
};
use crate::render::renderer::RenderError;
use crate::summary::Summary;

pub(super) const CHART: Chart = Chart {
    file: "pass-rate.svg",
    title: "Pass rate of each tier for each task, with confidence intervals; the grey lines are the floors",
    draw: paint,
};

const ROW: i32 = 20;
const LEFT: i32 = 190;
const RIGHT: i32 = 70;
const WIDTH: i32 = 760;

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let cells = summary.tasks.iter().flat_map(|task| &task.cells);
    if cells.clone().all(|cell| cell.pass_rate.is_none()) {
        return Ok(None);
    }
    let tiers = summary.tiers.len().max(1) as i32;
    let block = tiers * ROW + 18;
    let top = 34;
    let bottom = top + block * summary.tasks.len() as i32;
    let x = |share: f64| LEFT + (share.clamp(0.0, 1.0) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    draw(WIDTH as u32, (bottom + 30) as u32, |root| {
        for (at, tier) in summary.tiers.iter().enumerate() {
            let left = LEFT + at as i32 * 150;
            dot(root, (left + 4, 14), 5, tier_colour(at))?;
            write_text(
                root,
                &clean(tier.name.as_str(), 18),
                (left + 14, 14),
                &text_style(13, INK, HPos::Left),
            )?;
        }
        for tenth in 0..=5 {
            let share = f64::from(tenth) / 5.0;
            line(root, (x(share), top), (x(share), bottom), GRID, 1)?;
            let label = format!("{:.0} %", share * 100.0);
            write_text(root, &label, (x(share), bottom + 14), &text_style(12, MUTED, HPos::Center))?;
        }
        for (number, task) in summary.tasks.iter().enumerate() {
            let from = top + number as i32 * block;
            let style = text_style(14, INK, HPos::Right);
            write_text(root, &clean(task.name.as_str(), 24), (LEFT - 12, from + block / 2), &style)?;
            if number > 0 {
                line(root, (12, from), (WIDTH - 12, from), GRID, 1)?;
            }
            for floor in [task.monitor_floor, task.route_floor] {
                line(root, (x(floor), from + 4), (x(floor), from + block - 4), MUTED, 1)?;
            }
            for (at, cell) in task.cells.iter().enumerate() {
                let y = from + 9 + ROW / 2 + at as i32 * ROW;
                match &cell.pass_rate {
                    Some(rate) => {
                        line(root, (x(rate.low), y), (x(rate.high), y), tier_colour(at), 3)?;
                        dot(root, (x(rate.mean), y), 5, tier_colour(at))?;
                        let label = format!("{:.0} %", rate.mean * 100.0);
                        write_text(root, &label, (WIDTH - RIGHT + 16, y), &text_style(12, INK, HPos::Left))?;
                    }
                    None => {
                        write_text(root, "–", (WIDTH - RIGHT + 16, y), &text_style(12, MUTED, HPos::Left))?;
                    }
                }
            }
        }
        Ok(())
    })
    .map(Some)
}
