//! Imports a recorded benchmark as a whole project with a recording, which is replayed without a call.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::detect::ImportFormat;
use super::oracle_files::write_oracles;
use crate::corpus::import::recorded::{self, Recorded, assumed_tokens};
use crate::corpus::import::to_jsonl;
use crate::diag::UsageError;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::run::project::{CONFIG_FILE, Project};
use crate::journal::{self, JournalError};
use crate::record::{Attempt, Clocks, Message, Outcome, Usage, UsageQuality, Via};
use crate::units::Tokens;
use crate::world::World;

const CORPUS: &str = "corpus.jsonl";
const TAPE: &str = "tape.jsonl";
const NOTE: &str = "no token counts were recorded: tokens = characters / 4, rounded up; no latencies either";

/// A project made from a recorded benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchmarkImportOutput {
    /// Number of prompts.
    pub prompts: u64,
    /// Number of recorded answers.
    pub answers: u64,
    /// Number of models that answered.
    pub models: u64,
    /// The files written.
    pub files: Vec<PathBuf>,
    /// The corpus, relative to the project.
    pub corpus: &'static str,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl Engine {
    /// Creates a project in the folder `out` that replays a recorded benchmark.
    ///
    /// # Errors
    /// If the recording cannot be read, or the project already exists: nothing is overwritten.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ImportFormat};
    /// # fn main() -> Result<(), Error> {
    /// let project = Engine::new().import_benchmark(ImportFormat::Zeroeval, "ZeroEval".as_ref(), "zeroeval".as_ref())?;
    /// println!("{} prompts, {} recorded answers", project.prompts, project.answers);
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_benchmark(
        &self,
        from: ImportFormat,
        file: &Path,
        out: &Path,
    ) -> Result<BenchmarkImportOutput, Error> {
        Ok(import(self.world(), from, file, out)?)
    }
}

fn import(
    world: &World,
    from: ImportFormat,
    file: &Path,
    folder: &Path,
) -> anyhow::Result<BenchmarkImportOutput> {
    let disk = &world.disk;
    let existing: Vec<&str> =
        [CONFIG_FILE, CORPUS, TAPE].into_iter().filter(|name| disk.exists(&folder.join(name))).collect();
    if !existing.is_empty() {
        return Err(UsageError::with_help(
            format!("{} already exists", existing.join(", ")),
            "choose another folder with --out, or move these files: nothing is overwritten",
        ));
    }
    let recorded = match from {
        ImportFormat::Routellm => recorded::routellm(disk, file)?,
        _ => recorded::zeroeval(disk, file)?,
    };
    disk.replace(&folder.join(CONFIG_FILE), config_text(&recorded).as_bytes())?;
    disk.replace(&folder.join(CORPUS), to_jsonl(&recorded.imported.lines).as_bytes())?;
    let mut files = vec![folder.join(CONFIG_FILE), folder.join(CORPUS)];
    files.extend(write_oracles(disk, &folder.join("oracles"), &recorded.imported.oracles)?);
    let answers = write_tape(world, folder, &recorded)?;
    files.push(folder.join(TAPE));
    let notes = recorded.imported.notes.iter().cloned().chain([NOTE.to_owned()]);
    Ok(BenchmarkImportOutput {
        prompts: recorded.imported.lines.len() as u64,
        answers,
        models: recorded.models.len() as u64,
        files,
        corpus: CORPUS,
        notes: notes.collect(),
    })
}

/// Writes the recording, with the keys that a run in that folder gives its trials.
fn write_tape(world: &World, folder: &Path, recorded: &Recorded) -> anyhow::Result<u64> {
    let project = Project::load(world, &folder.join(CONFIG_FILE))?;
    let corpus = project.corpus(&folder.join(CORPUS))?;
    let plan = project.plan(&corpus)?;
    let outputs: HashMap<&str, _> =
        recorded.models.iter().map(|model| (model.tier, &model.outputs)).collect();
    let mut attempts = Vec::new();
    for index in 0..plan.len() {
        let spec = plan.spec(index);
        let Some(target) = plan.targets().get(usize::from(spec.target)) else { continue };
        let (prompt, request) = plan.request(&project.config, &corpus, spec)?;
        let answer = outputs.get(target.tier.as_str()).and_then(|answers| answers.get(prompt.id.as_str()));
        let Some(text) = answer else { continue };
        let input: u64 = request.messages.iter().map(Message::plain).map(|text| assumed_tokens(&text)).sum();
        attempts.push(Ok(Attempt {
            key: plan.key(index),
            prompt: prompt.id,
            model: target.model.clone(),
            repeat: spec.repeat,
            attempt: 1,
            outcome: Outcome::Reply,
            text: text.clone(),
            tool_calls: serde_json::Value::Null,
            finish: None,
            served_model: None,
            usage: Usage {
                input: Some(Tokens(input)),
                output: Some(Tokens(assumed_tokens(text))),
                quality: UsageQuality::Reported,
                raw: json!({ "assumed": "characters / 4, rounded up" }),
                ..Usage::default()
            },
            clocks: Clocks::default(),
            streamed: false,
            batch: false,
            status: None,
            failure: None,
            headers: Default::default(),
            billed: None,
            at: None,
            via: Via::Live,
        }));
    }
    Ok(journal::write_tape(
        &world.disk,
        &folder.join(TAPE),
        NOTE,
        attempts.into_iter().map(|a: Result<_, JournalError>| a),
    )?)
}

/// The configuration of the replay.
fn config_text(recorded: &Recorded) -> String {
    let mut text = format!(
        "# A recorded benchmark, to be replayed without a call: route-prof run {CORPUS}\n# {NOTE}.\nversion = 1\n"
    );
    let mut providers: Vec<(&str, &str, Option<&str>, &str)> = Vec::new();
    for model in &recorded.models {
        text.push_str(&format!(
            "\n[[tier]]\nname = \"{}\"\nmodel = \"{}/{}\"\nmax_output_tokens = 4096\ncontext_window = {}\n",
            model.tier, model.provider, model.model, model.context_window
        ));
        if !providers.iter().any(|(name, ..)| *name == model.provider) {
            providers.push((model.provider, model.api, model.base_url, model.api_key_env));
        }
    }
    for (name, api, base_url, key) in providers {
        text.push_str(&format!("\n[provider.{name}]\napi = \"{api}\"\napi_key_env = \"{key}\"\n"));
        if let Some(url) = base_url {
            text.push_str(&format!("base_url = \"{url}\"\n"));
        }
    }
    text.push_str(&format!(
        "\n[tape]\nfile = \"{TAPE}\"\nmode = \"only\"\n\n[prices]\nnote = \"{}\"\n",
        recorded.price_note
    ));
    for model in &recorded.models {
        let (input, output) = model.prices;
        text.push_str(&format!(
            "[prices.model.\"{}/{}\"]\ninput = {input}\noutput = {output}\n",
            model.provider, model.model
        ));
    }
    for (task, oracle) in &recorded.tasks {
        text.push_str(&format!("\n[task.{task}]\noracle = \"{oracle}\"\nconsequence = \"medium\"\n"));
    }
    text
}
