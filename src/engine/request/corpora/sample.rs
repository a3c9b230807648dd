//! Draws a smaller, stratified corpus.

use std::path::{Path, PathBuf};

use super::check::open;
use crate::corpus::import::to_jsonl;
use crate::corpus::sample::{Unit, draw};
use crate::corpus::{Content, Prompt, RawPrompt};
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;

/// What to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSampleRequest {
    /// The corpus: JSONL or CSV.
    pub corpus: PathBuf,
    /// Number of prompts to draw.
    pub n: u64,
    /// Random seed.
    pub seed: u64,
    /// The corpus to write; `None` only returns its text.
    pub out: Option<PathBuf>,
}

/// The smaller corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSampleOutput {
    /// Its lines, as JSONL.
    pub text: String,
    /// Number of prompts in it.
    pub prompts: u64,
    /// Number of prompts in the original corpus.
    pub of: u64,
}

impl Engine {
    /// Draws a smaller corpus, stratified by task, length and adversarial prompts; weights keep each task's total.
    ///
    /// # Errors
    /// If the corpus has faults, or the new one already exists: nothing is overwritten.
    ///
    /// ```
    /// use route_prof::engine::{CorpusSampleRequest, Engine};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let corpus = "corpora/quickstart.jsonl".into();
    /// let request = CorpusSampleRequest { corpus, n: 20, seed: 1, out: None };
    /// let sample = Engine::new().sample_corpus(None, &request)?;
    /// assert_eq!(sample.prompts, 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sample_corpus(
        &self,
        config: Option<&Path>,
        request: &CorpusSampleRequest,
    ) -> Result<CorpusSampleOutput, Error> {
        Ok(sample(&self.world().disk, config, request)?)
    }
}

fn sample(
    disk: &Disk,
    config: Option<&Path>,
    request: &CorpusSampleRequest,
) -> anyhow::Result<CorpusSampleOutput> {
    let (_, corpus) = open(disk, config, &request.corpus)?;
    if request.out.as_deref().is_some_and(|out| disk.exists(out)) {
        return Err(UsageError::with_help(
            "the file named by --out already exists",
            "choose another file, or move this one: nothing is overwritten",
        ));
    }
    let mut units = Vec::with_capacity(corpus.len());
    for (at, entry) in corpus.entries().iter().enumerate() {
        let characters = corpus.load(at)?.content.plain().chars().count() as u64;
        units.push(Unit {
            task: entry.task,
            characters,
            adversarial: entry.adversarial,
            weight: entry.weight.get(),
        });
    }
    let n = usize::try_from(request.n).unwrap_or(usize::MAX);
    let mut lines = Vec::new();
    for (at, weight) in draw(&units, n, request.seed) {
        lines.push(RawPrompt { weight: (weight != 1.0).then_some(weight), ..as_typed(corpus.load(at)?) });
    }
    let text = to_jsonl(&lines);
    if let Some(out) = &request.out {
        disk.replace(out, text.as_bytes())?;
    }
    Ok(CorpusSampleOutput { text, prompts: lines.len() as u64, of: corpus.len() as u64 })
}

/// A prompt as a line of a corpus.
fn as_typed(prompt: Prompt) -> RawPrompt {
    let mut line = RawPrompt {
        id: Some(prompt.id.to_string()),
        task: Some(prompt.task.to_string()),
        system: prompt.system,
        expected: prompt.expected,
        tags: prompt.tags,
        oracle: prompt.oracle.map(|oracle| oracle.to_string()),
        max_output_tokens: prompt.max_output_tokens.map(|cap| cap.0),
        params: prompt.params,
        ..RawPrompt::default()
    };
    match prompt.content {
        Content::Text(text) => line.prompt = Some(text),
        Content::Messages(messages) => line.messages = Some(messages),
        Content::Vars(vars) => line.vars = Some(vars),
    }
    line
}
