//! `init --task KIND`: projects made from kinds of task, each with an oracle, prompts, and scripted answers so that the project
//! runs at once.

use serde::Deserialize;
use serde_json::Value;

use crate::corpus::RawPrompt;
use crate::corpus::import::to_jsonl;

const KINDS: &str = include_str!("../template/tasks.toml");
/// Where the prompts are written.
pub(super) const CORPUS: &str = "corpora/tasks.jsonl";
const SCRIPT: &str = "corpora/tasks.script.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    kind: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    name: String,
    description: String,
    consequence: String,
    why: String,
    latency_p95_ms: Option<u32>,
    requests_per_day: u32,
    max_output_tokens: u32,
    system: String,
    oracle: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    prompt: String,
    expected: Option<Value>,
    good: String,
    bad: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// A kind of task that a project can start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// One label of a closed set.
    Classification,
    /// Fields, as JSON.
    Extraction,
    /// A short text that keeps the facts.
    Summarisation,
    /// Answers from a passage.
    RagAnswering,
    /// Functions.
    Code,
    /// Another language.
    Translation,
    /// Allow or block.
    Moderation,
    /// Prose.
    FreeForm,
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Classification,
        Self::Extraction,
        Self::Summarisation,
        Self::RagAnswering,
        Self::Code,
        Self::Translation,
        Self::Moderation,
        Self::FreeForm,
    ];

    /// What a task of this kind does.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Classification => "Assign one label of a closed set",
            Self::Extraction => "Extract fields as JSON",
            Self::Summarisation => "Summarise a text and keep its facts",
            Self::RagAnswering => "Answer from a passage",
            Self::Code => "Write a function",
            Self::Translation => "Translate into another language",
            Self::Moderation => "Allow or block a message",
            Self::FreeForm => "Write prose",
        }
    }

    /// Its name, as in the catalogue and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Extraction => "extraction",
            Self::Summarisation => "summarisation",
            Self::RagAnswering => "rag-answering",
            Self::Code => "code",
            Self::Translation => "translation",
            Self::Moderation => "moderation",
            Self::FreeForm => "free-form",
        }
    }
}

/// The files of a project with these kinds of task, each with its text.
pub(super) fn files(wanted: &[TaskKind], config: &'static str) -> anyhow::Result<Vec<(String, String)>> {
    let catalogue: Catalogue = toml::from_str(KINDS)?;
    let mut names: Vec<&str> = Vec::new();
    for kind in wanted {
        if !names.contains(&kind.name()) {
            names.push(kind.name());
        }
    }
    let kinds: Vec<&Kind> =
        names.iter().filter_map(|name| catalogue.kind.iter().find(|kind| kind.name == *name)).collect();
    let mut settings = String::from(
        "# The configuration of this project. Schema: `route-prof schema config`.\nversion = 1\n\n\
         # The ladder, cheapest first. These two are scripted stand-ins, so that the project runs without a key.\n\
         # `route-prof init OTHER_FOLDER` shows how real ones are written.\n\
         [[tier]]\nname = \"small\"\nmodel = \"demo/small\"\n\n[[tier]]\nname = \"large\"\nmodel = \"demo/large\"\n\n\
         [provider.demo]\napi = \"scripted\"\nscript = \"corpora/tasks.script.toml\"\n\n\
         [prices]\nnote = \"invented prices of scripted models\"\n\
         [prices.model.\"demo/small\"]\ninput = 0.10\noutput = 0.40\n[prices.model.\"demo/large\"]\ninput = 3.00\noutput = 15.00\n\n\
         # The tasks, one table each. Adapt every line to your own system.\n",
    );
    let mut files = Vec::new();
    let mut lines = Vec::new();
    let mut script = String::from(
        "# Scripted answers, so that the project runs without a model. Replace the prompts and models with your own.\n",
    );
    for kind in kinds {
        let oracle = format!("{}@1", kind.name);
        let latency = match kind.latency_p95_ms {
            Some(ms) => format!("latency_p95_ms = {ms:<26} # how long a user may wait; leave it out for a background job\n"),
            None => "# latency_p95_ms = 2000                  # left out: a background job, latency has no weight\n".to_owned(),
        };
        settings.push_str(&format!(
            "\n[task.{name}]\ndescription = {description}\noracle = \"{oracle}\"\n\
             consequence = {consequence:<29} # the damage of a wrong answer: {why}\n{latency}\
             data_location = \"any\"                    # \"local\" = the data may not leave\n\
             requests_per_day = {requests:<24} # expected traffic: replace with yours\n\
             system_file = \"corpora/prompts/{name}.md\"\nmax_output_tokens = {cap}\n",
            name = kind.name,
            description = toml::Value::from(kind.description.clone()),
            consequence = format!("\"{}\"", kind.consequence),
            why = kind.why,
            requests = kind.requests_per_day,
            cap = kind.max_output_tokens,
        ));
        files.push((format!("corpora/prompts/{}.md", kind.name), format!("{}\n", kind.system)));
        files.push((
            format!("oracles/{oracle}.toml"),
            format!("# A version of an oracle never changes: copy it to {}@2.toml to improve it.\nid = \"{oracle}\"\n{}", kind.name, kind.oracle),
        ));
        for (at, item) in kind.items.iter().enumerate() {
            lines.push(RawPrompt {
                id: Some(format!("{}-{:02}", kind.name, at + 1)),
                task: Some(kind.name.clone()),
                prompt: Some(item.prompt.clone()),
                expected: item.expected.clone(),
                tags: item.tags.clone(),
                ..RawPrompt::default()
            });
            for (model, reply) in [("small", &item.bad), ("large", &item.good)] {
                script.push_str(&format!(
                    "\n[[rule]]\nmodel = \"{model}\"\nmatch = {}\nreply = {}\ndelay_ms = 5\n",
                    toml::Value::from(regex::escape(&item.prompt)),
                    // A dollar sign would stand for a group of the match.
                    toml::Value::from(reply.replace('$', "$$")),
                ));
            }
        }
    }
    files.insert(0, (config.to_owned(), settings));
    files.insert(1, (CORPUS.to_owned(), to_jsonl(&lines)));
    files.insert(2, (SCRIPT.to_owned(), script));
    Ok(files)
}
