//! The runtime on which calls are made.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Creates a runtime for one request, so that the request blocks only its caller's thread.
pub(crate) fn new() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the async runtime")
}
