//! Stored answers to rows: looks every planned trial up in journals, grades what it finds, and resolves what is asked beside.
//! `run`, `report`, `grade` and `check` all come through here, so that none can disagree with another.

use anyhow::Context;

use crate::config::Rule;
use crate::engine::context::Engine;
use crate::engine::event::Event;
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::engine::work::question;
use crate::engine::work::stopping::{Replay, Stopping};
use crate::journal::Reader;
use crate::record::Via;

/// Looks every planned trial up and grades it.
pub(crate) fn collect(engine: &Engine, basis: &Basis<'_>) -> anyhow::Result<Rows> {
    let mut rows = Rows::new(basis.corpus, basis.plan)?;
    for (number, answers) in basis.answers.iter().enumerate() {
        let number = u16::try_from(number).context("too many journals")?;
        for record in Reader::open(basis.project.disk(), &answers.path)? {
            let (offset, mut attempt) = record?;
            if let Some(via) = answers.via {
                attempt.via = via;
                attempt.billed = None;
            }
            rows.take(basis.project, basis.corpus, basis.oracles, &attempt, (number, offset))?;
        }
    }
    rows.forget_keys();
    question::of_replies(engine, basis, &mut rows)?;
    // Under any other rule what was settled by floors is not settled, and what was not asked is missing.
    let config = &basis.project.config;
    if config.run.stop_early && config.policy.rule == Rule::Floor {
        stop_early(basis, &mut rows)?;
    }
    question::of_prompts(basis, &mut rows)?;
    if rows.reused > 0 {
        engine.tell(Event::QuestionsReused { answers: rows.reused });
    }
    Ok(rows)
}

/// Finds the cells that were settled early; of a recording, only what a run that stops early would have asked for stays.
fn stop_early(basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    let stopping = Stopping::new(basis.project, basis.corpus, basis.oracles, basis.plan)?;
    let recorded = rows.vias.iter().eq([&Via::Tape]);
    let replay = if recorded { Replay::Recording } else { Replay::Run };
    let stopped = stopping.replay(&mut rows.observations, replay);
    for row in &stopped.forgotten {
        if let Some(place) = rows.places.get_mut(*row) {
            *place = None;
        }
    }
    rows.stopped = Some(stopped);
    Ok(())
}
