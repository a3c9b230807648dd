//! A task's cells, assessed: quality, cost and feasibility of each, brought together.

use super::assessment::Assessment;
use super::band::{self, Criteria};
use super::case::Case;
use super::floors::Floors;
use super::types::{Band, Infeasible};

impl Case<'_> {
    /// What the policy makes of each cell, in the order of the ladder.
    #[must_use]
    pub fn assess(&self) -> Vec<Assessment> {
        let criteria = Criteria {
            floors: Floors::of(self.task, self.policy),
            min_prompts: self.policy.min_prompts,
            references: self.references,
        };
        let infeasible: Vec<Vec<Infeasible>> =
            self.tiers.iter().zip(self.cells).map(|(tier, cell)| self.infeasible(tier, cell)).collect();
        let costs = self.effective_costs(&self.next_up(&infeasible));
        let assessed = self.cells.iter().zip(infeasible).zip(costs).enumerate();
        assessed
            .map(|(at, ((cell, infeasible), effective_cost))| {
                let strictness = self.strictness.get(at).copied().unwrap_or_default();
                let assessed = match self.early_stop(at) {
                    Some(stop) => band::stopped(cell, &criteria, stop),
                    None => band::judge(cell, self.first + at, &criteria, strictness),
                };
                let band = match assessed.band {
                    Band::Route if self.cap(at).is_some() => Band::Monitor,
                    band => band,
                };
                Assessment { infeasible, effective_cost, band, ..assessed }
            })
            .collect()
    }
}
