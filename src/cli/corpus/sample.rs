//! `corpus sample`: a smaller corpus of the same make.

use std::path::Path;

use serde_json::json;

use super::super::args::{Format, Global};
use super::super::exit::{Exit, UsageError};
use super::args::SampleArgs;
use crate::console::{Console, escape};
use crate::corpus::import::to_jsonl;
use crate::corpus::sample::{Unit, draw};
use crate::corpus::{Content, Prompt, RawPrompt};
use crate::disk;

pub(super) fn run(global: &Global, console: &Console, args: &SampleArgs) -> anyhow::Result<Exit> {
    let (_, corpus) = super::open(global, &args.corpus)?;
    if args.out.as_deref().is_some_and(Path::exists) {
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
    let n = usize::try_from(args.n).unwrap_or(usize::MAX);
    let mut lines = Vec::new();
    for (at, weight) in draw(&units, n, args.seed) {
        lines.push(RawPrompt { weight: (weight != 1.0).then_some(weight), ..as_typed(corpus.load(at)?) });
    }
    let text = to_jsonl(&lines);
    let Some(out) = &args.out else {
        console.out(&text)?;
        return Ok(Exit::Fine);
    };
    disk::replace(out, text.as_bytes())?;
    let report = json!({ "corpus": out, "prompts": lines.len(), "of": corpus.len(), "seed": args.seed });
    match global.format {
        Format::Json => console.out(&format!("{report:#}\n"))?,
        Format::Human => console.out(&format!(
            "wrote {}: {} of {} prompts, stratified by task and length (seed {}); weights keep each task's total\n",
            escape(&out.display().to_string()),
            lines.len(),
            corpus.len(),
            args.seed
        ))?,
    }
    Ok(Exit::Fine)
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
