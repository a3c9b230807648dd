//! Turns stored answers into rows: looks up every planned trial in the journals, grades its answer, and resolves the questions of
//! oracles and strategies. `run`, `report`, `grade` and `check` all use it, so that they cannot disagree.

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

/// Looks up and grades every planned trial.
pub(crate) fn collect(engine: &Engine, basis: &Basis<'_>) -> anyhow::Result<Rows> {
    let mut rows = Rows::new(&basis.project.config, basis.corpus, basis.plan)?;
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
    // Early stopping decides by floors. Under any other rule, trials that were not sent are missing.
    let config = &basis.project.config;
    if config.run.stop_early && config.policy.rule == Rule::Floor {
        stop_early(basis, &mut rows)?;
    }
    question::of_prompts(basis, &mut rows)?;
    if rows.reused > 0 {
        engine.emit(Event::QuestionAnswersReused { answers: rows.reused });
    }
    Ok(rows)
}

/// Finds the cells that were stopped early. Of a recording, only the answers that such a run would have asked for are kept.
fn stop_early(basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    let stopping = Stopping::new(basis.project, basis.corpus, basis.oracles, basis.plan, &rows.division)?;
    let recorded = rows.vias.iter().eq([&Via::Tape]);
    let replay = if recorded { Replay::Recording } else { Replay::Run };
    let stopped = stopping.replay(&mut rows.observations, replay);
    for row in &stopped.ignored {
        if let Some(place) = rows.places.get_mut(*row) {
            *place = None;
        }
    }
    rows.stopped = Some(stopped);
    Ok(())
}
