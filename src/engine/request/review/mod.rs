//! Human labels for a sample of a run's answers, and what oracles are worth by them.

mod export;
mod import;
mod picking;
mod replies;

pub use self::export::{ReviewExportOutput, ReviewExportRequest, ReviewItem, ReviewSet};
pub use self::import::{Agreement, ReviewImportOutput, ReviewImportRequest};
