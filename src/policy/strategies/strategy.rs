//! What a strategy is: its inputs, and what it does with each request.

use smallvec::{SmallVec, smallvec};

use super::matrix::{Matrix, Means};
use super::queries::Queries;
use super::text::Texts;
use crate::config::StrategySettings;
use crate::ident::TierName;
use crate::stats::frontier::Point;

/// What a strategy is in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All traffic on one tier: a baseline.
    Single,
    /// It could be deployed, and is judged on prompts that it was not fitted on.
    Deployable,
    /// The routes of this run. They were decided on the same answers, which flatters them, so they do not compete.
    Routes,
    /// The routes as they are decided without the prompts that they are judged on: what the routes of this run compete as.
    CrossFitted,
    /// An upper bound: it uses knowledge that production does not have.
    Bound,
    /// An outside router, measured like a tier.
    Outside,
}

impl Standing {
    /// Whether it is compared with the single tiers: it could be deployed, and is not judged on what it was fitted on.
    #[must_use]
    pub const fn competes(self) -> bool {
        match self {
            Self::CrossFitted | Self::Deployable | Self::Outside => true,
            Self::Single | Self::Routes | Self::Bound => false,
        }
    }
}

/// Tiers that are tried in turn, with the probability that they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The probability.
    pub share: f64,
    /// The tiers; the answer of the last one stands.
    pub tried: SmallVec<[u8; 8]>,
}

/// The paths of a request: nearly always one, so it is stored inline.
pub type Paths = SmallVec<[Path; 1]>;

impl Path {
    /// A single tier, for sure.
    pub(super) fn sure(tier: usize) -> Paths {
        smallvec![Self { share: 1.0, tried: smallvec![tier as u8] }]
    }
}

/// A strategy, applied: what it does with each row of the matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// A short stable name, such as `map-97`.
    pub id: String,
    /// Its label in reports.
    pub label: String,
    /// What it is in the comparison.
    pub standing: Standing,
    /// What it does with each row, judged on prompts that it was not fitted on.
    pub paths: Vec<Paths>,
    /// The same fitted on all prompts, for what is fitted.
    pub in_sample: Option<Vec<Paths>>,
    /// The overhead of deciding: USD and milliseconds per request that it is paid for.
    pub overhead: (f64, f64),
    /// The rows that it is paid for; all of them where this is `None`.
    pub asked: Option<Vec<bool>>,
    /// The same of the strategy that is fitted on all prompts.
    pub in_sample_asked: Option<Vec<bool>>,
    /// Other points that it reaches with other thresholds: USD per request and quality.
    pub curve: Vec<Point>,
    /// The same points fitted on all prompts.
    pub in_sample_curve: Vec<Point>,
    /// For what splits requests between the weakest and the strongest tier: the share of strong calls and the quality, as the
    /// threshold is swept.
    pub sweep: Option<Vec<Point>>,
    /// For a task map: by how much it can be dearer than the cheapest that keeps as much, as a share of that one's cost; 0 where
    /// it is the cheapest, infinite where no bound is known.
    pub map_gap: Option<f64>,
}

/// The overhead of a row, where it is paid only for some.
pub(super) fn paid(overhead: (f64, f64), asked: Option<&[bool]>, at: usize) -> (f64, f64) {
    let is_paid = asked.is_none_or(|asked| asked.get(at).copied().unwrap_or(true));
    if is_paid { overhead } else { (0.0, 0.0) }
}

impl Applied {
    /// A strategy that fits nothing.
    pub(super) fn fixed(
        id: impl Into<String>,
        label: impl Into<String>,
        standing: Standing,
        paths: Vec<Paths>,
    ) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            standing,
            paths,
            in_sample: None,
            overhead: (0.0, 0.0),
            asked: None,
            in_sample_asked: None,
            curve: Vec::new(),
            in_sample_curve: Vec::new(),
            sweep: None,
            map_gap: None,
        }
    }
}

/// The route of a task, as far as a replay needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOf {
    /// The tier that serves.
    pub tier: usize,
    /// The tier that each tier escalates to.
    pub escalates_to: Vec<Option<usize>>,
}

/// The inputs of a strategy.
pub struct World<'a> {
    /// How each tier answered each request.
    pub matrix: &'a Matrix,
    /// The texts of the prompts, by their index in the corpus; without them, strategies that read are left out.
    pub texts: Option<&'a Texts>,
    /// The answers to strategy queries.
    pub queries: &'a Queries,
    /// The configuration.
    pub settings: &'a StrategySettings,
    /// The rungs of the ladder, then what was measured outside it.
    pub names: &'a [TierName],
    /// Which of those outside the ladder are routers.
    pub routers: &'a [usize],
    /// The routes, by task.
    pub routes: &'a [RouteOf],
    /// The routes as they are decided without each part of the prompts: by part, then task. Empty where they were not decided so.
    pub crossed: &'a [Vec<RouteOf>],
    /// The means of each rung.
    pub means: Vec<Means>,
    /// The cheapest rung.
    pub weak: usize,
    /// The rung with the best quality, the cheapest of several.
    pub strong: usize,
}

impl World<'_> {
    /// The prompts, each once, in the order of the rows.
    pub(super) fn prompts(&self) -> Vec<u32> {
        let each = self.matrix.rows.chunk_by(|a, b| a.prompt == b.prompt);
        each.filter_map(|repeats| Some(repeats.first()?.prompt)).collect()
    }

    pub(super) fn name(&self, tier: usize) -> &str {
        self.names.get(tier).map_or("?", TierName::as_str)
    }

    pub(super) fn mean(&self, tier: usize) -> Means {
        self.means.get(tier).copied().unwrap_or_default()
    }

    /// The share of the best tier's quality that what is fitted has to keep.
    pub(super) fn keep(&self) -> f64 {
        self.settings.keep.first().map_or(1.0, |share| share.get())
    }
}

/// A strategy.
pub struct Strategy {
    /// Its name.
    pub name: &'static str,
    /// Applies it to a matrix: one line, several (such as one per tier), or none where it cannot be replayed.
    pub apply: fn(&World<'_>) -> Vec<Applied>,
}
