//! Projected monthly cost: as routed, and with all traffic on one tier.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{
    Chart, Drawing, GOOD, GRID, INK, clean, draw, failed, line, text_style, tier_colour, write_text,
};
use crate::render::renderer::RenderError;
use crate::summary::{Money, Summary};

pub(super) const CHART: Chart = Chart {
    file: "monthly-cost.svg",
    title: "Projected monthly cost: as routed, and with all traffic on one tier",
    draw: paint,
};

const WIDTH: i32 = 760;
const LEFT: i32 = 190;
const RIGHT: i32 = 150;
const ROW: i32 = 40;

fn paint(summary: &Summary) -> Result<Option<Drawing>, RenderError> {
    let projection = &summary.projection;
    let Some(total) = &projection.total else { return Ok(None) };
    let mut bars: Vec<(String, Money, RGBColor)> = vec![("as routed".to_owned(), total.month, GOOD)];
    for (at, baseline) in projection.baselines.iter().enumerate() {
        if let Some(cost) = &baseline.cost {
            bars.push((format!("all traffic on {}", baseline.tier), cost.month, tier_colour(at)));
        }
    }
    let most =
        bars.iter().map(|(_, money, _)| money.high.to_f64().max(money.mean.to_f64())).fold(0.0, f64::max);
    if !(most.is_finite() && most > 0.0) {
        return Ok(None);
    }
    let x = |usd: f64| LEFT + (usd / most * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    let bottom = 10 + ROW * bars.len() as i32;
    draw(WIDTH as u32, (bottom + 10) as u32, |root| {
        line(root, (LEFT, 6), (LEFT, bottom), GRID, 1)?;
        for (number, (name, money, colour)) in bars.iter().enumerate() {
            let y = 10 + ROW / 2 + number as i32 * ROW;
            write_text(root, &clean(name, 24), (LEFT - 12, y), &text_style(14, INK, HPos::Right))?;
            let bar = [(LEFT, y - 11), (x(money.mean.to_f64()).max(LEFT + 1), y + 11)];
            root.draw(&Rectangle::new(bar, colour.filled())).map_err(failed)?;
            let (low, high) = (x(money.low.to_f64()), x(money.high.to_f64()));
            line(root, (low, y), (high, y), INK, 2)?;
            for end in [low, high] {
                line(root, (end, y - 5), (end, y + 5), INK, 2)?;
            }
            let right = high.max(x(money.mean.to_f64())) + 10;
            write_text(root, &money.mean.human(), (right, y), &text_style(14, INK, HPos::Left))?;
        }
        Ok(())
    })
    .map(Some)
}
