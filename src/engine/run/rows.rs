//! The trials of a run in memory: one row each, with its result. Texts stay on disk.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context;

use super::basis::ProgramFiles;
use super::project::Project;
use super::question::OpenQuestion;
use super::stopped::Stopped;
use crate::config::{Config, TierRole};
use crate::corpus::Corpus;
use crate::grade::{OracleSet, grade};
use crate::ident::TrialKey;
use crate::measure::{Calls, Observation};
use crate::plan::Plan;
use crate::plan::bands::Division;
use crate::policy::strategies::queries::Queries;
use crate::record::{Attempt, Outcome, Via};
use crate::summary::JudgeSpend;
use crate::summary::outside::Tally;
use crate::summary::queries::QueriedModel;
use crate::units::{Timestamp, Usd};

/// Marks that no further row has the same key.
const NONE: u32 = u32::MAX;

/// All planned trials in canonical order (prompt, tier, repeat), with their results.
pub(crate) struct Rows {
    pub(crate) observations: Vec<Observation>,
    /// By what the corpus is decided; `Observation::task` is an index into its parts.
    pub(crate) division: Division,
    /// The place of each row's answer: the number of the journal, and the offset in it.
    pub(crate) places: Vec<Option<(u16, u64)>>,
    /// The rows that the context guard held back and that have no other answer.
    guarded: BTreeSet<usize>,
    /// The models that served the replies of routers.
    pub(crate) served: Tally,
    pub(crate) vias: BTreeSet<Via>,
    /// When the oldest answer came, where the answers say so.
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) billed: Usd,
    /// The spending on judges; `None` if no oracle asks a model.
    pub(crate) judged: Option<JudgeSpend>,
    /// Number of answers to questions that were reused from other runs.
    pub(crate) reused: u64,
    /// Number of questions to programs without an answer.
    pub(crate) programs_missing: u64,
    /// The programs that graded.
    pub(crate) programs: ProgramFiles,
    /// Questions to models without an answer.
    pub(crate) open: Vec<OpenQuestion>,
    /// The cells that were stopped early; `None` without `--stop-early`.
    pub(crate) stopped: Option<Stopped>,
    /// The answers of strategy models about the prompts, and what they cost.
    pub(crate) queries: Queries,
    pub(crate) queried: Vec<QueriedModel>,
    /// The next row with the same key: prompts of the same text share their trials.
    next_same: Vec<u32>,
    by_key: HashMap<TrialKey, u32>,
}

impl Rows {
    /// One empty row per planned trial.
    pub(crate) fn new(config: &Config, corpus: &Corpus, plan: &Plan) -> anyhow::Result<Self> {
        let trials = plan.len();
        let mut rows = Self {
            observations: Vec::with_capacity(trials),
            division: Division::new(config, corpus)?,
            places: vec![None; trials],
            guarded: BTreeSet::new(),
            served: Tally::new(),
            vias: BTreeSet::new(),
            oldest: None,
            billed: Usd::ZERO,
            judged: None,
            reused: 0,
            programs_missing: 0,
            programs: ProgramFiles::new(),
            open: Vec::new(),
            stopped: None,
            queries: Queries::default(),
            queried: Vec::new(),
            next_same: vec![NONE; trials],
            by_key: HashMap::with_capacity(trials),
        };
        for at in 0..trials {
            let spec = plan.spec(at);
            let entry =
                corpus.entries().get(spec.prompt as usize).context("the plan is of another corpus")?;
            rows.observations.push(Observation {
                prompt: spec.prompt,
                task: rows.division.of(spec.prompt as usize),
                tier: spec.target,
                repeat: spec.repeat,
                weight: entry.weight.get(),
                cluster: Some(entry.cluster),
                ..Observation::default()
            });
            let here = u32::try_from(at).context("too many trials")?;
            if let Some(before) = rows.by_key.insert(plan.key(at), here) {
                rows.next_same[at] = before;
            }
        }
        Ok(rows)
    }

    /// Adds an attempt; the first answer of a trial counts.
    pub(crate) fn take(
        &mut self,
        project: &Project,
        corpus: &Corpus,
        oracles: &OracleSet<'_>,
        attempt: &Attempt,
        place: (u16, u64),
    ) -> anyhow::Result<()> {
        let mut at = self.by_key.get(&attempt.key).copied().unwrap_or(NONE);
        let mut first = true;
        while at != NONE {
            let row = at as usize;
            at = self.next_same[row];
            let Some(seen) = self.observations.get_mut(row) else { break };
            if seen.outcome.is_some_and(Outcome::is_answer) && !self.guarded.contains(&row) {
                continue;
            }
            self.guarded.remove(&row);
            if !attempt.was_sent() {
                self.guarded.insert(row);
            }
            let price = project.prices.get(usize::from(seen.tier)).context("a tier without a price")?;
            let cost = price.cost(&attempt.usage);
            seen.attempts += u32::from(attempt.was_sent());
            seen.outcome = Some(attempt.outcome);
            if first {
                first = false;
                // Prompts of the same text share their trials: one call is one call.
                seen.calls += Calls::of(attempt);
                self.billed += attempt.billed.filter(|_| attempt.via == Via::Live).unwrap_or_default();
            }
            if !attempt.outcome.is_answer() {
                match cost {
                    Some(cost) => seen.wasted += cost.billed,
                    None if attempt.may_be_billed() => seen.unpriced += 1,
                    None => {}
                }
                continue;
            }
            self.vias.insert(attempt.via);
            if let Some(at) =
                attempt.at.as_ref().filter(|at| self.oldest.as_ref().is_none_or(|oldest| *at < oldest))
            {
                self.oldest = Some(at.clone());
            }
            self.places[row] = Some(place);
            if attempt.outcome == Outcome::Overflow {
                continue;
            }
            let prompt = corpus.load(seen.prompt as usize)?;
            let oracle = oracles.of(seen.prompt as usize).context("a prompt without an oracle")?;
            let graded = grade(oracle, attempt, prompt.expected.as_ref(), cost.map(|cost| cost.billed));
            let tier = usize::from(seen.tier);
            if project.config.tiers.get(tier).is_some_and(|tier| tier.role == TierRole::Router) {
                let model = attempt.served_model.clone().unwrap_or_else(|| "unknown".to_owned());
                *self.served.entry(tier).or_default().entry(model).or_default() += 1;
            }
            seen.outcome = Some(graded.outcome);
            seen.verdict = graded.verdict;
            seen.gate_passed = graded.gate_passed;
            seen.truth_passed = graded.truth_passed;
            seen.total = attempt.clocks.total_ms;
            seen.first_content = attempt.clocks.first_content_ms;
            seen.input = attempt.usage.all_input();
            seen.output = attempt.usage.output;
            seen.cost = cost.map(|cost| cost.billed);
            seen.cost_uncached = cost.map(|cost| cost.uncached);
            if cost.is_none() {
                seen.unpriced += 1;
            }
        }
        Ok(())
    }

    /// Drops the index of trials by key. Once all answers are in, this frees a tenth of a large run's memory.
    pub(crate) fn forget_keys(&mut self) {
        self.by_key = HashMap::new();
        self.next_same = Vec::new();
    }
}
