//! Corpora: checked, described, imported, sampled, made of templates.

mod check;
mod detect;
mod import;
mod oracle_files;
mod recorded;
mod sample;
mod stats;
mod synth;
mod synth_ending;
mod write;

pub use self::check::CorpusChecked;
pub use self::detect::ImportFormat;
pub use self::import::{Columns, CorpusImport, CorpusImported};
pub use self::recorded::BenchmarkImported;
pub use self::sample::{CorpusSample, CorpusSampled};
pub use self::stats::{CorpusDescribed, PromptTokens};
pub use self::synth::{CorpusSynth, CorpusSynthesised, SYNTH_TEMPLATES};
pub use self::synth_ending::SynthEnding;
