//! `schema`: JSON Schemas of every file that is read or written.

use serde_json::{Value, json};

use super::args::{Format, Global, SchemaArgs};
use super::exit::{Exit, UsageError};
use super::run_record::RunRecord;
use crate::console::Console;
use crate::diag::nearest;
use crate::grade::labels::Labelled;
use crate::router::RouterFile;
use crate::summary::Summary;
use crate::{config, corpus, disk, journal, oracle, provider, record};

/// A file's name for this command, what it is, and its schema.
type Described = (&'static str, &'static str, fn() -> Value);

const FILES: [Described; 10] = [
    ("config", "route-prof.toml", config::json_schema),
    ("corpus", "a line of a corpus", corpus::json_schema),
    ("oracle", "oracles/<name>@<version>.toml", oracle::json_schema),
    ("label", "a line of oracles/<name>@<version>.labels.jsonl", || {
        schemars::schema_for!(Labelled).to_value()
    }),
    ("script", "the rules of the scripted provider", provider::scripted::json_schema),
    ("journal", "a line of a journal or tape, after its header", || {
        schemars::schema_for!(record::Attempt).to_value()
    }),
    ("journal-header", "the first line of a journal or tape", || {
        schemars::schema_for!(journal::Header).to_value()
    }),
    ("run", "run.json", || schemars::schema_for!(RunRecord).to_value()),
    ("summary", "summary.json", || schemars::schema_for!(Summary).to_value()),
    ("router", "router.toml", || schemars::schema_for!(RouterFile).to_value()),
];

pub(crate) fn run(global: &Global, console: &Console, args: &SchemaArgs) -> anyhow::Result<Exit> {
    let text = |schema: &Value| serde_json::to_string_pretty(schema).map(|text| format!("{text}\n"));
    if let Some(folder) = &args.out {
        for (name, _, schema) in FILES {
            disk::replace(&folder.join(format!("{name}.schema.json")), text(&schema())?.as_bytes())?;
        }
        return Ok(Exit::Fine);
    }
    match &args.name {
        Some(wanted) => {
            let Some((_, _, schema)) = FILES.iter().find(|(name, ..)| name == wanted) else {
                let names: Vec<&str> = FILES.iter().map(|(name, ..)| *name).collect();
                let help = match nearest(wanted, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", names.join(", ")),
                };
                return Err(UsageError::with_help(
                    format!("there is no schema `{}`", wanted.escape_debug()),
                    help,
                ));
            };
            console.out(&text(&schema())?)?;
        }
        None if global.format == Format::Json => {
            let all: serde_json::Map<String, Value> =
                FILES.iter().map(|(name, what, _)| ((*name).to_owned(), json!(what))).collect();
            console.out(&format!("{:#}\n", Value::Object(all)))?;
        }
        None => {
            let lines: String = FILES.iter().map(|(name, what, _)| format!("{name:<15} {what}\n")).collect();
            console.out(&lines)?;
        }
    }
    Ok(Exit::Fine)
}
