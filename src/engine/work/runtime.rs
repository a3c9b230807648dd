//! The runtime that calls are made on.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// A runtime of its own, so that a request may block its caller's thread and no other.
pub(crate) fn new() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("no runtime")
}
