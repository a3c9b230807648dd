//! What every chart is painted with: colours, lines, texts, and the SVG that comes of them.
//!
//! Colours are written as variables with a fallback (`var(--ink, #1f2328)`), so that a chart follows the page that it stands
//! in, light or dark, and looks right as a file of its own.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::render::renderer::RenderError;
use crate::summary::Summary;

/// A chart: its file's name, what it shows in a sentence, and how it is drawn.
pub(super) struct Chart {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    pub(super) draw: fn(&Summary) -> Result<Option<Drawing>, RenderError>,
}

/// A chart that is ready to be put into a page or a file.
pub struct Drawn {
    /// The file's name.
    pub file: &'static str,
    /// What it shows, in a sentence.
    pub title: &'static str,
    /// The SVG.
    pub svg: String,
}

/// A drawn chart before its colours become variables.
pub(super) struct Drawing {
    svg: String,
    width: u32,
    height: u32,
}

pub(super) type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

// Stand-ins: each colour occurs nowhere else, and becomes its variable in `finish`.
pub(super) const INK: RGBColor = RGBColor(31, 35, 40);
pub(super) const MUTED: RGBColor = RGBColor(101, 109, 118);
pub(super) const GRID: RGBColor = RGBColor(208, 215, 222);
pub(super) const GOOD: RGBColor = RGBColor(26, 127, 55);
pub(super) const WARN: RGBColor = RGBColor(154, 103, 0);
pub(super) const BAD: RGBColor = RGBColor(207, 34, 46);

/// Colours of tiers, told apart by people with every kind of colour vision (after Okabe and Ito).
const TIERS: [RGBColor; 6] = [
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(118, 118, 118),
];

const VARIABLES: [(RGBColor, &str); 12] = [
    (INK, "--ink"),
    (MUTED, "--muted"),
    (GRID, "--grid"),
    (GOOD, "--good"),
    (WARN, "--warn"),
    (BAD, "--bad"),
    (TIERS[0], "--tier-1"),
    (TIERS[1], "--tier-2"),
    (TIERS[2], "--tier-3"),
    (TIERS[3], "--tier-4"),
    (TIERS[4], "--tier-5"),
    (TIERS[5], "--tier-6"),
];

pub(super) const fn tier_colour(index: usize) -> RGBColor {
    TIERS[index % TIERS.len()]
}

pub(super) fn failed<E: std::fmt::Display>(error: E) -> RenderError {
    RenderError::Chart(error.to_string())
}

/// Draws into an SVG of that size.
pub(super) fn draw(
    width: u32,
    height: u32,
    paint: impl FnOnce(&Root<'_>) -> Result<(), RenderError>,
) -> Result<Drawing, RenderError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        paint(&root)?;
        root.present().map_err(failed)?;
    }
    Ok(Drawing { svg, width, height })
}

fn font(size: u32) -> FontDesc<'static> {
    ("sans-serif", size).into_font()
}

pub(super) fn text_style(size: u32, colour: RGBColor, at: HPos) -> TextStyle<'static> {
    font(size).color(&colour).pos(Pos::new(at, VPos::Center))
}

pub(super) fn write_text(
    root: &Root<'_>,
    text: &str,
    at: (i32, i32),
    style: &TextStyle<'_>,
) -> Result<(), RenderError> {
    root.draw(&Text::new(clean(text, 40), at, style.clone())).map_err(failed)
}

pub(super) fn line(
    root: &Root<'_>,
    from: (i32, i32),
    to: (i32, i32),
    colour: RGBColor,
    width: u32,
) -> Result<(), RenderError> {
    root.draw(&PathElement::new(vec![from, to], colour.stroke_width(width))).map_err(failed)
}

pub(super) fn dot(root: &Root<'_>, at: (i32, i32), radius: i32, colour: RGBColor) -> Result<(), RenderError> {
    root.draw(&Circle::new(at, radius, colour.filled())).map_err(failed)
}

/// A text of at most so many characters, without what XML does not know.
pub(super) fn clean(text: &str, longest: usize) -> String {
    let mut shown: String =
        text.chars().filter(|c| !c.is_control() && !crate::diag::is_format_char(*c)).take(longest).collect();
    if text.chars().count() > longest {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Names beside points, moved apart so that none covers another: `(x, y)` of each point to the `y` of its name.
pub(super) fn spread(points: &[i32], distance: i32, least: i32, most: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|at| points.get(*at).copied().unwrap_or_default());
    let mut placed = points.to_vec();
    let mut last = least - distance;
    for at in &order {
        if let Some(y) = placed.get_mut(*at) {
            *y = (*y).max(last + distance);
            last = *y;
        }
    }
    // What was pushed beyond the end is pushed back from there.
    let mut next = most + distance;
    for at in order.iter().rev() {
        if let Some(y) = placed.get_mut(*at) {
            *y = (*y).min(next - distance);
            next = *y;
        }
    }
    placed
}

/// Turns stand-in colours into variables, and makes the picture scale and speak.
pub(super) fn finish(drawing: &Drawing, title: &str) -> String {
    let mut svg = drawing.svg.clone();
    for (colour, name) in VARIABLES {
        let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        for attribute in ["fill", "stroke"] {
            svg = svg.replace(
                &format!("{attribute}=\"{hex}\""),
                &format!("style=\"{attribute}:var({name},{})\" {attribute}=\"{hex}\"", hex.to_lowercase()),
            );
        }
    }
    // An element may carry only one `style`: what is stroked and filled alike gets both in one.
    svg = merge_styles(&svg);
    let (width, height) = (drawing.width, drawing.height);
    let old = svg.split_once('>').map_or(0, |(head, _)| head.len() + 1);
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\"><title>{title}</title>"
    );
    let body = svg.get(old..).unwrap_or_default();
    format!("{head}{}", body.replace("font-family=\"sans-serif\" ", ""))
}

fn merge_styles(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    for element in svg.split_inclusive('>') {
        let styles: Vec<&str> = element
            .match_indices("style=\"")
            .filter_map(|(at, open)| element.get(at + open.len()..)?.split('"').next())
            .collect();
        if styles.len() < 2 {
            out.push_str(element);
            continue;
        }
        let mut rest = element.to_owned();
        for style in &styles {
            rest = rest.replacen(&format!("style=\"{style}\" "), "", 1);
        }
        let merged = format!(" style=\"{}\"", styles.join(";"));
        match rest.find(|c: char| c.is_whitespace()) {
            Some(at) => {
                rest.insert_str(at, &merged);
                out.push_str(&rest);
            }
            None => out.push_str(element),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn names_are_moved_apart_and_stay_within() {
        assert_eq!(spread(&[10, 12, 50], 14, 0, 100), [10, 24, 50]);
        assert_eq!(spread(&[95, 96, 97], 14, 0, 100), [72, 86, 100]);
    }
}
