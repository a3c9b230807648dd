//! Corpora: check, describe, import, sample and synthesise.

mod check;
mod detect;
mod import;
mod model_written;
mod oracle_files;
mod recorded;
mod sample;
mod stats;
mod synth;
mod synth_ending;

pub use self::check::CorpusCheckOutput;
pub use self::detect::ImportFormat;
pub use self::import::{Columns, CorpusImportOutput, CorpusImportRequest};
pub use self::recorded::BenchmarkImportOutput;
pub use self::sample::{CorpusSampleOutput, CorpusSampleRequest};
pub use self::stats::{CorpusStatsOutput, PromptTokens};
pub use self::synth::{CorpusSynthOutput, CorpusSynthRequest, EXAMPLE_TEMPLATES};
pub use self::synth_ending::SynthEnding;
pub use crate::corpus::near::NEAR_DUPLICATE;
