//! `corpus check` and `corpus stats`.

use std::path::Path;

use serde_json::json;

use super::args::{Format, Global};
use super::exit::Exit;
use super::project::find_config;
use crate::config;
use crate::console::{Align, Console};
use crate::corpus::{Corpus, stats};

fn open(global: &Global, path: &Path) -> anyhow::Result<(config::Config, Corpus)> {
    let config = config::load(&find_config(global)?)?;
    let corpus = Corpus::open(path, &path.to_string_lossy(), &config)?;
    Ok((config, corpus))
}

pub(crate) fn check(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
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

pub(crate) fn stats(global: &Global, console: &Console, path: &Path) -> anyhow::Result<Exit> {
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
