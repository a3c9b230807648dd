//! The formats that a corpus can be imported from, and their detection.

use std::path::Path;

use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;

/// A format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// promptfoo: a config (YAML, JSON) or tests (CSV, JSONL).
    Promptfoo,
    /// OpenAI evals: JSONL with `input` and `ideal`.
    Evals,
    /// Any CSV, with its columns named in the request.
    Csv,
    /// LiteLLM: spend logs or standard logging payloads (JSONL, JSON).
    Litellm,
    /// OpenTelemetry: GenAI spans as OTLP JSON.
    Otel,
    /// Langfuse: exported observations or traces (JSON, JSONL, CSV).
    Langfuse,
    /// ZeroEval's results of three Claude models: a whole project with a recording.
    Zeroeval,
    /// RouteLLM's GSM8K answers: a whole project with a recording.
    Routellm,
}

impl ImportFormat {
    /// Whether it is a recorded benchmark, which becomes a whole project: see `Engine::import_benchmark`.
    #[must_use]
    pub const fn is_benchmark(self) -> bool {
        matches!(self, Self::Zeroeval | Self::Routellm)
    }
}

impl Engine {
    /// Detects the format of a file by its name or its contents.
    ///
    /// # Errors
    /// If the file cannot be read, or its format is not recognised.
    ///
    /// ```
    /// use route_prof::engine::{Engine, ImportFormat};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let file = folder.path().join("spans.json");
    /// std::fs::write(&file, r#"{"resourceSpans": []}"#)?;
    /// assert_eq!(Engine::new().import_format(&file)?, ImportFormat::Otel);
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_format(&self, path: &Path) -> Result<ImportFormat, Error> {
        Ok(detect(&self.world().disk, path)?)
    }
}

/// Detects the format of a file by its name or its contents.
fn detect(disk: &Disk, path: &Path) -> anyhow::Result<ImportFormat> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if disk.is_folder(path) {
        return Ok(if disk.exists(&path.join("gsm8k_responses.csv")) {
            ImportFormat::Routellm
        } else {
            ImportFormat::Zeroeval
        });
    }
    if name.ends_with(".yaml") || name.ends_with(".yml") {
        return Ok(ImportFormat::Promptfoo);
    }
    let bytes = disk.read(path)?;
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(20_000)).unwrap_or_default()).into_owned();
    let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
    Ok(if name.ends_with(".csv") {
        if has(&["__expected"]) { ImportFormat::Promptfoo } else { ImportFormat::Csv }
    } else if has(&["\"resourceSpans\"", "gen_ai."]) {
        ImportFormat::Otel
    } else if has(&["\"ideal\""]) {
        ImportFormat::Evals
    } else if has(&["\"call_type\"", "\"model_group\"", "\"litellm"]) {
        ImportFormat::Litellm
    } else if has(&["\"assert\"", "\"vars\""]) {
        ImportFormat::Promptfoo
    } else if has(&["\"traceId\"", "\"observations\"", "\"input\""]) {
        ImportFormat::Langfuse
    } else {
        return Err(UsageError::with_help(
            format!("the format of {} is not recognised", path.display()),
            "name the format instead of `auto`: `route-prof corpus import --help` lists them",
        ));
    })
}
