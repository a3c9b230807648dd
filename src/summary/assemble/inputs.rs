//! Everything that a summary is built from.

use crate::config::{Config, Task};
use crate::grade::standing::OracleStanding;
use crate::measure::Observation;
use crate::policy::EarlyStop;
use crate::policy::strategies::queries::Queries;
use crate::policy::strategies::text::Texts;
use crate::price::ModelPrice;
use crate::summary::notice::Notice;
use crate::summary::outside::Tally;
use crate::summary::queries::QueriedModel;
use crate::summary::result::Spend;
use crate::summary::run::{Evidence, RunFacts};

/// Everything that a summary is built from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The configuration: tiers, tasks, policy, seed.
    pub config: &'a Config,
    /// The program, such as `route-prof 0.1.0`.
    pub tool: String,
    /// What was run.
    pub run: RunFacts,
    /// Digests of everything that the result depends on.
    pub evidence: Evidence,
    /// The measured tasks; `Observation::task` is an index into them.
    pub tasks: &'a [MeasuredTask<'a>],
    /// The price of each tier's model, in the order of the ladder.
    pub prices: &'a [ModelPrice],
    /// One entry per planned trial, attempted or not.
    pub observations: &'a [Observation],
    /// The texts of the prompts, for the strategies that read; `Observation::prompt` is an index into them.
    pub texts: Option<&'a Texts>,
    /// The answers to strategy queries.
    pub queries: &'a Queries,
    /// What the strategy queries took.
    pub queried: &'a [QueriedModel],
    /// Which models served the replies of routers.
    pub served: &'a Tally,
    /// The cells that were not measured to their last prompt: by task, then tier.
    pub stopped: &'a [Vec<Option<EarlyStop>>],
    /// What the measurement took.
    pub spend: Spend,
    /// Notices of the caller; they come before those that follow from the figures.
    pub notices: Vec<Notice>,
}

/// A task that the corpus holds prompts of.
#[derive(Clone, Debug)]
pub struct MeasuredTask<'a> {
    /// Its configuration.
    pub task: &'a Task,
    /// Whether its oracle has a part that production can run.
    pub gate: Gate,
    /// Its prompts in the corpus.
    pub prompts: u64,
    /// Its clusters: prompts that differ.
    pub distinct_prompts: u64,
    /// Those of its prompts that carry the tag `adversarial`.
    pub adversarial: u64,
    /// What human labels say of the oracle that grades it; `None` where no model judges and nobody has labelled anything.
    pub labelled: Option<OracleStanding>,
}

/// Whether an oracle has a part that production can run without a reference answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It has.
    Present,
    /// It needs a reference answer for everything.
    Absent,
}
