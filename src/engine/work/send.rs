//! Sends the remaining trials of a run, call by call or through batch APIs, and records the answers as they arrive.

use std::sync::Arc;

use super::batch::{BatchRun, Unknown};
use super::calls::{self, Calls};
use super::question::store;
use super::recorder::{self, Recorder};
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

/// The remaining trials of a run.
pub(crate) struct Sending<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) project: &'a Project,
    pub(crate) calls: &'a Arc<Calls>,
    pub(crate) oracles: &'a OracleSet<'a>,
    pub(crate) index: &'a Index,
    pub(crate) folder: &'a RunFolder,
    /// The most that the run may cost, earlier costs included.
    pub(crate) ceiling: Option<Usd>,
    /// What to do with a batch if it is unknown whether the provider received it.
    pub(crate) unknown: Unknown,
}

impl Sending<'_> {
    /// Sends the remaining trials, and records and grades the answers as they arrive.
    pub(crate) fn send(&self, journal: &mut Journal, order: Vec<u32>) -> anyhow::Result<Report> {
        let (engine, project, calls) = (self.engine, self.project, self.calls);
        let (order, overflow) = calls::split_overflow(calls, order)?;
        if !overflow.is_empty() {
            engine.emit(Event::ContextOverflow { trials: overflow.len() as u64 });
            let known = |attempt: &&Attempt| {
                self.index.get(&attempt.key).is_none_or(|stored| stored.outcome != Outcome::Overflow)
            };
            journal.append(overflow.iter().filter(known))?;
            if let Some(stopping) = &calls.stopping {
                stopping.add_overflow(&calls.plan, &overflow)?;
            }
        }
        if let Some(stopping) = &calls.stopping {
            recorder::report_cut(engine, stopping.begin());
        }
        // The earlier cost of judges counts towards the limit, too.
        let spent =
            self.index.billed() + store::billed(project.disk(), &self.folder.path.join(JUDGE_JOURNAL))?;
        if let Some(ceiling) = self.ceiling.filter(|ceiling| *ceiling <= spent) {
            engine.emit(Event::CeilingReached { spent, ceiling });
        }
        let stages = calls::stages(project, calls, &order);
        engine.emit(Event::CallsStarted { stages: stages.clone() });
        let runtime = runtime::new(engine)?;
        let stop_mode = engine.stop().stop_mode();
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
                    stop_mode,
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
                runtime.block_on(batch.measure(journal, order, &stages, stop_mode))
            }
        };
        engine.emit(Event::CallsFinished);
        // A worker that still reads from a dead connection must not keep the process alive.
        runtime.shutdown_background();
        report
    }
}
