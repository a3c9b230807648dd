//! `results.csv`, a row a trial, streamed; and `projection.csv`. No cell can be taken for a formula.

use std::borrow::Cow;
use std::io::{self, Write};

use super::renderer::{RenderError, Renderer};
use crate::ident::{ModelRef, PromptId, TaskName, TierName};
use crate::record::{Outcome, Verdict};
use crate::summary::{Horizon, Summary};
use crate::units::{Millis, Tokens, Usd};

/// The longest output excerpt, in characters.
const EXCERPT: usize = 300;

/// `projection.csv`.
pub(super) const PROJECTION: Renderer =
    Renderer { name: "projection", file: "projection.csv", render: projection };

/// A trial as a row.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// The prompt.
    pub prompt: PromptId,
    /// Its task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The model.
    pub model: ModelRef,
    /// The repeat, from 0.
    pub repeat: u32,
    /// The prompt's weight.
    pub weight: f64,
    /// What the trial ended in; empty when it was never sent.
    pub outcome: Option<Outcome>,
    /// The oracle's word.
    pub verdict: Option<Verdict>,
    /// Whether production would have let the reply through.
    pub gate_passed: Option<bool>,
    /// Total latency.
    pub latency: Option<Millis>,
    /// Time to first visible token.
    pub ttft: Option<Millis>,
    /// Input tokens.
    pub input: Option<Tokens>,
    /// Output tokens.
    pub output: Option<Tokens>,
    /// Cost at today's prices.
    pub cost: Option<Usd>,
    /// Attempts in all.
    pub attempts: u32,
    /// The provider's word for why the reply ended.
    pub finish: Option<String>,
    /// The reply; only its beginning is written.
    pub text: String,
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

/// Writes rows one by one.
pub struct ResultsWriter<W: Write>(csv::Writer<W>);

impl<W: Write> ResultsWriter<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(into: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(into);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, row: &ResultRow) -> io::Result<()> {
        fn figure<T: ToString>(value: Option<T>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let excerpt: String = row.text.chars().take(EXCERPT).collect();
        let cut = excerpt.len() < row.text.len();
        let reason = row.verdict.as_ref().and_then(Verdict::reason).unwrap_or_default();
        self.0.write_record([
            &*guard(row.prompt.as_str()),
            row.task.as_str(),
            row.tier.as_str(),
            &guard(&row.model.to_string()),
            &row.repeat.to_string(),
            &row.weight.to_string(),
            row.outcome.map_or("", Outcome::name),
            row.verdict.as_ref().map_or("", Verdict::name),
            &guard(reason),
            &figure(row.gate_passed),
            &figure(row.latency.map(Millis::ms)),
            &figure(row.ttft.map(Millis::ms)),
            &figure(row.input),
            &figure(row.output),
            &figure(row.cost),
            &row.attempts.to_string(),
            &guard(row.finish.as_deref().unwrap_or_default()),
            &guard(&excerpt),
            &cut.to_string(),
        ])?;
        Ok(())
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text that no spreadsheet takes for a formula: an apostrophe goes before a cell, or a line of a cell, whose first visible
/// character begins one; control characters become their escapes.
pub(super) fn guard(text: &str) -> Cow<'_, str> {
    let invisible = |c: char| c.is_whitespace() || c.is_control() || crate::diag::is_format_char(c);
    let formula = |line: &str| {
        line.trim_start_matches(invisible).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
    };
    let safe = crate::console::escape(text);
    if !safe.split('\n').any(formula) && !text.starts_with(['\t', '\r', '\n']) {
        return safe;
    }
    let lines = safe.split('\n').map(|line| if formula(line) { format!("'{line}") } else { line.to_owned() });
    let text = lines.collect::<Vec<_>>().join("\n");
    Cow::Owned(if text.starts_with(['\t', '\n']) { format!("'{text}") } else { text })
}

fn projection(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "what",
        "task",
        "tier",
        "requests_per_day",
        "day_usd",
        "day_low",
        "day_high",
        "month_usd",
        "month_low",
        "month_high",
        "year_usd",
        "year_low",
        "year_high",
        "saving",
        "saving_low",
        "saving_high",
    ];
    writer.write_record(header)?;
    let money = |cost: Option<&Horizon>| -> Vec<String> {
        match cost {
            None => vec![String::new(); 9],
            Some(cost) => [cost.day, cost.month, cost.year]
                .iter()
                .flat_map(|money| [money.mean.to_string(), money.low.to_string(), money.high.to_string()])
                .collect(),
        }
    };
    let projection = &summary.projection;
    let blank = || vec![String::new(); 3];
    for task in &projection.tasks {
        for (what, cost) in [("routed", &task.routed), ("routed as if uncached", &task.routed_uncached)] {
            let lead = [
                what.to_owned(),
                task.task.to_string(),
                task.tier.to_string(),
                task.requests_per_day.to_string(),
            ];
            writer.write_record(lead.into_iter().chain(money(Some(cost))).chain(blank()))?;
        }
    }
    let requests = projection.requests_per_day.to_string();
    for (what, cost) in [("routed", &projection.total), ("routed as if uncached", &projection.total_uncached)]
    {
        let lead = [what.to_owned(), "(all)".to_owned(), String::new(), requests.clone()];
        writer.write_record(lead.into_iter().chain(money(cost.as_ref())).chain(blank()))?;
    }
    for baseline in &projection.baselines {
        let lead =
            ["all on one tier".to_owned(), "(all)".to_owned(), baseline.tier.to_string(), requests.clone()];
        let saving = baseline.saving.map_or_else(blank, |saving| {
            [saving.mean, saving.low, saving.high].iter().map(ToString::to_string).collect()
        });
        writer.write_record(lead.into_iter().chain(money(baseline.cost.as_ref())).chain(saving))?;
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::guard;

    #[test]
    fn no_cell_begins_a_formula() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            (" \u{a0}@cmd", "' \u{a0}@cmd"),
            ("a\n=cmd()", "a\n'=cmd()"),
            ("\tx", "'\tx"),
            ("\u{200b}-1", "\\u{200b}-1"),
            ("5 - 3", "5 - 3"),
        ] {
            assert_eq!(guard(text), wanted, "{text:?}");
        }
    }
}
