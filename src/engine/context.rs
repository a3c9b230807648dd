//! The engine as a caller holds it: whom it tells what happens, and who may stop it.

use std::path::Path;

use super::error::Error;
use super::event::{Event, Observer};
use super::run::project::{Project, find_config};
use super::stop::Stop;
use crate::diag::UsageError;
use crate::world::World;

/// Profiles models: the whole product but for arguments, tables and pages.
///
/// Each request blocks until it is done; calls to models go through threads of the engine's own. From asynchronous code,
/// call it on a thread that may block.
///
/// ```no_run
/// use route_prof::engine::{Engine, RunRequest};
///
/// # fn main() -> Result<(), route_prof::engine::Error> {
/// let engine = Engine::new().with_observer(|event| eprintln!("{event:?}"));
/// let project = engine.open(None)?;
/// let ran = engine.run(&project, &RunRequest::new("corpora/quickstart.jsonl"))?;
/// println!("{} of {} trials are answered", ran.summary.run.answered, ran.summary.run.trials);
/// # Ok(())
/// # }
/// ```
pub struct Engine {
    observer: Box<dyn Observer>,
    stop: Stop,
    world: World,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine that tells nobody what happens and that nobody stops.
    #[must_use]
    pub fn new() -> Self {
        Self { observer: Box::new(|_: Event| {}), stop: Stop::never(), world: World::default() }
    }

    /// Tells an observer what happens.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Lets a caller stop the work: see [`Stop`].
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Works in another world than the machine's: see [`World`].
    #[must_use]
    pub fn in_world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// Opens the project of a settings file: settings, oracles and prices. `None` takes the nearest `route-prof.toml`, here
    /// or in a folder above.
    ///
    /// # Errors
    /// When there is none, or one of its files is at fault.
    pub fn open(&self, config: Option<&Path>) -> Result<Project, Error> {
        Ok(Project::load(&self.world, &find_config(&self.world.disk, config)?)?)
    }

    /// Writes a file, whole or not at all: a page of a run, say.
    ///
    /// # Errors
    /// When that cannot be done; what was there before is then still there.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.world.disk.replace(path, bytes).map_err(anyhow::Error::from)?)
    }

    /// Writes a file that is not there yet, whole or not at all.
    ///
    /// # Errors
    /// When it is there already, or cannot be written.
    pub fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        if self.world.disk.exists(path) {
            let what = format!("{} is there already", path.display());
            let help = "name another file, or move it away: nothing is overwritten";
            return Err(UsageError::with_help(what, help).into());
        }
        self.write(path, bytes)
    }

    pub(super) fn tell(&self, event: Event) {
        self.observer.event(event);
    }

    pub(super) const fn world(&self) -> &World {
        &self.world
    }

    pub(super) const fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("stop", &self.stop).finish_non_exhaustive()
    }
}
