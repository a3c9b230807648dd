//! What a run's results rest on: project, corpus, plan and oracles, and where stored answers come from.

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
    /// What its records are, where they do not say so themselves: a tape's are live calls of another day.
    pub(crate) via: Option<Via>,
}

impl Answers {
    /// The journal of a run's folder.
    pub(crate) fn of_run(folder: &Path) -> Self {
        Self { path: folder.join(JOURNAL), via: None }
    }

    /// Where what was asked beside the trials is stored: a journal of that name beside the run's own, or the recording.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        match self.via {
            Some(Via::Tape) => self.path.clone(),
            Some(Via::Live | Via::Reuse | Via::Script) | None => self.path.with_file_name(name),
        }
    }
}

/// What a summary is made from.
pub(crate) struct Basis<'a> {
    pub(crate) project: &'a Project,
    pub(crate) corpus: &'a Corpus,
    pub(crate) plan: &'a Plan,
    pub(crate) oracles: &'a OracleSet<'a>,
    /// The corpus as written into files.
    pub(crate) corpus_name: String,
    pub(crate) id: RunId,
    /// Journals, in the order in which they are asked.
    pub(crate) answers: Vec<Answers>,
    /// The recording that answers with `Via::Tape` come from, as written into files.
    pub(crate) tape: Option<String>,
    /// Where what programs of `command` oracles say comes from, and whether they may be run.
    pub(crate) programs: Programs<'a>,
}

/// The digests of the files of programs, by their command lines as JSON.
pub(crate) type ProgramFiles = BTreeMap<String, Digest>;

/// Where a request has what programs say from.
#[derive(Clone, Copy)]
pub(crate) enum Programs<'a> {
    /// From what is stored beside the answers of the programs as they are today. None is run.
    Stored {
        /// The programs that graded the run.
        then: &'a ProgramFiles,
    },
    /// From what is stored of the programs that graded the run. One that is still the same is run where nothing is stored.
    AsThen {
        /// How they are run.
        running: Running<'a>,
        /// The programs that graded the run.
        then: &'a ProgramFiles,
    },
    /// What is stored nowhere, or failed, is run.
    Run(Running<'a>),
}

impl<'a> Programs<'a> {
    /// The programs that graded the run before, where today's may be others.
    pub(crate) const fn before(&self) -> Option<&'a ProgramFiles> {
        match self {
            Self::Stored { then } | Self::AsThen { then, .. } => Some(then),
            Self::Run(_) => None,
        }
    }

    /// How programs are run, where they may be.
    pub(crate) const fn running(&self) -> Option<Running<'a>> {
        match self {
            Self::Stored { .. } => None,
            Self::AsThen { running, .. } | Self::Run(running) => Some(*running),
        }
    }
}

/// How programs are run.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    /// The folder of the run, which keeps what they say.
    pub(crate) folder: &'a Path,
    /// The journals of other runs, or a recording, whose answers are used again.
    pub(crate) others: &'a [(PathBuf, Via)],
}
