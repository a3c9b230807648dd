//! What people said becomes labels of the run, and holds its judges to account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::replies::{Reply, replies};
use crate::diag::{self, Fault, Faults, UsageError};
use crate::disk::Disk;
use crate::engine::context::Engine;
use crate::engine::error::Error;
use crate::engine::outcome::collect::collect;
use crate::engine::run::past::PastRun;
use crate::engine::run::project::Project;
use crate::engine::work::oracles::oracles;
use crate::grade::labels::{self, Label, Labelled};
use crate::ident::{OracleRef, TaskName, TierName};
use crate::stats::calibration::Confusion;

/// The file of a run's human verdicts.
const FILE: &str = "review.jsonl";

/// What somebody said of an answer: a line of `review.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Reviewed {
    id: String,
    oracle: OracleRef,
    #[serde(flatten)]
    label: Labelled,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
}

/// An answer of the file that is imported.
#[derive(Debug, Deserialize)]
struct Said {
    id: String,
    verdict: String,
    #[serde(default)]
    note: String,
}

/// How people and an oracle agree about a tier.
#[derive(Debug, Serialize)]
pub struct Agreement {
    /// The task.
    pub task: TaskName,
    /// The tier.
    pub tier: TierName,
    /// The oracle.
    pub oracle: OracleRef,
    /// Labels.
    pub labels: u64,
    /// The share on which they agree.
    pub agreement: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// The share of good answers that the oracle passes.
    pub sensitivity: Option<f64>,
    /// The share of bad answers that it fails.
    pub specificity: Option<f64>,
}

/// Verdicts of people on a run's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewImport {
    /// The run: its name, its folder, or `latest`.
    pub run: String,
    /// The verdicts: the page's download, or `review.csv` with its column `verdict` filled in.
    pub file: PathBuf,
}

/// What people's verdicts came to.
#[derive(Debug, Serialize)]
pub struct ReviewImported {
    /// The run.
    pub run: String,
    /// Labels that the run has now.
    pub labels: usize,
    /// Answers that are left out, because the oracle could not grade them.
    pub ungraded: usize,
    /// How people and oracles agree, by task and tier.
    pub agreement: Vec<Agreement>,
    /// The label files that were written.
    pub calibrated: Vec<String>,
}

impl Engine {
    /// Takes people's verdicts in, says how far they agree with the oracles, and calibrates judges by them.
    ///
    /// # Errors
    /// When there is no such run, or a verdict is about none of its answers.
    ///
    /// ```no_run
    /// # use route_prof::engine::{Engine, Error, ReviewImport};
    /// # fn main() -> Result<(), Error> {
    /// let engine = Engine::new();
    /// let request = ReviewImport { run: "latest".to_owned(), file: "review.csv".into() };
    /// println!("{} labels", engine.review_import(&engine.open(None)?, &request)?.labels);
    /// # Ok(())
    /// # }
    /// ```
    pub fn review_import(&self, project: &Project, request: &ReviewImport) -> Result<ReviewImported, Error> {
        Ok(import(self, project.clone(), request)?)
    }
}

fn import(engine: &Engine, project: Project, request: &ReviewImport) -> anyhow::Result<ReviewImported> {
    let past = PastRun::open(project, &request.run)?;
    let said = read(past.project.disk(), &request.file)?;
    let oracles = oracles(&past.project, &past.corpus, &past.versions())?;
    let basis = past.basis(&oracles);
    let rows = collect(engine, &basis)?;
    let replies = replies(&basis, &rows)?;
    let by_id: BTreeMap<&str, &Reply<'_>> = replies.iter().map(|reply| (reply.id.as_str(), reply)).collect();

    let shown = request.file.display().to_string();
    let mut faults = Faults::default();
    let mut found: BTreeMap<&str, (&Reply<'_>, Label, String)> = BTreeMap::new();
    let mut ungraded = 0;
    for (place, said) in &said {
        let human = match said.verdict.trim().to_lowercase().as_str() {
            "pass" => Label::Pass,
            "fail" => Label::Fail,
            "" | "skip" => continue,
            other => {
                let message = format!("{place}: `{}` is no verdict", other.escape_debug());
                faults.push(Fault::new(&*shown, message).help("write pass, fail, or nothing"));
                continue;
            }
        };
        let Some(reply) = by_id.get(said.id.trim()) else {
            let message = format!("{place}: there is no answer `{}` in the run", said.id.escape_debug());
            let help = format!("was it exported from another run than {}?", past.record.id);
            faults.push(Fault::new(&*shown, message).help(help));
            continue;
        };
        if reply.machine.is_none() {
            ungraded += 1;
            continue;
        }
        found.insert(&reply.id, (*reply, human, said.note.clone()));
    }
    let found = faults.into_result(found)?;
    if found.is_empty() {
        return Err(UsageError::with_help(
            format!("{shown} holds no verdict"),
            "judge some answers on the page and download them, or fill in the column `verdict`",
        ));
    }

    let reviewed = reviewed(&past, &replies, found.into_values().collect())?;
    let kept = keep(past.project.disk(), &past.folder.join(FILE), reviewed)?;
    let folder = past.project.config.root.join(&past.project.config.run.oracles);
    let mut calibrated = Vec::new();
    for oracle in oracles.iter() {
        let judged = oracle.asks_a_model();
        let own = kept.iter().filter(|review| review.oracle == oracle.id).map(|review| review.label.clone());
        let own: Vec<Labelled> = own.collect();
        if judged && !own.is_empty() {
            let file = labels::file(&folder, &oracle.id);
            labels::add(past.project.disk(), &file, own)?;
            calibrated.push(diag::shown(&file));
        }
    }
    Ok(ReviewImported {
        run: past.record.id.to_string(),
        labels: kept.len(),
        ungraded,
        agreement: agreement(&kept),
        calibrated,
    })
}

/// The verdicts of a file, each with its place for messages: CSV, or a JSON array as the page writes it.
fn read(disk: &Disk, path: &Path) -> anyhow::Result<Vec<(String, Said)>> {
    let bytes = disk.read(path)?;
    let shown = path.display().to_string();
    let text = String::from_utf8(bytes)
        .map_err(|_| Faults::from(Fault::new(&*shown, "it is not UTF-8").help("save it as UTF-8")))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['[', '{']) {
        let said: Vec<Said> = serde_json::from_str(text).map_err(|error| {
            let help = "it is a list of objects with `id` and `verdict`, as the page downloads it";
            Faults::from(Fault::new(&*shown, error.to_string()).help(help))
        })?;
        return Ok(said
            .into_iter()
            .enumerate()
            .map(|(at, said)| (format!("entry {}", at + 1), said))
            .collect());
    }
    let mut said = Vec::new();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    if !["id", "verdict"].iter().all(|wanted| headers.iter().any(|header| header.trim() == *wanted)) {
        let help = "keep the columns `id` and `verdict` of review.csv";
        return Err(
            Faults::from(Fault::new(&*shown, "the columns id and verdict are missing").help(help)).into()
        );
    }
    for row in reader.records() {
        let row = row?;
        let place = format!("line {}", row.position().map_or(0, csv::Position::line));
        let column = |name: &str| {
            let at = headers.iter().position(|header| header.trim() == name);
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        said.push((place, Said { id: column("id"), verdict: column("verdict"), note: column("note") }));
    }
    Ok(said)
}

/// Labels with the weight of what each stands for: all answers of its stratum (task, tier, verdict of the oracle), shared by
/// those that people judged.
fn reviewed(
    past: &PastRun,
    replies: &[Reply<'_>],
    found: Vec<(&Reply<'_>, Label, String)>,
) -> anyhow::Result<Vec<Reviewed>> {
    let stratum = |reply: &Reply<'_>| (reply.task, reply.tier, reply.machine);
    let mut sizes: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for reply in replies {
        sizes.entry(stratum(reply)).or_default().0 += 1;
    }
    for (reply, ..) in &found {
        sizes.entry(stratum(reply)).or_default().1 += 1;
    }
    let config = &past.project.config;
    let mut reviewed = Vec::new();
    for (reply, human, note) in found {
        let (Some(machine), Some((all, judged))) = (reply.machine, sizes.get(&stratum(reply))) else {
            continue;
        };
        let (Some(task), Some(tier)) = (config.tasks.get(reply.task), config.tiers.get(reply.tier)) else {
            continue;
        };
        let Some(entry) = past.corpus.entries().get(reply.prompt) else { continue };
        let weight = *all as f64 / (*judged).max(1) as f64;
        reviewed.push(Reviewed {
            id: reply.id.clone(),
            oracle: reply.oracle.id.clone(),
            label: Labelled {
                digest: reply.oracle.digest,
                run: past.record.id.clone(),
                key: reply.key,
                prompt: entry.id.clone(),
                task: task.name.clone(),
                tier: tier.name.clone(),
                machine,
                human,
                // Six places: the file is the same on every machine.
                weight: (weight * 1e6).round() / 1e6,
            },
            note: note.chars().take(500).collect(),
        });
    }
    Ok(reviewed)
}

/// Adds human verdicts to those that the run has; the later of two about the same answer stands.
fn keep(disk: &Disk, path: &Path, new: Vec<Reviewed>) -> anyhow::Result<Vec<Reviewed>> {
    let mut all: BTreeMap<String, Reviewed> = BTreeMap::new();
    if let Some(bytes) = disk.read_if_present(path)? {
        for line in String::from_utf8_lossy(&bytes).lines().filter(|line| !line.trim().is_empty()) {
            let review: Reviewed = serde_json::from_str(line).map_err(|error| {
                let message = format!("a line is no verdict: {error}");
                Faults::from(
                    Fault::new(path.display().to_string(), message).help("restore the file, or remove it"),
                )
            })?;
            all.insert(review.id.clone(), review);
        }
    }
    all.extend(new.into_iter().map(|review| (review.id.clone(), review)));
    let mut text = String::new();
    for review in all.values() {
        text.push_str(&serde_json::to_string(review)?);
        text.push('\n');
    }
    disk.replace(path, text.as_bytes())?;
    Ok(all.into_values().collect())
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
