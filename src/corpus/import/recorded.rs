//! Recorded benchmarks: prompts, references and the outputs of several models, so that a run can be replayed without a
//! call. ZeroEval's result folders and RouteLLM's GSM8K table.
//!
//! Neither states token counts: they are taken to be a quarter of the characters, rounded up, and the recording says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::oracle_draft::ExampleDraft;
use super::{ImportError, Imported, OracleDraft};
use crate::corpus::RawPrompt;
use crate::diag::{Excerpt, Fault, Faults};
use crate::disk::Disk;

/// A benchmark with everything that a replay needs.
#[derive(Debug)]
pub struct Recorded {
    /// Prompts and oracles.
    pub imported: Imported,
    /// The models that answered, cheapest first.
    pub models: Vec<RecordedModel>,
    /// The tasks, each with its oracle.
    pub tasks: Vec<(String, String)>,
    /// What the prices are.
    pub price_note: &'static str,
}

/// A model and its outputs.
#[derive(Debug)]
pub struct RecordedModel {
    /// The name of its tier.
    pub tier: &'static str,
    /// The name of its provider in the configuration.
    pub provider: &'static str,
    /// The API of that provider.
    pub api: &'static str,
    /// Where that API lies, where it is not its own place.
    pub base_url: Option<&'static str>,
    /// The NAME of the variable that would hold a key.
    pub api_key_env: &'static str,
    /// The model as the provider calls it.
    pub model: &'static str,
    /// USD per million tokens: input and output.
    pub prices: (&'static str, &'static str),
    /// Tokens that its window takes.
    pub context_window: u64,
    /// The output to each prompt, by the prompt's id.
    pub outputs: BTreeMap<String, String>,
}

/// The tokens of a text whose count was not recorded: a quarter of its characters, rounded up.
#[must_use]
pub fn assumed_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

/// A model without its outputs.
const fn model(
    tier: &'static str,
    endpoint: (&'static str, &'static str, Option<&'static str>, &'static str),
    model: &'static str,
    prices: (&'static str, &'static str),
    context_window: u64,
) -> RecordedModel {
    let (provider, api, base_url, api_key_env) = endpoint;
    RecordedModel {
        tier,
        provider,
        api,
        base_url,
        api_key_env,
        model,
        prices,
        context_window,
        outputs: BTreeMap::new(),
    }
}

#[derive(Deserialize)]
struct Question {
    id: String,
    task: String,
    answer: String,
    prompt: String,
}

#[derive(Deserialize)]
struct Output {
    id: String,
    output: String,
}

/// ZeroEval's results: `questions.jsonl` and `output_<model>.jsonl` of the three Claude models.
///
/// # Errors
/// If a file is missing or a line cannot be read.
pub fn zeroeval(disk: &Disk, folder: &Path) -> Result<Recorded, ImportError> {
    const ANTHROPIC: (&str, &str, Option<&str>, &str) = ("anthropic", "anthropic", None, "ANTHROPIC_API_KEY");
    let mut models = vec![
        model("small", ANTHROPIC, "claude-3-haiku-20240307", ("0.25", "1.25"), 200_000),
        model("mid", ANTHROPIC, "claude-3-5-haiku-20241022", ("0.80", "4"), 200_000),
        model("frontier", ANTHROPIC, "claude-3-5-sonnet-20241022", ("3", "15"), 200_000),
    ];
    for model in &mut models {
        let outputs: Vec<Output> = read_lines(disk, &folder.join(format!("output_{}.jsonl", model.model)))?;
        model.outputs = outputs.into_iter().map(|line| (line.id, line.output)).collect();
    }
    let questions: Vec<Question> = read_lines(disk, &folder.join("questions.jsonl"))?;
    let tasks: BTreeSet<String> = questions.iter().map(|question| question.task.clone()).collect();
    let mut oracles = Vec::new();
    let mut of_task = Vec::new();
    for task in tasks {
        let oracle = if task == "crux" { answer_text_oracle(&task) } else { answer_number_oracle(&task) };
        if let Some(oracle) = oracle {
            of_task.push((task, oracle.id.to_string()));
            oracles.push(oracle);
        }
    }
    let lines = questions.into_iter().map(|question| RawPrompt {
        id: Some(question.id),
        // Published graders compare texts with their white space; only the mark of GSM8K's answers goes.
        expected: Some(question.answer.strip_prefix("# ").unwrap_or(&question.answer).into()),
        task: Some(question.task),
        prompt: Some(question.prompt),
        ..RawPrompt::default()
    });
    let notes = vec!["the oracles read the `answer` of the reply's JSON object".to_owned()];
    let imported = Imported { lines: lines.collect(), oracles, notes, ..Imported::default() };
    let price_note = "list prices; tokens = characters / 4, rounded up";
    Ok(Recorded { imported, models, tasks: of_task, price_note })
}

/// The text of the field `answer`, quotes aside.
fn answer_text_oracle(task: &str) -> Option<OracleDraft> {
    let table = json!({ "exact": { "field": "answer", "normalise": ["trim_quotes", "escape_newlines"] } });
    let examples = vec![
        ExampleDraft::pass("{\"reasoning\": \"it is so\", \"answer\": \"abc\"}").expecting("'abc'"),
        ExampleDraft::fail("{\"reasoning\": \"it is so\", \"answer\": \"abd\"}").expecting("'abc'"),
        ExampleDraft::fail("abc").expecting("'abc'"),
    ];
    let id = format!("{task}@1").parse().ok()?;
    let description = "The field `answer` of the JSON object is the reference, quotes aside".to_owned();
    Some(OracleDraft { id, description, table, examples })
}

/// The number in the field `answer`.
fn answer_number_oracle(task: &str) -> Option<OracleDraft> {
    let table = json!({ "number": { "which": "first", "field": "answer", "reading": "plain" } });
    let examples = vec![
        ExampleDraft::pass("{\"reasoning\": \"16 - 7\", \"answer\": \"9\"}").expecting("9"),
        ExampleDraft::pass("{\"reasoning\": \"in all\", \"answer\": \"$1,250\"}").expecting("1250"),
        ExampleDraft::fail("{\"reasoning\": \"9 or 8\", \"answer\": \"8\"}").expecting("9"),
        ExampleDraft::fail("9").expecting("9"),
    ];
    let id = format!("{task}@1").parse().ok()?;
    let description = "The first number of the field `answer` is the reference".to_owned();
    Some(OracleDraft { id, description, table, examples })
}

#[derive(Deserialize)]
struct TestItem {
    question: String,
    answer: String,
}

#[derive(Deserialize)]
struct Contaminated {
    eval_prompt: String,
}

/// RouteLLM's GSM8K: `gsm8k_responses.csv`, `test.jsonl` and `contaminated_prompts.jsonl`, whose prompts are left
/// out.
///
/// # Errors
/// If a file is missing or a line cannot be read.
pub fn routellm(disk: &Disk, folder: &Path) -> Result<Recorded, ImportError> {
    let mut models = vec![
        model(
            "weak",
            ("mistral", "openai", Some("https://api.mistral.ai/v1"), "MISTRAL_API_KEY"),
            "mistralai/Mixtral-8x7B-Instruct-v0.1",
            ("0.24", "0.24"),
            32_768,
        ),
        model(
            "strong",
            ("openai", "openai", None, "OPENAI_API_KEY"),
            "gpt-4-1106-preview",
            ("10", "30"),
            128_000,
        ),
    ];
    let tests: Vec<TestItem> = read_lines(disk, &folder.join("test.jsonl"))?;
    let references: BTreeMap<String, String> = tests
        .into_iter()
        .map(|test| {
            let last = test.answer.rsplit("####").next().unwrap_or_default().trim().replace(',', "");
            (test.question, last)
        })
        .collect();
    let dirty: Vec<Contaminated> = read_lines(disk, &folder.join("contaminated_prompts.jsonl"))?;
    let dirty: BTreeSet<String> = dirty.into_iter().map(|line| line.eval_prompt).collect();
    let path = folder.join("gsm8k_responses.csv");
    let shown = path.display().to_string();
    let bytes = disk.read(&path)?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let broken = |line: u64, why: String| {
        let fault = Fault::new(shown.clone(), format!("record {line}: {why}"));
        ImportError::from(Faults::from(fault.help("this is not a gsm8k_responses.csv of RouteLLM")))
    };
    let headers = reader.headers().map_err(|error| broken(0, error.to_string()))?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .ok_or_else(|| broken(0, format!("no column `{name}`")))
    };
    let prompt_column = column("prompt")?;
    let mut of_models = Vec::new();
    for model in &models {
        of_models.push(column(&format!("{}_response", model.model))?);
    }
    let (mut lines, mut left_out) = (Vec::new(), 0);
    for (at, record) in reader.records().enumerate() {
        let number = at as u64 + 1;
        let record = record.map_err(|error| broken(number, error.to_string()))?;
        let cell = |column: usize| record.get(column).unwrap_or_default().to_owned();
        let (id, prompt) = (format!("gsm8k/{at}"), cell(prompt_column));
        // Published figures leave out what the models may have been trained on.
        if dirty.contains(&prompt) {
            left_out += 1;
            continue;
        }
        for (model, column) in models.iter_mut().zip(&of_models) {
            model.outputs.insert(id.clone(), cell(*column));
        }
        let reference = references.get(&prompt);
        let reference =
            reference.ok_or_else(|| broken(number, "its question is not in test.jsonl".to_owned()))?;
        lines.push(RawPrompt {
            id: Some(id),
            task: Some("gsm8k".to_owned()),
            expected: Some(reference.clone().into()),
            prompt: Some(prompt),
            ..RawPrompt::default()
        });
    }
    let oracle = routellm_oracle();
    let tasks = oracle.iter().map(|oracle| ("gsm8k".to_owned(), oracle.id.to_string())).collect();
    let notes = vec![format!("left out {left_out} prompts that are known to be contaminated")];
    let imported = Imported { lines, oracles: oracle.into_iter().collect(), notes, ..Imported::default() };
    let price_note = "prices of 2024; tokens = characters / 4, rounded up";
    Ok(Recorded { imported, models, tasks, price_note })
}

fn routellm_oracle() -> Option<OracleDraft> {
    let table = json!({ "number": { "reading": "digits" } });
    let examples = vec![
        ExampleDraft::pass("9 + 9 = 18\n#### 18").expecting("18"),
        ExampleDraft::pass("In all she makes $1,250.").expecting("1250"),
        ExampleDraft::fail("#### 18, and 3 are left").expecting("18"),
        ExampleDraft::fail("I cannot tell").expecting("18"),
    ];
    let id = "gsm8k@1".parse().ok()?;
    Some(OracleDraft {
        id,
        description: "The last run of digits is the reference's".to_owned(),
        table,
        examples,
    })
}

/// Every line of a JSONL file, or every line that cannot be read.
fn read_lines<T: for<'de> Deserialize<'de>>(disk: &Disk, path: &Path) -> Result<Vec<T>, ImportError> {
    let text = super::utf8(disk, path)?;
    let shown = path.display().to_string();
    let mut lines = Vec::new();
    let mut faults = Faults::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(value) => lines.push(value),
            Err(error) => {
                let column = error.column().saturating_sub(1).min(line.len());
                let excerpt = Excerpt::of_line(at + 1, line, column..column);
                faults.push(Fault::new(&shown, crate::config::plain_json_error(&error)).at(excerpt));
            }
        }
    }
    Ok(faults.into_result(lines)?)
}
