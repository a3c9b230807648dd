//! The seam to time: what o'clock it is, and the runtime in which time passes.
//!
//! Waiting and measuring go by tokio's clock, which a simulated runtime can hold still and wind on. So a caller that gives the
//! engine another [`Clock`] decides both what a day is and how long it takes.

use std::fmt::Debug;
use std::io;

use tokio::runtime::{Builder, Runtime};

pub use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// Time.
pub trait Clock: Send + Sync + Debug {
    /// What o'clock it is.
    fn now(&self) -> jiff::Timestamp;

    /// A runtime for calls: with threads of its own on the machine's clock, a single thread and a clock of its own in a
    /// simulation.
    ///
    /// # Errors
    /// When the system gives none.
    fn runtime(&self) -> io::Result<Runtime>;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn runtime(&self) -> io::Result<Runtime> {
        Builder::new_multi_thread().enable_all().build()
    }
}
