//! A summary to bytes: one file per format, one line each in [`RENDERERS`]. Pure: reads no file, writes none, asks no clock.

pub mod charts;
pub mod csv;
pub mod html;
pub mod json;
mod junit;
mod markdown;
mod renderer;
pub mod review;
mod strategies;
pub mod terminal;
mod words;

pub use self::renderer::{RenderError, Renderer};

/// Every format that is a function of the summary alone and stands in the run's folder.
pub const RENDERERS: &[&Renderer] = &[
    &json::RENDERER,
    &html::RENDERER,
    &markdown::RENDERER,
    &csv::PROJECTION,
    &strategies::RENDERER,
    &junit::RENDERER,
];
