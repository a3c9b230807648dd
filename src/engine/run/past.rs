//! A finished run: its record, corpus and plan, ready to be graded and decided again.

use std::path::PathBuf;

use super::basis::{Answers, Basis, Programs, Running};
use super::project::Project;
use super::record::RunRecord;
use crate::corpus::Corpus;
use crate::grade::OracleSet;
use crate::ident::OracleRef;
use crate::plan::Plan;

/// A finished run.
pub(crate) struct PastRun {
    pub(crate) project: Project,
    pub(crate) folder: PathBuf,
    pub(crate) record: RunRecord,
    pub(crate) corpus: Corpus,
    plan: Plan,
}

impl PastRun {
    /// Opens the named run, with today's configuration and the run's own repeats and seed.
    pub(crate) fn open(mut project: Project, name: &str) -> anyhow::Result<Self> {
        let folder = project.find_run(name)?;
        let record = RunRecord::read(project.disk(), &folder)?;
        record.apply(&mut project)?;
        let corpus = project.corpus(&record.corpus_file(&project.config.root))?;
        let plan = project.plan(&corpus)?;
        Ok(Self { project, folder, record, corpus, plan })
    }

    /// The oracle versions that graded the run.
    pub(crate) fn versions(&self) -> Vec<OracleRef> {
        self.record.oracles.keys().cloned().collect()
    }

    /// The inputs of a summary by these oracles. No program is run.
    pub(crate) fn basis<'a>(&'a self, oracles: &'a OracleSet<'a>) -> Basis<'a> {
        Basis {
            project: &self.project,
            corpus: &self.corpus,
            plan: &self.plan,
            oracles,
            corpus_name: self.record.corpus.clone(),
            id: self.record.id.clone(),
            answers: vec![Answers::of_run(&self.folder)],
            tape: self.record.tape.clone(),
            programs: Programs::Stored { graded_by: &self.record.programs },
        }
    }

    /// The same for a request that grades: programs are run if their verdicts are not stored.
    pub(crate) fn grading_basis<'a>(&'a self, oracles: &'a OracleSet<'a>) -> Basis<'a> {
        Basis { programs: Programs::Run(self.running()), ..self.basis(oracles) }
    }

    /// The same for the run's own grades: the verdicts of the programs as they were when they graded it.
    pub(crate) fn graded_basis<'a>(&'a self, oracles: &'a OracleSet<'a>) -> Basis<'a> {
        let programs = Programs::AsGraded { running: self.running(), graded_by: &self.record.programs };
        Basis { programs, ..self.basis(oracles) }
    }

    fn running(&self) -> Running<'_> {
        Running { folder: &self.folder, others: &[] }
    }
}
