//! The runtime on which calls are made.

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::engine::context::Engine;

/// Creates a runtime for one request, so that the request blocks only its caller's thread.
pub(crate) fn new(engine: &Engine) -> anyhow::Result<Runtime> {
    engine.world().clock.runtime().context("cannot start the async runtime")
}
