//! Sends what is left of a run, call by call or through batch APIs, and has it recorded as it comes.

use std::sync::Arc;

use super::batch::{BatchRun, Unknown};
use super::calls::{self, Calls};
use super::question::store;
use super::recorder::Recorder;
use super::runtime;
use crate::dispatch::{self, Budget, Report};
use crate::engine::context::Engine;
use crate::engine::event::Event;
use crate::engine::run::files::JUDGE_JOURNAL;
use crate::engine::run::folder::RunFolder;
use crate::engine::run::project::{Calling, Project};
use crate::grade::OracleSet;
use crate::journal::{Index, Journal};
use crate::record::{Attempt, Outcome};
use crate::units::Usd;

/// What is left of a run to be sent.
pub(crate) struct Sending<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) project: &'a Project,
    pub(crate) calls: &'a Arc<Calls>,
    pub(crate) oracles: &'a OracleSet<'a>,
    pub(crate) index: &'a Index,
    pub(crate) folder: &'a RunFolder,
    /// The most that the run may cost, what it has cost before included.
    pub(crate) ceiling: Option<Usd>,
    /// What becomes of a batch of which nobody knows whether the provider got it.
    pub(crate) unknown: Unknown,
}

impl Sending<'_> {
    /// Sends what is left, and has it recorded and graded as it comes.
    pub(crate) fn send(&self, journal: &mut Journal, order: Vec<u32>) -> anyhow::Result<Report> {
        let (engine, project, calls) = (self.engine, self.project, self.calls);
        let (order, overflow) = calls::split_overflow(calls, order)?;
        if !overflow.is_empty() {
            engine.tell(Event::TooLong { trials: overflow.len() as u64 });
            let known = |attempt: &&Attempt| {
                self.index.get(&attempt.key).is_none_or(|stored| stored.outcome != Outcome::Overflow)
            };
            journal.append(overflow.iter().filter(known))?;
            if let Some(stopping) = &calls.stopping {
                stopping.hold_back(&calls.plan, &overflow)?;
            }
        }
        // What judges have cost before is part of the same bill.
        let spent =
            self.index.billed() + store::billed(project.disk(), &self.folder.path.join(JUDGE_JOURNAL))?;
        if let Some(ceiling) = self.ceiling.filter(|ceiling| *ceiling <= spent) {
            engine.tell(Event::CeilingReached { spent, ceiling });
        }
        let stages = calls::stages(project, calls, &order);
        engine.tell(Event::Begins { stages: stages.clone() });
        let runtime = runtime::new(engine)?;
        let wishes = engine.stop().wishes();
        let report = match project.calling {
            Calling::Direct => {
                let lanes = calls::lanes(project, calls, order)?;
                let mut recorder = Recorder::new(engine, journal, calls, self.oracles, &stages);
                let settings = calls::settings(project);
                let budget = Arc::new(Budget::new(self.ceiling, spent));
                runtime.block_on(dispatch::run(
                    lanes,
                    Arc::clone(calls),
                    &mut recorder,
                    budget,
                    settings,
                    wishes,
                ))
            }
            Calling::Batch => {
                let batch = BatchRun {
                    engine,
                    project,
                    calls,
                    index: self.index,
                    folder: &self.folder.path,
                    run: &self.folder.id,
                    ceiling: self.ceiling,
                    spent,
                    unknown: self.unknown,
                };
                runtime.block_on(batch.measure(journal, order, &stages, wishes))
            }
        };
        engine.tell(Event::Ends);
        // A worker that is still reading a corpse's socket must not hold the process.
        runtime.shutdown_background();
        report
    }
}
