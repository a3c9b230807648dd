//! What happens while the engine works, told to one consumer: a progress display, a log, a test.

use std::path::PathBuf;
use std::time::Duration;

use crate::ident::{ModelRef, RunId, TaskName, TierName};
use crate::policy::Band;
use crate::units::Usd;

/// Takes what happens, in order. It is called from the engine's threads and holds up what they do while it looks.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Observer for F {
    fn event(&self, event: Event) {
        self(event);
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// `oracles.lock` was brought up to date.
    OraclesLocked,
    /// The last line of a journal was torn, by a kill or a power cut, and is cut off: what it held is asked again.
    JournalRepaired {
        /// The journal's name.
        file: String,
    },
    /// An earlier call of the same command has answered some trials.
    Continues {
        /// The run.
        run: RunId,
        /// Trials that are answered.
        answered: u64,
        /// All trials.
        trials: u64,
    },
    /// Answers come from a recording.
    Replays {
        /// The recording.
        recording: String,
        /// Trials that it answers.
        answered: u64,
        /// All trials.
        trials: u64,
    },
    /// Answers of earlier runs are used again.
    AnswersReused {
        /// How many.
        answers: u64,
    },
    /// Answers that judges and strategies' models gave in earlier runs are used again.
    QuestionsReused {
        /// How many.
        answers: u64,
    },
    /// Trials do not fit their model's context window and are not sent.
    TooLong {
        /// How many.
        trials: u64,
    },
    /// The run has cost as much as it may before a call was made.
    CeilingReached {
        /// What it has cost.
        spent: Usd,
        /// What it may cost.
        ceiling: Usd,
    },
    /// Questions go to models.
    Asks {
        /// How many.
        questions: u64,
        /// What they are for.
        purpose: Asking,
        /// The models.
        models: Vec<ModelRef>,
    },
    /// Questions go to the programs of `command` oracles.
    RunsPrograms {
        /// How many.
        questions: u64,
    },
    /// Calls begin; [`Event::Progress`] counts them by stage.
    Begins {
        /// What is counted: a tier, or a model that is asked.
        stages: Vec<Stage>,
    },
    /// A stage is so far.
    Progress {
        /// The number of the stage.
        stage: usize,
        /// How far.
        progress: Progress,
    },
    /// A server wants a tier to wait.
    TierWaits {
        /// The tier.
        tier: TierName,
        /// How long.
        wait: Duration,
        /// What the server said, where it said anything.
        why: Option<String>,
    },
    /// Enough answers decide about a cell: no more calls are made for it.
    CellDecided {
        /// The task.
        task: TaskName,
        /// The tier.
        tier: TierName,
        /// What it was found to be.
        band: Band,
        /// Prompts that it took.
        after: u64,
        /// Prompts of the task.
        prompts: u64,
    },
    /// Requests were handed to a batch API.
    BatchSubmitted {
        /// How many.
        requests: u64,
        /// The model.
        model: ModelRef,
        /// The provider's name for the batch.
        batch: String,
    },
    /// Requests that were handed over earlier are waited for.
    BatchesAwaited {
        /// How many.
        trials: u64,
    },
    /// The calls are over.
    Ends,
    /// A recording was written.
    Recorded {
        /// Answers in it.
        answers: u64,
        /// The file.
        path: PathBuf,
    },
    /// Calls are about to be made that cost so much at the most.
    MayCost {
        /// How many.
        calls: u64,
        /// Whom they ask; `None`: every tier.
        model: Option<ModelRef>,
        /// The most that they cost.
        at_most: Usd,
    },
    /// There are no stored answers: only digests are compared.
    DigestsOnly,
}

/// What models are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Verdicts of judges.
    Judges,
    /// Verdicts of judges, and what strategies want to know of the prompts.
    JudgesAndStrategies,
    /// Prompts for a corpus.
    Prompts,
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// All there is to do.
    pub total: u64,
    /// What is done already.
    pub done: u64,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Trials that have ended, those of an earlier call included.
    pub done: u64,
    /// Trials that passed.
    pub passed: u64,
    /// Trials with a verdict.
    pub graded: u64,
    /// Trials that ended in an infrastructure error.
    pub errors: u64,
    /// Spent by this call, as far as known.
    pub spent: Usd,
}
