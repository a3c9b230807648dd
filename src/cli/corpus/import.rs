//! `corpus import`: turns another tool's file into a corpus, or a recorded benchmark into a whole project.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::corpus::{ImportArgs, Source};
use crate::cli::args::global::{Format, Global};
use crate::cli::exit::Exit;
use crate::cli::session;
use crate::console::{Align, Console};
use crate::diag::{UsageError, escape};
use crate::engine::{
    BenchmarkImportOutput, Columns, CorpusImportOutput, CorpusImportRequest, ImportFormat, SkippedLine,
};
use crate::units::count;

/// The most skipped entries that a terminal shows; JSON lists them all.
const SHOWN: usize = 40;

pub(super) fn run(global: &Global, console: &Console, args: &ImportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let from = match args.from {
        Source::Auto => engine.import_format(&args.file)?,
        Source::Promptfoo => ImportFormat::Promptfoo,
        Source::Evals => ImportFormat::Evals,
        Source::Csv => ImportFormat::Csv,
        Source::Litellm => ImportFormat::Litellm,
        Source::Otel => ImportFormat::Otel,
        Source::Langfuse => ImportFormat::Langfuse,
        Source::Zeroeval => ImportFormat::Zeroeval,
        Source::Routellm => ImportFormat::Routellm,
    };
    if from.is_benchmark() {
        let imported = engine.import_benchmark(from, &args.file, &args.out)?;
        return show_benchmark(global, console, &args.out, &imported);
    }
    let imported = engine.import_corpus(&CorpusImportRequest {
        from,
        file: args.file.clone(),
        out: args.out.clone(),
        oracles: args.oracles.clone().unwrap_or_else(|| PathBuf::from("oracles")),
        task: args.task.clone(),
        task_field: args.task_field.clone(),
        task_rules: args.task_rules.clone(),
        weight_by_frequency: args.weight_by_frequency,
        near: args.near,
        mask: args.mask,
        judge: args.judge.clone(),
        embedding: args.embedding.clone(),
        columns: Columns {
            prompt: args.prompt_column.clone(),
            expected: args.expected_column.clone(),
            id: args.id_column.clone(),
            task: args.task_field.clone(),
            weight: args.weight_column.clone(),
            system: args.system_column.clone(),
        },
    })?;
    if imported.prompts == 0 {
        show_skipped(console, &imported.skipped);
        return Err(UsageError::with_help(
            format!("nothing in {} could be imported", args.file.display()),
            "name the format of the file: `route-prof corpus import --help` lists them",
        ));
    }
    show_imported(global, console, &args.out, &imported)
}

fn show_imported(
    global: &Global,
    console: &Console,
    out: &Path,
    imported: &CorpusImportOutput,
) -> anyhow::Result<Exit> {
    if global.format == Format::Json {
        let report = json!({
            "corpus": out, "prompts": imported.prompts, "oracles": imported.oracles, "skipped": imported.skipped,
            "masked": imported.masked, "notes": imported.notes,
        });
        console.out(&format!("{report:#}\n"))?;
        return Ok(Exit::Fine);
    }
    console.out(&format!(
        "wrote {}: {}\n",
        escape(&out.display().to_string()),
        count(imported.prompts, "prompt")
    ))?;
    for path in &imported.oracles {
        console.out(&format!("wrote {}\n", escape(&path.display().to_string())))?;
    }
    if let Some(masked) = &imported.masked {
        let rows: Vec<Vec<String>> =
            masked.iter().map(|(kind, n)| vec![(*kind).to_owned(), n.to_string()]).collect();
        if rows.is_empty() {
            console.out("nothing was masked\n")?;
        } else {
            console.out(&console.table(&["masked", "count"], &rows, &[Align::Left, Align::Right]))?;
        }
    }
    for note in &imported.notes {
        console.note(note);
    }
    show_skipped(console, &imported.skipped);
    let these = if imported.tasks.len() == 1 { "this task" } else { "these tasks" };
    console.out(&format!("\nAdd {these} to route-prof.toml, if not there yet:\n"))?;
    for (task, oracle) in &imported.tasks {
        let oracle = oracle.as_deref().unwrap_or("NAME@1");
        console.out(&format!("  [task.{}]\n  oracle = \"{oracle}\"\n", escape(task)))?;
    }
    Ok(Exit::Fine)
}

fn show_skipped(console: &Console, skipped: &[SkippedLine]) {
    for one in skipped.iter().take(SHOWN) {
        console.warn(&format!("not imported: {}: {}: {}: {}", one.file, one.place, one.what, one.reason));
    }
    if skipped.len() > SHOWN {
        console.warn(&format!(
            "{} more entries were not imported: --format json lists them all",
            skipped.len() - SHOWN
        ));
    }
}

fn show_benchmark(
    global: &Global,
    console: &Console,
    folder: &Path,
    imported: &BenchmarkImportOutput,
) -> anyhow::Result<Exit> {
    match global.format {
        Format::Json => {
            let report = json!({
                "folder": folder, "prompts": imported.prompts, "answers": imported.answers, "files": imported.files,
                "notes": imported.notes,
            });
            console.out(&format!("{report:#}\n"))?;
        }
        Format::Human => {
            for path in &imported.files {
                console.out(&format!("wrote {}\n", escape(&path.display().to_string())))?;
            }
            for note in &imported.notes {
                console.note(note);
            }
            console.out(&format!(
                "\n{}, {} from {}. Replay them without a call:\n  cd {} && route-prof run {}\n",
                count(imported.prompts, "prompt"),
                count(imported.answers, "recorded answer"),
                count(imported.models, "model"),
                escape(&folder.display().to_string()),
                imported.corpus
            ))?;
        }
    }
    Ok(Exit::Fine)
}
