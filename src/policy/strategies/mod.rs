//! Strategies, replayed on the measured answers: what would other ways of routing cost, and how good would they be?
//!
//! A strategy names, for each request, the tiers it would have tried, in order; everything else follows from the measured
//! answers of those tiers. Fitting uses cross-fitting. Nothing here decides a route. Offline replay assumes that an answer does
//! not depend on the route, and does not model sessions or prompt caches.

pub mod queries;
mod cascade;
mod classifier;
mod drawing;
mod evaluate;
mod figures;
mod hybrid;
mod keywords;
mod length;
mod matrix;
#[cfg(test)]
mod mmlu;
mod random;
mod nearest;
mod perfect;
mod outside;
mod replay;
mod routed;
mod score;
mod single;
mod strategy;
mod sweep;
mod task_map;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
pub mod traffic;

pub use classifier::{Confusion, confusion};
pub use drawing::Drawing;
pub use evaluate::{Comparison, ends};
pub use figures::{Figures, Gap, Part, Selection, Span};
pub use matrix::{Fact, Matrix, Means, Row};
pub(crate) use replay::row_point;
pub(crate) use routed::climb;
pub use strategy::{Applied, Path, Paths, RouteOf, Standing, Strategy, World};

/// Every strategy, in the order of the tables.
pub const STRATEGIES: &[&Strategy] = &[
    &single::STRATEGY,
    &routed::STRATEGY,
    &random::STRATEGY,
    &task_map::STRATEGY,
    &length::STRATEGY,
    &keywords::STRATEGY,
    &nearest::STRATEGY,
    &score::STRATEGY,
    &classifier::STRATEGY,
    &hybrid::STRATEGY,
    &cascade::STRATEGY,
    &outside::STRATEGY,
    &perfect::STRATEGY,
];

/// Applies every strategy and compares them; `None` where no request can be compared.
#[must_use]
pub fn compare(world: &World<'_>, drawing: Drawing) -> Option<Comparison> {
    evaluate::compare(STRATEGIES, world, drawing)
}
