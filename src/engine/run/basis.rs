//! The inputs of a run's results: project, corpus, plan and oracles, and where stored answers come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::JOURNAL;
use super::project::Project;
use crate::corpus::Corpus;
use crate::grade::OracleSet;
use crate::ident::{Digest, RunId};
use crate::plan::Plan;
use crate::record::Via;

/// A journal to look trials up in.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// The file.
    pub(crate) path: PathBuf,
    /// How its answers were obtained, if the records do not say so: those of a recording were live calls of another day.
    pub(crate) via: Option<Via>,
}

impl Answers {
    /// The journal of a run's folder.
    pub(crate) fn of_run(folder: &Path) -> Self {
        Self { path: folder.join(JOURNAL), via: None }
    }

    /// Where the answers to questions are stored: in a journal of that name beside the run's own, or in the recording.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        match self.via {
            Some(Via::Tape) => self.path.clone(),
            Some(Via::Live | Via::Reuse | Via::Script) | None => self.path.with_file_name(name),
        }
    }
}

/// Everything that a summary is made from.
pub(crate) struct Basis<'a> {
    pub(crate) project: &'a Project,
    pub(crate) corpus: &'a Corpus,
    pub(crate) plan: &'a Plan,
    pub(crate) oracles: &'a OracleSet<'a>,
    /// The path of the corpus as written into files.
    pub(crate) corpus_name: String,
    pub(crate) id: RunId,
    /// The journals with answers, in the order in which they are searched.
    pub(crate) answers: Vec<Answers>,
    /// The recording that answers with `Via::Tape` come from, as written into files.
    pub(crate) tape: Option<String>,
    /// Where the verdicts of oracle programs come from, and whether the programs may be run.
    pub(crate) programs: Programs<'a>,
}

/// The digests of the programs' files, by their command lines as JSON.
pub(crate) type ProgramFiles = BTreeMap<String, Digest>;

/// Where the verdicts of oracle programs come from.
#[derive(Clone, Copy)]
pub(crate) enum Programs<'a> {
    /// The stored verdicts of today's programs. No program is run.
    Stored {
        /// The programs that graded the run.
        graded_by: &'a ProgramFiles,
    },
    /// The stored verdicts of the programs that graded the run. A program that has not changed is run if a verdict is missing.
    AsGraded {
        /// How they are run.
        running: Running<'a>,
        /// The programs that graded the run.
        graded_by: &'a ProgramFiles,
    },
    /// The stored verdicts of today's programs. Missing and failed ones are obtained by running the programs.
    Run(Running<'a>),
}

impl<'a> Programs<'a> {
    /// The programs that graded the run, which may differ from today's.
    pub(crate) const fn graded_by(&self) -> Option<&'a ProgramFiles> {
        match self {
            Self::Stored { graded_by } | Self::AsGraded { graded_by, .. } => Some(graded_by),
            Self::Run(_) => None,
        }
    }

    /// How programs are run, if they may be.
    pub(crate) const fn running(&self) -> Option<Running<'a>> {
        match self {
            Self::Stored { .. } => None,
            Self::AsGraded { running, .. } | Self::Run(running) => Some(*running),
        }
    }
}

/// How programs are run.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    /// The folder of the run, which stores the verdicts.
    pub(crate) folder: &'a Path,
    /// The journals of other runs, or a recording, whose answers are reused.
    pub(crate) others: &'a [(PathBuf, Via)],
}
