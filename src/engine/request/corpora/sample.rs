//! A smaller corpus of the same make.

use std::path::{Path, PathBuf};

use super::check::open;
use crate::corpus::import::to_jsonl;
use crate::corpus::sample::{Unit, draw};
use crate::corpus::{Content, Prompt, RawPrompt};
use crate::diag::UsageError;
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSample {
    /// The prompts: JSONL or CSV.
    pub corpus: PathBuf,
    /// How many prompts to draw.
    pub n: u64,
    /// Seed of the draw.
    pub seed: u64,
    /// The corpus to write, if any.
    pub out: Option<PathBuf>,
}

/// A smaller corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSampled {
    /// Its lines.
    pub text: String,
    /// Its prompts.
    pub prompts: u64,
    /// Prompts that they were drawn from.
    pub of: u64,
}

impl Engine {
    /// Draws a smaller corpus, stratified by task, length and adversarial prompts; weights keep each task's total.
    ///
    /// # Errors
    /// When the corpus has faults, or the new one exists already: nothing is overwritten.
    pub fn sample_corpus(
        &self,
        config: Option<&Path>,
        request: &CorpusSample,
    ) -> Result<CorpusSampled, Error> {
        Ok(sample(&self.world().disk, config, request)?)
    }
}

fn sample(disk: &Disk, config: Option<&Path>, request: &CorpusSample) -> anyhow::Result<CorpusSampled> {
    let (_, corpus) = open(disk, config, &request.corpus)?;
    if request.out.as_deref().is_some_and(|out| disk.exists(out)) {
        return Err(UsageError::with_help(
            "the file named by --out is there already",
            "name another file, or move it away: nothing is overwritten",
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
    Ok(CorpusSampled { text, prompts: lines.len() as u64, of: corpus.len() as u64 })
}

/// A prompt as its line would be typed.
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
