//! The [`Engine`]: who observes it, and what stops it.

use std::path::Path;

use super::error::Error;
use super::event::{Event, Observer};
use super::run::project::{Project, find_config};
use super::stop::StopSignal;
use crate::diag::UsageError;
use crate::world::World;

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
/// let project = engine.open(None)?;
/// let output = engine.run(&project, &RunRequest::new("corpora/quickstart.jsonl"))?;
/// println!("{} of {} trials are answered", output.summary.run.answered, output.summary.run.trials);
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    observer: Box<dyn Observer>,
    stop: StopSignal,
    world: World,
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
        Self { observer: Box::new(|_: Event| {}), stop: StopSignal::new(), world: World::default() }
    }

    /// Sends [events](Event) to an observer.
    ///
    /// ```
    /// use route_prof::engine::{Engine, Event};
    ///
    /// let engine = Engine::new().with_observer(|event: Event| {
    ///     if let Event::TierPaused { .. } = event {
    ///         eprintln!("{event:?}");
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Lets a caller stop the work: see [`StopSignal`].
    ///
    /// ```
    /// use route_prof::engine::{Engine, StopSignal};
    ///
    /// let signal = StopSignal::new();
    /// let handle = signal.handle();
    /// let engine = Engine::new().with_stop_signal(signal);
    /// // In another thread: calls in flight finish, and no new one is made.
    /// handle.drain();
    /// ```
    #[must_use]
    pub fn with_stop_signal(mut self, stop: StopSignal) -> Self {
        self.stop = stop;
        self
    }

    /// Uses another world than the machine's disk, network and clock: see [`World`].
    #[must_use]
    pub fn in_world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// Opens a project: its configuration, oracles and prices. `None` takes the nearest `route-prof.toml`, in the working
    /// folder or above.
    ///
    /// # Errors
    /// If there is no configuration, or one of the project's files has faults.
    ///
    /// ```
    /// # use route_prof::engine::{Engine, Error};
    /// # fn main() -> Result<(), Error> {
    /// let project = Engine::new().open(Some("route-prof.toml".as_ref()))?;
    /// # let _ = project;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, config: Option<&Path>) -> Result<Project, Error> {
        Ok(Project::load(&self.world, &find_config(&self.world.disk, config)?)?)
    }

    /// Writes a file atomically, such as a page of a run. Creates missing folders.
    ///
    /// # Errors
    /// If the file cannot be written; an earlier file at the path is then left unchanged.
    ///
    /// ```
    /// use route_prof::engine::Engine;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let page = folder.path().join("pages/report.html");
    /// Engine::new().write(&page, b"<!doctype html>")?;
    /// assert!(Engine::new().write_new(&page, b"").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.world.disk.replace(path, bytes).map_err(anyhow::Error::from)?)
    }

    /// Writes a new file atomically.
    ///
    /// # Errors
    /// If the file already exists, or cannot be written.
    pub fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        if self.world.disk.exists(path) {
            let what = format!("{} already exists", path.display());
            let help = "choose another file, or move this one: nothing is overwritten";
            return Err(UsageError::with_help(what, help).into());
        }
        self.write(path, bytes)
    }

    pub(super) fn emit(&self, event: Event) {
        self.observer.event(event);
    }

    pub(super) const fn world(&self) -> &World {
        &self.world
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
