//! `results.csv`: one row per trial, streamed to disk, and read back for a comparison. No cell can be taken for a formula.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use crate::compare::{CellKey, Seen, Side};
use crate::diag::formula_safe;
use crate::disk::{Disk, Readable};
use crate::engine::run::basis::Basis;
use crate::engine::run::rows::Rows;
use crate::ident::{ModelRef, PromptId, TaskName, TierName};
use crate::journal::fetch_at;
use crate::measure::Observation;
use crate::record::{Outcome, Verdict};
use crate::units::{Millis, Tokens, Usd};

/// The longest output excerpt, in characters.
const EXCERPT: usize = 300;

/// A trial as a row.
#[derive(Clone, Debug)]
struct ResultRow {
    /// The prompt.
    prompt: PromptId,
    /// Its task.
    task: TaskName,
    /// The tier.
    tier: TierName,
    /// The model.
    model: ModelRef,
    /// The repeat, from 0.
    repeat: u32,
    /// The prompt's weight.
    weight: f64,
    /// The outcome; empty if the trial was never sent.
    outcome: Option<Outcome>,
    /// The oracle's verdict.
    verdict: Option<Verdict>,
    /// Whether the gate would have accepted the reply.
    gate_passed: Option<bool>,
    /// Total latency.
    latency: Option<Millis>,
    /// Time to first visible token.
    ttft: Option<Millis>,
    /// Input tokens.
    input: Option<Tokens>,
    /// Output tokens.
    output: Option<Tokens>,
    /// Cost at today's prices.
    cost: Option<Usd>,
    /// Number of attempts.
    attempts: u32,
    /// The provider's finish reason.
    finish: Option<String>,
    /// The reply; only its beginning is written.
    text: String,
}

const COLUMNS: [&str; 19] = [
    "prompt",
    "task",
    "tier",
    "model",
    "repeat",
    "weight",
    "outcome",
    "verdict",
    "reason",
    "gate_passed",
    "latency_ms",
    "ttft_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "attempts",
    "finish",
    "output",
    "output_cut",
];

/// Writes the rows.
struct ResultsWriter<W: Write>(csv::Writer<W>);

impl<W: Write> ResultsWriter<W> {
    /// CallsStarted with the header.
    fn new(into: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(into);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    /// Writes a row.
    fn write(&mut self, row: &ResultRow) -> io::Result<()> {
        fn figure<T: ToString>(value: Option<T>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let excerpt: String = row.text.chars().take(EXCERPT).collect();
        let cut = excerpt.len() < row.text.len();
        let reason = row.verdict.as_ref().and_then(Verdict::reason).unwrap_or_default();
        self.0.write_record([
            &*formula_safe(row.prompt.as_str()),
            row.task.as_str(),
            row.tier.as_str(),
            &formula_safe(&row.model.to_string()),
            &row.repeat.to_string(),
            &row.weight.to_string(),
            row.outcome.map_or("", Outcome::name),
            row.verdict.as_ref().map_or("", Verdict::name),
            &formula_safe(reason),
            &figure(row.gate_passed),
            &figure(row.latency.map(Millis::ms)),
            &figure(row.ttft.map(Millis::ms)),
            &figure(row.input),
            &figure(row.output),
            &figure(row.cost),
            &row.attempts.to_string(),
            &formula_safe(row.finish.as_deref().unwrap_or_default()),
            &formula_safe(&excerpt),
            &cut.to_string(),
        ])?;
        Ok(())
    }

    /// Flushes the file.
    fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes `results.csv`. Texts are read from the journals, one row at a time.
pub(crate) fn write(basis: &Basis<'_>, rows: &Rows, path: &Path) -> anyhow::Result<()> {
    let mut files: HashMap<u16, Box<dyn Readable>> = HashMap::new();
    for (number, answers) in basis.answers.iter().enumerate() {
        files.insert(u16::try_from(number)?, basis.project.disk().open(&answers.path)?);
    }
    let mut failed = None;
    let written = basis.project.disk().replace_with(path, |into| {
        let mut writer = ResultsWriter::new(into)?;
        for (observation, place) in rows.observations.iter().zip(&rows.places) {
            match result_row(basis, observation, *place, &mut files) {
                Ok(row) => writer.write(&row)?,
                Err(error) => {
                    failed = Some(error);
                    return Err(io::Error::other("cannot read a stored reply"));
                }
            }
        }
        writer.finish()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(written?)
}

fn result_row(
    basis: &Basis<'_>,
    seen: &Observation,
    place: Option<(u16, u64)>,
    files: &mut HashMap<u16, Box<dyn Readable>>,
) -> anyhow::Result<ResultRow> {
    let config = &basis.project.config;
    let entry = basis.corpus.entries().get(seen.prompt as usize).context("a row of another corpus")?;
    let task = config.tasks.get(usize::from(entry.task)).context("a row of another task")?;
    let tier = config.tiers.get(usize::from(seen.tier)).context("a row of another tier")?;
    let attempt = match place {
        Some((number, offset)) => {
            let file = files.get_mut(&number).context("a row of another journal")?;
            Some(fetch_at(&mut **file, offset)?)
        }
        None => None,
    };
    Ok(ResultRow {
        prompt: entry.id.clone(),
        task: task.name.clone(),
        tier: tier.name.clone(),
        model: tier.model.clone(),
        repeat: seen.repeat,
        weight: seen.mass(),
        outcome: seen.outcome,
        verdict: seen.verdict.clone(),
        gate_passed: seen.gate_passed,
        latency: seen.total,
        ttft: seen.first_content,
        input: seen.input,
        output: seen.output,
        cost: seen.cost,
        attempts: seen.attempts,
        finish: attempt.as_ref().and_then(|attempt| attempt.finish.clone()),
        text: attempt.map(|attempt| attempt.text).unwrap_or_default(),
    })
}

/// One side of a comparison, and the beginning of each reply by cell and prompt.
pub(crate) type Results = (Side, BTreeMap<(CellKey, String), String>);

/// Reads `results.csv` back: the verdicts and costs of the run.
pub(crate) fn read(disk: &Disk, path: &Path) -> anyhow::Result<Results> {
    #[derive(Default)]
    struct Sum {
        weight: f64,
        scores: (f64, u32),
        costs: (f64, u32),
        latencies: (f64, u32),
    }
    let mut sums: BTreeMap<CellKey, BTreeMap<String, Sum>> = BTreeMap::new();
    let mut replies = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(io::BufReader::new(disk.open(path)?));
    for record in reader.deserialize::<BTreeMap<String, String>>() {
        let record = record.with_context(|| format!("{} is not a valid results file", path.display()))?;
        let cell = |name: &str| record.get(name).map_or("", String::as_str);
        let key = (cell("task").to_owned(), cell("tier").to_owned());
        let prompt = cell("prompt").to_owned();
        let sum = sums.entry(key.clone()).or_default().entry(prompt.clone()).or_default();
        sum.weight = cell("weight").parse().unwrap_or(1.0);
        let score = match (cell("verdict"), cell("outcome")) {
            ("pass", _) => Some(1.0),
            ("fail", _) | (_, "refused" | "truncated") => Some(0.0),
            _ => None,
        };
        let figure = |name: &str| cell(name).parse::<f64>().ok();
        for (into, value) in [
            (&mut sum.scores, score),
            (&mut sum.costs, figure("cost_usd")),
            (&mut sum.latencies, figure("latency_ms")),
        ] {
            if let Some(value) = value {
                *into = (into.0 + value, into.1 + 1);
            }
        }
        replies.insert((key, prompt), cell("output").to_owned());
    }
    let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    let side = sums.into_iter().map(|(key, prompts)| {
        let prompts = prompts.into_iter().map(|(prompt, sum)| {
            let (score, cost, latency) = (mean(sum.scores), mean(sum.costs), mean(sum.latencies));
            (prompt, Seen { weight: sum.weight, score, cost, latency })
        });
        (key, prompts.collect())
    });
    Ok((side.collect(), replies))
}
