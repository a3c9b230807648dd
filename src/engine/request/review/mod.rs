//! Human labels for a sample of a run's answers, and the calibration of judges with them.

mod export;
mod import;
mod replies;

pub use self::export::{ReviewExportOutput, ReviewExportRequest, ReviewItem, ReviewSet};
pub use self::import::{Agreement, ReviewImportOutput, ReviewImportRequest};
