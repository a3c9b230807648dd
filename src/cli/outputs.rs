//! The files of a run and the tables on stdout: rendered elsewhere, written here.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use anyhow::Context;

use super::args::{Format, Global};
use super::evidence::{Basis, Rows};
use super::project::Project;
use super::run_record::{self, RunRecord};
use crate::console::Console;
use crate::disk;
use crate::journal::fetch_at;
use crate::render::{self, csv::ResultRow, terminal};
use crate::router;
use crate::summary::Summary;

/// Whether the routing config may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Router<'a> {
    /// Here.
    Write(&'a Path),
    /// Not while trials are missing.
    Withhold,
}

/// Whether nothing is missing that a decision could hang on: every trial was attempted, every program run, and
/// every judge asked.
pub(crate) fn is_whole(rows: &Rows, summary: &Summary) -> bool {
    rows.programs_missing == 0
        && summary.run.missing == 0
        && summary.spend.judge.as_ref().is_none_or(|judge| judge.missing == 0)
}

/// Writes everything of a run: its folder, the routing config, and which run is the latest.
pub(crate) fn write(
    basis: &Basis<'_>,
    rows: &Rows,
    summary: &Summary,
    folder: &Path,
    router: Router<'_>,
) -> anyhow::Result<()> {
    for renderer in render::RENDERERS {
        disk::replace(&folder.join(renderer.file), &(renderer.render)(summary)?)?;
    }
    for chart in render::charts::all(summary)? {
        disk::replace(&folder.join("charts").join(chart.file), chart.svg.as_bytes())?;
    }
    let project = basis.project;
    write_results(basis, rows, &folder.join("results.csv"))?;
    let config = disk::read(&project.config.path)?;
    let record = RunRecord {
        version: RunRecord::version(),
        tool: summary.tool.clone(),
        id: basis.id.clone(),
        corpus: basis.corpus_name.clone(),
        corpus_path: project.path_outside(basis.corpus.path()),
        corpus_digest: summary.evidence.corpus,
        tape: basis.tape.clone(),
        repeats: project.config.run.repeats,
        seed: project.config.run.seed,
        fallbacks: project.fallbacks(),
        stop_early: project.config.run.stop_early,
        oracles: summary.evidence.oracles.clone(),
        programs: rows.programs.clone(),
        config: String::from_utf8_lossy(&config).into_owned(),
    };
    disk::replace(&folder.join(run_record::FILE), &record.to_bytes()?)?;
    match router {
        Router::Write(path) => disk::replace(path, router::write(summary).as_bytes())?,
        Router::Withhold => {}
    }
    let latest = format!("{}\n", basis.id);
    disk::replace(&project.reports().join("latest"), latest.as_bytes())?;
    Ok(())
}

/// Streams `results.csv`: texts are read again from the journals, a row at a time.
fn write_results(basis: &Basis<'_>, rows: &Rows, path: &Path) -> anyhow::Result<()> {
    let mut files: HashMap<u16, File> = HashMap::new();
    for (number, answers) in basis.answers.iter().enumerate() {
        files.insert(u16::try_from(number)?, disk::open(&answers.path)?);
    }
    let mut failed = None;
    let written = disk::replace_with(path, |into| {
        let mut writer = render::csv::ResultsWriter::new(into)?;
        for (observation, place) in rows.observations.iter().zip(&rows.places) {
            match result_row(basis, observation, *place, &mut files) {
                Ok(row) => writer.write(&row)?,
                Err(error) => {
                    failed = Some(error);
                    return Err(std::io::Error::other("a reply cannot be read again"));
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
    seen: &crate::measure::Observation,
    place: Option<(u16, u64)>,
    files: &mut HashMap<u16, File>,
) -> anyhow::Result<ResultRow> {
    let config = &basis.project.config;
    let entry = basis.corpus.entries().get(seen.prompt as usize).context("a row of another corpus")?;
    let task = config.tasks.get(usize::from(entry.task)).context("a row of another task")?;
    let tier = config.tiers.get(usize::from(seen.tier)).context("a row of another tier")?;
    let attempt = match place {
        Some((number, offset)) => {
            let file = files.get_mut(&number).context("a row of another journal")?;
            Some(fetch_at(file, offset)?)
        }
        None => None,
    };
    Ok(ResultRow {
        prompt: entry.id.clone(),
        task: task.name.clone(),
        tier: tier.name.clone(),
        model: tier.model.clone(),
        repeat: seen.repeat,
        weight: seen.weight,
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

/// Says on stdout what came out.
pub(crate) fn show(global: &Global, console: &Console, summary: &Summary) -> anyhow::Result<()> {
    match global.format {
        Format::Json => console.out(&String::from_utf8_lossy(&render::json::render(summary)?))?,
        Format::Human => console.out(&terminal::render(summary, console.width(), console.paint()))?,
    }
    Ok(())
}

/// Says on stderr where the files are.
pub(crate) fn tell_files(console: &Console, project: &Project, folder: &Path, router: Router<'_>) {
    let shown = |path: &Path| project.shown(path);
    match router {
        Router::Write(path) => console.note(&format!(
            "wrote {} (commit it) and {}",
            shown(path),
            shown(&folder.join("report.html"))
        )),
        Router::Withhold => {
            console.note(&format!(
                "wrote {}; router.toml is left as it was",
                shown(&folder.join("report.html"))
            ));
        }
    }
}
