//! Events: what happens while the engine works, sent to one observer, such as a progress display, a log or a test.

use std::path::PathBuf;
use std::time::Duration;

use crate::ident::{ModelRef, RunId, TaskName, TierName};
use crate::policy::Band;
use crate::units::Usd;

/// Receives events, in order. It is called on the engine's threads, so a slow observer slows the work down.
///
/// Any `Fn(Event) + Send + Sync` is an observer.
pub trait Observer: Send + Sync {
    /// Receives an event.
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
    /// New oracle versions were recorded in `oracles.lock`.
    OracleLockUpdated,
    /// The incomplete last line of a journal, left by a kill or a power cut, was removed. That call is made again.
    JournalRepaired {
        /// The journal's file name.
        file: String,
    },
    /// The run continues: an earlier execution of the same request answered some of its trials.
    Resuming {
        /// The run.
        run: RunId,
        /// Answered trials.
        answered: u64,
        /// All trials.
        trials: u64,
    },
    /// Answers come from a recording.
    Replaying {
        /// The recording.
        recording: String,
        /// Trials that it answers.
        answered: u64,
        /// All trials.
        trials: u64,
    },
    /// Answers of earlier runs were reused.
    AnswersReused {
        /// Number of answers.
        answers: u64,
    },
    /// Answers of judges and strategy models from earlier runs were reused.
    QuestionAnswersReused {
        /// Number of answers.
        answers: u64,
    },
    /// Trials do not fit their model's context window and are not sent.
    ContextOverflow {
        /// Number of trials.
        trials: u64,
    },
    /// The run had reached its cost limit before the first call.
    CeilingReached {
        /// What the run has cost.
        spent: Usd,
        /// The cost limit.
        ceiling: Usd,
    },
    /// Models are about to be asked questions.
    AskingModels {
        /// Number of questions.
        questions: u64,
        /// Their purpose.
        purpose: QuestionPurpose,
        /// The models.
        models: Vec<ModelRef>,
    },
    /// The programs of `command` oracles are about to run.
    RunningPrograms {
        /// Number of questions to programs.
        questions: u64,
    },
    /// Calls begin; [`Event::Progress`] counts them by stage.
    CallsStarted {
        /// What is counted: one stage per tier, or per model that is asked.
        stages: Vec<Stage>,
    },
    /// A stage has made progress.
    Progress {
        /// The index of the stage in [`Event::CallsStarted`].
        stage: usize,
        /// Its progress.
        progress: Progress,
    },
    /// A tier is paused, because its server asked for it. The other tiers continue.
    TierPaused {
        /// The tier.
        tier: TierName,
        /// For how long.
        wait: Duration,
        /// The server's reason, if it gave one.
        why: Option<String>,
    },
    /// Early stopping: the answers decide a cell, and no more calls are made for it.
    CellStoppedEarly {
        /// The task.
        task: TaskName,
        /// The tier.
        tier: TierName,
        /// The decision.
        band: Band,
        /// Prompts that it took.
        after: u64,
        /// All prompts of the task.
        prompts: u64,
    },
    /// Early stopping: a cheaper tier is proven to be good enough for the task, and no more calls are made for this cell.
    CellSpared {
        /// The task.
        task: TaskName,
        /// The tier.
        tier: TierName,
        /// The cheaper tier.
        by: TierName,
        /// Prompts that were answered until then, in the drawn order.
        after: u64,
        /// All prompts of the task.
        prompts: u64,
    },
    /// Requests were submitted to a batch API.
    BatchSubmitted {
        /// Number of requests.
        requests: u64,
        /// The model.
        model: ModelRef,
        /// The provider's id of the batch.
        batch: String,
    },
    /// The run waits for trials that were submitted to batch APIs earlier.
    AwaitingBatches {
        /// Number of trials.
        trials: u64,
    },
    /// The calls have ended.
    CallsFinished,
    /// A recording was written.
    RecordingWritten {
        /// Answers in it.
        answers: u64,
        /// The file.
        path: PathBuf,
    },
    /// Calls are about to be made; this is the most they can cost.
    CostBound {
        /// Number of calls.
        calls: u64,
        /// The model; `None` means every tier.
        model: Option<ModelRef>,
        /// The most that they can cost.
        at_most: Usd,
    },
    /// Prompts written by a model were rejected.
    PromptsRejected {
        /// What was rejected and why, in the plural, such as `empty prompts`.
        reason: String,
        /// Number of prompts.
        count: u64,
    },
    /// There are no stored answers, so only digests are compared.
    ComparingDigests,
}

/// What models are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionPurpose {
    /// Verdicts of judges.
    Judges,
    /// Verdicts of judges, and queries of strategies about the prompts.
    JudgesAndStrategies,
    /// Prompts for a corpus.
    Prompts,
}

/// Calls that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// All trials or questions.
    pub total: u64,
    /// Those that are done already.
    pub done: u64,
}

/// The progress of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Trials that have ended, including those of an earlier execution.
    pub done: u64,
    /// Trials that passed.
    pub passed: u64,
    /// Trials with a verdict.
    pub graded: u64,
    /// Trials that ended in an infrastructure error.
    pub errors: u64,
    /// Cost of this execution so far, as far as it is known.
    pub spent: Usd,
}
