//! A project's settings, checked, as a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::policy::Policy;
use super::price::Prices;
use super::projection::{BaselineSettings, ProjectionSettings};
use super::provider::Provider;
use super::run::{RunSettings, Tape};
use super::simulate::SimulateSettings;
use super::strategy::StrategySettings;
use super::task::Task;
use super::tier::{Tier, TierRole};
use crate::ident::{ProviderName, TierName};

/// A project's settings, checked: every name resolves, every number makes sense.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file they come from.
    pub path: PathBuf,
    /// The folder of that file: what relative paths are relative to.
    pub root: PathBuf,
    /// The ladder, cheapest first, never empty; behind it what is measured outside the ladder.
    pub tiers: Vec<Tier>,
    /// The providers by name.
    pub providers: BTreeMap<ProviderName, Provider>,
    /// Prices beyond the built-in catalogue.
    pub prices: Prices,
    /// The tasks, in the order of the file.
    pub tasks: Vec<Task>,
    /// The numbers of the method.
    pub policy: Policy,
    /// How routing strategies are compared.
    pub strategy: StrategySettings,
    /// What the projected cost depends on beside prompts and traffic.
    pub projection: ProjectionSettings,
    /// What serves today, where that is stated.
    pub baseline: Option<BaselineSettings>,
    /// The day that `simulate` plays.
    pub simulate: SimulateSettings,
    /// How trials are run.
    pub run: RunSettings,
    /// A recording to answer from.
    pub tape: Option<Tape>,
}

impl Config {
    /// The task of that name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name.as_str() == name)
    }

    /// The ladder, cheapest first: the tiers that routes lead to.
    #[must_use]
    pub fn ladder(&self) -> &[Tier] {
        let rungs = self.tiers.iter().take_while(|tier| tier.role == TierRole::Rung).count();
        self.tiers.get(..rungs).unwrap_or_default()
    }

    /// Has the fallbacks of the same class measured too: each becomes a tier outside the ladder, with its tier's parameters.
    pub fn add_fallbacks(&mut self) {
        let mut beside = Vec::new();
        for tier in self.ladder() {
            for (at, model) in tier.same_class.iter().enumerate() {
                // A long name loses its end, never its number.
                let stem: String = tier.name.as_str().chars().take(50).collect();
                let Ok(name) = TierName::new(&format!("{stem}.fallback{}", at + 1)) else { continue };
                beside.push(Tier {
                    name,
                    model: model.clone(),
                    role: TierRole::Fallback(tier.name.clone()),
                    same_class: Vec::new(),
                    // The window of the tier's own model says nothing of this one's.
                    context_window: None,
                    ..tier.clone()
                });
            }
        }
        self.tiers.append(&mut beside);
    }
}
