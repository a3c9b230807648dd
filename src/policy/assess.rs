//! A task's cells, assessed: quality, cost and feasibility of each, brought together.

use super::assessment::Assessment;
use super::band::{self, Criteria};
use super::case::Case;
use super::floors::Floors;
use super::types::Band;

impl Case<'_> {
    /// What the policy makes of each cell, in the order of the ladder.
    #[must_use]
    pub fn assess(&self) -> Vec<Assessment> {
        let criteria = Criteria {
            floors: Floors::of(self.task, self.policy),
            min_prompts: self.policy.min_prompts,
            references: self.references,
        };
        let infeasible = self.all_infeasible();
        let costs = self.effective_costs(&self.next_up(&infeasible));
        let assessed = self.cells.iter().zip(infeasible).zip(costs).enumerate();
        assessed
            .map(|(at, ((cell, infeasible), effective_cost))| {
                let strictness = self.strictness.get(at).copied().unwrap_or_default();
                let assessed = match self.early_stop(at) {
                    Some(stop) => band::stopped(cell, &criteria, stop),
                    None => band::judge(cell, self.first + at, &criteria, strictness),
                };
                let unavailable = self.is_unavailable(cell);
                let band = match assessed.band {
                    Band::Route if self.cap(at).is_some() || unavailable => Band::Monitor,
                    band => band,
                };
                let unproven = self.needs(cell).1;
                Assessment { infeasible, unproven, unavailable, effective_cost, band, ..assessed }
            })
            .collect()
    }
}
