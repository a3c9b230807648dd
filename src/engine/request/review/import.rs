//! Imports human labels and compares them with the oracles' verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::replies::{Reply, Stratum, replies};
use crate::diag::{self, Fault, Faults, UsageError};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::collect::collect;
use crate::engine::outcome::labelled::digest_of;
use crate::engine::run::basis::Basis;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::run::rows::Rows;
use crate::engine::work::oracles::oracles;
use crate::grade::labels::{self, Label, Labelled};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::stats::calibration::Confusion;

/// The file of a run's human labels.
const FILE: &str = "review.jsonl";

/// A human label of an answer: a line of `review.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Reviewed {
    id: String,
    oracle: OracleRef,
    #[serde(flatten)]
    label: Labelled,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
}

/// A label in the imported file.
#[derive(Debug, Deserialize)]
struct ImportedLabel {
    id: String,
    verdict: String,
    #[serde(default)]
    note: String,
    /// The probability with which the answer was picked, as exported.
    #[serde(default)]
    inclusion: Option<f64>,
}

/// A label that is about an answer of the run.
struct Found<'a> {
    reply: &'a Reply<'a>,
    human: Label,
    note: String,
    inclusion: Option<f64>,
}

/// How far an oracle agrees with human labels on a task and tier.
#[derive(Debug, Serialize)]
pub struct Agreement {
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The oracle.
    pub oracle: OracleRef,
    /// Number of labels.
    pub labels: u64,
    /// The share of answers on which they agree.
    pub agreement: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// The share of good answers that the oracle passes.
    pub sensitivity: Option<f64>,
    /// The share of bad answers that the oracle fails.
    pub specificity: Option<f64>,
}

/// Which human labels to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewImportRequest {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// The labels: the download of `review.html`, or `review.csv` with its `verdict` column filled in.
    pub file: PathBuf,
}

/// The result of importing human labels.
#[derive(Debug, Serialize)]
pub struct ReviewImportOutput {
    /// The run.
    pub run: String,
    /// Number of labels that the run has now.
    pub labels: usize,
    /// Labels that were ignored, because the oracle could not grade the answer.
    pub ungraded: usize,
    /// Agreement of oracles and human labels, by task and tier.
    pub agreement: Vec<Agreement>,
    /// The label files that were written.
    pub calibrated: Vec<String>,
}

impl Engine {
    /// Imports human labels and compares them with the oracles' verdicts; pass rates are corrected by them from then on.
    ///
    /// # Errors
    /// If there is no such run, or a verdict is about none of its answers.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReviewImportRequest};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = ReviewImportRequest { run: "latest".to_owned(), file: "review.csv".into() };
    /// println!("{} labels", engine.review_import(&engine.open(None)?, &request)?.labels);
    /// # Ok(())
    /// # }
    /// ```
    pub fn review_import(
        &self,
        project: &Project,
        request: &ReviewImportRequest,
    ) -> Result<ReviewImportOutput, Error> {
        Ok(import(self, project.clone(), request)?)
    }
}

fn import(
    engine: &Engine,
    project: Project,
    request: &ReviewImportRequest,
) -> anyhow::Result<ReviewImportOutput> {
    let past = PastRun::open(project, &request.run)?;
    let labels = read(past.project.disk(), &request.file)?;
    let oracles = oracles(&past.project, &past.corpus, &past.versions())?;
    let basis = past.basis(&oracles);
    let rows = collect(engine, &basis)?;
    let replies = replies(&basis, &rows)?;
    let by_id: BTreeMap<&str, &Reply<'_>> = replies.iter().map(|reply| (reply.id.as_str(), reply)).collect();
    let shown = request.file.display().to_string();
    let mut faults = Faults::default();
    let mut found: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    let mut ungraded = 0;
    for (place, label) in &labels {
        let human = match label.verdict.trim().to_lowercase().as_str() {
            "pass" => Label::Pass,
            "fail" => Label::Fail,
            "" | "skip" => continue,
            other => {
                let message = format!("{place}: `{}` is not a verdict", other.escape_debug());
                faults.push(Fault::new(&*shown, message).help("write pass or fail, or leave it empty"));
                continue;
            }
        };
        let Some(reply) = by_id.get(label.id.trim()) else {
            let message = format!("{place}: the run has no answer `{}`", label.id.escape_debug());
            let help = format!("was it exported from another run than {}?", past.record.id);
            faults.push(Fault::new(&*shown, message).help(help));
            continue;
        };
        if reply.oracle_label.is_none() {
            ungraded += 1;
            continue;
        }
        if label.inclusion.is_some_and(|picked| !(picked > 0.0 && picked <= 1.0)) {
            let message = format!("{place}: the inclusion is not a probability");
            faults
                .push(Fault::new(&*shown, message).help("leave the column as it was exported, or remove it"));
            continue;
        }
        let (note, inclusion) = (label.note.clone(), label.inclusion);
        found.insert(&reply.id, Found { reply, human, note, inclusion });
    }
    let found = faults.into_result(found)?;
    if found.is_empty() {
        return Err(UsageError::with_help(
            format!("{shown} has no labels"),
            "label some answers on the page and download them, or fill in the `verdict` column",
        ));
    }

    let found: Vec<Found<'_>> = found.into_values().collect();
    let picked = picked(&found);
    let new = reviewed(&past, found);
    let path = past.folder.join(FILE);
    let mut kept = kept(past.project.disk(), &path, new)?;
    weigh(&past, &basis, &rows, &replies, &picked, &mut kept)?;
    write(past.project.disk(), &path, &kept)?;
    let folder = past.project.config.root.join(&past.project.config.run.oracles);
    let mut calibrated = Vec::new();
    for oracle in oracles.iter() {
        let own = kept.iter().filter(|review| review.oracle == oracle.id).map(|review| review.label.clone());
        let own: Vec<Labelled> = own.collect();
        if !own.is_empty() {
            let file = labels::file(&folder, &oracle.id);
            labels::add(past.project.disk(), &file, own)?;
            calibrated.push(diag::shown(&file));
        }
    }
    Ok(ReviewImportOutput {
        run: past.record.id.to_string(),
        labels: kept.len(),
        ungraded,
        agreement: agreement(&kept),
        calibrated,
    })
}

/// Reads the labels of a file, each with its place for messages: CSV, or the JSON array that the page downloads.
fn read(disk: &Disk, path: &Path) -> anyhow::Result<Vec<(String, ImportedLabel)>> {
    let bytes = disk.read(path)?;
    let shown = path.display().to_string();
    let text = String::from_utf8(bytes)
        .map_err(|_| Faults::from(Fault::new(&*shown, "not UTF-8").help("save it as UTF-8")))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['[', '{']) {
        let labels: Vec<ImportedLabel> = serde_json::from_str(text).map_err(|error| {
            let help = "expected a list of objects with `id` and `verdict`, as downloaded from the page";
            Faults::from(Fault::new(&*shown, error.to_string()).help(help))
        })?;
        return Ok(labels
            .into_iter()
            .enumerate()
            .map(|(at, label)| (format!("entry {}", at + 1), label))
            .collect());
    }
    let mut labels = Vec::new();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    if !["id", "verdict"].iter().all(|wanted| headers.iter().any(|header| header.trim() == *wanted)) {
        let help = "keep the columns `id` and `verdict` of review.csv";
        return Err(Faults::from(
            Fault::new(&*shown, "the columns `id` and `verdict` are missing").help(help),
        )
        .into());
    }
    for row in reader.records() {
        let row = row?;
        let place = format!("line {}", row.position().map_or(0, csv::Position::line));
        let column = |name: &str| {
            let at = headers.iter().position(|header| header.trim() == name);
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        let picked = column("inclusion");
        labels.push((
            place,
            ImportedLabel {
                id: column("id"),
                verdict: column("verdict"),
                note: column("note"),
                inclusion: match picked.trim() {
                    "" => None,
                    picked => Some(picked.parse().unwrap_or(f64::NAN)),
                },
            },
        ));
    }
    Ok(labels)
}

/// The probability with which the answers of each stratum were picked, as their export says: the highest, because a later export
/// counts what was picked before.
fn picked(found: &[Found<'_>]) -> BTreeMap<Stratum, f64> {
    let mut picked = BTreeMap::new();
    for (stratum, inclusion) in found.iter().filter_map(|f| Some((f.reply.stratum(), f.inclusion?))) {
        let highest: &mut f64 = picked.entry(stratum).or_insert(inclusion);
        *highest = highest.max(inclusion);
    }
    picked
}

/// The labels as lines of the file, yet without their weights.
fn reviewed(past: &PastRun, found: Vec<Found<'_>>) -> Vec<Reviewed> {
    let config = &past.project.config;
    let line = |Found { reply, human, note, .. }: Found<'_>| {
        Some(Reviewed {
            id: reply.id.clone(),
            oracle: reply.oracle.id.clone(),
            label: Labelled {
                digest: reply.oracle.digest,
                run: past.record.id.clone(),
                key: reply.key,
                prompt: past.corpus.entries().get(reply.prompt)?.id.clone(),
                task: config.tasks.get(reply.task)?.name.clone(),
                tier: config.tiers.get(reply.tier)?.name.clone(),
                machine: reply.oracle_label?,
                human,
                weight: 1.0,
                inclusion: None,
                answer: None,
            },
            note: note.chars().take(500).collect(),
        })
    };
    found.into_iter().filter_map(line).collect()
}

/// Weights the labels of the run: those of a stratum share the number of all its answers, whenever they were given, because each
/// sample is drawn from what has no label yet. Notes which answers they are about.
fn weigh(
    past: &PastRun,
    basis: &Basis<'_>,
    rows: &Rows,
    replies: &[Reply<'_>],
    picked: &BTreeMap<Stratum, f64>,
    kept: &mut [Reviewed],
) -> anyhow::Result<()> {
    let labelled: BTreeSet<&str> = kept.iter().map(|review| review.id.as_str()).collect();
    let mut sizes: BTreeMap<Stratum, (usize, usize)> = BTreeMap::new();
    for reply in replies {
        let (all, judged) = sizes.entry(reply.stratum()).or_default();
        *all += 1;
        *judged += usize::from(labelled.contains(reply.id.as_str()));
    }
    let by_id: BTreeMap<&str, &Reply<'_>> = replies.iter().map(|reply| (reply.id.as_str(), reply)).collect();
    for review in kept.iter_mut() {
        let label = &mut review.label;
        // A label of an answer that another version of the oracle graded keeps what it has.
        let Some(reply) = by_id
            .get(review.id.as_str())
            .filter(|reply| label.digest == reply.oracle.digest && Some(label.machine) == reply.oracle_label)
        else {
            continue;
        };
        let (all, judged) = sizes.get(&reply.stratum()).copied().unwrap_or((1, 1));
        let share = judged.max(1) as f64 / all.max(1) as f64;
        label.weight = rounded(1.0 / share);
        label.inclusion =
            Some(rounded(picked.get(&reply.stratum()).map_or(share, |picked| picked.max(share))));
        label.answer = Some(digest_of(basis, rows, reply.row)?);
        label.run = past.record.id.clone();
    }
    Ok(())
}

/// To six places: the file is the same on every machine.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The human labels that the run has, and new ones; a later label for the same answer replaces the earlier one.
fn kept(disk: &Disk, path: &Path, new: Vec<Reviewed>) -> anyhow::Result<Vec<Reviewed>> {
    let mut all: BTreeMap<String, Reviewed> = BTreeMap::new();
    if let Some(bytes) = disk.read_if_present(path)? {
        for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
            let review: Reviewed = serde_json::from_str(line).map_err(|error| {
                let message = format!("a line is not a label: {error}");
                Faults::from(
                    Fault::new(path.display().to_string(), message).help("restore the file, or remove it"),
                )
            })?;
            all.insert(review.id.clone(), review);
        }
    }
    all.extend(new.into_iter().map(|review| (review.id.clone(), review)));
    Ok(all.into_values().collect())
}

fn write(disk: &Disk, path: &Path, reviews: &[Reviewed]) -> anyhow::Result<()> {
    let mut text = String::new();
    for review in reviews {
        text.push_str(&serde_json::to_string(review)?);
        text.push('\n');
    }
    Ok(disk.replace(path, text.as_bytes())?)
}

fn agreement(kept: &[Reviewed]) -> Vec<Agreement> {
    let cell =
        |review: &Reviewed| (review.label.task.clone(), review.label.tier.clone(), review.oracle.clone());
    let cells: BTreeSet<_> = kept.iter().map(cell).collect();
    let of_cell = |(task, tier, oracle): (TaskName, TierName, OracleRef)| {
        let mut confusion = Confusion::default();
        for review in kept {
            let label = &review.label;
            if label.task == task && label.tier == tier && review.oracle == oracle {
                confusion.take(label.human.word(), label.machine.word(), label.weight);
            }
        }
        Agreement {
            task,
            tier,
            oracle,
            labels: confusion.n(),
            agreement: confusion.agreement(),
            kappa: confusion.kappa(),
            sensitivity: confusion.sensitivity(),
            specificity: confusion.specificity(),
        }
    };
    cells.into_iter().map(of_cell).collect()
}
