//! `oracle check` and `oracle list`.

use std::collections::BTreeMap;

use super::args::{Format, Global};
use super::exit::{Exit, UsageError};
use super::project::find_config;
use crate::config::{self, Config};
use crate::console::{Align, Console, escape};
use crate::grade::program;
use crate::oracle::library::{self, Library};
use crate::oracle::{AnswerBook, Question};

fn open(global: &Global) -> anyhow::Result<(Config, Library)> {
    let config = config::load(&find_config(global)?)?;
    let library = Library::open(&config.root.join(&config.run.oracles))?;
    Ok((config, library))
}

/// What the programs of the oracles say of their examples. No model is asked.
fn program_answers(config: &Config, library: &Library) -> AnswerBook {
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
    let programs: Vec<_> = programs.into_values().collect();
    for (id, answer) in program::run_all(&config.root, &programs) {
        answers.put(id, answer);
    }
    answers
}

pub(crate) fn check(global: &Global, console: &Console, locked: bool) -> anyhow::Result<Exit> {
    let (config, library) = open(global)?;
    let report = library::check(&library, &program_answers(&config, &library));
    match global.format {
        Format::Json => console.out(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        Format::Human => {
            let mut text = String::new();
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
            console.out(&text)?;
        }
    }
    if !report.failures.is_empty() {
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
    Ok(Exit::Fine)
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
