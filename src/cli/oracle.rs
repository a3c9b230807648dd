//! `oracle check` and `oracle list`.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Serialize;

use super::args::{Format, Global};
use super::evidence;
use super::exit::{Exit, Interruption, UsageError};
use super::past_run::PastRun;
use super::project::find_config;
use super::send;
use crate::config::{self, Config};
use crate::console::{Align, Console, escape};
use crate::grade::program;
use crate::oracle::library::{self, Library};
use crate::oracle::{AnswerBook, Question};
use crate::record::Verdict;
use crate::stats::interval;

fn open(global: &Global) -> anyhow::Result<(Config, Library)> {
    let config = config::load(&find_config(global)?)?;
    let library = Library::open(&config.root.join(&config.run.oracles))?;
    Ok((config, library))
}

/// What the programs of the oracles say of their examples. No model is asked.
fn program_answers(config: &Config, library: &Library) -> anyhow::Result<AnswerBook> {
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
    send::unless_signalled(|stop| {
        program::run_each(&config.root, &asked, stop, |ready| {
            for ran in ready {
                let id = ids.get(ran.question).context("an answer to another question")?;
                answers.put(*id, ran.answer());
                open -= 1;
            }
            anyhow::Ok(())
        })
    })??;
    if open > 0 {
        return Err(Interruption { open }.into());
    }
    Ok(answers)
}

/// What a check found: of the self-tests, and of the gates against the truth part.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    report: library::CheckReport,
    /// Each gate on the oracle's own examples, and on the replies of a run where one is named.
    gates: Vec<Gate>,
}

/// How a gate does against the whole verdict.
#[derive(Default, Serialize)]
struct Gate {
    oracle: String,
    /// `examples`, or the run.
    on: String,
    /// Samples with both a gate's word and a verdict.
    n: u64,
    /// What the gate lets through and the whole verdict fails, of all that fail.
    false_accepts: u64,
    fails: u64,
    /// What the gate turns away and the truth part passes, of all that pass.
    false_rejects: u64,
    passes: u64,
}

impl Gate {
    fn take(&mut self, gate: bool, passed: bool) {
        self.n += 1;
        self.fails += u64::from(!passed);
        self.passes += u64::from(passed);
        self.false_accepts += u64::from(gate && !passed);
        self.false_rejects += u64::from(!gate && passed);
    }
}

/// Each gate on the examples of its own oracle.
fn gates_on_examples(library: &Library, answers: &AnswerBook) -> Vec<Gate> {
    let mut gates = Vec::new();
    for oracle in library.iter().filter(|oracle| oracle.criterion.has_gate()) {
        let mut gate = Gate { oracle: oracle.id.to_string(), on: "examples".to_owned(), ..Gate::default() };
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
fn gates_on_run(global: &Global, console: &Console, name: &str) -> anyhow::Result<Vec<Gate>> {
    let past = PastRun::open(global, name)?;
    let oracles = past.project.oracles(&past.corpus, &[])?;
    let rows = evidence::collect(&past.grading_basis(console, &oracles))?;
    let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
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
        let new = || Gate { oracle: id.clone(), on: format!("run {}", past.record.id), ..Gate::default() };
        gates.entry(id.clone()).or_insert_with(new).take(gate, passed);
    }
    Ok(gates.into_values().collect())
}

fn gate_table(console: &Console, gates: &[Gate]) -> String {
    let share = |count: u64, of: u64| match interval::wilson(count as f64 / of.max(1) as f64, of as f64, 0.95)
    {
        Some(bounds) if of > 0 => {
            format!("{count} of {of} ({:.0}–{:.0} %)", bounds.low * 100.0, bounds.high * 100.0)
        }
        Some(_) | None => "–".to_owned(),
    };
    let rows: Vec<Vec<String>> = gates
        .iter()
        .map(|gate| {
            vec![
                gate.oracle.clone(),
                gate.on.clone(),
                gate.n.to_string(),
                share(gate.false_accepts, gate.fails),
                share(gate.false_rejects, gate.passes),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right];
    console.table(&["gate of", "on", "n", "lets wrong ones through", "turns right ones away"], &rows, &align)
}

pub(crate) fn check(
    global: &Global,
    console: &Console,
    locked: bool,
    run: Option<&str>,
) -> anyhow::Result<Exit> {
    let (config, library) = open(global)?;
    let answers = program_answers(&config, &library)?;
    let report = library::check(&library, &answers);
    let mut gates = gates_on_examples(&library, &answers);
    if let Some(run) = run {
        gates.extend(gates_on_run(global, console, run)?);
    }
    let report = Checked { report, gates };
    match global.format {
        Format::Json => console.out(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        Format::Human => {
            let mut text = String::new();
            let (report, gates) = (&report.report, &report.gates);
            for failure in &report.failures {
                text.push_str(&format!("{}\n", escape(&failure.to_string())));
            }
            text.push_str(&format!(
                "{} oracles, {} examples, {} failed\n",
                report.oracles,
                report.examples,
                report.failures.len()
            ));
            if report.not_run > 0 {
                text.push_str(&format!(
                    "{} examples were not run: only a judge could settle them, and no model is called here\n",
                    report.not_run
                ));
            }
            for draft in &report.drafts {
                text.push_str(&format!("{}\n", escape(&draft.to_string())));
            }
            if gates.iter().any(|gate| gate.n > 0) {
                text.push_str(&gate_table(console, gates));
            }
            console.out(&text)?;
        }
    }
    if !report.report.failures.is_empty() {
        return Ok(Exit::Failed);
    }
    if locked {
        let missing = library.unlocked();
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            return Err(UsageError::with_help(
                format!("oracles.lock lacks {}", names.join(", ")),
                "run `route-prof oracle check` and commit oracles.lock",
            ));
        }
    } else if library.write_lock()? {
        console.note("wrote oracles.lock; commit it");
    }
    // A draft may be run, because its words are held to `monitor` in any case; it is no criterion to build upon yet.
    Ok(if report.report.drafts.is_empty() { Exit::Fine } else { Exit::Failed })
}

pub(crate) fn list(global: &Global, console: &Console) -> anyhow::Result<Exit> {
    let (_, library) = open(global)?;
    let listed = library::list(&library);
    if global.format == Format::Json {
        console.out(&format!("{}\n", serde_json::to_string_pretty(&listed)?))?;
        return Ok(Exit::Fine);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|oracle| {
            vec![
                oracle.id.to_string(),
                oracle.kind.clone(),
                if oracle.has_gate { "yes" } else { "no" }.to_owned(),
                oracle.examples.to_string(),
                oracle.digest.short(),
                escape(&oracle.description).into_owned(),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Left, Align::Left];
    console.out(&console.table(
        &["oracle", "kind", "gate", "examples", "digest", "description"],
        &rows,
        &align,
    ))?;
    Ok(Exit::Fine)
}
