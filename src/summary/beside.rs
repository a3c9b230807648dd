//! What was measured beside the ladder: fallbacks of the same class, and routers to compare with. No route leads to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::{Decided, Inputs, cell, price_line};
use super::{Cell, Latency, Notice, NoticeLevel, PriceLine, Rate, Summary, TaskSummary, rounding};
use crate::config::{Tier, TierRole};
use crate::ident::{ModelRef, TaskName, TierName};
use crate::measure::{self, CellEvidence, TierEvidence};
use crate::policy::{Band, Case, TierFacts};
use crate::units::{Tokens, Usd};

/// A model that was measured beside the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The name of its rows in `results.csv`.
    pub name: TierName,
    /// The model.
    pub model: ModelRef,
    /// What it was measured for.
    pub role: Role,
    /// The context window, where known.
    pub context_window: Option<Tokens>,
    /// USD per million tokens.
    pub price: PriceLine,
    /// Pass rate over all tasks, weighted as those of the tiers are.
    pub pass_rate: Option<Rate>,
    /// Latency over all tasks.
    pub latency: Option<Latency>,
    /// Mean cost of a request over all tasks.
    pub cost_per_request: Option<Usd>,
    /// Of a router: which models served its replies, most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<ServedModel>,
    /// The evidence, a cell a task, in the order of the tasks.
    pub cells: Vec<BesideCell>,
}

/// How often a router chose a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedModel {
    /// The model, as the provider names it; `unknown` where it does not say.
    pub model: String,
    /// Replies.
    pub replies: u64,
    /// Their share.
    pub share: f64,
}

/// How many replies each model served, by the index of the tier that is a router.
pub type Tally = BTreeMap<usize, BTreeMap<String, u64>>;

fn served(tally: &BTreeMap<String, u64>) -> Vec<ServedModel> {
    let all: u64 = tally.values().sum();
    let share = |replies: u64| rounding::share(replies as f64 / all.max(1) as f64);
    let mut served: Vec<ServedModel> = tally
        .iter()
        .map(|(model, &replies)| ServedModel { model: model.clone(), replies, share: share(replies) })
        .collect();
    served.sort_by_key(|served| std::cmp::Reverse(served.replies));
    served
}

/// The evidence about such a model at one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BesideCell {
    /// The task.
    pub task: TaskName,
    /// The evidence, judged as if it were a ladder of its own.
    pub cell: Cell,
}

/// What a model beside the ladder was measured for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To stand in for the model of this tier.
    Fallback(TierName),
    /// To be compared with: it is a router itself.
    Router,
}

/// Everything beside the ladder; `rows` are the cells of each task, those of the ladder first, and `references` the tiers
/// that the policy holds others against.
pub(super) fn beside(
    inputs: &Inputs<'_>,
    facts: &[TierFacts],
    decided: &[Decided<'_>],
    rows: &[Vec<CellEvidence>],
    overall: &[TierEvidence],
    references: Option<&[usize]>,
) -> Vec<Beside> {
    let (config, prices) = (inputs.config, inputs.prices);
    let names: Vec<TierName> = config.ladder().iter().map(|tier| tier.name.clone()).collect();
    let behind = config.tiers.iter().enumerate().skip(config.ladder().len());
    behind
        .filter_map(|(at, tier)| {
            let (price, facts, overall) = (prices.get(at)?, facts.get(at)?, overall.get(at)?);
            let cells = decided.iter().zip(rows).filter_map(|(task, row)| {
                let (own, evidence) = (std::slice::from_ref(facts), std::slice::from_ref(row.get(at)?));
                let caps = [task.measured.judge.as_ref().and_then(|judge| judge.cap_of(&tier.name))];
                let case = Case {
                    task: task.measured.task,
                    policy: &config.policy,
                    tiers: own,
                    cells: evidence,
                    gate: None,
                    caps: &caps,
                    stopped: &[],
                    first: at,
                    references,
                    strictness: &[],
                };
                let assessment = case.assess().into_iter().next()?;
                let cell = cell(&tier.name, evidence.first()?, &assessment, &names);
                Some(BesideCell { task: task.measured.task.name.clone(), cell })
            });
            Some(Beside {
                name: tier.name.clone(),
                model: tier.model.clone(),
                role: role(tier)?,
                context_window: facts.window,
                price: price_line(price),
                pass_rate: overall.pass_rate.map(rounding::rate),
                latency: overall.latency,
                cost_per_request: overall.cost.and_then(measure::usd).map(rounding::usd),
                served: inputs.served.get(&at).map(served).unwrap_or_default(),
                cells: cells.collect(),
            })
        })
        .collect()
}

fn role(tier: &Tier) -> Option<Role> {
    match &tier.role {
        TierRole::Rung => None,
        TierRole::Fallback(of) => Some(Role::Fallback(of.clone())),
        TierRole::Router => Some(Role::Router),
    }
}

impl Summary {
    /// The measured fallbacks of the tier that serves a task, each with its evidence at that task.
    pub fn fallbacks_of<'a>(&'a self, task: &'a TaskSummary) -> impl Iterator<Item = (&'a Beside, &'a Cell)> {
        let stands_in = move |beside: &&Beside| match &beside.role {
            Role::Fallback(of) => *of == task.route.tier,
            Role::Router => false,
        };
        self.beside.iter().filter(stands_in).filter_map(|beside| {
            let found = beside.cells.iter().find(|cell| cell.task == task.name)?;
            Some((beside, &found.cell))
        })
    }
}

/// What is wrong with fallbacks, as far as it was measured or is known.
pub(super) fn notices(summary: &Summary) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut say = |level, code: &str, text| notices.push(Notice { level, code: code.to_owned(), text });
    for task in &summary.tasks {
        for (beside, cell) in summary.fallbacks_of(task) {
            let (model, tier, name) = (&beside.model, &task.route.tier, &task.name);
            let text = match cell.band {
                Band::Route | Band::Monitor => continue,
                Band::Below => {
                    format!("{model} stands in for {tier}, but is not good enough for {name} itself.")
                }
                Band::Undecided => {
                    format!(
                        "{model} stands in for {tier}; whether it is good enough for {name} is undecided."
                    )
                }
            };
            say(NoticeLevel::Warning, "fallback-quality", text);
        }
        // A route's fallbacks get the same requests: what fits the one must fit the others.
        let window = |name: &TierName| {
            summary.tiers.iter().find(|tier| tier.name == *name).and_then(|tier| tier.context_window)
        };
        let own = window(&task.route.tier);
        for fallback in &task.route.fallback {
            if let (Some(own), Some(other)) = (own, window(fallback))
                && other < own
            {
                say(
                    NoticeLevel::Error,
                    "fallback-window",
                    format!(
                        "{} falls back from {} to {fallback}, whose context window of {other} tokens is smaller than \
                         {own}: what fits the one fails at the other.",
                        task.name, task.route.tier
                    ),
                );
            }
        }
    }
    notices
}
