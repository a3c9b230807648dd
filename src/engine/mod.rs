//! The engine: everything that route-prof does, as a library. Typed requests go in and typed results come out; progress is
//! reported as [events](Event) to one observer. It parses no arguments and prints nothing.
//!
//! Create an [`Engine`], open a [`Project`], and call one method per command: [`Engine::run`], [`Engine::plan`],
//! [`Engine::check`] and so on. Each takes a request and returns an output; failures are an [`Error`] with an [`ErrorKind`].
//!
//! # Internals
//!
//! A module imports only from those before it in this list:
//!
//! 1. `error`, `event`, `stop`: the contract with the caller;
//! 2. `run/`: what a run is (project, folder, record, rows);
//! 3. `context`: the [`Engine`] itself;
//! 4. `work/`: what is done (calls, batches, questions, early stopping);
//! 5. `outcome/`: what comes out (rows, evidence, summary, files);
//! 6. `request/`: one file per request, which puts the others to work.

mod context;
mod error;
mod event;
mod outcome;
mod request;
mod run;
mod stop;
mod work;

pub use self::context::Engine;
pub use self::error::{Error, ErrorKind};
pub use self::event::{Event, Observer, Progress, QuestionPurpose, Stage};
pub use self::outcome::calls::{CallsReport, QuestionsReport};
pub use self::outcome::save::RouterUpdate;
pub use self::request::check::{CheckOutput, CheckRequest};
pub use self::request::corpora::{
    BenchmarkImportOutput, Columns, CorpusCheckOutput, CorpusImportOutput, CorpusImportRequest,
    CorpusSampleOutput, CorpusSampleRequest, CorpusStatsOutput, CorpusSynthOutput, CorpusSynthRequest,
    EXAMPLE_TEMPLATES, ImportFormat, NEAR_DUPLICATE, PromptTokens, SynthEnding,
};
pub use self::request::diff::{DecisionChange, Diff, DiffRequest, DiffSample, Regression};
pub use self::request::doctor::{DoctorFinding, DoctorProblem, DoctorRequest};
pub use self::request::grade::{GradeOutput, GradeRequest, PassRateChange, Regrade, VerdictFlip};
pub use self::request::init::{InitOutput, InitRequest, TaskKind};
pub use self::request::measure::{RunOutput, RunRequest, Streaming};
pub use self::request::oracles::{GateAccuracy, OracleCheckOutput, OracleCheckRequest};
pub use self::request::plan::{
    ExpectedSavings, NextPrompts, PlanOutput, PlanRequest, QuestionEstimate, TaskPower,
};
pub use self::request::report::{ReportOutput, ReportRequest};
pub use self::request::review::{
    Agreement, ReviewExportOutput, ReviewExportRequest, ReviewImportOutput, ReviewImportRequest, ReviewItem,
    ReviewSet,
};
pub use self::request::schemas::{FileSchema, SCHEMAS};
pub use self::request::simulate::{DayProfile, SimulateRequest, Simulated, SimulatedDay};
pub use self::request::what_if::{
    PolicyChange, PriceChange, TrafficAmount, TrafficChange, WhatIf, WhatIfRequest,
};
pub use self::run::project::Project;
pub use self::run::source::SourceOptions;
pub use self::stop::{StopHandle, StopSignal};
pub use crate::compare::{Change as DiffChange, Row as DiffRow};
pub use crate::corpus::import::Skipped as SkippedLine;
pub use crate::dispatch::EndReason;
pub use crate::simulate::Hour as SimulatedHour;
pub use crate::summary::Summary;
pub use crate::world::World;
