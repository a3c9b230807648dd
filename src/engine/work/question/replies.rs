//! The stored replies whose oracle asks programs or judges, read from disk whenever they are needed.

use anyhow::Context;

use crate::corpus::Corpus;
use crate::disk::Readable;
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::grade::{GradedReply, OracleSet};
use crate::journal::fetch_at;
use crate::oracle::Oracle;
use crate::record::{Attempt, Outcome};

/// The stored replies whose oracle asks programs or judges.
pub(super) struct Replies<'a> {
    corpus: &'a Corpus,
    oracles: &'a OracleSet<'a>,
    files: Vec<Box<dyn Readable>>,
    /// The rows, each with the number of its journal and the offset in it.
    rows: Vec<(usize, u16, u64)>,
}

impl<'a> Replies<'a> {
    pub(super) fn of(basis: &Basis<'a>, rows: &Rows) -> anyhow::Result<Self> {
        let mut wanted = Vec::new();
        for (at, (seen, place)) in rows.observations.iter().zip(&rows.places).enumerate() {
            let asks = basis
                .oracles
                .of(seen.prompt as usize)
                .is_some_and(|oracle| !oracle.criterion.asks().is_empty());
            if let (true, Some(Outcome::Reply), Some((journal, offset))) = (asks, seen.outcome, place) {
                wanted.push((at, *journal, *offset));
            }
        }
        let files = basis
            .answers
            .iter()
            .map(|answers| basis.project.disk().open(&answers.path))
            .collect::<Result<_, _>>()?;
        Ok(Self { corpus: basis.corpus, oracles: basis.oracles, files, rows: wanted })
    }

    /// Reads each reply from disk, and passes it to `take`.
    pub(super) fn each(
        &mut self,
        rows: &Rows,
        mut take: impl FnMut(usize, GradedReply<'_>, &Oracle) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for (at, journal, offset) in &self.rows {
            let file = self.files.get_mut(usize::from(*journal)).context("a reply of another journal")?;
            let attempt: Attempt = fetch_at(&mut **file, *offset)?;
            let seen = rows.observations.get(*at).context("a row of another run")?;
            let prompt = self.corpus.load(seen.prompt as usize)?;
            let oracle = self.oracles.of(seen.prompt as usize).context("a prompt without an oracle")?;
            take(*at, GradedReply { attempt: &attempt, prompt: &prompt, cost: seen.cost }, oracle)?;
        }
        Ok(())
    }
}
