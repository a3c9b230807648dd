//! `router.toml`, the routing config that the user commits: its types, reading, writing, and comparing two of them.

mod compare;
mod model;
mod write;

pub use self::compare::{RouteChange, RouterDiff, diff, diff_evidence};
pub use self::model::{
    RouterAvailability, RouterDefault, RouterEvidence, RouterFallback, RouterFile, RouterLatency, RouterRate,
    RouterRoute, RouterTier, RouterVersus, VERSION, parse,
};
pub use self::write::write;
