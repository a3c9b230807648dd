//! People judge a sample of a run's answers, and judges are held against them.

mod export;
mod import;
mod replies;

pub use self::export::{ReviewExport, ReviewExported, ReviewItem, ReviewSet};
pub use self::import::{Agreement, ReviewImport, ReviewImported};
