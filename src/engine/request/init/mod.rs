//! A project to start from. It runs as it is, without a key: the answers are scripted, and say so.

mod tasks;

use std::path::PathBuf;

pub use self::tasks::TaskKind;
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::CONFIG_FILE;

const FILES: [(&str, &str); 6] = [
    (CONFIG_FILE, include_str!("../template/route-prof.toml")),
    ("corpora/example.jsonl", include_str!("../template/example.jsonl")),
    ("corpora/example.script.toml", include_str!("../template/example.script.toml")),
    ("corpora/prompts/intent.md", include_str!("../template/intent.md")),
    ("oracles/intent@1.toml", include_str!("../template/intent@1.toml")),
    ("oracles/order@1.toml", include_str!("../template/order@1.toml")),
];

/// What a project starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitRequest {
    /// Where to put it.
    pub folder: PathBuf,
    /// Kinds of task, each with its audit, oracle and prompts to fill; none: an example of two tasks.
    pub tasks: Vec<TaskKind>,
}

/// A new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialised {
    /// Its files, relative to its folder.
    pub files: Vec<String>,
    /// Its corpus, relative to its folder.
    pub corpus: String,
}

impl Engine {
    /// Writes a project that runs as it is.
    ///
    /// # Errors
    /// When one of its files is there already: nothing is overwritten.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, InitRequest};
    /// # fn main() -> Result<(), Error> {
    /// let request = InitRequest { folder: "my-project".into(), tasks: Vec::new() };
    /// println!("route-prof run {}", Engine::new().init(&request)?.corpus);
    /// # Ok(())
    /// # }
    /// ```
    pub fn init(&self, request: &InitRequest) -> Result<Initialised, Error> {
        Ok(init(&self.world().disk, request)?)
    }
}

fn init(disk: &Disk, request: &InitRequest) -> anyhow::Result<Initialised> {
    let files: Vec<(String, String)> = if request.tasks.is_empty() {
        FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    } else {
        tasks::files(&request.tasks, CONFIG_FILE)?
    };
    let corpus = if request.tasks.is_empty() { "corpora/example.jsonl" } else { tasks::CORPUS };
    let names = files.iter().map(|(name, _)| name.as_str());
    let there: Vec<&str> = names.filter(|name| disk.exists(&request.folder.join(name))).collect();
    if !there.is_empty() {
        return Err(UsageError::with_help(
            format!("{} is there already", there.join(", ")),
            "name another folder, or move it away: nothing is overwritten",
        ));
    }
    for (name, text) in &files {
        disk.replace(&request.folder.join(name), text.as_bytes())?;
    }
    Ok(Initialised { files: files.into_iter().map(|(name, _)| name).collect(), corpus: corpus.to_owned() })
}
