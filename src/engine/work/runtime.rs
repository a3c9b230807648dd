//! The runtime that calls are made on.

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::engine::context::Engine;

/// A runtime of its own, so that a request may block its caller's thread and no other.
pub(crate) fn new(engine: &Engine) -> anyhow::Result<Runtime> {
    engine.world().clock.runtime().context("no runtime")
}
