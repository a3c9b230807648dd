//! The [`Engine`]: who observes it, and what stops it.

use std::path::Path;

use super::error::Error;
use super::event::{Event, Observer};
use super::run::project::{Project, find_config};
use super::stop::StopSignal;
use crate::disk;

/// Measures models, chooses routes and projects their cost: everything that the program does except for parsing arguments and
/// rendering tables and pages.
///
/// Every method blocks until its request is done; calls to models run on the engine's own threads. From asynchronous code,
/// call it on a thread that may block, such as `tokio::task::spawn_blocking`.
///
/// ```no_run
/// use route_prof::engine::{Engine, RunRequest};
///
/// # fn main() -> Result<(), route_prof::engine::Error> {
/// let engine = Engine::new().with_observer(|event| eprintln!("{event:?}"));
/// let mut project = engine.open(None)?;
/// let output = engine.run(&mut project, &RunRequest::new("corpora/quickstart.jsonl"))?;
/// println!("{} of {} trials are answered", output.summary.run.answered, output.summary.run.trials);
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    observer: Box<dyn Observer>,
    stop: StopSignal,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine without an observer and without a stop signal.
    #[must_use]
    pub fn new() -> Self {
        Self { observer: Box::new(|_: Event| {}), stop: StopSignal::never() }
    }

    /// Sends [events](Event) to an observer.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Lets a caller stop the work: see [`StopSignal`].
    #[must_use]
    pub fn with_stop_signal(mut self, stop: StopSignal) -> Self {
        self.stop = stop;
        self
    }

    /// Opens a project: its configuration, oracles and prices. `None` takes the nearest `route-prof.toml`, in the working
    /// folder or above.
    ///
    /// # Errors
    /// If there is no configuration, or one of the project's files has faults.
    pub fn open(&self, config: Option<&Path>) -> Result<Project, Error> {
        Ok(Project::load(&find_config(config)?)?)
    }

    /// Writes a file atomically, such as a page of a run. Creates missing folders.
    ///
    /// # Errors
    /// If the file cannot be written; an earlier file at the path is then left unchanged.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        Ok(disk::replace(path, bytes).map_err(anyhow::Error::from)?)
    }

    pub(super) fn emit(&self, event: Event) {
        self.observer.event(event);
    }

    pub(super) const fn stop(&self) -> &StopSignal {
        &self.stop
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("stop", &self.stop).finish_non_exhaustive()
    }
}
