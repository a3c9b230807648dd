//! The `corpus` commands: check, stats, import, sample.

pub(crate) mod args;
mod import;
mod recorded;
mod sample;
mod stats;
mod synth;
mod write;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::args::{CorpusCommand, ImportArgs, Source};
use super::args::{Format, Global};
use super::exit::Exit;
use super::project::find_config;
use crate::config;
use crate::console::Console;
use crate::corpus::Corpus;
use crate::corpus::import::OracleDraft;
use crate::disk;

pub(crate) fn run(global: &Global, console: &Console, command: &CorpusCommand) -> anyhow::Result<Exit> {
    match command {
        CorpusCommand::Check { corpus } => check(global, console, corpus),
        CorpusCommand::Stats { corpus } => stats::run(global, console, corpus),
        CorpusCommand::Import(args) => import(global, console, args),
        CorpusCommand::Synth(args) => synth::run(global, console, args),
        CorpusCommand::Sample(args) => sample::run(global, console, args),
    }
}

fn import(global: &Global, console: &Console, args: &ImportArgs) -> anyhow::Result<Exit> {
    let from = match args.from {
        Source::Auto => import::detect(&args.file)?,
        named => named,
    };
    match from {
        Source::Zeroeval | Source::Routellm => recorded::run(global, console, args, from),
        _ => import::run(global, console, args, from),
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
