//! `corpus import`: what another tool wrote becomes a corpus, with oracles where it has assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::args::{Format, Global};
use super::super::exit::{Exit, UsageError};
use super::args::{ImportArgs, Source};
use crate::console::{Align, Console, escape};
use crate::corpus::import::mask::Mask;
use crate::corpus::import::promptfoo::Graders;
use crate::corpus::import::rules::{self, TaskOf};
use crate::corpus::import::table::Columns;
use crate::corpus::import::{Imported, OracleDraft, Skipped, fold, logs, promptfoo, table, to_jsonl};
use crate::disk;
use crate::ident::TaskName;
use crate::oracle;

/// Most lines of the list of what was left out that a terminal shows; JSON has them all.
const SHOWN: usize = 40;

pub(super) fn run(
    global: &Global,
    console: &Console,
    args: &ImportArgs,
    from: Source,
) -> anyhow::Result<Exit> {
    if args.out.exists() {
        return Err(UsageError::with_help(
            format!("{} is there already", args.out.display()),
            "name another file with --out, or move it away: nothing is overwritten",
        ));
    }
    let task = fallback_task(args)?;
    let mut imported = match from {
        Source::Promptfoo => promptfoo::import(
            &args.file,
            task.as_str(),
            &Graders { judge: args.judge.clone(), embedding: args.embedding.clone() },
        )?,
        Source::Evals => table::evals(&args.file)?,
        Source::Csv => table::csv(&args.file, &columns(args))?,
        Source::Litellm => logs::litellm(&args.file)?,
        Source::Otel => logs::otel(&args.file)?,
        Source::Langfuse => logs::langfuse(&args.file)?,
        Source::Auto | Source::Zeroeval | Source::Routellm => Imported::default(),
    };
    give_tasks(args, &task, &mut imported)?;
    let mut masked = None;
    if args.mask {
        let mut mask = Mask::default();
        imported.lines.iter_mut().for_each(|line| mask.line(line));
        masked = Some(mask.counts().clone());
    }
    let read = imported.lines.len();
    if args.weight_by_frequency {
        let (lines, folded) = fold::fold(std::mem::take(&mut imported.lines), args.near);
        imported.lines = lines;
        imported.notes.push(format!("{folded} of {read} prompts were near-duplicates: folded into weights"));
    }
    let oracles = args.oracles.clone().unwrap_or_else(|| PathBuf::from("oracles"));
    let good = usable(&args.file, &mut imported);
    imported.notes.extend(graders_note(&good));
    let written = super::write_oracles(&oracles, &good)?;
    if imported.lines.is_empty() {
        tell_skipped(console, &imported.skipped);
        return Err(UsageError::with_help(
            format!("nothing in {} could be imported", args.file.display()),
            "name the format that wrote it: `route-prof corpus import --help` lists them",
        ));
    }
    disk::replace(&args.out, to_jsonl(&imported.lines).as_bytes())?;
    imported.skipped.sort();
    tell(global, console, args, &imported, &written, masked.as_ref())
}

/// Which format a file is in: by its name, else by what stands in it.
pub(super) fn detect(path: &Path) -> anyhow::Result<Source> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if path.is_dir() {
        return Ok(if path.join("gsm8k_responses.csv").exists() {
            Source::Routellm
        } else {
            Source::Zeroeval
        });
    }
    if name.ends_with(".yaml") || name.ends_with(".yml") {
        return Ok(Source::Promptfoo);
    }
    let bytes = disk::read(path)?;
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(20_000)).unwrap_or_default()).into_owned();
    let has = |words: &[&str]| words.iter().any(|word| head.contains(word));
    Ok(if name.ends_with(".csv") {
        if has(&["__expected"]) { Source::Promptfoo } else { Source::Csv }
    } else if has(&["\"resourceSpans\"", "gen_ai."]) {
        Source::Otel
    } else if has(&["\"ideal\""]) {
        Source::Evals
    } else if has(&["\"call_type\"", "\"model_group\"", "\"litellm"]) {
        Source::Litellm
    } else if has(&["\"assert\"", "\"vars\""]) {
        Source::Promptfoo
    } else if has(&["\"traceId\"", "\"observations\"", "\"input\""]) {
        Source::Langfuse
    } else {
        return Err(UsageError::with_help(
            format!("{} is in no format that is known by its looks", path.display()),
            "name the format in place of `auto`: `route-prof corpus import --help` lists them",
        ));
    })
}

fn fallback_task(args: &ImportArgs) -> anyhow::Result<TaskName> {
    if let Some(task) = &args.task {
        return Ok(task.clone());
    }
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    Ok(TaskName::new(plain.trim_matches('-')).or_else(|_| TaskName::new("imported"))?)
}

fn columns(args: &ImportArgs) -> Columns {
    Columns {
        prompt: args.prompt_column.clone(),
        expected: args.expected_column.clone(),
        id: args.id_column.clone(),
        task: args.task_field.clone(),
        weight: args.weight_column.clone(),
        system: args.system_column.clone(),
    }
}

fn give_tasks(args: &ImportArgs, task: &TaskName, imported: &mut Imported) -> anyhow::Result<()> {
    let task_of = match (&args.task_rules, &args.task_field) {
        (Some(path), _) => TaskOf::Rules(rules::read(path)?),
        // A table has put its column into the lines already; a test suite has no records to look into.
        (None, Some(field)) if !imported.records.is_empty() => TaskOf::Field(field.clone()),
        (None, Some(_)) => return Ok(()),
        (None, None) => TaskOf::One(task.clone()),
    };
    rules::apply(imported, &args.file.display().to_string(), &task_of);
    Ok(())
}

/// The oracles that this program can read and whose self-tests come out as promptfoo's documentation says. The others are
/// listed, and their lines go to their task's oracle.
fn usable(file: &Path, imported: &mut Imported) -> Vec<OracleDraft> {
    let mut good = Vec::new();
    for draft in std::mem::take(&mut imported.oracles) {
        let id = draft.id.to_string();
        let why = match draft.to_toml() {
            None => Some("it holds null, which TOML cannot say".to_owned()),
            Some(text) => match oracle::file::read(&id, &id, &text) {
                Ok(oracle) => oracle
                    .self_test(&oracle::AnswerBook::default())
                    .first()
                    .map(|failure| format!("its self-test fails: {}", failure.why)),
                Err(faults) => faults.0.first().map(|fault| fault.message.clone()),
            },
        };
        let Some(reason) = why else {
            good.push(draft);
            continue;
        };
        let lines = imported.lines.iter_mut().filter(|line| line.oracle.as_deref() == Some(&id));
        let names: Vec<String> = lines
            .map(|line| {
                line.oracle = None;
                line.id.clone().unwrap_or_default()
            })
            .collect();
        imported.skipped.push(Skipped {
            file: file.display().to_string(),
            place: names.join(", "),
            what: draft.description,
            reason,
        });
    }
    good
}

/// Whom the oracles ask, because their providers must be in the settings, and what is left to do for drafts.
fn graders_note(oracles: &[OracleDraft]) -> Vec<String> {
    let models: BTreeSet<String> = oracles.iter().flat_map(OracleDraft::models).collect();
    let models: Vec<String> = models.into_iter().collect();
    let mut notes = Vec::new();
    if !models.is_empty() {
        notes.push(format!(
            "the oracles ask {}: the settings need a provider and a price of each",
            models.join(", ")
        ));
    }
    let drafts = oracles.iter().filter(|oracle| oracle.is_draft()).count();
    if drafts > 0 {
        notes.push(format!(
            "drafts among the oracles: {drafts}, because only people know which answers meet a rubric; `route-prof oracle check` \
             says which examples each lacks"
        ));
    }
    notes
}

fn tell(
    global: &Global,
    console: &Console,
    args: &ImportArgs,
    imported: &Imported,
    oracles: &[PathBuf],
    masked: Option<&BTreeMap<&'static str, u64>>,
) -> anyhow::Result<Exit> {
    if global.format == Format::Json {
        let report = json!({
            "corpus": args.out, "prompts": imported.lines.len(), "oracles": oracles, "skipped": imported.skipped,
            "masked": masked, "notes": imported.notes,
        });
        console.out(&format!("{report:#}\n"))?;
        return Ok(Exit::Fine);
    }
    console.out(&format!(
        "wrote {}: {} prompts\n",
        escape(&args.out.display().to_string()),
        imported.lines.len()
    ))?;
    for path in oracles {
        console.out(&format!("wrote {}\n", escape(&path.display().to_string())))?;
    }
    if let Some(masked) = masked {
        let rows: Vec<Vec<String>> =
            masked.iter().map(|(kind, n)| vec![(*kind).to_owned(), n.to_string()]).collect();
        if rows.is_empty() {
            console.out("nothing was masked\n")?;
        } else {
            console.out(&console.table(&["masked", "found"], &rows, &[Align::Left, Align::Right]))?;
        }
    }
    for note in &imported.notes {
        console.note(note);
    }
    tell_skipped(console, &imported.skipped);
    let mut tasks: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &imported.lines {
        let oracle = tasks.entry(line.task.as_deref().unwrap_or_default()).or_default();
        if oracle.is_empty() {
            *oracle = line.oracle.as_deref().unwrap_or_default();
        }
    }
    console.out("\nThe settings need these tasks, if they have them not yet:\n")?;
    for (task, oracle) in tasks {
        let oracle = if oracle.is_empty() { "NAME@1" } else { oracle };
        console.out(&format!("  [task.{}]\n  oracle = \"{oracle}\"\n", escape(task)))?;
    }
    Ok(Exit::Fine)
}

fn tell_skipped(console: &Console, skipped: &[Skipped]) {
    for one in skipped.iter().take(SHOWN) {
        console.warn(&format!("not imported: {}: {}: {}: {}", one.file, one.place, one.what, one.reason));
    }
    if skipped.len() > SHOWN {
        console.warn(&format!("{} more were not imported: --format json lists them", skipped.len() - SHOWN));
    }
}
