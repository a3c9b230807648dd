//! Creates a project to start from. It runs without a key, with answers that are clearly scripted.

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

/// Which project to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitRequest {
    /// The folder to create it in.
    pub folder: PathBuf,
    /// Kinds of task, each with an oracle and prompts to replace; empty means an example with two tasks.
    pub tasks: Vec<TaskKind>,
}

/// The new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitOutput {
    /// Its files, relative to its folder.
    pub files: Vec<String>,
    /// Its corpus, relative to its folder.
    pub corpus: String,
}

impl Engine {
    /// Creates a project that runs at once.
    ///
    /// # Errors
    /// If one of its files already exists: nothing is overwritten.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, InitRequest};
    /// # fn main() -> Result<(), Error> {
    /// let request = InitRequest { folder: "my-project".into(), tasks: Vec::new() };
    /// println!("route-prof run {}", Engine::new().init(&request)?.corpus);
    /// # Ok(())
    /// # }
    /// ```
    pub fn init(&self, request: &InitRequest) -> Result<InitOutput, Error> {
        Ok(init(&self.world().disk, request)?)
    }
}

fn init(disk: &Disk, request: &InitRequest) -> anyhow::Result<InitOutput> {
    let files: Vec<(String, String)> = if request.tasks.is_empty() {
        FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    } else {
        tasks::files(&request.tasks, CONFIG_FILE)?
    };
    let corpus = if request.tasks.is_empty() { "corpora/example.jsonl" } else { tasks::CORPUS };
    let names = files.iter().map(|(name, _)| name.as_str());
    let existing: Vec<&str> = names.filter(|name| disk.exists(&request.folder.join(name))).collect();
    if !existing.is_empty() {
        return Err(UsageError::with_help(
            format!("{} already exists", existing.join(", ")),
            "choose another folder, or move these files: nothing is overwritten",
        ));
    }
    for (name, text) in &files {
        disk.replace(&request.folder.join(name), text.as_bytes())?;
    }
    Ok(InitOutput { files: files.into_iter().map(|(name, _)| name).collect(), corpus: corpus.to_owned() })
}
