//! Runs the self-tests of oracles, and measures how accurate their gates are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::config::{self, Config};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::{Error, Interruption};
use crate::engine::outcome::collect::collect;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::{Project, find_config};
use crate::engine::work::oracles::oracles;
use crate::grade::program;
use crate::oracle::library::{self, Library};
use crate::oracle::{AnswerBook, Question};
use crate::record::Verdict;
use crate::stats::interval;

/// How to check oracles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OracleCheckRequest {
    /// Do not write `oracles.lock`; report the versions missing from it.
    pub locked: bool,
    /// Also audit the gates on the replies of this run.
    pub run: Option<String>,
}

/// The result of a check: of the self-tests, and of the gates against the whole oracle.
#[derive(Serialize)]
pub struct OracleCheckOutput {
    /// The self-tests.
    #[serde(flatten)]
    pub report: library::CheckReport,
    /// Each gate on its oracle's own examples, and on the replies of the named run.
    pub gates: Vec<GateAccuracy>,
    /// Versions missing from `oracles.lock`, if it was not to be written.
    #[serde(skip)]
    pub unlocked: Vec<String>,
    /// Whether `oracles.lock` was written.
    #[serde(skip)]
    pub lock_written: bool,
}

/// How accurate a gate is, compared with the whole verdict.
#[derive(Default, Serialize)]
pub struct GateAccuracy {
    /// The oracle.
    pub oracle: String,
    /// `examples`, or the run.
    pub on: String,
    /// Samples with both a gate result and a verdict.
    pub n: u64,
    /// Wrong answers that the gate accepts.
    pub false_accepts: u64,
    /// Wrong answers: samples that fail the oracle.
    pub fails: u64,
    /// Good answers that the gate rejects.
    pub false_rejects: u64,
    /// Good answers: samples that pass the part of the oracle that knows the reference answer.
    pub passes: u64,
}

impl Engine {
    /// Runs every example of every oracle, and records new versions in `oracles.lock`.
    ///
    /// # Errors
    /// If an oracle cannot be read, or was edited without a new version. A failed example is no error.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, OracleCheckRequest};
    /// # fn main() -> Result<(), Error> {
    /// let output = Engine::new().check_oracles(None, &OracleCheckRequest::default())?;
    /// assert!(output.report.failures.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn check_oracles(
        &self,
        config: Option<&Path>,
        request: &OracleCheckRequest,
    ) -> Result<OracleCheckOutput, Error> {
        Ok(check(self, config, request)?)
    }

    /// Lists the oracles, their versions and digests.
    ///
    /// # Errors
    /// If an oracle cannot be read.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// for oracle in Engine::new().oracles(None)? {
    ///     println!("{} {}", oracle.id, oracle.digest);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn oracles(&self, config: Option<&Path>) -> Result<Vec<library::Listed>, Error> {
        Ok(library::list(&open(&self.world().disk, config)?.1))
    }
}

fn open(disk: &Disk, config: Option<&Path>) -> anyhow::Result<(Config, Library)> {
    let config = config::load(disk, &find_config(disk, config)?)?;
    let library = Library::open(disk, &config.root.join(&config.run.oracles))?;
    Ok((config, library))
}

fn check(
    engine: &Engine,
    named: Option<&Path>,
    request: &OracleCheckRequest,
) -> anyhow::Result<OracleCheckOutput> {
    let (config, library) = open(&engine.world().disk, named)?;
    let answers = program_answers(engine, &config, &library)?;
    let report = library::check(&library, &answers);
    let mut gates = gates_on_examples(&library, &answers);
    if let Some(run) = &request.run {
        gates.extend(gates_on_run(engine, Project::load(engine.world(), &config.path)?, run)?);
    }
    let mut checked = OracleCheckOutput { report, gates, unlocked: Vec::new(), lock_written: false };
    if !checked.report.failures.is_empty() {
        return Ok(checked);
    }
    if request.locked {
        checked.unlocked = library.unlocked().iter().map(ToString::to_string).collect();
    } else {
        checked.lock_written = library.write_lock()?;
    }
    Ok(checked)
}

/// Runs the programs of the oracles on their examples. Calls no model.
fn program_answers(engine: &Engine, config: &Config, library: &Library) -> anyhow::Result<AnswerBook> {
    let mut answers = AnswerBook::default();
    let mut programs = BTreeMap::new();
    for oracle in library.iter() {
        for question in oracle.example_questions(&answers) {
            let id = question.id();
            if let Question::Program(program) = question {
                programs.insert(*id.bytes(), (id, program));
            }
        }
    }
    let (ids, programs): (Vec<_>, Vec<_>) = programs.into_values().unzip();
    let asked: Vec<_> = programs.iter().collect();
    let mut open = asked.len() as u64;
    program::run_each(&config.root, &asked, engine.stop().flag(), |ready| {
        for ran in ready {
            let id = ids.get(ran.question).context("an answer to another question")?;
            answers.put(*id, ran.answer());
            open -= 1;
        }
        anyhow::Ok(())
    })?;
    if open > 0 {
        return Err(Interruption { open }.into());
    }
    Ok(answers)
}

impl GateAccuracy {
    /// The 95 % confidence interval (Wilson) of the rate `count` / `of`; `None` without a sample.
    #[must_use]
    pub fn bounds(count: u64, of: u64) -> Option<(f64, f64)> {
        let bounds = interval::wilson(count as f64 / of.max(1) as f64, of as f64, 0.95)?;
        (of > 0).then_some((bounds.low, bounds.high))
    }

    fn take(&mut self, gate: bool, passed: bool) {
        self.n += 1;
        self.fails += u64::from(!passed);
        self.passes += u64::from(passed);
        self.false_accepts += u64::from(gate && !passed);
        self.false_rejects += u64::from(!gate && passed);
    }
}

/// Each gate on the examples of its own oracle.
fn gates_on_examples(library: &Library, answers: &AnswerBook) -> Vec<GateAccuracy> {
    let mut gates = Vec::new();
    for oracle in library.iter().filter(|oracle| oracle.criterion.has_gate()) {
        let mut gate = GateAccuracy {
            oracle: oracle.id.to_string(),
            on: "examples".to_owned(),
            ..GateAccuracy::default()
        };
        for judgement in oracle.judge_examples(answers) {
            match (judgement.gate, judgement.truth.unwrap_or(judgement.verdict)) {
                (Some(Verdict::Pass), Verdict::Pass) => gate.take(true, true),
                (Some(Verdict::Pass), Verdict::Fail(_)) => gate.take(true, false),
                (Some(Verdict::Fail(_)), Verdict::Pass) => gate.take(false, true),
                (Some(Verdict::Fail(_)), Verdict::Fail(_)) => gate.take(false, false),
                (Some(Verdict::Ungraded(_)) | None, _) | (_, Verdict::Ungraded(_)) => {}
            }
        }
        gates.push(gate);
    }
    gates
}

/// Each gate on the replies of a run.
fn gates_on_run(engine: &Engine, project: Project, name: &str) -> anyhow::Result<Vec<GateAccuracy>> {
    let past = PastRun::open(project, name)?;
    let oracles = oracles(&past.project, &past.corpus, &[])?;
    let rows = collect(engine, &past.grading_basis(&oracles))?;
    let mut gates: BTreeMap<String, GateAccuracy> = BTreeMap::new();
    for seen in &rows.observations {
        let Some(oracle) = oracles.of(seen.prompt as usize) else { continue };
        let whole = match &seen.verdict {
            Some(Verdict::Pass) => true,
            Some(Verdict::Fail(_)) => false,
            Some(Verdict::Ungraded(_)) | None => continue,
        };
        let passed = seen.truth_passed.unwrap_or(whole);
        let Some(gate) = seen.gate_passed else { continue };
        let id = oracle.id.to_string();
        let new = || GateAccuracy {
            oracle: id.clone(),
            on: format!("run {}", past.record.id),
            ..GateAccuracy::default()
        };
        gates.entry(id.clone()).or_insert_with(new).take(gate, passed);
    }
    Ok(gates.into_values().collect())
}
