//! Latency of each tier over all tasks: the cumulative share of replies.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Chart, Drawing, GRID, INK, MUTED, clean, draw, failed, line, spread, text_style, tier_colour, write_text,
};
use crate::render::renderer::RenderError;
use crate::summary::Summary;
use crate::units::Millis;

pub(super) const CHART: Chart = Chart {
    file: "latency.svg",
    title: "Latency per tier: share of replies that have arrived by a given time",
    draw: paint,
};

const WIDTH: i32 = 760;
const HEIGHT: i32 = 320;
const LEFT: i32 = 64;
const RIGHT: i32 = 130;
const TOP: i32 = 20;
const BOTTOM: i32 = 280;

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let curves: Vec<(usize, &str, [f64; 21])> = summary
        .tiers
        .iter()
        .enumerate()
        .filter_map(|(at, tier)| {
            Some((at, tier.name.as_str(), tier.latency?.quantiles.map(|q| q.ms().max(0.1))))
        })
        .collect();
    let all = || curves.iter().flat_map(|(_, _, quantiles)| quantiles.iter().copied());
    let (Some(least), Some(most)) = (all().reduce(f64::min), all().reduce(f64::max)) else { return Ok(None) };
    let (from, to) = ((least / 1.1).log10(), (most * 1.1).log10().max((least * 2.0).log10()));
    let x =
        |ms: f64| LEFT + ((ms.log10() - from) / (to - from) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    let y = |share: f64| BOTTOM - (share * f64::from(BOTTOM - TOP)).round() as i32;
    draw(WIDTH as u32, HEIGHT as u32, |root| {
        for share in [0.0, 0.25, 0.5, 0.75, 0.95, 1.0] {
            line(root, (LEFT, y(share)), (WIDTH - RIGHT, y(share)), GRID, 1)?;
            // 95 % and 100 % would touch.
            if share < 1.0 {
                write_text(
                    root,
                    &format!("{:.0} %", share * 100.0),
                    (LEFT - 8, y(share)),
                    &text_style(12, MUTED, HPos::Right),
                )?;
            }
        }
        for decade in (from.floor() as i32)..=(to.ceil() as i32) {
            for step in [1.0, 2.0, 5.0] {
                let ms = step * 10_f64.powi(decade);
                if ms.log10() > from && ms.log10() < to {
                    line(root, (x(ms), TOP), (x(ms), BOTTOM), GRID, 1)?;
                    let label = Millis::from_ms(ms).map(|ms| ms.to_string()).unwrap_or_default();
                    write_text(root, &label, (x(ms), BOTTOM + 14), &text_style(12, MUTED, HPos::Center))?;
                }
            }
        }
        // A name stands where its curve ends.
        let ends: Vec<i32> =
            curves.iter().enumerate().map(|(order, _)| y(1.0) + 8 + order as i32 * 4).collect();
        let names = spread(&ends, 18, TOP, BOTTOM);
        for ((at, name, quantiles), label) in curves.iter().zip(names) {
            let path: Vec<(i32, i32)> =
                quantiles.iter().enumerate().map(|(step, ms)| (x(*ms), y(step as f64 / 20.0))).collect();
            root.draw(&PathElement::new(path, tier_colour(*at).stroke_width(3))).map_err(failed)?;
            let left = WIDTH - RIGHT + 12;
            line(root, (left, label), (left + 18, label), tier_colour(*at), 3)?;
            write_text(root, &clean(name, 14), (left + 24, label), &text_style(13, INK, HPos::Left))?;
        }
        Ok(())
    })
    .map(Some)
}
