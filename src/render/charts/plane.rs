//! A plane of cost, on a logarithmic axis, against the pass rate, with its grid.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{Drawing, GRID, MUTED, Root, dot, draw, line, text_style, write_text};
use crate::render::renderer::RenderError;
use crate::units::Usd;

/// Where the plane lies in its picture.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Room at the left, for the names of pass rates.
    pub(super) left: i32,
    /// Room at the right, for the names of points.
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// How much of the axes is shown around the points.
#[derive(Clone, Copy)]
pub(super) struct Margins {
    /// The factor of cost below the cheapest point and above the costliest.
    pub(super) cost: f64,
    /// Tenths of a pass rate below the one that the lowest interval reaches into.
    pub(super) tenths: f64,
}

pub(super) struct Point {
    pub(super) name: String,
    /// USD per thousand requests.
    pub(super) cost: f64,
    pub(super) rate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) colour: RGBColor,
    pub(super) size: i32,
}

impl Point {
    /// Whether it has a place on a logarithmic axis.
    pub(super) fn has_a_place(&self) -> bool {
        self.cost.is_finite() && self.cost > 0.0
    }
}

pub(super) struct Plane {
    frame: Frame,
    /// The costs at the ends of the axis, as powers of ten.
    pub(super) from: f64,
    pub(super) to: f64,
    /// The pass rate at the bottom.
    pub(super) floor: f64,
}

impl Plane {
    /// The plane that all points lie on; `None` without a point.
    pub(super) fn around(points: &[Point], frame: Frame, margins: Margins) -> Option<Self> {
        let costs = || points.iter().map(|point| point.cost);
        let (least, most) = (costs().reduce(f64::min)?, costs().reduce(f64::max)?);
        let lowest = points.iter().map(|point| point.low).fold(1.0, f64::min);
        Some(Self {
            frame,
            from: (least / margins.cost).log10(),
            to: (most * margins.cost).log10(),
            floor: ((lowest * 10.0).floor() / 10.0 - margins.tenths / 10.0).max(0.0),
        })
    }

    pub(super) fn x(&self, cost: f64) -> i32 {
        let Frame { width, left, right, .. } = self.frame;
        let along = (cost.log10() - self.from) / (self.to - self.from);
        left + (along * f64::from(width - left - right)).round() as i32
    }

    pub(super) fn y(&self, rate: f64) -> i32 {
        let Frame { top, bottom, .. } = self.frame;
        let up = (rate - self.floor) / (1.0 - self.floor).max(0.01);
        bottom - (up * f64::from(bottom - top)).round() as i32
    }

    /// A picture of that size, with the grid and then what `paint` puts on it; `tenths` of a pass rate lie between two lines.
    pub(super) fn draw(
        &self,
        tenths: f64,
        paint: impl FnOnce(&Root<'_>) -> Result<(), RenderError>,
    ) -> Result<Drawing, RenderError> {
        draw(self.frame.width as u32, self.frame.height as u32, |root| {
            self.grid(root, tenths)?;
            paint(root)
        })
    }

    fn grid(&self, root: &Root<'_>, tenths: f64) -> Result<(), RenderError> {
        let Frame { width, left, right, top, bottom, .. } = self.frame;
        let mut tenth = (self.floor * 10.0).round();
        while tenth <= 10.0 {
            let rate = tenth / 10.0;
            let y = self.y(rate);
            line(root, (left, y), (width - right, y), GRID, 1)?;
            let style = text_style(12, MUTED, HPos::Right);
            write_text(root, &format!("{:.0} %", rate * 100.0), (left - 8, y), &style)?;
            tenth += tenths;
        }
        let style = text_style(12, MUTED, HPos::Center);
        for decade in (self.from.floor() as i32)..=(self.to.ceil() as i32) {
            for step in [1.0, 3.0] {
                let cost = step * 10_f64.powi(decade);
                if cost.log10() > self.from && cost.log10() < self.to {
                    let x = self.x(cost);
                    line(root, (x, top), (x, bottom), GRID, 1)?;
                    let label = Usd::from_estimate(cost).map(Usd::human).unwrap_or_default();
                    write_text(root, &label, (x, bottom + 14), &style)?;
                }
            }
        }
        write_text(root, "USD per 1,000 requests", ((left + width - right) / 2, bottom + 32), &style)
    }

    /// A point with the interval of its pass rate.
    pub(super) fn mark(&self, root: &Root<'_>, point: &Point, width: u32) -> Result<(), RenderError> {
        let (x, y) = (self.x(point.cost), self.y(point.rate));
        line(root, (x, self.y(point.low)), (x, self.y(point.high)), point.colour, width)?;
        dot(root, (x, y), point.size, point.colour)
    }
}
