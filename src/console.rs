//! The only file that prints: results to stdout; messages, faults and progress to stderr. Escapes hostile text.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use crate::diag::escape;
use crate::diag::{Faults, Paint};
use crate::engine::{Progress, Stage};
use crate::units::Usd;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to say on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Warnings and errors only.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// How a table's column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

/// Why a result could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// The reader of stdout has closed it.
    #[error("stdout was closed")]
    BrokenPipe,
    /// Another error.
    #[error("cannot write to stdout: {0}")]
    Io(io::Error),
}

/// The console of the program.
#[derive(Clone, Debug)]
pub struct Console {
    out: Paint,
    err: Paint,
    verbosity: Verbosity,
    live: bool,
}

fn paint(choice: ColourChoice, terminal: bool) -> Paint {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    let colour = match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        ColourChoice::Auto => {
            set("CLICOLOR_FORCE") || (terminal && std::env::var("TERM").as_deref() != Ok("dumb"))
        }
    };
    if colour { Paint::Colour } else { Paint::Plain }
}

impl Console {
    /// A console for this process.
    #[must_use]
    pub fn new(colour: ColourChoice, verbosity: Verbosity) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self { out: paint(colour, out), err: paint(colour, err), verbosity, live: err }
    }

    /// Whether text for stdout may carry colour.
    #[must_use]
    pub const fn paint(&self) -> Paint {
        self.out
    }

    /// The columns of the terminal on stdout; 100 where there is none.
    #[must_use]
    pub fn width(&self) -> usize {
        let columns = if io::stdout().is_terminal() { console_columns() } else { None };
        columns.unwrap_or(100).clamp(60, 160)
    }

    /// Prints a result unchanged: the caller must escape untrusted text.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub fn out(&self, text: &str) -> Result<(), PrintError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => PrintError::BrokenPipe,
            _ => PrintError::Io(error),
        })
    }

    /// Whether an error means that the reader of stdout has closed it.
    #[must_use]
    pub fn is_broken_pipe(&self, error: &anyhow::Error) -> bool {
        error.chain().any(|cause| matches!(cause.downcast_ref(), Some(PrintError::BrokenPipe)))
    }

    fn say(&self, colour: &str, label: &str, text: &str) {
        let text = escape(text);
        let line = match self.err {
            Paint::Colour => format!("\u{1b}[1;{colour}m{label}\u{1b}[0m {text}\n"),
            Paint::Plain => format!("{label} {text}\n"),
        };
        // If stderr fails, there is no way left to report it.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    /// Prints a note.
    pub fn note(&self, text: &str) {
        if self.verbosity == Verbosity::Normal {
            self.say("36", "note:", text);
        }
    }

    /// Prints a warning.
    pub fn warn(&self, text: &str) {
        self.say("33", "warning:", text);
    }

    /// Prints an error.
    pub fn error(&self, text: &str) {
        self.say("31", "error:", text);
    }

    /// Prints what to do about it.
    pub fn help(&self, text: &str) {
        self.say("36", "help:", text);
    }

    /// Prints faults with their places.
    pub fn faults(&self, faults: &Faults) {
        let _ = writeln!(io::stderr().lock(), "{}", faults.render(self.err));
    }

    /// A table as text, for [`Console::out`]. Cells are escaped already.
    #[must_use]
    pub fn table(&self, headers: &[&str], rows: &[Vec<String>], align: &[Align]) -> String {
        table(self.width(), headers, rows, align)
    }
}

fn console_columns() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// A table as text of at most `width` columns.
#[must_use]
pub fn table(width: usize, headers: &[&str], rows: &[Vec<String>], align: &[Align]) -> String {
    let mut table = Table::new();
    // Only a line below the header: numbers read best without borders.
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let aligned = |at: usize| match align.get(at) {
        Some(Align::Right) => CellAlignment::Right,
        Some(Align::Left) | None => CellAlignment::Left,
    };
    let cells = |texts: Vec<String>| -> Vec<Cell> {
        texts.into_iter().enumerate().map(|(at, text)| Cell::new(text).set_alignment(aligned(at))).collect()
    };
    table.set_header(cells(headers.iter().map(|header| (*header).to_owned()).collect()));
    for row in rows {
        table.add_row(cells(row.clone()));
    }
    let mut text: String = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

/// Progress of a run on stderr: one bar per tier on a terminal, otherwise a plain line now and then.
#[derive(Debug)]
pub struct ProgressDisplay {
    stages: Vec<StageProgress>,
    multi: Option<MultiProgress>,
    quiet: bool,
    last: Mutex<Instant>,
}

#[derive(Debug)]
struct StageProgress {
    name: String,
    total: u64,
    bar: Option<ProgressBar>,
    facts: Mutex<Progress>,
}

/// The shortest time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

impl ProgressDisplay {
    /// Starts to show progress: one bar per stage.
    #[must_use]
    pub fn new(console: &Console, stages: &[Stage]) -> Self {
        let quiet = console.verbosity == Verbosity::Quiet;
        let multi = (console.live && !quiet)
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8)));
        let longest = stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or_default();
        let bars = stages.iter().map(|Stage { name, total, done }| StageProgress {
            name: name.clone(),
            total: *total,
            bar: multi.as_ref().map(|multi| {
                let bar = multi.add(ProgressBar::new(*total).with_position(*done));
                let style =
                    ProgressStyle::with_template("{prefix} {wide_bar:.cyan/dim} {pos}/{len} {msg} ETA {eta}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
                bar.set_prefix(format!("{name:longest$}"));
                // The speed of this run alone makes the ETA.
                bar.reset_eta();
                bar
            }),
            facts: Mutex::new(Progress { done: *done, ..Progress::default() }),
        });
        Self { stages: bars.collect(), multi, quiet, last: Mutex::new(Instant::now()) }
    }

    /// Updates the progress of a stage.
    pub fn update(&self, stage: usize, facts: Progress) {
        let Some(shown) = self.stages.get(stage) else { return };
        if let Ok(mut kept) = shown.facts.lock() {
            *kept = facts;
        }
        if let Some(bar) = &shown.bar {
            bar.set_position(facts.done);
            bar.set_message(describe(&facts));
        } else if !self.quiet {
            self.plain();
        }
    }

    fn plain(&self) {
        let Ok(mut last) = self.last.lock() else { return };
        if last.elapsed() >= PLAIN_EVERY {
            *last = Instant::now();
            let _ = writeln!(io::stderr().lock(), "{}", self.line());
        }
    }

    fn line(&self) -> String {
        let parts = self.stages.iter().map(|tier| {
            let facts = tier.facts.lock().map(|facts| *facts).unwrap_or_default();
            let text = format!("{} {}/{} {}", tier.name, facts.done, tier.total, describe(&facts));
            text.trim_end().to_owned()
        });
        parts.collect::<Vec<_>>().join(" | ")
    }

    /// Prints a line without breaking the bars.
    pub fn message(&self, text: &str) {
        let text = escape(text);
        match &self.multi {
            Some(multi) => {
                let _ = multi.println(text);
            }
            None => {
                let _ = writeln!(io::stderr().lock(), "{text}");
            }
        }
    }

    /// Removes the bars and prints a last line.
    pub fn finish(&self) {
        for tier in &self.stages {
            if let Some(bar) = &tier.bar {
                bar.finish_and_clear();
            }
        }
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{}", self.line());
        }
    }
}

/// The progress as text. Leaves out the pass rate before anything is graded, and the cost if nothing was spent or graded.
fn describe(facts: &Progress) -> String {
    let mut parts = Vec::new();
    if facts.graded > 0 {
        // Unweighted, unlike every rate of the report: so it is said of how many.
        let share = facts.passed as f64 / facts.graded as f64 * 100.0;
        parts.push(format!("{share:.0} % of {} graded pass", facts.graded));
    }
    match facts.errors {
        0 => {}
        1 => parts.push("1 error".to_owned()),
        errors => parts.push(format!("{errors} errors")),
    }
    if facts.graded > 0 || facts.spent != Usd::ZERO {
        parts.push(facts.spent.human());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_drive_the_terminal() {
        assert_eq!(escape("plain\n\ttext"), "plain\n\ttext");
        assert_eq!(escape("a\u{1b}[2Jb\u{202e}c\r"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}");
    }

    #[test]
    fn progress_reads_as_a_line_where_there_is_no_terminal() {
        let console =
            Console { out: Paint::Plain, err: Paint::Plain, verbosity: Verbosity::Quiet, live: false };
        let stage = |name: &str, done| Stage { name: name.to_owned(), total: 10, done };
        let progress = ProgressDisplay::new(&console, &[stage("small", 0), stage("large", 4)]);
        let spent = "0.0123".parse().unwrap();
        progress.update(0, Progress { done: 4, passed: 3, graded: 4, errors: 1, spent });
        assert_eq!(progress.line(), "small 4/10 75 % of 4 graded pass, 1 error, $0.0123 | large 4/10");
    }

    #[test]
    fn tables_keep_to_their_width() {
        let rows =
            vec![vec!["a task with a rather long description of itself".to_owned(), "97.3 %".to_owned()]];
        let text = table(40, &["task", "pass"], &rows, &[Align::Left, Align::Right]);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
