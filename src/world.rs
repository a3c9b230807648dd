//! The outside world, reached through three seams: disk, network and clock. Real by default; a caller may put a simulated one in
//! its place, in which the whole engine runs.
//!
//! Programs of `command` oracles, environment variables and the working folder are the machine's own in any world.

use std::sync::Arc;

use crate::clock::{Clock, MachineClock};
use crate::disk::Disk;
use crate::net::{MachineNetwork, Network};

/// The outside world.
#[derive(Clone, Debug)]
pub struct World {
    /// Where files are.
    pub disk: Disk,
    /// Where hosts are.
    pub network: Arc<dyn Network>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for World {
    fn default() -> Self {
        Self { disk: Disk::real(), network: Arc::new(MachineNetwork), clock: Arc::new(MachineClock) }
    }
}
