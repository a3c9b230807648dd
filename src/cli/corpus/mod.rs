//! The `corpus` commands: check, stats, import.

pub(crate) mod args;
mod recorded;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::args::{CorpusCommand, ImportArgs, Source};
use super::args::{Format, Global};
use super::exit::Exit;
use super::project::find_config;
use crate::config;
use crate::console::{Align, Console};
use crate::corpus::import::OracleDraft;
use crate::corpus::{Corpus, stats};
use crate::disk;

pub(crate) fn run(global: &Global, console: &Console, command: &CorpusCommand) -> anyhow::Result<Exit> {
    match command {
        CorpusCommand::Check { corpus } => check(global, console, corpus),
        CorpusCommand::Stats { corpus } => describe(global, console, corpus),
        CorpusCommand::Import(args) => import(global, console, args),
    }
}

fn import(global: &Global, console: &Console, args: &ImportArgs) -> anyhow::Result<Exit> {
    match args.from {
        Source::Zeroeval | Source::Routellm => recorded::run(global, console, args, args.from),
    }
}

/// Writes oracles that are not there yet; returns their paths. One that is there is left alone where it says the same.
fn write_oracles(folder: &Path, oracles: &[OracleDraft]) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for oracle in oracles {
        let Some(text) = oracle.to_toml() else { continue };
        let path = folder.join(format!("{}.toml", oracle.id));
        if disk::read_if_present(&path)?.is_none() {
            disk::replace(&path, text.as_bytes())?;
            written.push(path);
        }
    }
    Ok(written)
}

fn open(global: &Global, path: &Path) -> anyhow::Result<(config::Config, Corpus)> {
    let config = config::load(&find_config(global)?)?;
    let corpus = Corpus::open(path, &path.to_string_lossy(), &config)?;
    Ok((config, corpus))
}

fn check(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
    let (_, corpus) = open(global, path)?;
    match global.format {
        Format::Json => {
            let report =
                json!({ "corpus": corpus.shown(), "prompts": corpus.len(), "digest": corpus.digest() });
            console.out(&format!("{report:#}\n"))?;
        }
        Format::Human => {
            let tasks = corpus.used_tasks().len();
            console.out(&format!(
                "{}: {} prompts of {tasks} tasks, no faults\n",
                crate::console::escape(corpus.shown()),
                corpus.len()
            ))?;
        }
    }
    Ok(Exit::Fine)
}

fn describe(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
    let (config, corpus) = open(global, path)?;
    let described = stats::describe(&corpus, &config)?;
    if global.format == Format::Json {
        console.out(&format!("{}\n", serde_json::to_string_pretty(&described)?))?;
        return Ok(Exit::Fine);
    }
    let rows: Vec<Vec<String>> = described
        .tasks
        .iter()
        .map(|task| {
            let [least, median, most] = task.characters;
            vec![
                task.task.to_string(),
                task.prompts.to_string(),
                format!("{:.1} %", task.share * 100.0),
                format!("{:.0}", task.n_eff),
                format!("{least} / {median} / {most}"),
                task.duplicates.to_string(),
                task.adversarial.to_string(),
                task.with_expected.to_string(),
            ]
        })
        .collect();
    let headers = [
        "task",
        "prompts",
        "share",
        "n eff",
        "characters min / median / max",
        "duplicates",
        "adversarial",
        "expected",
    ];
    let mut align = [Align::Right; 8];
    align[0] = Align::Left;
    console.out(&console.table(&headers, &rows, &align))?;
    for task in &described.without_prompts {
        console.note(&format!("task {task} has no prompt in this corpus"));
    }
    Ok(Exit::Fine)
}
