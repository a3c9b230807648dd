//! A summary to bytes: one file per format, one line each in [`RENDERERS`]. Pure: reads no file, writes none, asks no clock.

pub mod charts;
mod bill;
mod compared;
mod csv;
mod day;
mod figures;
mod glossary;
pub mod html;
mod junit;
mod markdown;
mod renderer;
pub mod review;
mod service;
mod strategies;
pub mod terminal;
mod sentences;

pub use self::renderer::{RenderError, Renderer};
use crate::engine::SimulatedDay;
use crate::simulate::Variant;
use crate::summary::{Band, Summary};

/// Every format that depends on the summary alone and is written to the run's folder.
pub const RENDERERS: &[&Renderer] =
    &[&html::RENDERER, &markdown::RENDERER, &csv::PROJECTION, &strategies::RENDERER, &junit::RENDERER];

/// A rendered file.
pub struct Page {
    /// Its path in the run's folder.
    pub name: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Every page and chart of a summary.
///
/// # Errors
/// When one cannot be rendered: a defect.
pub fn pages(summary: &Summary) -> Result<Vec<Page>, RenderError> {
    let mut pages = Vec::new();
    for renderer in RENDERERS {
        pages.push(Page { name: renderer.file.to_owned(), bytes: (renderer.render)(summary)? });
    }
    for chart in charts::all(summary)? {
        pages.push(Page { name: format!("charts/{}", chart.file), bytes: chart.svg.into_bytes() });
    }
    Ok(pages)
}

/// The page, the table and the charts of a simulated day.
///
/// # Errors
/// When one cannot be rendered: a defect.
pub fn day_pages(day: &SimulatedDay) -> Result<Vec<Page>, RenderError> {
    let (html, charts) = html::day::page(&day.summary, &day.settings, &day.result.days)?;
    let mut pages = vec![
        Page { name: "simulate.csv".to_owned(), bytes: day::csv(&day.result.days)? },
        Page { name: "simulate.html".to_owned(), bytes: html.into_bytes() },
    ];
    for chart in charts {
        pages.push(Page { name: format!("charts/{}", chart.file), bytes: chart.svg.into_bytes() });
    }
    Ok(pages)
}

/// The name of a variant of a simulated day.
#[must_use]
pub const fn variant(variant: Variant) -> &'static str {
    charts::day::name(variant)
}

/// What the evidence says about a tier, as text.
#[must_use]
pub const fn band(band: Band) -> &'static str {
    sentences::band(band)
}
