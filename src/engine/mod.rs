//! The engine: everything that profiles models, as a library. Typed requests go in, typed results come out, and what happens
//! on the way is told as [events](Event) to one consumer. It parses no arguments and prints nothing.
//!
//! Inside, a file imports only from what stands before it here:
//!
//! 1. the contract with the caller: `error`, `event`, `stop`;
//! 2. `run/`: what a run *is* (project, folder, record, rows);
//! 3. `context`: the [`Engine`] itself;
//! 4. `work/`: what is *done* (calls, batches, questions, early stopping);
//! 5. `outcome/`: what comes *out* (rows, evidence, summary, files);
//! 6. `request/`: one file for each request, which has all of that done.

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
pub use self::event::{Asking, Event, Observer, Progress, Stage};
pub use self::outcome::calls::{CallsMade, QuestionsAsked};
pub use self::outcome::save::RouterWritten;
pub use self::request::check::{CheckRequest, Checked};
pub use self::request::corpora::{
    BenchmarkImported, Columns, CorpusChecked, CorpusDescribed, CorpusImport, CorpusImported, CorpusSample,
    CorpusSampled, CorpusSynth, CorpusSynthesised, ImportFormat, PromptTokens, SYNTH_TEMPLATES, SynthEnding,
};
pub use self::request::diff::{DecisionChange, Diff, DiffRequest, Regression, Sample};
pub use self::request::doctor::{DoctorRequest, Finding, Problem};
pub use self::request::grade::{CellChange, Flip, GradeRequest, Graded, Regrade};
pub use self::request::init::{InitRequest, Initialised, TaskKind};
pub use self::request::measure::{Ran, RunRequest, Streaming};
pub use self::request::oracles::{GateAccuracy, OraclesChecked, OraclesRequest};
pub use self::request::plan::{AskedPlan, NextPrompts, PlanReport, PlanRequest, TaskPower, Worth};
pub use self::request::report::{ReportRequest, Reported};
pub use self::request::review::{
    Agreement, ReviewExport, ReviewExported, ReviewImport, ReviewImported, ReviewItem, ReviewSet,
};
pub use self::request::schemas::{FileSchema, SCHEMAS};
pub use self::request::simulate::{DayProfile, SimulateRequest, Simulated, SimulatedDay};
pub use self::request::what_if::{Amount, PolicyChange, PriceChange, TrafficChange, WhatIf, WhatIfRequest};
pub use self::run::project::Project;
pub use self::run::source::SourceOptions;
pub use self::stop::{Stop, Stopper};
pub use crate::compare::{Change as DiffChange, Row as DiffRow};
pub use crate::corpus::import::Skipped as SkippedLine;
pub use crate::dispatch::Ended;
pub use crate::simulate::Hour as SimulatedHour;
pub use crate::summary::Summary;
pub use crate::world::World;
